"""The commands for the keys of a service: keys add, list and remove."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from milvise.cli.app import group
from milvise.cli.state import state
from milvise.cli.terminal import print_remark

keys_app = group("Make keys for milvise serve --api-keys FILE.")

KeysArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The file of keys; it holds their hashes alone.")]
NameArgument = Annotated[str, typer.Argument(help="Whose key it is, or what for.")]


@keys_app.command("add")
def add(
    file: KeysArgument,
    name: NameArgument,
    role: Annotated[
        str,
        typer.Option(help="read: search; feedback: also say what was liked; write: also tune and drop galleries."),
    ] = "read",
) -> None:
    """Make a key, and print it this once."""
    from milvise.service.guards.key_file import add_key

    key = add_key(file, name, role)
    if state.output.as_json:
        state.output.document({"name": name, "role": role, "key": key})
        return
    print(key)
    print_remark(f"This key is not shown again. {file} holds its hash.")


@keys_app.command("list")
def list_keys(file: KeysArgument) -> None:
    """Show whose keys there are, and what they may do."""
    from milvise.service.guards.key_file import read_keys

    keys = read_keys(file)
    if state.output.as_json:
        state.output.document({"keys": [{"name": one.name, "role": one.role} for one in keys]})
        return
    for one in keys:
        print(f"{one.name}\t{one.role}")


@keys_app.command("remove")
def remove(file: KeysArgument, name: NameArgument) -> None:
    """Remove a key; services that run refuse it a second later."""
    from milvise.service.guards.key_file import remove_key

    remove_key(file, name)
    if state.output.as_json:
        state.output.document({"removed": name})
