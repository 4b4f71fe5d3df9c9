"""API keys for partners: issue, list, revoke.

    python -m localcloud.api_keys issue --name clinic1
    python -m localcloud.api_keys list --name clinic1
    python -m localcloud.api_keys revoke --name clinic1 [--last-four 1a2b]

Works on the database of the stack that runs in SCRIBE_HOME; with COSMOS__ENDPOINT set, on that one, by COSMOS__KEY or,
without, as who is signed in to the Azure CLI.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from azure.identity.aio import AzureCliCredential

from localcloud.running import NothingRuns, running_in
from shared.adapters.cosmos_items import CosmosItems
from shared.bootstrap import SystemClock
from shared.domain.errors import ScribeError
from shared.services.api_keys import ApiKeys


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line: 0, or 1 when it could not be done."""
    chosen = _parser().parse_args(arguments)
    try:
        sys.stdout.write(asyncio.run(_run(chosen)))
    except (NothingRuns, ScribeError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m localcloud.api_keys", description="API keys for partners.")
    parser.add_argument("command", choices=["issue", "list", "revoke"])
    parser.add_argument("--name", required=True, help="whose key it is")
    parser.add_argument("--last-four", help="revoke only the key that ends so")
    parser.add_argument("--home", type=Path, default=Path(os.environ.get("SCRIBE_HOME", ".local")))
    return parser


async def _run(chosen: argparse.Namespace) -> str:
    items = _items(chosen.home)
    keys = ApiKeys(items, SystemClock())
    try:
        if chosen.command == "issue":
            secret, _ = await keys.issue(chosen.name)
            return secret + "\n"
        if chosen.command == "revoke":
            await keys.revoke(chosen.name, chosen.last_four)
        rows = [(f"…{key.last_four}", key.role, key.created, key.revoked or "") for key in await keys.of(chosen.name)]
        return "".join("\t".join(row).rstrip() + "\n" for row in rows)
    finally:
        await items.close()


def _items(home: Path) -> CosmosItems:
    if "COSMOS__ENDPOINT" in os.environ:
        return CosmosItems(
            os.environ["COSMOS__ENDPOINT"],
            os.environ.get("COSMOS__KEY") or AzureCliCredential(),
            database=os.environ.get("COSMOS__DATABASE", "scribe"),
        )
    stack = running_in(home)
    return CosmosItems(stack.cosmos_endpoint, stack.cosmos_key, may_create=True)


if __name__ == "__main__":
    sys.exit(main())
