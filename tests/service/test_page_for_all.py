"""The page on a phone and a wide screen, dark and light, and for assistive technology."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import platformdirs
import pytest
from backends import THOROUGH
from page_browser import NARROW, WIDE, Window, fetch_axe

Opened = Callable[..., Window]


def first(window: Window) -> None:
    window.open()


def answer(window: Window) -> None:
    window.open("/?g=default&q=red")
    for place, name in ((0, "selected"), (1, "liked"), (2, "disliked")):
        window.card(place).locator(".tool." + name).evaluate("button => button.click()")
    window.page.wait_for_selector("#refine")


def suggestions(window: Window) -> None:
    window.open()
    window.page.locator("#words").press_sequentially("gre", delay=20)
    window.page.wait_for_selector("[role=option]")


def detail(window: Window) -> None:
    window.open("/?g=default&q=red+-blue")
    window.card(1).locator(".look").click()
    window.page.wait_for_selector("#detail .tag")
    window.page.click("#why")
    window.page.wait_for_selector("#why-told .bars-list")


def filters(window: Window) -> None:
    window.open("/?g=default&q=red")
    window.page.click("#show-filters")
    window.page.wait_for_selector(".filters .choose")


def similar(window: Window) -> None:
    window.open("/?g=default&q=red")
    first_one = window.ids()[0]
    window.open(f"/?g=default&focus=warm#like={first_one}")


def help_and_settings(window: Window) -> None:
    window.open()
    window.page.click("#show-help")
    window.page.wait_for_selector("#help")


VIEWS = [first, answer, suggestions, detail, filters, similar, help_and_settings]


@pytest.fixture(scope="module")
def axe() -> Iterator[Path]:
    found = fetch_axe(Path(platformdirs.user_cache_dir("milvise-tests")))
    if isinstance(found, str):
        pytest.skip(found)
    yield found


LOOKS = [(NARROW, True), (WIDE, False), *([(NARROW, False), (WIDE, True)] if THOROUGH else [])]
"""Each size and each scheme once: colours do not depend on the size."""


@pytest.mark.parametrize(("size", "dark"), LOOKS)
def test_axe_finds_nothing(open_window: Opened, address: str, axe: Path, size: tuple[int, int], dark: bool) -> None:
    window = open_window(address, size=size, dark=dark)
    found = {}
    for view in VIEWS:
        view(window)
        wrong = window.violations(axe)
        if wrong:
            found[view.__name__] = wrong
    assert found == {}


@pytest.mark.parametrize("view", VIEWS)
def test_nothing_is_wider_than_a_phone(open_window: Opened, address: str, view: Callable[[Window], None]) -> None:
    window = open_window(address, size=NARROW)
    view(window)
    assert window.page.evaluate("document.documentElement.scrollWidth") <= NARROW[0]
    outside = window.page.evaluate(
        """() => [...document.querySelectorAll('button, a, input, select, h1, h2')].filter((one) => {
            const place = one.getBoundingClientRect();
            return place.width && one.offsetParent && (place.right > innerWidth + 1 || place.left < -1) && !one.matches('.hidden-file');
        }).map((one) => one.outerHTML.slice(0, 120))"""
    )
    assert outside == []


def test_every_row_is_full_and_keeps_the_shapes_of_its_pictures(open_window: Opened, address: str) -> None:
    window = open_window(address).open("/?g=default&q=red")
    window.page.wait_for_function(
        "() => [...document.querySelectorAll('.card img')].slice(0, 12).every((one) => one.naturalWidth)"
    )
    shapes = window.page.eval_on_selector_all(
        ".card img",
        "all => all.slice(0, 12).map((one) => [one.naturalWidth / one.naturalHeight, one.clientWidth / one.clientHeight])",
    )
    assert all(abs(natural - shown) < 0.02 for natural, shown in shapes)
    tops = window.page.eval_on_selector_all(
        ".card", "all => all.slice(0, 5).map((one) => one.getBoundingClientRect().top)"
    )
    assert len(set(tops[:4])) == 1


def test_what_happens_is_read_out(open_window: Opened, address: str) -> None:
    window = open_window(address).open("/?g=default&q=red")
    live = window.page.locator("#live")
    assert (live.get_attribute("role"), live.get_attribute("aria-live")) == ("status", "polite")
    window.page.wait_for_function("() => document.getElementById('live').textContent.endsWith('pictures are shown')")
    images = window.page.eval_on_selector_all(".card img", "all => all.map((one) => one.alt)")
    assert all(images)
