"""The real services, where somebody gives a subscription for it.

The app's own settings with `AZURE_TEST_` before them say where they are: AZURE_TEST_NOTES__AZURE_OPENAI__ENDPOINT=https://…
and so on; the engine need not be named. Without a key, whoever is signed in (Azure CLI) is asked.
"""

from __future__ import annotations

import os
from typing import TypeVar

import pytest
from pydantic import BaseModel, create_model
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "AZURE_TEST_"
S = TypeVar("S", bound=BaseModel)


def azure_settings(section: str, kind: type[S]) -> S:
    """A section of the app's settings for a real service; skips the test where there are none."""
    if not any(name.startswith(f"{PREFIX}{section.upper()}__") for name in os.environ):
        pytest.skip(f"no {PREFIX}{section.upper()}__… in the environment")
    read = create_model("AzureTest", __base__=_Prefixed, **{section: (kind, ...)})  # type: ignore[call-overload]
    found: S = getattr(read(), section)
    return found


class _Prefixed(BaseSettings):
    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__", extra="ignore")
