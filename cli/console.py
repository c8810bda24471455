"""What the command line prints: tables or one JSON document on standard output, all else on standard error.

In a pipe a table is one line for each row, its values between tabs (`milvise.cli.terminal`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from milvise.cli.terminal import (
    Cell,
    is_terminal,
    json_text,
    numbers,
    print_line,
    print_remark,
    print_table,
    texts,
    visible,
)
from milvise.core.records import DuplicateGroup, Hit, Owner, WordHit, document_of
from milvise.core.sizes import shown_size

LIKELY = 0.5
"""A confidence from which on a picture probably shows what was searched for."""

_BESIDE = {"classes": "seen by the network", "alike": "like the first pictures"}

_FIGURES = 4
"""Of each version; more do not fit beside each other."""


@dataclass(frozen=True, slots=True)
class Output:
    """How a command answers.

    Attributes
    ----------
    as_json : bool
        Whether standard output gets one JSON document instead of tables.
    quiet : bool
        Whether nothing but results and errors is printed.
    """

    as_json: bool = False
    quiet: bool = False

    def document(self, document: Mapping[str, Any]) -> None:
        """Print a JSON document."""
        # One print at the end of a command: whatever reads it never sees half a document.
        print(json_text(document))

    def note(self, text: str) -> None:
        """Print a remark on standard error."""
        if not self.quiet:
            print_remark(text)

    def hits(self, request: Mapping[str, Any], took_ms: Mapping[str, float], hits: Sequence[Hit | WordHit]) -> None:
        """Print what a search found."""
        if self.as_json:
            rows = [{"rank": rank, **_plain(hit)} for rank, hit in enumerate(hits, start=1)]
            self.document({"request": dict(request), "took_ms": dict(took_ms), "hits": rows})
            return
        if not hits:
            least = request.get("min_confidence")
            self.note("Nothing was found." if least is None else f"No good match: nothing has a confidence of {least}.")
            return
        names = ("word",) if isinstance(hits[0], WordHit) else ("uri", "label")
        named = any(hit.probability is not None for hit in hits if isinstance(hit, WordHit))
        trusted = isinstance(hits[0], Hit) and hits[0].confidence is not None
        by_text = any(set(hit.reasons) - {"meaning"} for hit in hits if isinstance(hit, Hit))
        columns = [*numbers("rank"), *texts(*names), *numbers("similarity", "distance")]
        print_table(
            [
                *columns,
                *(numbers("confidence") if trusted else []),
                *(numbers("probability") if named else []),
                *(texts("found by") if by_text else []),
            ],
            (
                [
                    str(rank),
                    *(str(getattr(hit, name)) for name in names),
                    _figure(hit.similarity),
                    _figure(hit.distance),
                    *([f"{hit.confidence:.3f}"] if isinstance(hit, Hit) and hit.confidence is not None else []),
                    *([_optional(hit.probability)] if isinstance(hit, WordHit) and named else []),
                    *([", ".join(hit.reasons)] if isinstance(hit, Hit) and by_text else []),
                ]
                for rank, hit in enumerate(hits, start=1)
            ),
        )
        trust = [hit.confidence for hit in hits if isinstance(hit, Hit) and hit.confidence is not None]
        if trust and max(trust) < LIKELY and not by_text:
            self.note(
                f"Probably nothing like that, or nothing that the network has a class for: the highest confidence is {max(trust):.2f}."
            )

    def owners(self, request: Mapping[str, Any], took_ms: float, owners: Sequence[Owner]) -> None:
        """Print whose pictures fit a brief."""
        if self.as_json:
            found = [
                {"rank": rank, **asdict(one), "evidence": [_plain(hit) for hit in one.evidence]}
                for rank, one in enumerate(owners, start=1)
            ]
            self.document({"request": dict(request), "took_ms": {"total": took_ms}, "owners": found})
            return
        print_table(
            [*numbers("rank"), *texts("owner"), *numbers("similarity"), *texts("evidence")],
            (
                [str(rank), one.name, _figure(one.similarity), [_evidence(hit) for hit in one.evidence]]
                for rank, one in enumerate(owners, start=1)
            ),
        )

    def explanation(self, told: Mapping[str, Any]) -> None:
        """Print why a picture has its place in an answer."""
        if self.as_json:
            self.document(told)
            return
        hit = told["hit"]
        facts = {"uri": hit["uri"], "label": hit["label"] or "none", "similarity": f"{hit['similarity']:.4f}"}
        if hit["confidence"] is not None:
            facts["confidence"] = f"{hit['confidence']:.3f}"
        for space, cosine in told["cosines"].items():
            searched = told["searched"].get(space)
            what = f"{space} cosine" if searched else _BESIDE.get(space, space)
            facts[what] = f"{cosine:.4f}, counts {told['shares'].get(space, 1.0):.2f}"
            if searched is None:
                continue
            facts[f"{space} index"] = f"{searched['collection']}, {searched['index']}, {searched['search_params']}"
        for word, near in told["unknown_words"].items():
            facts[f"unknown: {word}"] = f"took no part; close spellings: {', '.join(near) or 'none'}"
        self.facts(facts)
        print_table(
            [*texts("space", "term"), *numbers("weight", "contribution")],
            (
                [term["space"], term["term"], f"{term['weight']:g}", f"{term['contribution']:+.4f}"]
                for term in told["terms"]
            ),
        )
        if told["classes"]:
            figures = ("probability", "similarity", "contribution")
            print_table(
                [*texts("class"), *numbers("probability", "name and words", "together")],
                ([tie["name"], *(f"{tie[name]:.4f}" for name in figures)] for tie in told["classes"]),
            )

    def groups(self, request: Mapping[str, Any], groups: Iterable[DuplicateGroup]) -> None:
        """Print groups of duplicates, each as soon as it is found."""
        if self.as_json:
            found = [
                {**asdict(group), "pictures": [{"id": key, "uri": uri} for key, uri in group.pictures]}
                for group in groups
            ]
            self.document({**request, "groups": found})
            return
        number = 0
        for number, group in enumerate(groups, start=1):
            kind = "the same file" if group.exact else f"cosine {group.similarity:.4f} or more"
            if is_terminal():
                print_line(f"{number}. {kind}")
                for _, uri in group.pictures:
                    print_line(f"   {visible(uri)}")
            else:
                print_table([], [[str(number), kind, uri] for _, uri in group.pictures])
        if not number:
            self.note("No duplicates were found.")

    def verification(self, found: Mapping[str, Any]) -> None:
        """Print whether a gallery is whole: what is wrong, what is worth knowing, and what was looked at."""
        if self.as_json:
            self.document(found)
            return
        from rich.console import Console

        console = Console(highlight=False, markup=False, soft_wrap=True)
        console.print(f"{found['gallery']}: {'whole' if found['whole'] else 'NOT whole'}")
        for problem in found["problems"]:
            console.print(f"* {problem}")
        for remark in found["remarks"]:
            self.note(f"Remark: {remark}")
        for what in found["not_checked"]:
            self.note(f"Not checked: {what}")
        self.note(f"Checked: {', '.join(f'{count:,} {what}' for what, count in found['checked'].items())}")

    def section(self, title: str, command: str, hits: Sequence[Hit | WordHit]) -> None:
        """Print one of several searches under a title."""
        print_line(f"\n{title}\n$ {visible(command)}")
        self.hits({}, {}, hits)

    def collections(self, version: str, collections: Sequence[Mapping[str, Any]], held: int | None = None) -> None:
        """Print what stands in Milvus, and how many bytes of it a process holds that searches all of it, where it is Milvus Lite."""
        if self.as_json:
            self.document({"milvus": version, "collections": list(collections)})
            return
        self.note(f"Milvus {version}")
        if held is not None:
            self.note(f"Held in memory by a process that searches all of it: about {shown_size(held)}")
        print_table(
            [*texts("alias"), *numbers("rows", "dim"), *texts("index", "made by")],
            (
                [
                    entry["alias"],
                    _count(entry["rows"]),
                    str(entry["dim"]),
                    spaced(entry["index"]),
                    _made_by(entry) + _partitioned(entry),
                ]
                for entry in collections
            ),
        )

    def versions(self, found: Mapping[str, Any]) -> None:
        """Print the versions of a gallery, the live one first, with the figures that are said first; the document has all."""
        if self.as_json:
            self.document(found)
            return
        named = list(dict.fromkeys(name for one in found["versions"] for name in one["figures"]))[:_FIGURES]
        print_table(
            [*texts("version", "live", "made with"), *numbers("rows", *named)],
            (
                [
                    one["name"], _since(one), spaced(one["made_with"]), f"{one['rows']:,}",
                    *(_optional(one["figures"].get(name)) for name in named),
                ]
                for one in found["versions"]
            ),
        )  # fmt: skip

    def facts(self, facts: Mapping[str, Any]) -> None:
        """Print names and values, one a line, or as a JSON document."""
        if self.as_json:
            self.document(facts)
            return
        rows = ([name.replace("_", " "), _readable(value)] for name, value in facts.items())
        print_table(texts("name", "value"), rows, header=False)


def _since(version: Mapping[str, Any]) -> str:
    if not version["live_since"]:
        return "now" if version["is_live"] else "never"
    moment = datetime.fromtimestamp(version["live_since"]).strftime("%Y-%m-%d %H:%M")
    return f"{'now, since' if version['is_live'] else 'from'} {moment}"


def _plain(hit: Hit | WordHit) -> dict[str, Any]:
    """Return a hit as plain values; a confidence that nobody asked for, or a probability of what is only close, is left out."""
    optional = ("confidence", "probability")
    return {name: value for name, value in document_of(hit).items() if name not in optional or value is not None}


def _optional(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _partitioned(entry: Mapping[str, Any]) -> str:
    return f", partitioned by {entry['partition']}" if "partition" in entry else ""


def _made_by(entry: Mapping[str, Any]) -> str:
    """Return the gist of a fingerprint; ``--json`` shows all of it."""
    made = entry["fingerprint"]
    match entry["room"]:
        case "words":
            return f"{made['words']} {made['content'][:8]}"
        case "joint":
            return f"{made['head']['kind']} with {made['words']['words']} {made['words']['content'][:8]}"
        case "classes":
            return _encoder(made["visual"])
        case "hierarchy":
            return f"{made['nouns']}, {_encoder(made['classes']['visual'])}"
    return _encoder(made)


def _encoder(made: Mapping[str, Any]) -> str:
    """Return the gist of what made visual vectors: a backbone with its weights, or another encoder with all that it says of itself."""
    if "encoder" not in made:
        return f"{made['backbone']} {made['weights'][:8]}"
    others = (f"{name}={value}" for name, value in made.items() if name not in ("encoder", "size", "resize"))
    return " ".join([made["encoder"], *others])


def _readable(value: Any) -> Cell:
    match value:
        case bool():
            return "yes" if value else "no"
        case int():
            return _count(value)
        case None | []:
            return "none"
        case dict():
            return ", ".join(f"{name} {entry}" for name, entry in value.items()) or "none"
        case list():
            return [str(entry) for entry in value]
    return str(value)


def _count(value: int) -> str:
    return f"{value:,}" if is_terminal() else str(value)


def _figure(value: float) -> str:
    """Return a cosine or a distance: short for a person, with six digits for a program."""
    return f"{value:.4f}" if is_terminal() else f"{value:.6f}"


def _evidence(hit: Hit) -> str:
    return f"{_figure(hit.similarity)} {hit.uri}" if is_terminal() else hit.uri


def spaced(index: str) -> str:
    """Return an index so that a narrow terminal can break it."""
    return index.replace(":", " ").replace(",", " ") if is_terminal() else index
