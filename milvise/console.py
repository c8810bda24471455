"""What the command line prints: tables or one JSON document on standard output, all else on standard error."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from milvise.records import DuplicateGroup, Hit, Owner, WordHit

if TYPE_CHECKING:
    from milvise.ingest.pipeline import Progress
    from milvise.ingest.summary import Summary

_FINDINGS = 8


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
        print(json.dumps(document, ensure_ascii=False, indent=2))

    def note(self, text: str) -> None:
        """Print a remark on standard error."""
        if not self.quiet:
            _errors().print(text, highlight=False, markup=False, soft_wrap=True)

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
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("rank", justify="right")
        for name in names:
            table.add_column(name, overflow="fold")
        table.add_column("similarity", justify="right")
        table.add_column("distance", justify="right")
        trusted = isinstance(hits[0], Hit) and hits[0].confidence is not None
        if trusted:
            table.add_column("confidence", justify="right")
        for rank, hit in enumerate(hits, start=1):
            values = [str(getattr(hit, name)) for name in names]
            confidence = (f"{hit.confidence:.3f}",) if trusted and isinstance(hit, Hit) else ()
            table.add_row(str(rank), *values, f"{hit.similarity:.4f}", f"{hit.distance:.4f}", *confidence)
        self.table(table)

    def owners(self, request: Mapping[str, Any], took_ms: float, owners: Sequence[Owner]) -> None:
        """Print whose pictures fit a brief."""
        if self.as_json:
            found = [
                {"rank": rank, **asdict(one), "evidence": [_plain(hit) for hit in one.evidence]}
                for rank, one in enumerate(owners, start=1)
            ]
            self.document({"request": dict(request), "took_ms": {"total": took_ms}, "owners": found})
            return
        table = Table("rank", "owner", box=None, pad_edge=False, header_style="bold")
        table.add_column("similarity", justify="right")
        table.add_column("evidence", overflow="fold")
        for rank, one in enumerate(owners, start=1):
            evidence = "\n".join(f"{hit.similarity:.4f} {hit.uri}" for hit in one.evidence)
            table.add_row(str(rank), one.name, f"{one.similarity:.4f}", evidence)
        self.table(table)

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
            searched = told["searched"][space]
            facts[f"{space} cosine"] = f"{cosine:.4f}, counts {told['shares'].get(space, 1.0):.2f}"
            facts[f"{space} index"] = f"{searched['collection']}, {searched['index']}, {searched['search_params']}"
        for word, near in told["unknown_words"].items():
            facts[f"unknown: {word}"] = f"took no part; close spellings: {', '.join(near) or 'none'}"
        self.facts(facts)
        table = Table("space", "term", box=None, pad_edge=False, header_style="bold")
        for name in ("weight", "contribution"):
            table.add_column(name, justify="right")
        for term in told["terms"]:
            table.add_row(term["space"], term["term"], f"{term['weight']:g}", f"{term['contribution']:+.4f}")
        self.table(table)
        if told["classes"]:
            table = Table("class", box=None, pad_edge=False, header_style="bold")
            for name in ("probability", "name and words", "together"):
                table.add_column(name, justify="right")
            for tie in told["classes"]:
                figures = (f"{tie['probability']:.4f}", f"{tie['similarity']:.4f}", f"{tie['contribution']:+.4f}")
                table.add_row(tie["name"], *figures)
            self.table(table)

    def groups(self, request: Mapping[str, Any], groups: Iterable[DuplicateGroup]) -> None:
        """Print groups of duplicates, each as soon as it is found."""
        if self.as_json:
            found = [
                {**asdict(group), "pictures": [{"id": key, "uri": uri} for key, uri in group.pictures]}
                for group in groups
            ]
            self.document({**request, "groups": found})
            return
        console = Console(highlight=False, markup=False, soft_wrap=True)
        number = 0
        for number, group in enumerate(groups, start=1):
            console.print(f"{number}. {'the same file' if group.exact else f'cosine {group.similarity:.4f} or more'}")
            for _, uri in group.pictures:
                console.print(f"   {uri}")
        if not number:
            self.note("No duplicates were found.")

    def section(self, title: str, command: str, hits: Sequence[Hit | WordHit]) -> None:
        """Print one of several searches under a title."""
        Console(highlight=False, markup=False, soft_wrap=True).print(f"\n{title}\n$ {command}")
        self.hits({}, {}, hits)

    def collections(self, version: str, collections: Sequence[Mapping[str, Any]]) -> None:
        """Print what stands in Milvus."""
        if self.as_json:
            self.document({"milvus": version, "collections": list(collections)})
            return
        self.note(f"Milvus {version}")
        table = Table("alias", box=None, pad_edge=False, header_style="bold")
        for name in ("rows", "dim"):
            table.add_column(name, justify="right")
        for name in ("index", "made by"):
            table.add_column(name, overflow="fold")
        for entry in collections:
            sizes = (f"{entry['rows']:,}", str(entry["dim"]))
            table.add_row(entry["alias"], *sizes, entry["index"].replace(":", " ").replace(",", " "), _made_by(entry))
        self.table(table)

    def table(self, table: Table) -> None:
        """Print a table on standard output."""
        Console(highlight=False, markup=False).print(table)

    def facts(self, facts: Mapping[str, Any]) -> None:
        """Print names and values, one a line, or as a JSON document."""
        if self.as_json:
            self.document(facts)
            return
        table = Table(box=None, pad_edge=False, show_header=False)
        table.add_column(style="bold")
        table.add_column(overflow="fold")
        for name, value in facts.items():
            table.add_row(name.replace("_", " "), _readable(value))
        self.table(table)

    def trained_head(self, report: Mapping[str, Any]) -> None:
        """Print what training a head did: its scores beside those of the untrained head."""
        if self.as_json:
            self.document(report)
            return
        trained_on = report["trained_on"]
        for kind in ("without_vector", "held_out"):
            if trained_on[kind]:
                listed = ", ".join(trained_on[kind])
                self.note(f"{'Left out, without a word vector' if kind == 'without_vector' else 'Held out'}: {listed}")
        table = Table("pictures", box=None, pad_edge=False, header_style="bold")
        for name in (
            "labels",
            "pictures",
            *(f"{head} {name}" for name in ("P@10", "accuracy") for head in report["scores"]),
        ):
            table.add_column(name, justify="right")
        for part, name in (("seen", "seen, held back"), ("unseen", "unseen, held out")):
            found = [scores[part] for scores in report["scores"].values()]
            if found[0]:
                figures = [f"{score[metric]:.3f}" for metric in ("precision_at_10", "accuracy") for score in found]
                table.add_row(name, str(found[0]["labels"]), str(found[0]["pictures"]), *figures)
        self.table(table)
        seconds, epochs = report["seconds"], len(report["history"]["loss"])
        pictures = f"{sum(trained_on['labels'].values()):,} pictures of {len(trained_on['labels']):,} labels"
        self.note(f"Trained on {pictures}: {epochs} epochs, {seconds['total']:.1f} s. Written to {report['out']}")

    def trained_backbone(self, report: Mapping[str, Any]) -> None:
        """Print what fine-tuning a backbone did."""
        if self.as_json:
            self.document(report)
            return
        for uri, reason in report["trained_on"]["unreadable"].items():
            self.note(f"Left out: {uri}: {reason}")
        scores = report["scores"]["similar_precision_at_10"]
        trained_on = report["trained_on"]
        self.facts(
            {
                "out": report["out"],
                "classes": len(report["classes"]),
                "trained on": sum(trained_on["labels"].values()),
                "held back": trained_on["held_back"]["pictures"],
                "similar P@10 before": scores["before"],
                "similar P@10 after": scores["after"],
                "seconds": report["seconds"]["total"],
            }
        )

    def report(self, document: Mapping[str, Any]) -> None:
        """Print an evaluation: what stands out, the key figures, and where the rest is."""
        if self.as_json:
            kept = (
                "page",
                "report",
                "made",
                "seconds",
                "gallery",
                "findings",
                "figures",
                "gates",
                "changes",
                "not_measured",
            )
            self.document({name: document[name] for name in kept})
            return
        console = Console(highlight=False, markup=False)
        for gate in document["gates"]:
            value = gate["remark"] if gate["value"] is None else f"{gate['value']:.4f}"
            console.print(f"{'kept    ' if gate['kept'] else 'NOT KEPT'}  {gate['figure']}, {gate['limit']}: {value}")
        for finding in document["findings"][:_FINDINGS]:
            console.print(f"* {finding}")
        table = Table("figure", box=None, pad_edge=False, header_style="bold")
        for name in ("value", "95 % interval", "chance"):
            table.add_column(name, justify="right")
        for name, figure in document["key"].items():
            span = "" if figure["low"] is None else f"{figure['low']:.3f} to {figure['high']:.3f}"
            chance = "" if figure["chance"] is None else f"{figure['chance']:.3f}"
            unit = f" {figure['unit']}" if figure["unit"] == "ms" else ""
            table.add_row(name, f"{figure['value']:.3f}{unit}", span, chance)
        console.print(table)
        if document["not_measured"]:
            self.note(f"{len(document['not_measured'])} remarks on what was not measured are in the report.")
        Console(highlight=False, markup=False, soft_wrap=True).print(f"Report: {document['page']}")

    def tuned(self, request: Mapping[str, Any], chosen: Sequence[Mapping[str, Any]]) -> None:
        """Print the search parameters that were chosen."""
        if self.as_json:
            self.document({**request, "chosen": list(chosen)})
            return
        table = Table("space", box=None, pad_edge=False, header_style="bold")
        for name in ("before", "now"):
            table.add_column(name, overflow="fold")
        for name in ("recall", "on other queries"):
            table.add_column(name, justify="right")
        for found in chosen:
            indexes = [found[name].replace(":", " ").replace(",", " ") for name in ("before", "index")]
            table.add_row(found["space"], *indexes, f"{found['recall']:.4f}", f"{found['checked']:.4f}")
            if not found["queries"]:
                self.note(
                    f"Nothing to tune in {found['space']}: its index is exact, or it holds too little to ask with."
                )
            if not found["reached"]:
                self.note(
                    f"No setting of {found['space']} reaches {request['recall']}: the most thorough one was taken."
                )
        self.table(table)

    @contextmanager
    def epochs(self) -> Iterator[Callable[[int, dict[str, float]], None]]:
        """Show the epochs of a training; yields what is to be called after each."""
        with _errors().status("Training …") if not self.quiet else nullcontext() as status:

            def show(epoch: int, losses: dict[str, float]) -> None:
                if status is not None:
                    figures = ", ".join(f"{name.replace('_', ' ')} {value:.4f}" for name, value in losses.items())
                    status.update(f"Epoch {epoch}: {figures}")

            yield show

    @contextmanager
    def progress(self, total: int | None) -> Iterator[Progress]:
        """Show a bar with images per second and time left; yields what is to be called with each new summary."""
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[speed]}"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=_errors(), disable=self.quiet) as bar:
            task = bar.add_task("pictures", total=total, speed="")

            def show(summary: Summary) -> None:
                done = summary.embedded + summary.unchanged + summary.quarantined
                elapsed = bar.tasks[0].elapsed or 0.0
                speed = f"{summary.embedded / elapsed:.1f} images/s" if elapsed and summary.embedded else ""
                bar.update(task, completed=done, speed=speed)

            yield show


def _plain(hit: Hit | WordHit) -> dict[str, Any]:
    """Return a hit as plain values; a confidence that nobody asked for is left out."""
    return {name: value for name, value in asdict(hit).items() if name != "confidence" or value is not None}


def _made_by(entry: Mapping[str, Any]) -> str:
    """Return the gist of a fingerprint; ``--json`` shows all of it."""
    made = entry["fingerprint"]
    match entry["room"]:
        case "words":
            return f"{made['words']} {made['content'][:8]}"
        case "joint":
            return f"{made['head']['kind']} with {made['words']['words']} {made['words']['content'][:8]}"
        case "classes":
            return f"{made['visual']['backbone']} {made['visual']['weights'][:8]}"
    return f"{made['backbone']} {made['weights'][:8]}"


def _readable(value: Any) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case None | []:
            return "none"
        case dict():
            return ", ".join(f"{name} {entry}" for name, entry in value.items()) or "none"
        case list():
            return "\n".join(str(entry) for entry in value)
    return str(value)


def _errors() -> Console:
    return Console(stderr=True)
