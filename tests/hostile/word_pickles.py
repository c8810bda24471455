"""Hostile gensim files: pickles that run code, claim what is not there, or unfold to far more than their size."""

from __future__ import annotations

import io
import os
import pickle
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

PROTO_4 = b"\x80\x04"
KEYED = b"\x8c\x1agensim.models.keyedvectors\x8c\x0cKeyedVectors\x93)\x81"


def text(value: str) -> bytes:
    data = value.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(data)) + data


def called(module: str, name: str, *arguments: str) -> bytes:
    """Return the instructions that call a function with strings."""
    return text(module) + text(name) + b"\x93(" + b"".join(map(text, arguments)) + b"tR"


def keyed(**attributes: bytes) -> bytes:
    """Return a pickle of KeyedVectors whose attributes are what these instructions make."""
    items = b"".join(text(name) + value for name, value in attributes.items())
    return PROTO_4 + KEYED + b"}(" + items + b"ub."


def words(*names: str) -> bytes:
    return b"](" + b"".join(map(text, names)) + b"e"


def array(shape: tuple[int, ...], data: bytes, code: str = "f4") -> bytes:
    """Return the instructions by which numpy rebuilds an array."""
    made = text("numpy._core.multiarray") + text("_reconstruct") + b"\x93"
    made += text("numpy") + text("ndarray") + b"\x93K\x00\x85C\x01b\x87R"
    dtype = text("numpy") + text("dtype") + b"\x93" + text(code) + b"\x89\x88\x87R(K\x03" + text("<") + b"NNN"
    dtype += b"J\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    axes = b"(" + b"".join(b"\x8a\x09" + n.to_bytes(9, "little", signed=True) for n in shape) + b"t"
    return made + b"(K\x01" + axes + dtype + b"\x89B" + struct.pack("<I", len(data)) + data + b"tb"


GOOD = array((2, 2), np.array([[1, 2], [3, 4]], np.float32).tobytes())


class _Calls:
    def __init__(self, function: object, *arguments: object) -> None:
        self.made = (function, arguments)

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return self.made  # type: ignore[return-value]


def code_that_runs(canary: str) -> Iterator[tuple[str, bytes]]:
    """Yield pickles that would create the file `canary`."""
    touch, source = f"touch {canary}", f"open({canary!r}, 'w')"
    yield "os.system", pickle.dumps(_Calls(os.system, touch))
    yield "os.system, text protocol", pickle.dumps(_Calls(os.system, touch), 0)
    yield (
        "subprocess.Popen",
        PROTO_4 + text("subprocess") + text("Popen") + b"\x93(](" + text("touch") + text(canary) + b"etR.",
    )
    yield "builtins.eval", PROTO_4 + called("builtins", "eval", source) + b"."
    yield (
        "builtins.exec as an attribute",
        keyed(index_to_key=words("a", "b"), vectors=GOOD)[:-2]
        + text("x")
        + called("builtins", "exec", source)
        + b"sb.",
    )
    yield "builtins.open by REDUCE", PROTO_4 + called("builtins", "open", canary, "w") + b"."
    yield "INST", PROTO_4 + b"(" + text(touch) + b"ios\nsystem\n."
    yield "OBJ", PROTO_4 + b"(" + text("os") + text("system") + b"\x93" + text(touch) + b"o."
    yield (
        "NEWOBJ",
        PROTO_4 + text("subprocess") + text("Popen") + b"\x93(](" + text("touch") + text(canary) + b"et\x81.",
    )
    yield (
        "NEWOBJ_EX",
        PROTO_4
        + text("subprocess")
        + text("Popen")
        + b"\x93)}"
        + text("args")
        + b"]("
        + text("touch")
        + text(canary)
        + b"es\x92.",
    )
    yield "BUILD of a function", PROTO_4 + text("os") + text("environ") + b"\x93}" + text("x") + text("y") + b"sb."
    yield (
        "BUILD with __setstate__",
        PROTO_4
        + KEYED
        + b"}"
        + text("__setstate__")
        + text("builtins")
        + text("eval")
        + b"\x93sb"
        + text(source)
        + b"b.",
    )
    yield "a dotted name", PROTO_4 + called("gensim.models.keyedvectors", "KeyedVectors.load", canary) + b"."
    yield "a function of gensim", PROTO_4 + called("gensim.utils", "check_output", touch) + b"."
    yield "an extension code", PROTO_4 + b"\x82\x01)R."
    yield "a persistent id", PROTO_4 + text("elsewhere") + b"Q."
    yield (
        "_reconstruct with another class",
        PROTO_4
        + text("numpy._core.multiarray")
        + text("_reconstruct")
        + b"\x93"
        + text("os")
        + text("system")
        + b"\x93("
        + text(touch)
        + b"tR.",
    )
    yield "calls a string", PROTO_4 + text("os.system") + b"(" + text(touch) + b"tR."
    yield "find_class of ours", PROTO_4 + called("milvise.embeddings.model_files.pickled", "Maker", "x") + b"."


def lies() -> Iterator[tuple[str, bytes]]:
    """Yield pickles that are no sound word vectors."""
    pair = words("a", "b")
    yield "BINBYTES8 of 2^40 bytes", keyed(index_to_key=pair, vectors=b"\x8e" + struct.pack("<Q", 2**40))
    yield "BYTEARRAY8 of 2^40 bytes", keyed(index_to_key=pair, vectors=b"\x96" + struct.pack("<Q", 2**40))
    yield "BINUNICODE8 of 2^62 bytes", PROTO_4 + b"\x8d" + struct.pack("<Q", 2**62) + b"x."
    yield "FRAME of 2^40 bytes", PROTO_4 + b"\x95" + struct.pack("<Q", 2**40) + b"N."
    yield "FRAME in a FRAME", PROTO_4 + b"\x95" + struct.pack("<Q", 2**20) + b"\x95" + struct.pack("<Q", 2**33) + b"N."
    yield "LONG4 of 2 GB", PROTO_4 + b"\x8b" + struct.pack("<i", 2**31 - 1) + b"\x01."
    yield "memo at 4 billion", PROTO_4 + b"Nr\xff\xff\xff\xff" * 1_000 + b"."
    yield "memo that is not there", PROTO_4 + b"j\xff\xff\xff\xff."
    yield "two million lists", PROTO_4 + b"]" * 2_000_000 + b"."
    yield "two million marks", PROTO_4 + b"(" * 2_000_000 + b"t."
    yield "two million tuples in each other", PROTO_4 + b")" + b"\x85" * 2_000_000 + b"."
    nested = b")" + b"\x85" * 100_000
    yield "a key of tuples in each other", PROTO_4 + b"}" + nested + b"Ns."
    yield "a billion laughs", PROTO_4 + text("ha") + b"2\x86" * 64 + b"."
    yield "two million memories", PROTO_4 + b"N" + b"\x94" * 2_000_000 + b"."
    collide = b"".join(b"\x8a\x0a" + (n * (2**61 - 1)).to_bytes(10, "little") + b"N" for n in range(1, 20_000))
    yield "keys that collide", PROTO_4 + b"}(" + collide + b"u."
    yield "an array of another shape", keyed(index_to_key=pair, vectors=array((2, 10**9), b"\0" * 16))
    yield "an array of overflowing shape", keyed(index_to_key=pair, vectors=array((2**62, 2**62), b"\0" * 16))
    yield "an array of negative shape", keyed(index_to_key=pair, vectors=array((-2, -2), b"\0" * 16))
    yield "an empty array of huge shape", keyed(index_to_key=pair, vectors=array((2, 2**62, 0), b""))
    yield "an array of objects", keyed(index_to_key=pair, vectors=array((2, 2), b"\0" * 32, "O8"))
    yield "an array of texts", keyed(index_to_key=pair, vectors=array((2, 2), b"\0" * 32, "V8"))
    yield "an array of integers", keyed(index_to_key=pair, vectors=array((2, 2), b"\0" * 32, "i8"))
    yield "more words than vectors", keyed(index_to_key=words("a", "b", "c"), vectors=GOOD)
    yield "no words", keyed(vectors=GOOD)
    yield "no vectors", keyed(index_to_key=pair)
    yield "words that are a dict", keyed(index_to_key=b"}", vectors=GOOD)
    yield "a width of a million", keyed(index_to_key=words("a"), vectors=array((1, 10**6), b"\0\0\x80\x3f" * 10**6))
    yield "vectors not beside it", keyed(index_to_key=pair, vectors=b"N", __numpys=words("vectors"))
    yield "vectors in another folder", keyed(index_to_key=pair, vectors=b"N", __numpys=words("/../vectors"))
    yield "STOP alone", b"."
    yield "no STOP", PROTO_4 + b"N"
    yield "an unknown instruction", b"\xff\x00"
    yield "protocol 255", b"\x80\xff."


def beside(canary: str) -> Iterator[tuple[str, bytes]]:
    """Yield files that stand where gensim puts large arrays."""
    objects = io.BytesIO()
    np.save(objects, np.array([_Calls(os.system, f"touch {canary}")], dtype=object), allow_pickle=True)
    yield "an array of objects beside it", objects.getvalue()
    zipped = io.BytesIO()
    np.savez(zipped, vectors=np.ones((2, 2), np.float32))
    yield "an archive beside it", zipped.getvalue()
    yield "a pickle beside it", pickle.dumps(_Calls(os.system, f"touch {canary}"))
    for name, shape in (("of another shape", "(2, 1000000000)"), ("that overflows", "(2, 4611686018427387904)")):
        header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
        yield f"an array beside it {name}", b"\x93NUMPY\x01\x00" + struct.pack("<H", 118) + header.encode() + b"\0" * 16
    yield "a header of 4 GB beside it", b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**32 - 1) + b"{" * 100


def write(folder: Path, canary: str) -> Iterator[tuple[str, Path]]:
    """Write all of them; yield what is wrong with each, and its path."""
    for number, (name, data) in enumerate([*code_that_runs(canary), *lies()]):
        path = folder / f"pickle{number}.kv"
        path.write_bytes(data)
        yield f"pickle: {name}", path
    for number, (name, data) in enumerate(beside(canary)):
        path = folder / f"beside{number}.kv"
        path.write_bytes(keyed(index_to_key=words("a", "b"), vectors=b"N", __numpys=words("vectors")))
        Path(f"{path}.vectors.npy").write_bytes(data)
        yield f"pickle: {name}", path
