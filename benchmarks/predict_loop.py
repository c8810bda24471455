"""What one would write first to load pictures: open, `predict` with 32 at a time, insert. `loading.py` takes its time.

python benchmarks/predict_loop.py FOLDER FILE.db BACKBONE
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from pymilvus import MilvusClient

from milvise.adapter.schema import VISUAL, schema
from milvise.core.records import record_id
from milvise.embeddings.devise.backbones import load_backbone

AT_ONCE = 32


def main() -> None:
    import keras

    folder, uri, name = sys.argv[1:]
    backbone = load_backbone(name)
    client = MilvusClient(uri)
    client.create_collection("plain", schema=schema(VISUAL, backbone.dim))
    paths = sorted(Path(folder).iterdir())
    for at in range(0, len(paths), AT_ONCE):
        some = paths[at : at + AT_ONCE]
        pixels = [keras.utils.load_img(path, target_size=(backbone.size, backbone.size)) for path in some]
        batch = backbone.preprocess(np.stack([np.asarray(image, dtype=np.float32) for image in pixels]))
        vectors = backbone.model.predict(batch, verbose=0)
        rows = [
            {
                "id": record_id(path.name), "uri": path.name, "label": "", "sha256": "", "width": 1, "height": 1, "meta": {},
                "vector": vector,
            }
            for path, vector in zip(some, vectors, strict=True)
        ]  # fmt: skip
        client.insert("plain", rows)
    client.flush("plain")


if __name__ == "__main__":
    main()
