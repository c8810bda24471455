"""What the command line shows while an operation works, on standard error: sentences, a bar of pictures, passes of training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from milvise.cli.console import Output
from milvise.cli.terminal import print_remark
from milvise.operations.progress import Count, Epoch, Event, Note, Progress, Rate, silent

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status


@contextmanager
def watched(output: Output) -> Iterator[Progress]:
    """Yield the callback that shows what an operation tells; what it shows is gone, or stands still, at the end."""
    if output.quiet:
        yield silent
        return
    with ExitStack() as shown:
        yield _Watch(shown)


class _Watch:
    def __init__(self, shown: ExitStack) -> None:
        self._shown = shown
        self._status: Status | None = None
        self._bar: Callable[[Count], None] | None = None

    def __call__(self, event: Event) -> None:
        match event:
            case Note():
                # A bar or a status stands in the last line of a terminal.
                self._shown.close()
                self._status = self._bar = None
                print_remark(event.text)
            case Epoch() | Rate():
                self._show_line(event)
            case Count(what="pictures"):
                self._bar = self._bar or _pictures(self._shown, event.total)
                self._bar(event)

    def _show_line(self, event: Epoch | Rate) -> None:
        if self._status is None:
            self._status = self._shown.enter_context(_errors().status(str(event)))
        else:
            self._status.update(str(event))


def _pictures(shown: ExitStack, total: int | None) -> Callable[[Count], None]:
    """Show a bar with images per second and time left; return what is to be called with each new count."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]}"),
        TimeRemainingColumn(),
    )
    bar = shown.enter_context(Progress(*columns, console=_errors()))
    task = bar.add_task("pictures", total=total, speed="")

    def show(count: Count) -> None:
        elapsed = bar.tasks[0].elapsed or 0.0
        speed = f"{count.embedded / elapsed:.1f} images/s" if elapsed and count.embedded else ""
        bar.update(task, completed=count.done, speed=speed)

    return show


def _errors() -> Console:
    from rich.console import Console

    return Console(stderr=True)
