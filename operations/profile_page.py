"""What each stage of a load waited for, as one page without anything outside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from pathlib import Path

from milvise.errors import InputError
from milvise.ingest.profile import Profile, StageTime

_WIDTH, _LEFT, _ROW = 960, 90, 44
_STYLE = """
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 25%, transparent); --bar: #3b7dd8; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 64rem; padding: 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; } p { margin: .25rem 0; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .5rem; text-align: right; }
th:first-child { text-align: left; } td { white-space: nowrap; } .wide { overflow-x: auto; }
svg { display: block; width: 100%; min-width: 36rem; height: auto; }
svg text { fill: currentColor; font: 14px system-ui, sans-serif; }
svg path { fill: var(--bar); } svg line { stroke: var(--line); }
"""
_HEAD = ("stage", "threads", "busy", "waiting", "pictures", "pictures/s while busy")
_MEANT = {
    "look": "finds what is new or changed",
    "read": "reads and decodes pictures",
    "embed": "computes their vectors",
    "write": "writes rows to Milvus",
}


class ProfiledRun:
    """What takes the time of a run, and what is said of it.

    Attributes
    ----------
    profile : Profile, optional
        None where nobody asked for one.
    facts : tuple of str
        What the run is, a line each.
    """

    def __init__(self, profile: Profile | None) -> None:
        self.profile = profile
        self.facts: tuple[str, ...] = ()


@contextmanager
def profiled(path: Path | None) -> Iterator[ProfiledRun]:
    """Yield what takes the time of a block, whose page is written at its end, however it ends; with None nothing is taken.

    Raises
    ------
    InputError
        If the page cannot be written: before anything is done where this shows then.
    """
    if path is None:
        yield ProfiledRun(None)
        return
    with _writing(path):
        path.open("a").close()
    taken = ProfiledRun(profile := Profile())
    try:
        yield taken
    finally:
        seconds = profile.seconds
        with _writing(path):
            path.write_text(profile_page("Loading pictures", profile.times(seconds), seconds, taken.facts), "utf-8")


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(
            f"the profile {path} cannot be written: {error.strerror or error}. Pictures that are loaded stay loaded."
        ) from error


def profile_page(title: str, times: Sequence[StageTime], seconds: float, facts: Sequence[str] = ()) -> str:
    """Return the page.

    Parameters
    ----------
    title : str
        Its heading.
    times : sequence of StageTime
    seconds : float
        How long the run took.
    facts : sequence of str
        What the run was, a line each.
    """
    busiest = max(times, key=lambda one: one.share)
    said = f"The run took {seconds:.1f} s. The stage “{busiest.stage}” was busy for {busiest.share:.0%} of that, more than any other."
    lines = "".join(f"<p>{escape(fact)}</p>" for fact in (said, *facts))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><main><h1>{escape(title)}</h1>"
        f"{lines}{_table(times)}<h2>Busy over time</h2>{_picture(times, seconds)}</main></body></html>\n"
    )


def _table(times: Sequence[StageTime]) -> str:
    head = "".join(f'<th scope="col">{name}</th>' for name in _HEAD)
    rows = "".join(
        f'<tr><th scope="row">{one.stage}: {_MEANT[one.stage]}</th><td>{one.threads}</td>'
        f"<td>{one.busy_s:.1f} s ({one.share:.0%})</td><td>{one.waiting_s:.1f} s</td><td>{one.pictures:,}</td><td>{_rate(one)}</td></tr>"
        for one in times
    )
    return f'<div class="wide" tabindex="0" role="region" aria-label="Times of the stages"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _rate(one: StageTime) -> str:
    return f"{one.pictures * one.threads / one.busy_s:,.0f}" if one.busy_s else "–"


def _picture(times: Sequence[StageTime], seconds: float) -> str:
    height = _ROW * len(times) + 24
    told = ", ".join(f"{one.stage} {one.share:.0%}" for one in times)
    strips = "".join(_strip(one, _ROW * (row + 1)) for row, one in enumerate(times))
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="Busy over time"><svg role="img" viewBox="0 0 {_WIDTH} {height}" aria-label="Part of the time that each stage was busy: {told}">'
        f'{strips}<text x="{_LEFT}" y="{height - 6}">0 s</text>'
        f'<text x="{_WIDTH}" y="{height - 6}" text-anchor="end">{seconds:.1f} s</text></svg></div>'
    )


def _strip(one: StageTime, floor: int) -> str:
    """Return a stage as a strip that is as high as it was busy."""
    wide = (_WIDTH - _LEFT) / len(one.over_time)
    steps = "".join(
        f"H{_LEFT + place * wide:.1f}V{floor - (_ROW - 8) * min(1.0, part):.1f}H{_LEFT + (place + 1) * wide:.1f}"
        for place, part in enumerate(one.over_time.tolist())
    )
    return (
        f'<text x="0" y="{floor - 14}">{one.stage}</text><line x1="{_LEFT}" y1="{floor}" x2="{_WIDTH}" y2="{floor}"/>'
        f'<path d="M{_LEFT},{floor}{steps}V{floor}Z"/>'
    )
