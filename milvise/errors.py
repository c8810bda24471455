"""Every error that milvise raises on purpose.

::

    MilviseError
    ├── UsageError                 the request itself is wrong: the command line exits with 2
    │   ├── ExpressionError        a word expression that cannot be read
    │   ├── UnknownWordError       a word that is not in the vocabulary
    │   ├── UnknownClassError      a class that the backbone does not know
    │   ├── IndexSpecError         an index kind or parameter that cannot be used
    │   └── FilterError            a filter that Milvus cannot read
    ├── NotFoundError              a gallery, collection or picture that is not there
    │   ├── ReplacedError          a collection that was replaced or dropped while it was read
    │   └── NoFileError            a stored picture whose file is not where it was as it was loaded
    │       └── StoreAwayError     the store that has the file does not answer at the moment
    ├── FingerprintError           vectors made by different models would be compared
    ├── InputError                 a source that cannot be read at all
    │   └── ImageError             a picture that cannot be decoded
    ├── VectorError                a vector of the wrong width, not finite, or zero
    ├── ModelError                 a backbone that cannot be built
    │   ├── WeightsError           weights that are missing or belong to another network
    │   ├── MissingExtraError      a package of an optional extra is not installed
    │   └── MissingEncoderError    the package of a gallery's encoder is not installed
    ├── BusyError                  a service that has too much to do at the moment
    └── StoreError                 Milvus answered with an error
        ├── UnavailableError       no answer from the server
        ├── LockedError            another process holds the Milvus Lite file
        ├── DeniedError            the server refused the token, or the token's rights
        └── UnsupportedError       the connected Milvus lacks a feature

A message says what happened, what was expected, what was received, and what to do. Each class has a `code`, which programs compare:
``unknown_word``, ``not_found`` and so on; codes do not change.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from typing import Any, ClassVar


class MilviseError(Exception):
    """The root of this tree. Errors go from one process to another as they are."""

    code: ClassVar[str] = "failed"

    def __reduce__(self) -> tuple[Any, ...]:
        # Python would make it anew from its message, and some are made from more.
        return _copied, (type(self), self.args, self.__dict__)


def _copied(kind: type[MilviseError], args: tuple[Any, ...], values: dict[str, Any]) -> MilviseError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(values)
    return error


class UsageError(MilviseError):
    """The request itself is wrong."""

    code = "wrong_usage"


class ExpressionError(UsageError):
    """A word expression that cannot be read."""

    code = "bad_expression"


class UnknownWordError(UsageError):
    """A word that is not in the vocabulary.

    Attributes
    ----------
    word : str
        The word as it was asked for.
    suggestions : tuple of str
        Close spellings that are in the vocabulary, the most frequent first.
    """

    code = "unknown_word"

    def __init__(
        self, word: str, suggestions: tuple[str, ...], *, kind: str = "word", place: str, can_fix: bool = False
    ) -> None:
        self.word = word
        self.suggestions = suggestions
        hint = f"Close spellings: {', '.join(suggestions)}." if suggestions else "No close spelling was found."
        if suggestions and can_fix:
            hint += " To search for the first of them: --fix (Python: fix=True)."
        super().__init__(f"the {kind} {word!r} is not in {place}. {hint}")


class UnknownClassError(UnknownWordError):
    """A class that the backbone does not know."""

    code = "unknown_class"


class IndexSpecError(UsageError):
    """An index kind or parameter that cannot be used."""

    code = "bad_index"


class FilterError(UsageError):
    """A filter that Milvus cannot read."""

    code = "bad_filter"


class NotFoundError(MilviseError):
    """A gallery, collection or picture that is not there."""

    code = "not_found"


class ReplacedError(NotFoundError):
    """A collection that was replaced or dropped while it was read; the same request, made again, reads what stands now."""

    code = "replaced"


class NoFileError(NotFoundError):
    """A stored picture whose file is not where it was as it was loaded."""

    code = "no_file"


class StoreAwayError(NoFileError):
    """The store that has the file of a picture does not answer at the moment; the same request may be made again soon."""

    code = "store_away"


class FingerprintError(MilviseError):
    """Vectors made by different models would be compared."""

    code = "other_model"


class InputError(MilviseError):
    """A source that cannot be read at all."""

    code = "bad_input"


class ImageError(InputError):
    """A picture that cannot be decoded; the message is the reason."""

    code = "bad_picture"


class VectorError(MilviseError):
    """A vector of the wrong width, not finite, or zero."""

    code = "bad_vector"


class ModelError(MilviseError):
    """A backbone that cannot be built."""

    code = "bad_model"


class WeightsError(ModelError):
    """Weights that are missing or belong to another network."""

    code = "bad_weights"


class MissingExtraError(ModelError):
    """A package of an optional extra is not installed."""

    code = "missing_extra"

    def __init__(self, purpose: str, extra: str) -> None:
        super().__init__(f"{purpose} needs packages that are not installed. {_how_to_install(extra)}")


class MissingEncoderError(ModelError):
    """The package of an encoder is not installed, or cannot be imported.

    Attributes
    ----------
    encoder : str
        The name of the encoder.
    """

    code = "missing_encoder"

    def __init__(
        self, encoder: str, installed: Sequence[str], *, entry_point: str | None = None, reason: str = ""
    ) -> None:
        self.encoder = encoder
        if entry_point is not None:
            super().__init__(
                f"the encoder {encoder!r} cannot be loaded: its entry point {entry_point} in the group 'milvise.encoders' fails."
                f"\nReceived: {reason}\nInstall its package again, with all that it needs."
            )
            return
        super().__init__(
            f"the encoder {encoder!r} is not installed for this Python.\nExpected: a package with the entry point {encoder!r} in the"
            f" group 'milvise.encoders'; installed are {', '.join(installed)}\nInstall the package that has it. Stored pictures can be"
            " searched for by id without it."
        )


def install_command(*requirements: str) -> str:
    """Return the command that installs packages for the Python that runs."""
    return shlex.join([sys.executable or "python3", "-m", "pip", "install", *requirements])


def _how_to_install(extra: str) -> str:
    """Say how to install an extra's packages by their own names.

    milvise itself is in no public index: whoever registers its name there would decide what a hint to install it brings.
    """
    # Only here: importing milvise stays quick.
    import importlib.metadata

    from packaging.requirements import InvalidRequirement, Requirement

    wanted = []
    try:
        for text in importlib.metadata.requires("milvise") or []:
            requirement = Requirement(text)
            needs_extra = requirement.marker is not None and not requirement.marker.evaluate({"extra": ""})
            if needs_extra and requirement.marker.evaluate({"extra": extra}):  # type: ignore[union-attr]
                requirement.marker = None
                wanted.append(str(requirement))
    except (importlib.metadata.PackageNotFoundError, InvalidRequirement):
        wanted = []
    if not wanted:
        return f"Install milvise again from its source folder: {install_command(f'.[{extra}]')}"
    return f"Install them: {install_command(*wanted)}"


class BusyError(MilviseError):
    """A service that has too much to do at the moment; the same request may be made again soon."""

    code = "busy"


class StoreError(MilviseError):
    """Milvus answered with an error."""

    code = "milvus_failed"


class UnavailableError(StoreError):
    """No answer from the server."""

    code = "unavailable"


class LockedError(StoreError):
    """Another process holds the Milvus Lite file."""

    code = "locked"


class DeniedError(StoreError):
    """The server refused the token, or the token's rights."""

    code = "denied"


class UnsupportedError(StoreError):
    """The connected Milvus lacks a feature."""

    code = "unsupported"
