"""A command imports pymilvus without pandas; pymilvus goes on knowing data frames."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

# In processes of their own: here pymilvus and pandas are imported by now.
COMMAND = """
import sys
from milvise import __main__ as entry

entry.os._exit = lambda code: print(code, "pymilvus" in sys.modules, "pandas" in sys.modules)
sys.argv = ["milvise", "--uri", "none.db", "status"]
entry.run()
"""

FRAMES = """
import sys
from milvise.cli.without_pandas import import_pymilvus

import_pymilvus()
from pymilvus.orm import schema, types

assert schema.is_valid_insert_data([]) and not schema.is_valid_insert_data("rows")
assert "pandas" not in sys.modules

import pandas

frame = pandas.DataFrame({"number": [1, 2], "vector": [[0.5], [0.25]]})
assert type(frame).__module__.startswith("pandas")
assert schema.is_valid_insert_data(frame) and not schema.is_valid_insert_data(frame["number"])
fields = schema.construct_fields_from_dataframe(frame)
assert [(field.name, field.dtype.name) for field in fields] == [("number", "INT64"), ("vector", "FLOAT_VECTOR")], fields
assert types.is_numeric_datatype(types.DataType.INT64)
print("as it was")
"""

MORE = """
import sys
from milvise.cli.without_pandas import _Pandas, _Types

def stand_in():
    for name in [name for name in sys.modules if name.split(".")[0] == "pandas"]:
        del sys.modules[name]
    sys.modules |= {"pandas": _Pandas("pandas"), "pandas.api.types": _Types("pandas.api.types")}
    return sys.modules["pandas"], sys.modules["pandas.api.types"]

pandas, types = stand_in()
assert types.is_list_like([1]) and not types.is_list_like(1)
assert sys.modules["pandas"] is not pandas and sys.modules["pandas.api.types"] is not types
assert list(pandas.Series([1, 2])) == [1, 2]
assert isinstance(types.CategoricalDtype(), types.CategoricalDtype)
frame = pandas.DataFrame({"number": [1, 2]})
assert isinstance(frame, pandas.DataFrame) and not isinstance(frame["number"], pandas.DataFrame)
assert len(pandas.DataFrame.from_records([(1,)])) == 1
import pandas.api.types as real
assert real is sys.modules["pandas.api.types"] and real is not types

sys.modules["pandas"] = type(sys)("pandas")
assert not isinstance([], pandas.DataFrame), "another thread has just begun to import it"
print("as it was")
"""

BEFORE = """
import pandas
from milvise.cli.without_pandas import import_pymilvus

import_pymilvus()
from pymilvus.orm import schema

assert schema.pd is pandas
print("as it was")
"""


def run(code: str, folder: Path) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=folder)
    assert not done.returncode, done.stderr
    return done.stdout


def test_a_command_imports_pymilvus_alone(tmp_path: Path) -> None:
    assert run(COMMAND, tmp_path).splitlines()[-1].split() == ["1", "True", "False"]


def test_frames_are_known_when_somebody_makes_them(tmp_path: Path) -> None:
    assert run(FRAMES, tmp_path) == "as it was\n"


def test_whatever_else_is_asked_for_is_that_of_pandas(tmp_path: Path) -> None:
    assert run(MORE, tmp_path) == "as it was\n"


def test_pandas_that_was_imported_before_is_taken(tmp_path: Path) -> None:
    assert run(BEFORE, tmp_path) == "as it was\n"
