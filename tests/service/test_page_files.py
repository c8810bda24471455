"""The page's files: what is served, that nothing is inline, and that the catalogs of messages are complete."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from milvise.service.routes.page import STATIC

SCRIPTS = sorted(STATIC.glob("js/*.js"))
SOURCE = "\n".join(path.read_text() for path in SCRIPTS)
CATALOGS = {path.stem: json.loads(path.read_text()) for path in STATIC.glob("messages/*.json")}
ENGLISH = CATALOGS["en"]


def test_the_page_and_its_files_are_served(client: TestClient) -> None:
    page = client.get("/")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    named = re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text)
    assert len(named) >= 7
    for address in named:
        answer = client.get(address)
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache"), address
    assert client.get(named[1], headers={"If-None-Match": client.get(named[1]).headers["etag"]}).status_code == 304


@pytest.mark.parametrize("path", ["nothing.js", "../index.html", "%2e%2e/%2e%2e/app.py", "..%2f..%2fapp.py", "js", ""])
def test_nothing_else_is_served(client: TestClient, path: str) -> None:
    answer = client.get(f"/static/{path}")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_nothing_is_inline_and_nothing_is_markup_from_text() -> None:
    page = (STATIC / "index.html").read_text()
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=", page)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", SOURCE)
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", SOURCE + page)


def test_each_import_names_what_the_other_module_gives() -> None:
    for path in SCRIPTS:
        for names, module in re.findall(r"^import \{([^}]+)\} from \"\./([^\"]+)\";", path.read_text(), re.M):
            given = set(
                re.findall(
                    r"^export (?:async )?(?:const|let|function|class) (\w+)", (path.parent / module).read_text(), re.M
                )
            )
            assert {name.strip() for name in names.split(",")} <= given, f"{path.name} from {module}"


def test_files_are_short() -> None:
    assert {
        path.name
        for path in STATIC.rglob("*.[jc]s*")
        if path.suffix != ".json" and len(path.read_text().splitlines()) > 200
    } == set()


@pytest.mark.parametrize("language", sorted(CATALOGS))
def test_a_catalog_says_what_the_english_one_does(language: str) -> None:
    catalog = CATALOGS[language]
    assert catalog.keys() == ENGLISH.keys()
    for key, message in catalog.items():
        forms = message.values() if isinstance(message, dict) else [message]
        english = ENGLISH[key].values() if isinstance(ENGLISH[key], dict) else [ENGLISH[key]]
        assert {*_places(forms)} == {*_places(english)}, key
        assert all(forms), key


def test_each_language_can_be_chosen() -> None:
    (languages,) = re.findall(r"LANGUAGES = \{([^}]+)\}", SOURCE)
    assert set(re.findall(r"(\w+):", languages)) == CATALOGS.keys()


def test_the_page_uses_every_message_and_no_other() -> None:
    used = set(re.findall(r'\bt\((?:\w+ \? )?"([\w.]+)"', SOURCE)) | set(
        re.findall(r'\? "([a-z]+\.[\w.]+)" : "', SOURCE)
    )
    used |= set(re.findall(r'\? "[\w.]+" : "([a-z]+\.[\w.]+)"\)', SOURCE))
    beginnings = set(re.findall(r"\bt\(`([\w.]+)\$", SOURCE))
    beginnings |= set(re.findall(r"\bt\(`([\w.]+)\$\{", SOURCE))
    assert used <= ENGLISH.keys()
    assert {key for key in ENGLISH if key not in used and not key.startswith(tuple(beginnings))} == set()
    assert {one for one in beginnings if not any(key.startswith(one) for key in ENGLISH)} == set()


def test_the_package_holds_all_files() -> None:
    project = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    assert '"milvise.service" = ["page/static/**"]' in project


def _places(messages: object) -> list[str]:
    return re.findall(r"\{(\w+)\}", " ".join(messages))  # type: ignore[call-overload, no-any-return]
