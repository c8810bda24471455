"""Another version of a gallery: built beside the live one, judged with the same searches, and live only if it is good enough."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from milvise.core.config import DEFAULT_GALLERY
from milvise.core.precision import AUTO, in_precision, precision_of
from milvise.embeddings.registry import load_encoder
from milvise.embeddings.runtimes.engines import fastest_precision
from milvise.errors import InputError, MissingExtraError, UsageError
from milvise.evaluation.report.page import KEY_FIGURES
from milvise.gallery.heads import head_spec
from milvise.gallery.names import coming, joint_alias, maker_of
from milvise.gallery.plan import Plan, changed_recipe, plan_for
from milvise.gallery.versions import Version, go_live, hide, mended, show
from milvise.ingest.follow.watch import Followed
from milvise.ingest.rebuild import Beside, open_beside
from milvise.operations.checks import index_within, require_count, require_index, require_precision
from milvise.operations.evaluate import Accuracy, Bias, Evaluate, Evaluation, IndexRecall, Limits, evaluate
from milvise.operations.follow import seconds
from milvise.operations.images import MOST_AT_ONCE
from milvise.operations.planned import absolute
from milvise.operations.progress import Count, Progress, notes, silent
from milvise.queries.database import Database


@dataclass(frozen=True, slots=True)
class Rebuild:
    """Which version a gallery is to have; `milvise.operations.gallery.Gallery.rebuild` says what each value means.

    Raises
    ------
    UsageError
        If a value cannot be, or nothing would be another.
    """

    gallery: str = DEFAULT_GALLERY
    encoder: str | None = None
    backbone: str | None = None
    weights: Path | None = None
    classes: Path | None = None
    head: str | None = None
    index: str | None = None
    memory: str | int | None = None
    batch_size: int | None = None
    engine: str = "auto"
    precision: str | None = None
    gates: Limits = field(default_factory=Limits)
    attributes: tuple[str, ...] = ()
    out: Path | None = None
    prune: bool = False
    accept_worse: bool = False
    dry_run: bool = False
    shadow_for: str | None = None

    def __post_init__(self) -> None:
        require_index(self.index)
        require_precision(self.precision)
        index_within(self.index, self.memory)
        _ = Bias(self.attributes)
        if self.shadow_for is not None:
            seconds(self.shadow_for, "shadow_for")
        require_count("batch_size", self.batch_size, 1, MOST_AT_ONCE)
        if all(each is None for each in (self.encoder, self.backbone, self.weights, self.head, self.precision)):
            raise UsageError(
                "there is nothing to rebuild with.\nExpected: another backbone, weights, encoder, head or precision\nReceived: none"
            )

    @property
    def folder(self) -> Path:
        """Where the reports go."""
        return self.out or Path(f"milvise-rebuild-{self.gallery}")


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild came to.

    Attributes
    ----------
    version, before : str
        The names of the new version, and of the one that was live.
    is_live : bool
        Whether the new one is.
    rows, embedded : int
        Pictures in the new version, and those that went through its encoder.
    why_not : tuple of str
        Why it is not live: gates that do not hold, and figures that are worse.
    lost : int
        Pictures of the gallery that could not be read, and were let go.
    reports : tuple of str
        The pages of the reports, of the version that was live and of the new one.
    """

    gallery: str
    version: str
    before: str
    is_live: bool
    rows: int
    embedded: int
    seconds: float
    why_not: tuple[str, ...] = ()
    lost: int = 0
    figures: Mapping[str, float] = field(default_factory=dict)
    reports: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "gallery": self.gallery, "version": self.version, "before": self.before, "is_live": self.is_live, "rows": self.rows,
            "embedded": self.embedded, "lost": self.lost, "why_not": list(self.why_not), "figures": dict(self.figures),
            "reports": list(self.reports), "seconds": round(self.seconds, 3),
        }  # fmt: skip


def rebuild(db: Database, request: Rebuild, progress: Progress = silent) -> Rebuilt:
    """Build another version and let it go live; errors as `milvise.operations.gallery.Gallery.rebuild`."""
    started, note = time.monotonic(), notes(progress)
    _require_packages()
    before = mended(db.store, request.gallery)
    # One that was killed may have left it.
    hide(db.store, request.gallery)
    index = index_within(request.index, request.memory)
    if index is not None:
        db.store.indexes.require(index)
    recipe = _recipe(request, before)
    note(f"Building {recipe.get('backbone') or recipe['encoder']} …")
    if request.precision == AUTO:
        note(f"--precision auto is {precision_of(recipe)} for this version.")
    with closing(load_encoder(recipe, engine=request.engine)) as encoder:
        head = request.head or head_spec(db.store.live(joint_alias(request.gallery)))
        plan = plan_for(
            db.store,
            encoder,
            gallery=request.gallery,
            head=None if before.joint is None else head,
            recipe=recipe,
            names=request.classes,
        )
        _require_another(plan, before)
        beside, remarks = open_beside(
            db.store, plan, before.visual.sources, batch_size=request.batch_size, tell=_counted(db, before, progress)
        )
        for remark in remarks:
            note(remark)
        beside.catch_up(before)
        _require_all(beside, request)
        beside.finish(index)
        old, new = _judged(db, request, beside.version, note)
        why_not = tuple(_objections(new, request))
        figures = {name: value for name in KEY_FIGURES if (value := _value(new, name)) is not None}
        is_live = not why_not and not request.dry_run
        if is_live:
            if request.shadow_for is not None:
                note(f"Services ask the new version too, for {request.shadow_for} …")
                _shadowed(db, request, beside)
            # What was written while it was judged.
            beside.catch_up(before)
            go_live(db.store, request.gallery, beside.version, figures)
            db.store.let_readers_go()
            beside.carry_over(before)
            beside.finish(None)
    version = beside.version
    return Rebuilt(
        request.gallery, version.name, before.name, is_live, beside.pair.visual.count(), beside.embedded, time.monotonic() - started,
        why_not, len(beside.failed), figures, (str(old.page), str(new.page)),
    )  # fmt: skip


def _require_packages() -> None:
    """Check, before hours of work, that both versions can be evaluated afterwards."""
    if any(find_spec(package) is None for package in ("ir_measures", "jinja2", "matplotlib")):
        raise MissingExtraError("judging versions of a gallery", "evaluate")


def _recipe(request: Rebuild, before: Version) -> dict[str, Any]:
    """Return how to make the encoder: what is asked for, else the gallery's."""
    stood = before.visual.recipe
    if request.encoder is not None:
        return changed_recipe({"encoder": request.encoder}, request.precision)
    made = dict(stood)
    if request.backbone is not None or request.weights is not None:
        weights = str(request.weights.resolve()) if request.weights else None
        other = {"backbone": absolute(request.backbone or str(stood.get("backbone"))), "weights": weights}
        made = in_precision(other, precision_of(stood))
    return changed_recipe(
        made, fastest_precision(made, request.engine) if request.precision == AUTO else request.precision
    )


def _require_another(plan: Plan, before: Version) -> None:
    joint = None if plan.joint is None else plan.joint.collection
    if (plan.visual.collection, joint) == (before.visual.collection, before.joint.collection if before.joint else None):
        raise UsageError(f"the gallery {plan.gallery!r} is made with this encoder and head already. Nothing was done.")
    ours, theirs = plan.visual.fingerprint, before.visual.fingerprint
    if maker_of(ours) == maker_of(theirs) and dict(ours) != dict(theirs):
        raise UsageError(
            f"the new backbone is called {maker_of(ours)}, as the one of the gallery {plan.gallery!r} is, and there is one set of classes for a"
            " name: the live version would lose its own. Save the backbone as a file of another name."
        )


def _require_all(beside: Beside, request: Rebuild) -> None:
    """Check that no picture would be lost that people find now."""
    if beside.failed and not request.prune:
        listed = "\n".join(f"  {uri}: {reason}" for uri, reason in list(beside.failed.items())[:5])
        raise InputError(
            f"{len(beside.failed):,} pictures of the gallery {request.gallery!r} cannot be read, and another encoder must see them:\n{listed}\nThe"
            " live version is as it was. Bring their files back, or let them go: --prune. The same command goes on from there."
        )


def _judged(
    db: Database, request: Rebuild, version: Version, note: Callable[[str], None]
) -> tuple[Evaluation, Evaluation]:
    """Evaluate both versions with the same searches; return the reports."""
    note("Evaluating the live version …")
    old = evaluate(db, _asked(request, request.gallery, request.folder / "before"))
    note("Evaluating the new version …")
    show(db.store, request.gallery, version)
    try:
        new = evaluate(
            db,
            _asked(request, coming(request.gallery), request.folder / "after", compare=old.path, limits=request.gates),
        )
    finally:
        hide(db.store, request.gallery)
    return old, new


def _shadowed(db: Database, request: Rebuild, beside: Beside) -> None:
    """Have services ask the new version too for a while."""
    show(db.store, request.gallery, beside.version)
    try:
        time.sleep(seconds(str(request.shadow_for), "shadow_for"))
    finally:
        hide(db.store, request.gallery)


def _asked(request: Rebuild, gallery: str, out: Path, **more: Any) -> Evaluate:
    return Evaluate(
        out,
        gallery,
        accuracy=Accuracy(),
        index=IndexRecall(),
        bias=Bias(request.attributes),
        labels_optional=True,
        **more,
    )


def _objections(new: Evaluation, request: Rebuild) -> list[str]:
    """Return why the new version may not go live."""
    found = [
        f"{gate['figure']} is {gate['value']}, and must be {gate['limit']}{': ' + gate['remark'] if gate['remark'] else ''}"
        for gate in new.report.gates
        if not gate["kept"]
    ]
    if not request.accept_worse:
        found += [
            f"{row['figure']} is worse: {row['before']} before, {row['now']} now, more than noise"
            for row in new.report.changes
            if row["verdict"] == "worse" and row["figure"] in KEY_FIGURES
        ]
    return found


def _value(evaluation: Evaluation, name: str) -> float | None:
    figure = evaluation.report.figures.get(name)
    return None if figure is None else figure.value


def _counted(db: Database, before: Version, progress: Progress) -> Callable[[Followed], None]:
    total = db.store.open(before.visual).count()

    def tell(now: Followed) -> None:
        done = now.settled + now.rejected
        progress(Count("pictures", min(done, total), total, now.counts.embedded))

    return tell
