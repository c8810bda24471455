"""Figures that are taken where none were measured; each says where it comes from."""

from __future__ import annotations

from collections.abc import Mapping

from milvise.operations.capacity.figures import ASSUMED, Cost, Figure

TWO_CORES = "measured by milvise on two cores with AVX-512"
SERVER = f"{TWO_CORES}, Milvus 2.3.5"
LITE = f"{TWO_CORES}, Milvus Lite 3.2"

JOINT_DIM = 100
"""GloVe 6B 100d."""

FIGURES: Mapping[str, Figure] = {
    "start_s": Figure(7.0, "s", TWO_CORES),
    "list_per_s": Figure(35_000, "files/s", f"{TWO_CORES}, a local disk"),
    "decode_per_s": Figure(700, "pictures/s", TWO_CORES),
    "picture_bytes": Figure(110_000, "bytes", f"{ASSUMED}: the mean of ImageNet"),
    "shard_bytes": Figure(6_000, "bytes", f"{ASSUMED}: float32 vectors hardly get smaller"),
}

BACKBONES: Mapping[str, tuple[int, Mapping[str, Figure]]] = {
    "efficientnet_lite0": (1280, {"embed_per_s": Figure(115, "pictures/s", f"{TWO_CORES}, OpenVINO")}),
}
"""By backbone: the width of its vectors, and the pictures that one worker embeds a second."""

GRAPH_GROWTH, LISTS_GROWTH = 0.35, 0.3
"""The power by which the cost of indexing a row grows with the rows that are indexed together (``benchmarks/index_growth.py``).

Found were 0.26 to 0.47 for graphs of 5,000 to 320,000 rows, and 0.2 to 0.35 for clusters of 20,000 to 320,000 rows, of which each row is compared with all.
"""

WRITE = Cost(0.0, 4.6e-6, 9.4e-9, f"{TWO_CORES}, Parquet")

COSTS: Mapping[str, Mapping[str, Cost]] = {
    "server": {
        "import": Cost(
            1.5, 2.5e-5, 1.1e-7, f"{SERVER}: files of 96,000 rows of 64 to 128 values and of 24,000 of 1280"
        ),
        "insert": Cost(0.0, 9.3e-6, 1.88e-7, f"{SERVER}: 4,001 rows/s of 1280 values, 30,000 of 128"),
        "index.hnsw": Cost(
            3.0, 4.5e-5, 5.9e-7, f"{SERVER}: 20,000 rows of 100 and of 1280 values", 20_000, GRAPH_GROWTH
        ),
        "index.ivf": Cost(
            3.0, 8.2e-5, 3.0e-7, f"{SERVER}: 20,000 rows of 100 and of 1280 values", 20_000, LISTS_GROWTH
        ),
        "load": Cost(2.0, 1.0e-6, 2.0e-9, SERVER),
    },
    "lite": {
        "insert": Cost(0.0, 8.0e-5, 3.0e-7, f"{LITE}: 2,100 rows/s of 1280 values, 9,000 of 128"),
        "index.hnsw": Cost(1.0, 5.0e-5, 6.0e-7, f"{LITE}: 20,000 rows of 1280 values", 20_000, 0.0),
        "index.ivf": Cost(1.0, 3.0e-5, 3.0e-7, f"{LITE}: 50,000 rows of 128 values", 40_000, 0.0),
        "load": Cost(0.3, 1.0e-6, 4.0e-9, LITE),
    },
}
