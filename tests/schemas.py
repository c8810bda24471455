"""The JSON documents of the command line, as JSON Schema."""

from __future__ import annotations

from typing import Any

NUMBER, TEXT, COUNT = {"type": "number"}, {"type": "string"}, {"type": "integer", "minimum": 0}


def document(properties: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    every = {**properties, **(optional or {})}
    return {"type": "object", "properties": every, "required": list(properties), "additionalProperties": False}


def search(hit: dict[str, Any], request: list[str], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    hit = {"rank": {"type": "integer", "minimum": 1}, **hit, "similarity": NUMBER, "distance": NUMBER}
    took = {"type": "object", "required": ["connect", "search", "total"], "additionalProperties": NUMBER}
    read = {"read_as": TEXT, "remarks": {"type": "array", "items": TEXT}}
    asked = {"type": "object", "required": ["kind", "limit", *request], "properties": read}
    # A ranked search knows the confidence where the classes have a hierarchy, also where it was not asked for.
    known = {} if "confidence" in hit else {"confidence": NUMBER}
    return document(
        {"request": asked, "took_ms": took, "hits": {"type": "array", "items": document(hit, known | (optional or {}))}}
    )


_PICTURE = {
    "id": TEXT, "uri": TEXT, "label": TEXT, "meta": {"type": "object"}, "reasons": {"type": "array", "items": TEXT},
}  # fmt: skip
PICTURES = search(_PICTURE, ["gallery", "filter"])
TRUSTED_PICTURES = search({**_PICTURE, "confidence": NUMBER}, ["gallery", "filter", "min_confidence"])
WORDS = search({"word": TEXT}, [])
TAGS = search(
    {"word": TEXT}, ["picture", "gallery", "among"], {"probability": {"type": "number", "minimum": 0, "maximum": 1}}
)
_HIT = document({**_PICTURE, "similarity": NUMBER, "distance": NUMBER}, {"confidence": NUMBER})
OWNERS = document(
    {
        "request": {"type": "object", "required": ["kind", "words", "pictures", "by", "evidence", "gallery", "limit"]},
        "took_ms": document({"total": NUMBER}),
        "owners": {
            "type": "array",
            "items": document(
                {
                    "rank": {"type": "integer", "minimum": 1},
                    "name": TEXT,
                    "similarity": NUMBER,
                    "evidence": {"type": "array", "items": _HIT},
                }
            ),
        },
    }
)
_NUMBERS = {"type": "object", "additionalProperties": NUMBER}
EXPLANATION = document(
    {
        "hit": document(
            {**_PICTURE, "similarity": NUMBER, "distance": NUMBER, "confidence": {"type": ["number", "null"]}}
        ),
        "space": {"enum": ["joint", "visual", "fused", "ranked"]},
        "cosines": _NUMBERS,
        "shares": _NUMBERS,
        "terms": {
            "type": "array",
            "items": document({"space": TEXT, "term": TEXT, "weight": NUMBER, "contribution": NUMBER}),
        },
        "unknown_words": {"type": "object", "additionalProperties": {"type": "array", "items": TEXT}},
        "classes": {
            "type": "array",
            "items": document({"name": TEXT, "probability": NUMBER, "similarity": NUMBER, "contribution": NUMBER}),
        },
        "searched": {
            "type": "object",
            "additionalProperties": document(
                {
                    "collection": TEXT,
                    "made_by": TEXT,
                    "index": TEXT,
                    "search_params": {"type": "object"},
                    "re_ranked": {"type": "boolean"},
                }
            ),
        },
    }
)
DUPLICATES = document(
    {
        "gallery": TEXT,
        "kind": {"enum": ["exact", "visual"]},
        "similarity": {"type": ["number", "null"]},
        "groups": {
            "type": "array",
            "items": document(
                {
                    "exact": {"type": "boolean"},
                    "similarity": NUMBER,
                    "pictures": {"type": "array", "items": document({"id": TEXT, "uri": TEXT})},
                }
            ),
        },
    }
)
INGEST_IMAGES = document(
    {
        "gallery": TEXT,
        "engine": {"enum": ["keras", "openvino"]},
        **dict.fromkeys(
            ("seen", "embedded", "replaced", "unchanged", "relabelled", "projected", "quarantined", "removed", "rows"),
            COUNT,
        ),
        "kept_unseen": COUNT,
        "passed_over": {"type": "object", "additionalProperties": COUNT},
        "links_passed_over": COUNT,
        "seconds": NUMBER,
        "quarantine": {"type": ["string", "null"]},
        "dry_run": {"type": "boolean"},
        "notes": {"type": "array", "items": TEXT},
        "images_per_second": NUMBER,
    }
)
INGEST_WORDS = document(
    {
        "words": COUNT,
        "dim": COUNT,
        "unchanged": {"type": "boolean"},
        "malformed": COUNT,
        "duplicates": COUNT,
        "examples": {"type": "array", "items": TEXT},
        "index": TEXT,
        "seconds": NUMBER,
    }
)
STATUS = document({"milvus": TEXT, "collections": {"type": "array", "items": {"type": "object"}}})
ERROR = document({"error": document({"type": TEXT, "message": TEXT})})

_SCORE = {
    "anyOf": [
        {"type": "null"},
        document({"precision_at_10": NUMBER, "accuracy": NUMBER, "labels": COUNT, "pictures": COUNT}),
    ]
}
_MEANS = {"anyOf": [{"type": "null"}, document({"precision_at_10": NUMBER, "accuracy": NUMBER})]}
_SCORES = document({"seen": _SCORE, "unseen": _SCORE, "harmonic_mean": _MEANS})
_COUNTS = {"type": "object", "additionalProperties": COUNT}
TRAIN = document(
    {
        "head": TEXT,
        "loss": TEXT,
        "weights": TEXT,
        "visual": {"type": "object"},
        "words": {"type": "object"},
        "seed": COUNT,
        "trained_on": document(
            {
                "gallery": TEXT,
                "filter": TEXT,
                "feedback": COUNT,
                "labels": _COUNTS,
                "held_out": _COUNTS,
                "without_vector": _COUNTS,
                "unlabelled": COUNT,
                "held_back": document({"share": NUMBER, "seed": COUNT, "pictures": COUNT}),
            }
        ),
        "scores": document({"head": _SCORES, "conse": _SCORES}),
        "joint_share": document(
            {
                "share": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
                "labels": COUNT,
                "pictures": COUNT,
                "cross_fitted": COUNT,
                "average_precision": {"type": "object", "additionalProperties": NUMBER},
                "why": TEXT,
            }
        ),
        "history": {"type": "object", "additionalProperties": {"type": "array", "items": NUMBER}},
        "out": TEXT,
        "seconds": document({"read": NUMBER, "train": NUMBER, "total": NUMBER}),
    }
)
PROJECT = document(
    {
        "gallery": TEXT,
        "head": {"type": "object", "required": ["kind"]},
        "collection": TEXT,
        "rows": COUNT,
        "projected": COUNT,
        "removed": COUNT,
        "checked": COUNT,
        "index": TEXT,
        "replaced": {"type": ["string", "null"]},
        "kept": {"type": ["string", "null"]},
        "seconds": NUMBER,
        "joint_share": {"type": ["number", "null"]},
        "notes": {"type": "array", "items": TEXT},
    }
)

_MAYBE = {"type": ["number", "null"]}
_FIGURE = document(
    {
        "value": _MAYBE,
        "low": _MAYBE,
        "high": _MAYBE,
        "better": {"enum": ["higher", "lower", "near zero"]},
        "unit": TEXT,
        "what": TEXT,
        "chance": _MAYBE,
        "p": _MAYBE,
        "over": TEXT,
        "n": COUNT,
        "by": {"type": "object", "additionalProperties": _MAYBE},
    }
)
_LIST = {"type": "array", "items": {"type": "object"}}
_TEXTS = {"type": "array", "items": TEXT}
EVALUATE = document(
    {
        "page": TEXT,
        "report": TEXT,
        "made": TEXT,
        "seconds": NUMBER,
        "gallery": document({"name": TEXT, "filter": TEXT, "sources": _TEXTS, "collections": {"type": "object"}}),
        "findings": _TEXTS,
        "figures": {"type": "object", "additionalProperties": _FIGURE},
        "gates": _LIST,
        "changes": _LIST,
        "not_measured": _TEXTS,
    }
)
TUNE = document(
    {
        "gallery": TEXT,
        "recall": NUMBER,
        "k": COUNT,
        "stored": {"type": "boolean"},
        "chosen": {
            "type": "array",
            "items": document(
                {
                    "space": {"enum": ["joint", "visual"]},
                    "before": TEXT,
                    "index": TEXT,
                    "recall": NUMBER,
                    "checked": NUMBER,
                    "reached": {"type": "boolean"},
                    "queries": COUNT,
                }
            ),
        },
    }
)
_TEXTS = {"type": "array", "items": TEXT}
VERIFY = document(
    {
        "gallery": TEXT,
        "whole": {"type": "boolean"},
        "problems": _TEXTS,
        "kinds": _TEXTS,
        "remarks": _TEXTS,
        "checked": {"type": "object", "additionalProperties": COUNT},
        "not_checked": _TEXTS,
        "repaired": _TEXTS,
    }
)

_SOURCED = document({"value": NUMBER, "unit": TEXT, "source": {"type": "string", "minLength": 1}})
PLAN = document(
    {
        "pictures": COUNT, "backbone": TEXT, "milvus": TEXT, "measured_on": TEXT, "memory_budget": {"type": ["integer", "null"]},
        "collections": {
            "type": "array",
            "items": document(
                {
                    "name": {"enum": ["visual", "joint"]}, "dim": COUNT, "index": TEXT, "fits": {"type": "boolean"},
                    "memory": _SOURCED, "keep": _SOURCED, "advised": _SOURCED, "disk": _SOURCED,
                }
            ),
        },
        "scalars": _SOURCED,
        "disk": document({"shards": _SOURCED, "sources": _SOURCED}),
        "steps": {
            "type": "array",
            "items": document({"name": TEXT, "seconds": NUMBER, "waits_for": TEXT, "rate": _SOURCED}),
        },
        "seconds": NUMBER,
        "limits": {"type": "array", "minItems": 1, "items": TEXT},
    }
)  # fmt: skip
