"""The page in a browser, by mouse: each thing that one can do there."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from page_browser import Window
from page_world import HOSTILE, paint

from milvise.operations.database import Database

Look = Callable[..., Window]


def test_the_first_view_shows_pictures_from_all_over_the_gallery(look: Look) -> None:
    window = look().open()
    assert window.page.inner_text("h1").replace("\n", " ") == "Search 75 pictures by what they show"
    assert {uri.split("/")[0] for uri in window.uris()[:6]} == {"red", "green", "blue"}
    assert window.page.locator(".card img").first.evaluate("img => img.decode().then(() => img.naturalWidth)") > 0
    window.page.locator(".tries a").first.click()
    window.pictures()
    assert "q=" in window.page.url
    window.page.go_back()
    window.page.wait_for_selector("#show-all")
    window.after("#show-all")
    window.page.locator(".end").scroll_into_view_if_needed()
    window.page.wait_for_function("() => document.querySelectorAll('.card').length === 75")
    assert window.uris() == sorted(window.uris())


def test_words_find_pictures_as_python_does(look: Look, colours: Database) -> None:
    window = look().open().search("green - red")
    hits = colours.gallery("default").search("green - red", limit=50)
    assert window.uris()[:50] == [hit.uri for hit in hits]
    assert window.page.inner_text("h1") == "green - red"
    first = window.uris()
    window.page.reload()
    assert window.pictures().uris()[:50] == first[:50]


def test_suggestions_stand_below_the_words(look: Look) -> None:
    window = look().open()
    window.page.locator("#words").press_sequentially("blue gre", delay=20)
    option = window.page.get_by_role("option", name="green").first
    option.click()
    assert window.page.input_value("#words") == "blue green"
    window.page.wait_for_url("**/?*q=blue+green")


def test_more_comes_while_one_scrolls(look: Look) -> None:
    window = look().open("/?g=default&q=red")
    window.page.wait_for_function(
        "() => { scrollTo(0, 1e6); return document.querySelectorAll('.card').length === 75; }"
    )
    assert len(set(window.ids())) == 75


def test_a_picture_is_opened_and_similar_ones_are_found(look: Look, colours: Database) -> None:
    window = look().open("/?g=default&q=blue")
    first = window.ids()[0]
    window.card(0).locator(".look").click()
    window.page.wait_for_selector("#detail .tag")
    assert f"open={first}" in window.page.url
    assert re.search(r"(320 × 240|240 × 320|280 × 280) pixels · similarity \d\.\d\d", window.page.inner_text("#detail"))
    assert window.page.inner_text("#detail .path") == window.uris()[0]
    window.after("#detail .primary")
    hits = colours.gallery("default").similar(first, limit=50)
    assert window.uris()[:50] == [hit.uri for hit in hits]
    assert window.page.locator(".chip.picture").count() == 1


def test_only_one_thing_counts(look: Look, colours: Database) -> None:
    window = look().open("/?g=default&q=blue")
    first = window.ids()[0]
    window.card(0).locator(".look").click()
    window.page.fill("#only", "cold")
    window.after("#detail form.inline button")
    assert window.uris()[:50] == [hit.uri for hit in colours.gallery("default").similar(first, focus="cold", limit=50)]
    assert window.page.inner_text(".chips").strip() == "only cold counts"
    window.after(".chips .chip:not(.picture) button")
    assert "focus" not in window.page.url


def test_why_a_picture_is_there(look: Look, colours: Database) -> None:
    window = look().open("/?g=default&q=red+-blue")
    window.card(1).locator(".look").click()
    window.page.click("#why")
    window.page.wait_for_selector("#why-told .bars-list")
    told = colours.gallery("default").explain(window.ids()[1], words="red -blue")
    shown = window.page.locator("#why-told .bars-list").first.locator(".bar-said").all_inner_texts()
    assert shown == [f"{term.contribution:.2f}" for term in told.terms]


def test_a_tag_is_searched_for(look: Look) -> None:
    window = look().open("/?g=default&q=red")
    window.card(0).locator(".look").click()
    tag = window.page.locator("#detail .tag").first
    word = tag.inner_text()
    tag.click()
    window.page.wait_for_url(f"**/?*q={word}")
    window.pictures()


def test_liked_pictures_make_the_answer_better(look: Look, colours: Database) -> None:
    window = look().open("/?g=default&q=red")
    ids = window.ids()
    for place, name in ((3, "liked"), (4, "liked"), (0, "disliked")):
        window.card(place).hover()
        window.card(place).locator(f".tool.{name}").click()
    assert window.page.inner_text("#bars strong") == "2 liked · 1 not like this"
    window.page.check("#keep-feedback")
    with window.page.expect_response("**/api/v1/feedback") as kept:
        window.after("#refine")
    assert kept.value.status == 204
    hits = colours.gallery("default").refine(words="red", liked=[ids[3], ids[4]], disliked=[ids[0]], limit=50)
    assert window.uris()[:50] == [hit.uri for hit in hits]


def test_filters_have_counts_and_select(look: Look) -> None:
    window = look().open("/?g=default&q=red")
    window.page.click("#show-filters")
    row = window.page.locator(".filters .choose", has_text="green")
    assert row.locator(".count").inner_text() == "25"
    row.click()
    window.page.wait_for_url("**/?*f.labels=*")
    window.pictures()
    window.page.wait_for_function(
        "() => [...document.querySelectorAll('.card .name')].every((one) => one.title.startsWith('green/'))"
    )
    assert len(window.uris()) == 25
    # Another value of the group can still be chosen; the other groups count what is left.
    window.page.wait_for_function(
        "() => document.querySelectorAll('.filters fieldset')[0].querySelectorAll('.choose').length >= 3"
    )
    owner = window.page.locator(".filters .choose", has_text="Ann")
    owner.locator(".count", has_text=re.compile("^13$")).wait_for()
    owner.click()
    window.page.wait_for_function("() => document.querySelectorAll('.card').length === 13")
    window.page.click("#clear-filters")
    window.page.wait_for_function("() => document.querySelectorAll('.card').length >= 50")


def test_an_expression_of_ones_own_filters_and_a_wrong_one_says_so(look: Look) -> None:
    window = look().open("/?g=default&q=red")
    window.page.click("#show-filters")
    window.page.fill("#own-filter", 'label == "blue"')
    window.page.press("#own-filter", "Enter")
    window.page.wait_for_function("() => document.querySelectorAll('.card').length === 25")
    window.page.fill("#own-filter", "label ==")
    window.page.press("#own-filter", "Enter")
    window.page.wait_for_selector("main [role=alert]")
    window.provoked.add(422)


def test_how_is_searched(look: Look, colours: Database) -> None:
    window = look().open("/?g=default&q=red")
    window.page.click("#show-filters")
    window.page.select_option("#option-by", "text")
    window.page.wait_for_url("**/?*by=text*")
    window.pictures()
    window.page.wait_for_function("() => document.querySelectorAll('.card').length < 50")
    assert window.uris() == [hit.uri for hit in colours.gallery("default").search("red", by="text", limit=50)]


def test_a_selection_is_completed_ranked_copied_and_downloaded(look: Look, colours: Database, tmp_path: Path) -> None:
    window = look().open("/?g=default&q=red")
    ids, uris = window.ids(), window.uris()
    for place in (1, 2, 5):
        window.card(place).hover()
        window.card(place).locator(".tool.selected").click()
    chosen = [ids[place] for place in (1, 2, 5)]
    assert window.page.inner_text("#bars strong") == "3 selected"
    window.page.reload()
    window.pictures()
    assert window.page.locator(".card.selected").count() == 3
    window.page.click("#copy")
    window.page.wait_for_selector(".toast.seen")
    assert window.page.evaluate("navigator.clipboard.readText()").splitlines() == [uris[place] for place in (1, 2, 5)]
    with window.page.expect_download() as packed:
        window.page.click("#zip")
    packed.value.save_as(tmp_path / "some.zip")
    assert len(zipfile.ZipFile(tmp_path / "some.zip").namelist()) == 3
    window.page.click("#rank")
    window.page.fill("#rank-words", "blue")
    window.after("dialog:modal [type=submit]")
    gallery = colours.gallery("default")
    assert window.uris() == [hit.uri for hit in gallery.rank(words="blue", ids=chosen)]
    window.after("#complete")
    assert window.uris()[:50] == [hit.uri for hit in gallery.complete(chosen, limit=50)]
    window.after(".choice button:nth-child(2)")
    assert window.uris()[:50] == [hit.uri for hit in gallery.complete(chosen, to="any", limit=50)]


def test_a_picture_with_words(look: Look, colours: Database) -> None:
    window = look().open("/?g=default&q=blue")
    first = window.ids()[0]
    window.card(0).hover()
    window.card(0).locator("a.tool").click()
    window.page.wait_for_selector(".chip.picture")
    window.search("+red")
    assert window.uris()[:50] == [hit.uri for hit in colours.gallery("default").mixed([first], "+red", limit=50)]
    window.after("[aria-label='Take this picture away']")
    assert window.page.locator(".chip").count() == 0


@pytest.fixture
def green(tmp_path: Path) -> Path:
    paint(tmp_path / "mine.png", "green", 4)
    return tmp_path / "mine.png"


@pytest.mark.parametrize("how", ["chosen", "dropped", "pasted"])
def test_a_picture_of_ones_own(look: Look, colours: Database, green: Path, how: str) -> None:
    window = look().open()
    give = """async ([kind, bytes]) => {
        const moved = new DataTransfer();
        moved.items.add(new File([new Uint8Array(bytes)], 'mine.png', {type: 'image/png'}));
        const event = kind === 'dropped' ? new DragEvent('drop', {dataTransfer: moved, bubbles: true, cancelable: true})
            : new ClipboardEvent('paste', {clipboardData: moved, bubbles: true, cancelable: true});
        document.body.dispatchEvent(event);
    }"""
    if how == "chosen":
        window.page.set_input_files("#file", green)
    else:
        window.page.evaluate(give, [how, list(green.read_bytes())])
    window.page.wait_for_url("**#like=upload-*")
    window.pictures()
    expected = [hit.uri for hit in colours.gallery("default").similar(green.read_bytes(), limit=50)]
    assert window.uris()[:50] == expected
    window.page.reload()
    assert window.pictures().uris()[:50] == expected
    # Nothing of it stands in the address that the service sees, and another browser does not have it.
    other = look()
    other.page.goto(window.page.url)
    other.page.wait_for_selector("main [role=alert]")


def test_what_is_no_picture_is_refused(look: Look, tmp_path: Path) -> None:
    window = look().open()
    (tmp_path / "notes.txt").write_text("no picture")
    window.page.set_input_files("#file", tmp_path / "notes.txt")
    window.page.wait_for_selector(".toast.seen")
    assert window.page.inner_text("#live") == "notes.txt is no picture."
    (tmp_path / "broken.png").write_bytes(b"no picture either")
    window.page.set_input_files("#file", tmp_path / "broken.png")
    window.page.wait_for_selector("main [role=alert]")
    window.provoked.add(422)


def test_probably_nothing_like_that(look: Look) -> None:
    window = look()

    def unsure(route: object) -> None:
        answer = route.fetch()  # type: ignore[attr-defined]
        body = answer.json()
        for hit in body["hits"]:
            hit.update(confidence=0.04, reasons=["meaning"])
        route.fulfill(response=answer, json=body)  # type: ignore[attr-defined]

    window.page.route("**/search?*", unsure)
    window.open("/?g=default&q=red")
    assert window.page.inner_text("#nothing").startswith("Probably nothing like that is here.")
    assert window.card(0).locator(".score").inner_text() == "unlikely"


def test_an_unknown_word_has_close_spellings(look: Look) -> None:
    window = look()
    window.page.goto(f"{window.address}/?g=default&q=greeen&by=meaning")
    window.page.click("main [role=alert] .spellings button")
    window.page.wait_for_url("**/?*q=green*")
    window.pictures()
    window.provoked.add(422)


def test_another_gallery(look: Look, colours: Database) -> None:
    window = look().open("/?g=default&q=red")
    window.page.select_option("#gallery", "second")
    window.page.wait_for_url("**/?g=second")
    window.page.wait_for_selector("h1:has-text('25 pictures')")
    window.pictures().search("red")
    assert window.uris() == [hit.uri for hit in colours.gallery("second").search("red", limit=50)]


def test_text_of_strangers_is_never_markup(look: Look) -> None:
    window = look().open("/?g=default&q=red&f.labels=label+like+%22%3C%25%22")
    assert window.page.inner_text(".card .name") == HOSTILE
    window.card(0).locator(".look").click()
    window.page.wait_for_selector("#detail .tag")
    assert HOSTILE in window.page.inner_text("#detail")
    window.page.keyboard.press("Escape")
    window.page.click("#show-filters")
    window.page.wait_for_selector(".filters .choose")
    assert HOSTILE in window.page.inner_text("#filters")
    window.page.goto(f"{window.address}/?g=default&q={HOSTILE}&by=text")
    window.page.wait_for_selector("h1")
    assert window.page.evaluate("window.ran") is None
    window.provoked.add(422)


def test_a_planted_script_does_not_run(look: Look) -> None:
    window = look().open()
    # The markup names a picture that is not there, whose answer may come late.
    with window.page.expect_event("response", lambda answer: answer.status == 404):
        window.page.evaluate(
            """markup => {
                document.body.insertAdjacentHTML('beforeend', markup);
                const script = document.createElement('script');
                script.textContent = 'window.ran = 1';
                document.body.append(script);
            }""",
            HOSTILE,
        )
    window.page.wait_for_timeout(300)
    assert window.page.evaluate("window.ran") is None
    assert any("Content Security Policy" in one for one in window.told)
    window.told.clear()


def test_the_page_speaks_german(look: Look) -> None:
    window = look(language="de-DE").open()
    assert window.page.evaluate("document.documentElement.lang") == "de"
    assert window.page.get_by_role("button", name="Suchen", exact=True).count() == 1
    window.page.click("#show-help")
    with window.page.expect_navigation():
        window.page.select_option("#language", "en")
    window.pictures()
    assert window.page.get_by_role("button", name="Search", exact=True).count() == 1


def test_going_back_leads_through_the_views(look: Look) -> None:
    window = look().open().search("red")
    window.card(2).locator(".look").click()
    window.page.wait_for_selector("#detail[open] .tag")
    window.page.go_back()
    window.page.wait_for_selector("#detail", state="hidden")
    assert window.page.evaluate("document.activeElement.closest('.card')?.dataset.id") == window.ids()[2]
    window.page.go_back()
    window.page.wait_for_selector(".intro")
    assert not re.search("q=", window.page.url)


@pytest.fixture
def look(open_window: Callable[..., Window], address: str) -> Iterator[Look]:
    yield lambda **how: open_window(address, **how)
