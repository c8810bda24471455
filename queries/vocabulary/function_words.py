"""Words of English that say how others belong together, or that a picture is asked for, and nothing of what it shows."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ARTICLES = _words("a an the")

PREPOSITIONS = _words(
    "about above across after against along among around at before behind below beneath beside between beyond by during "
    "for from in inside into near next of off on onto out outside over through to toward towards under up upon with"
)

FUNCTION_WORDS = (
    ARTICLES
    | PREPOSITIONS
    | _words(
        "and or but as if than then so that this these those there here which who whom whose what where when "
        "i me my we us our you your he him his she her it its they them their "
        "is are was were be been being am has have had having do does did doing "
        "some any many much several few each every all both other another very just also too please "
        "one two three four five six seven eight nine ten dozen dozens"
    )
)
"""They are left out where other words remain."""

NEGATORS = _words("without no not except excluding")
"""What follows them is unwanted, until ``but`` or, once a word was, a preposition comes."""

JOINING = _words("of and")
"""Function words that a phrase may hold (``statue of liberty``)."""

CARRIERS = _words("photo photos photograph photographs picture pictures image images pic pics snapshot snapshots")
LINKS = (("of",), ("showing",), ("depicting",), ("containing",), ("with",), ("that", "show"), ("that", "shows"))
"""``photo of`` and ``pictures that show`` say that a picture is asked for."""

REQUESTS = (
    ("show", "me"), ("find", "me"), ("give", "me"), ("i", "want"), ("search", "for"), ("looking", "for"),
    ("i", "am", "looking", "for"), ("i'm", "looking", "for"), ("i", "need"), ("i", "would", "like"),
)  # fmt: skip
"""How a request may begin."""
