"""Try every parser of text, files and models from outside with 10,000 examples each, other ones in each run.

python scripts/fuzz.py [EXAMPLES]
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest


def main() -> None:
    os.environ["MILVISE_FUZZ_EXAMPLES"] = sys.argv[1] if len(sys.argv) > 1 else "10000"
    tests = sorted(map(str, Path("tests/hostile").glob("test_fuzz_*.py")))
    sys.exit(pytest.main(["-q", "-n", "2", "--timeout", "0", "--durations", "0", *tests]))


if __name__ == "__main__":
    main()
