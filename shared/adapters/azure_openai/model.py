"""A chat model that answers in JSON of a given form. Nothing it is shown or says reaches a log or an error."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import ClientAuthenticationError

from shared.adapters.azure_answers import MISCONFIGURED, Patience, engine_error
from shared.adapters.azure_calls import meaning_of_azure_error, patiently, retry_after_s
from shared.adapters.azure_identity import COGNITIVE_SERVICES
from shared.adapters.sdk_errors import plain
from shared.domain.errors import EngineRefused, EngineUnavailable, ScribeError
from shared.notes.prompts import Message

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential
    from openai import AsyncOpenAI
    from openai.types.chat import ChatCompletion

SERVICE = "azure openai"


class TooLong(EngineRefused):
    """The question does not fit the model's window, or the answer its own limit: ask for less."""

    code = "length"


class Declined(EngineRefused):
    """The model, or the filter around it, will not answer this. `code`: `content_filter` or `refusal`."""

    code = "refusal"


class ChatModel:
    """A deployment, asked by key or by the app's identity. The connection opens with the first use.

    With `api_version` over the dated API, else over v1. `timeout_s` caps one answer.
    """

    def __init__(
        self,
        endpoint: str,
        deployment: str,
        credential: str | Callable[[], AsyncTokenCredential],
        *,
        api_version: str | None = None,
        max_output_tokens: int = 12_000,
        timeout_s: float = 180,
        patience: Patience | None = None,
    ) -> None:
        self.deployment = deployment
        self.max_output_tokens = max_output_tokens
        self._endpoint = endpoint
        self._credential = credential
        self._api_version = api_version
        self._timeout_s = timeout_s
        self._patience = patience or Patience()
        self._opened: AsyncOpenAI | None = None

    async def ask(self, messages: Sequence[Message], *, name: str, schema: dict[str, Any]) -> str:
        """The answer's text. Raises: EngineUnavailable; TooLong, Declined."""
        return _text_of(
            await patiently(lambda: self._ask(messages, name, schema), meaning=_meaning, patience=self._patience)
        )

    async def close(self) -> None:
        """Close the connection; the next use opens another."""
        client, self._opened = self._opened, None
        if client is not None:
            await client.close()

    async def _ask(self, messages: Sequence[Message], name: str, schema: dict[str, Any]) -> ChatCompletion:
        form = {"type": "json_schema", "json_schema": {"name": name, "strict": True, "schema": schema}}
        chat: Any = self._client().chat.completions
        async with asyncio.timeout(self._timeout_s):
            answer: ChatCompletion = await chat.create(
                model=self.deployment,
                messages=list(messages),
                response_format=form,
                max_completion_tokens=self.max_output_tokens,
            )
        if not getattr(answer, "choices", None):  # the SDK passes on whatever came
            raise EngineUnavailable(f"{SERVICE} answers without an answer")
        return answer

    def _client(self) -> AsyncOpenAI:
        if self._opened is None:
            import openai  # noqa: PLC0415 (heavy)

            # At DEBUG it logs what is sent, which is what patients said: whatever OPENAI_LOG or the root logger say.
            logging.getLogger("openai").setLevel(logging.WARNING)
            common: dict[str, Any] = {"max_retries": 0, "timeout": self._timeout_s}
            credential: Any = self._credential if isinstance(self._credential, str) else self._token_provider()
            if self._api_version is None:
                base = f"{self._endpoint}/openai/v1/"
                self._opened = openai.AsyncOpenAI(base_url=base, api_key=credential, **common)
            else:
                how = "api_key" if isinstance(credential, str) else "azure_ad_token_provider"
                self._opened = openai.AsyncAzureOpenAI(
                    azure_endpoint=self._endpoint, api_version=self._api_version, **{how: credential}, **common
                )
        return self._opened

    def _token_provider(self) -> Any:
        from azure.identity.aio import get_bearer_token_provider  # noqa: PLC0415 (heavy)

        assert not isinstance(self._credential, str)
        return get_bearer_token_provider(self._credential(), COGNITIVE_SERVICES)


def _text_of(answer: ChatCompletion) -> str:
    choice = answer.choices[0]
    if choice.finish_reason == "length":
        raise TooLong(f"{SERVICE} stopped at its limit")
    if choice.finish_reason == "content_filter":
        raise Declined(f"{SERVICE} filtered its answer", code="content_filter")
    if choice.message.refusal or not choice.message.content:
        raise Declined(f"{SERVICE} declined")
    return choice.message.content


def _meaning(error: Exception) -> ScribeError | None:
    import openai  # noqa: PLC0415 (heavy)

    if isinstance(error, openai.APIStatusError):
        return _meaning_of_answer(error)
    if isinstance(error, openai.APIError | TimeoutError | ValueError):  # lost, late, or half an answer sent as a whole
        return engine_error(SERVICE, None)
    if isinstance(error, ClientAuthenticationError):
        return meaning_of_azure_error(error, SERVICE)
    return None


def _meaning_of_answer(error: Any) -> ScribeError:
    code = str(error.code or "")
    if error.status_code == HTTPStatus.BAD_REQUEST:
        if code == "content_filter":
            return Declined(f"{SERVICE} filtered what it was shown", code="content_filter")
        if code == "context_length_exceeded":
            return TooLong(f"{SERVICE} has no window this large")
        # Our form is always the same, so it is the deployment that does not take it: no reason for another note.
        return EngineUnavailable(f"{SERVICE} answered 400 ({plain(code)})", code=MISCONFIGURED)
    return engine_error(SERVICE, error.status_code, retry_after_s=retry_after_s(error.response.headers))
