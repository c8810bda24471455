"""The page without a mouse, and the key that a service asks for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from page_browser import Window
from page_world import serving

from milvise.operations.database import Database
from milvise.service.guards.key_file import add_key
from milvise.service.settings import Settings

Opened = Callable[..., Window]


def focused(window: Window) -> str:
    """Return the id of the element that has the focus, or of the picture that does."""
    return str(
        window.page.evaluate("document.activeElement.id || document.activeElement.closest('.card')?.dataset.id || ''")
    )


def test_each_function_by_keyboard_alone(open_window: Opened, address: str) -> None:
    window = open_window(address).open()
    keys = window.page.keyboard

    # Words, with a suggestion.
    keys.press("/")
    assert focused(window) == "words"
    keys.type("gre", delay=20)
    window.page.wait_for_selector("[role=option]")
    keys.press("ArrowDown")
    keys.press("Enter")
    window.page.wait_for_selector("h1:has-text('green')")
    window.pictures()
    ids = window.ids()

    # Past the field to the pictures, and among them.
    window.page.focus("#results")
    keys.press("Tab")
    assert focused(window) == ids[0]
    keys.press("ArrowRight")
    assert focused(window) == ids[1]
    keys.press("ArrowDown")
    below = focused(window)
    assert below in ids[2:]
    keys.press("ArrowUp")
    keys.press("x")
    keys.press("ArrowRight")
    keys.press("l")
    keys.press("ArrowRight")
    keys.press("d")
    assert window.page.locator("#bars strong").all_inner_texts() == ["1 liked · 1 not like this", "1 selected"]

    # One of them: why, only one thing, from one to the next.
    keys.press("Enter")
    window.page.wait_for_selector("#detail .tag")
    opened = window.page.url
    keys.press("ArrowRight")
    window.page.wait_for_function("before => location.href !== before", arg=opened)
    keys.press("w")
    window.page.wait_for_selector("#why-told .bars-list")
    keys.press("o")
    assert focused(window) == "only"
    keys.press("Escape")
    window.page.wait_for_selector("#detail", state="hidden")
    keys.press("s")
    window.page.wait_for_selector(".chip.picture")
    window.pictures()

    # Filters.
    keys.press("f")
    window.page.wait_for_selector(".filters .choose input")
    window.page.focus("#filter-labels-0")
    keys.press("Space")
    window.page.wait_for_url("**/?*f.labels=*")
    window.page.wait_for_function("() => document.querySelectorAll('.card').length <= 25")
    assert focused(window) == "filter-labels-0"
    keys.press("Escape")
    assert focused(window) == "show-filters"

    # The selection.
    keys.press("g")
    assert focused(window) == "complete"
    keys.press("Enter")
    window.page.wait_for_function("() => !document.querySelector('.grid[aria-busy]')")
    window.pictures()
    assert window.page.inner_text("h1") == "Pictures like this one"


def test_liked_pictures_by_keyboard(open_window: Opened, address: str) -> None:
    window = open_window(address).open("/?g=default&q=red")
    window.page.focus(".card .look")
    window.page.keyboard.press("l")
    window.page.keyboard.press("r")
    window.page.wait_for_selector("h1:has-text('Better ones')")
    window.pictures()


def test_letters_can_be_turned_off(open_window: Opened, address: str) -> None:
    window = open_window(address).open("/?g=default&q=red")
    window.page.keyboard.press("?")
    window.page.focus("#keys-on")
    window.page.keyboard.press("Space")
    window.page.keyboard.press("Escape")
    window.page.focus(".card .look")
    window.page.keyboard.press("x")
    window.page.keyboard.press("/")
    assert window.page.locator(".card.selected").count() == 0
    assert focused(window) == window.ids()[0]


def test_the_key_is_asked_for_and_goes_with_every_request(
    open_window: Opened, colours: Database, tmp_path: Path
) -> None:
    key = add_key(tmp_path / "keys", "me", "read")
    with serving(colours, Settings(port=0, api_keys=tmp_path / "keys")) as address:
        window = open_window(address)
        window.page.goto(address)
        window.page.fill("#key", "mvs_wrong")
        window.page.keyboard.press("Enter")
        window.page.wait_for_selector("#key-note.bad")
        window.page.fill("#key", key)
        window.page.keyboard.press("Enter")
        window.pictures()
        # Pictures come with the key, which an <img> alone does not send.
        window.page.wait_for_function("() => document.querySelector('.card img')?.naturalWidth > 0")
        assert window.page.locator(".card img").first.get_attribute("src").startswith("blob:")  # type: ignore[union-attr]
        window.provoked.add(401)
        window.card(0).locator(".look").click()
        window.page.wait_for_selector("#detail .tag")
        assert key not in window.page.url
        assert window.page.evaluate("Object.keys(localStorage).length") == 0
