"""Notes written by a language model of Azure OpenAI."""

from shared.adapters.azure_openai.engine import AzureOpenAINotes
from shared.adapters.azure_openai.model import ChatModel

__all__ = ["AzureOpenAINotes", "ChatModel"]
