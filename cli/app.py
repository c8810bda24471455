"""The options that every command takes, in front of it and behind it: ``--uri``, ``--token``, ``--json``, ``-q`` and ``-v``."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any, TypeVar, get_type_hints

import typer

from milvise.cli.collecting import enable_gc
from milvise.cli.state import state, stoppable

Command = TypeVar("Command", bound=Callable[..., Any])

PANEL = "Options of every command"

UriOption = Annotated[
    str | None,
    typer.Option(
        help="A path ending in .db (Milvus Lite) or http(s)://host:port. (MILVISE_URI, or ./milvise.db)",
        rich_help_panel=PANEL,
    ),
]
TokenOption = Annotated[
    str | None, typer.Option(help="user:password or an API key. (MILVISE_TOKEN)", rich_help_panel=PANEL)
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.", rich_help_panel=PANEL)]
QuietOption = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print results and errors only.", rich_help_panel=PANEL)
]
VerboseOption = Annotated[
    bool,
    typer.Option(
        "--verbose", "-v", help="Show what each request did, and the traceback of an error.", rich_help_panel=PANEL
    ),
]


class App(typer.Typer):
    """A Typer application whose groups and commands take the options of every command."""

    def command(self, *args: Any, **kwargs: Any) -> Callable[[Command], Command]:
        """Register a command, as `typer.Typer.command`."""
        register = super().command(*args, **kwargs)

        def decorate(function: Command) -> Command:
            register(with_shared(function))
            return function

        return decorate


def group(help: str) -> App:
    """Return a group of commands."""
    made = App(help=help, no_args_is_help=True)
    made.callback()(with_shared(lambda: None))
    return made


def take_shared(
    uri: UriOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Note the options that were given here; those that were not stay as they are."""
    state.take(uri=uri, token=token, as_json=as_json, quiet=quiet, verbose=verbose)


def with_shared(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a command that also takes the shared options."""
    shared = inspect.signature(take_shared).parameters

    @functools.wraps(function)
    def run(**given: Any) -> Any:
        enable_gc()
        take_shared(**{name: given.pop(name) for name in shared})
        with stoppable(""):
            return function(**given)

    hints = get_type_hints(function, include_extras=True) | get_type_hints(take_shared, include_extras=True)
    own = [*inspect.signature(function).parameters.values(), *shared.values()]
    parameters = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[one.name]) for one in own]
    # Typer reads a command's parameters from here.
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    del run.__wrapped__
    return run
