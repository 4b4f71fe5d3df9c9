"""Who the app is to Azure: one identity for storage, database, key vault and every engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from azure.core.pipeline.policies import AsyncBearerTokenCredentialPolicy
from azure.identity import DefaultAzureCredential as BlockingCredential
from azure.identity.aio import DefaultAzureCredential

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential
    from azure.core.pipeline import PipelineRequest

COGNITIVE_SERVICES = "https://cognitiveservices.azure.com/.default"
"""Scope of Speech, Document Intelligence and Azure OpenAI."""


def app_identity(*, developing: bool) -> DefaultAzureCredential:
    """The managed identity, or the workload identity on Kubernetes; `AZURE_CLIENT_ID` says which of several.

    A developer's own sign-ins (Azure CLI and the like) count only where `developing`: in production they could only
    be somebody's by mistake, and asking for them one after the other takes seconds.
    """
    return DefaultAzureCredential(**_excluded(developing))


def blocking_identity(*, developing: bool) -> BlockingCredential:
    """The same for an SDK that asks from threads of its own (Speech in real time)."""
    return BlockingCredential(**_excluded(developing))


_SIGN_INS = (
    "exclude_environment_credential",
    "exclude_shared_token_cache_credential",
    "exclude_visual_studio_code_credential",
    "exclude_cli_credential",
    "exclude_developer_cli_credential",
    "exclude_powershell_credential",
)


def _excluded(developing: bool) -> dict[str, bool]:
    return {} if developing else dict.fromkeys(_SIGN_INS, True)


class _Bearer(AsyncBearerTokenCredentialPolicy[Any, Any]):
    """Over plain http the SDK asks for leave with each request."""

    async def on_request(self, request: PipelineRequest[Any]) -> None:
        if request.http_request.url.startswith("http://"):
            request.context.options["enforce_https"] = False
        await super().on_request(request)


def bearer(endpoint: str, credential: AsyncTokenCredential, scope: str) -> AsyncBearerTokenCredentialPolicy[Any, Any]:
    """Tokens for an endpoint. Settings let plain http through for this machine alone, and so does this."""
    made = _Bearer if endpoint.startswith("http://") else AsyncBearerTokenCredentialPolicy[Any, Any]
    return made(credential, scope)
