"""How many examples hypothesis tries: a hundred in the suite, and as many as ``MILVISE_FUZZ_EXAMPLES`` says elsewhere."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

EXAMPLES = int(os.environ.get("MILVISE_FUZZ_EXAMPLES", "100"))

fuzzed = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=EXAMPLES <= 100,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
"""Examples are the same in every run of the suite, and others in each run of the script."""
