"""Loading words into Milvus, against a bare loop of ``MilvusClient.insert`` at its best batch size, with the same index.

    python benchmarks/words.py [--uri URI] [--words 400000]

Both begin with the vectors in memory and end with a collection that can be searched: created, written, flushed, indexed and
loaded. The batch size of the bare loop is chosen on a tenth of the words. Without --uri each has a Milvus Lite file.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from typing import Any

from pymilvus import MilvusClient
from results import leave

import milvise
from milvise.adapter import IndexSpec
from milvise.adapter.schema import METRIC, WORDS, schema
from milvise.embeddings.words.load import PACKAGED, Words, load_words
from milvise.ingest.words import ingest_words

BATCHES = (1_000, 5_000, 20_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--uri")
    parser.add_argument("--words", type=int, default=400_000)
    arguments = parser.parse_args()
    words = load_words(PACKAGED, limit=arguments.words)
    with tempfile.TemporaryDirectory() as folder:
        uri = arguments.uri or f"{folder}/ours.db"
        with milvise.connect(uri, create=True) as db:
            summary = ingest_words(db.store, words, source=PACKAGED, index=IndexSpec("auto"), replace=True)
            index = IndexSpec.parse(summary.index)
            is_lite = db.store.connection.is_lite
            db.store.drop("words")
        print(f"{summary.words:,} words of width {summary.dim}, {index}: {summary.seconds:.1f} s", flush=True)
        sizes = {
            size: bare(arguments.uri or f"{folder}/{size}.db", words, len(words.words) // 10, size, None)
            for size in BATCHES
        }
        best = min(sizes, key=lambda size: sizes[size])
        print(
            "bare loop on a tenth: " + ", ".join(f"{size:,} rows {seconds:.1f} s" for size, seconds in sizes.items()),
            flush=True,
        )
        seconds = bare(arguments.uri or f"{folder}/bare.db", words, len(words.words), best, index)
    print(f"bare loop with batches of {best:,}: {seconds:.1f} s, ratio {summary.seconds / seconds:.3f}")
    figures = {"words": summary.words, "seconds": summary.seconds, "bare": seconds, "ratio": summary.seconds / seconds}
    leave(f"words-{'lite' if is_lite else 'server'}", figures)


def bare(uri: str, words: Words, count: int, size: int, index: IndexSpec | None) -> float:
    client = MilvusClient(uri)
    started = time.perf_counter()
    client.create_collection("bare_words", schema=schema(WORDS, words.vectors.shape[1]))
    for start in range(0, count, size):
        stop = min(count, start + size)
        rows = zip(words.words[start:stop], range(start, stop), words.vectors[start:stop], strict=True)
        client.insert("bare_words", [{"word": word, "rank": rank, "vector": vector} for word, rank, vector in rows])
    client.flush("bare_words")
    if index is not None:
        build: dict[str, Any] = {**index.build_params, "params": index.build_params} if index.build_params else {}
        params = client.prepare_index_params()
        params.add_index("vector", index_type=index.milvus_kind, metric_type=METRIC, params=build)
        client.create_index("bare_words", params)
        client.load_collection("bare_words")
        client.query("bare_words", filter="", output_fields=["count(*)"], consistency_level="Strong")
    seconds = time.perf_counter() - started
    client.drop_collection("bare_words")
    client.close()
    return seconds


if __name__ == "__main__":
    main()
