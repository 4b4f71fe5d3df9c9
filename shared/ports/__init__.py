"""What the use cases need from the outside world.

Every adapter keeps these contracts, and so does its in-memory twin: one contract suite runs over both.
Unless said otherwise each call may raise StoreUnavailable (or EngineUnavailable for an engine), after which
the same call may be repeated safely.
"""

from shared.ports.blobs import BlobInfo, BlobStore
from shared.ports.clock import Clock
from shared.ports.engines import DocumentEngine, NoteEngine, NoteRequest, Progress, SpeechEngine
from shared.ports.items import (
    MAX_STEPS,
    Change,
    Create,
    Delete,
    Item,
    ItemStore,
    JsonObject,
    Page,
    Patch,
    Replace,
    Step,
    Upsert,
    all_items,
)
from shared.ports.keys import KeyEncryptionKey, WrappedKey
from shared.ports.pages import PageStore
from shared.ports.queues import Queues
from shared.ports.web import Downloaded, Web

__all__ = [
    "MAX_STEPS",
    "BlobInfo",
    "BlobStore",
    "Change",
    "Clock",
    "Create",
    "Delete",
    "DocumentEngine",
    "Downloaded",
    "Item",
    "ItemStore",
    "JsonObject",
    "KeyEncryptionKey",
    "NoteEngine",
    "NoteRequest",
    "Page",
    "PageStore",
    "Patch",
    "Progress",
    "Queues",
    "Replace",
    "SpeechEngine",
    "Step",
    "Upsert",
    "Web",
    "WrappedKey",
    "all_items",
]
