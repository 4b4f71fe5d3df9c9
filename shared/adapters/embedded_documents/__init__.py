"""Documents read on this machine: PDF text in reading order, tables, form fields, scans and photos. No network."""

from shared.adapters.embedded_documents.caps import Caps
from shared.adapters.embedded_documents.engine import EmbeddedDocumentEngine

__all__ = ["Caps", "EmbeddedDocumentEngine"]
