"""A window that a test looks at the page through, which notes what must not happen."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

AXE = "axe-core@4.14.1"
NARROW, WIDE = (390, 844), (1280, 800)


class Window:
    """One browser context with one page.

    Attributes
    ----------
    page : Page
    told : list of str
        Console messages, errors, and requests to other hosts: all that must not be.
    provoked : set of int
        Statuses that a test asks for: Chromium notes each of them in its console, some time later.
    """

    def __init__(
        self,
        browser: Browser,
        address: str,
        *,
        size: tuple[int, int] = WIDE,
        dark: bool = False,
        language: str = "en-GB",
    ) -> None:
        self.address = address
        self._context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme="dark" if dark else "light", locale=language,
            has_touch=size == NARROW, permissions=["clipboard-read", "clipboard-write"],
        )  # fmt: skip
        self._context.set_default_timeout(30_000)
        self.page: Page = self._context.new_page()
        self.told: list[str] = []
        self.provoked: set[int] = set()
        self.page.on("console", lambda message: self.told.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.told.append(f"error: {error}"))
        self.page.on(
            "response",
            lambda answer: answer.status >= 400 and self.told.append(f"{answer.status} {answer.url} {answer.text()}"),
        )
        self.page.on("request", lambda request: self._asked(request.url))

    def _asked(self, url: str) -> None:
        if not url.startswith((self.address, "blob:", "data:")):
            self.told.append(f"a request to {url}")

    def open(self, path: str = "/") -> Window:
        """Go to a view and wait for its pictures."""
        self.page.goto(self.address + path)
        return self.pictures()

    def pictures(self) -> Window:
        """Wait until the answer stands there."""
        self.page.wait_for_function(
            "() => document.querySelector('.card:not(.ghost)') && !document.querySelector('.grid[aria-busy]')"
        )
        return self

    def uris(self) -> list[str]:
        """Return the URIs of the pictures that are shown, in their order."""
        return cast(list[str], self.page.eval_on_selector_all(".card .name", "all => all.map((one) => one.title)"))

    def ids(self) -> list[str]:
        """Return the ids of the pictures that are shown."""
        return cast(
            list[str], self.page.eval_on_selector_all(".card[data-id]", "all => all.map((one) => one.dataset.id)")
        )

    def card(self, place: int) -> Locator:
        """Return one picture of the grid."""
        return self.page.locator(".card").nth(place)

    def search(self, words: str) -> Window:
        """Type words and press Enter."""
        self.page.fill("#words", words)
        self.page.press("#words", "Enter")
        self.page.wait_for_url("**/?*q=*")
        return self.pictures()

    def after(self, action: str, *, changes: str = "question") -> None:
        """Press a button, given by its selector, and wait for another address and its pictures."""
        before = self.page.url
        self.page.click(action)
        self.page.wait_for_function("before => location.href !== before", arg=before)
        self.pictures()

    def violations(self, axe: Path) -> list[dict[str, Any]]:
        """Return what axe-core finds wrong with what is seen now."""
        # The page's own policy lets no script in; the tool's evaluate stands outside it.
        self.page.evaluate(axe.read_text() + "; undefined")
        found = self.page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
        return [
            {
                "rule": one["id"],
                "where": [node["target"] for node in one["nodes"]][:4],
                "why": one["nodes"][0]["failureSummary"],
            }
            for one in found["violations"]
        ]

    def unexpected(self) -> list[str]:
        """Return what was told and not provoked."""
        signs = [sign for status in self.provoked for sign in (f"{status} http", f"a status of {status} ")]
        return [one for one in self.told if not any(sign in one for sign in signs)]

    def close(self) -> None:
        """Close the window."""
        self._context.close()


def fetch_axe(cache: Path) -> Path | str:
    """Return the file of axe-core, fetched once by npm into a cache folder, or what is missing."""
    file = cache / AXE / "package" / "axe.min.js"
    if file.exists():
        return file
    folder = file.parent.parent
    folder.mkdir(parents=True, exist_ok=True)
    try:
        subprocess.run(
            ["npm", "pack", "--silent", AXE],
            cwd=folder,
            check=True,
            capture_output=True,
            timeout=90,
            env={**os.environ, "CI": "1"},
        )
        (packed,) = folder.glob("*.tgz")
        subprocess.run(["tar", "xzf", packed.name, "package/axe.min.js"], cwd=folder, check=True, timeout=30)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        return f"npm has no {AXE}: {error}"
    return file
