"""Where pictures come from. A source is a stream of items; an item says which picture it is and gives its bytes."""

from milvise.ingest.sources.content import BytesContent, Content, ContentState, LocalFile
from milvise.ingest.sources.item import Item, Rejected
from milvise.ingest.sources.open_source import open_source, reads_much, require_pictures
from milvise.ingest.sources.skipped import Skipped
from milvise.ingest.sources.source import Source

__all__ = [
    "BytesContent",
    "Content",
    "ContentState",
    "Item",
    "LocalFile",
    "Rejected",
    "Skipped",
    "Source",
    "open_source",
    "reads_much",
    "require_pictures",
]
