"""What it takes to keep the texts of a gallery's pictures in memory, and to look for words in them.

    python benchmarks/text_index.py --uri URI --gallery NAME

Printed are how long it takes to read the texts from Milvus and to index their words, how much the process grows, and how long it takes to look for each of
the labels: in the index the first time, when it is kept, and in the texts themselves.
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from results import leave

import milvise
from milvise.queries.text.read import FIELDS, Texts
from milvise.queries.text.tiers import tiers
from milvise.queries.text.word_index import WordIndex
from milvise.queries.text.words import Phrase, phrases
from milvise.queries.vocabulary.expression import Term

WORDS = 50
T = TypeVar("T")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--uri", required=True)
    parser.add_argument("--gallery", default="default")
    given = parser.parse_args()
    with milvise.connect(given.uri) as db:
        visual = db.store.live(f"{given.gallery}_visual")
        assert visual is not None
        before = memory()
        rows, read_s = timed(lambda: tuple(visual.scan(FIELDS)))
        read = memory()
        index, index_s = timed(lambda: WordIndex(rows))
        indexed = memory()
    print(
        f"{len(rows):,} pictures: read in {read_s:.2f} s, {read - before} MiB; indexed in {index_s:.2f} s, {indexed - read} MiB"
    )
    labels = list(dict.fromkeys(row["label"].split("_")[-1].lower() for row in rows))[:WORDS]
    wanted = [phrases([Term(label)]) for label in labels if phrases([Term(label)])]
    texts = Texts((), rows, is_whole=True)
    texts.holding([])
    figures = {
        "pictures": len(rows),
        "read_s": read_s,
        "index_s": index_s,
        "rows_mib": read - before,
        "index_mib": indexed - read,
    }
    looks: dict[str, Callable[[Sequence[Phrase]], object]] = {
        "in the index": index.tiers, "in the index, again": index.tiers, "in the texts": lambda one: tiers(one, texts.holding(one)),
    }  # fmt: skip
    for name, look in looks.items():
        _, seconds = timed(lambda look=look: [look(one) for one in wanted])
        print(f"{name}: {1e3 * seconds / len(wanted):.3f} ms for a word, mean of {len(wanted)}")
        figures[name] = 1e3 * seconds / len(wanted)
    leave("text_index", figures)


def timed(work: Callable[[], T]) -> tuple[T, float]:
    started = time.perf_counter()
    done = work()
    return done, time.perf_counter() - started


def memory() -> int:
    """Return the resident MiB of this process."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 // 2**20


if __name__ == "__main__":
    main()
