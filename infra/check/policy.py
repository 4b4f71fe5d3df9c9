"""What must hold whatever else changes: nobody gets in by key, nothing is public that need not be, least roles."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from tree_sitter import Node

from infra.check.source import Finding, Source, body, properties, text

_MUST_BE = {
    "Microsoft.Storage/storageAccounts": {
        "allowBlobPublicAccess": "false",
        "allowSharedKeyAccess": "false",
        "allowCrossTenantReplication": "false",
        "supportsHttpsTrafficOnly": "true",
        "minimumTlsVersion": "'TLS1_2'",
    },
    "Microsoft.Storage/storageAccounts/blobServices/containers": {"publicAccess": "'None'"},
    "Microsoft.DocumentDB/databaseAccounts": {
        "disableLocalAuth": "true",
        "disableKeyBasedMetadataWriteAccess": "true",
        "minimalTlsVersion": "'Tls12'",
    },
    "Microsoft.KeyVault/vaults": {
        "enableRbacAuthorization": "true",
        "enablePurgeProtection": "true",
        "enableSoftDelete": "true",
    },
    "Microsoft.CognitiveServices/accounts": {"disableLocalAuth": "true"},
    "Microsoft.Insights/components": {"DisableLocalAuth": "true"},
    "Microsoft.Web/sites": {"httpsOnly": "true"},
    "Microsoft.Web/sites/basicPublishingCredentialsPolicies": {"allow": "false"},
}
_ISOLATED = frozenset(
    {
        "Microsoft.Storage/storageAccounts",
        "Microsoft.DocumentDB/databaseAccounts",
        "Microsoft.KeyVault/vaults",
        "Microsoft.CognitiveServices/accounts",
    }
)
_ISOLATION = "isolated ? 'Disabled' : 'Enabled'"

BUILT_IN_ROLES = {
    "storageBlobDataOwner": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    "storageQueueDataContributor": "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
    "storageTableDataContributor": "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
    "keyVaultCryptoServiceEncryptionUser": "e147488a-f6f5-4113-8e2d-b22465e65bf6",
    "cognitiveServicesUser": "a97b65f3-24c7-4388-baec-2e87135dc908",
    "cognitiveServicesSpeechUser": "f2dc8367-1007-4938-bd23-fe263f013447",
    "cognitiveServicesOpenAIUser": "5e0bd9bd-7b93-4f28-af87-19fc36ad61bd",
    "monitoringMetricsPublisher": "3913510d-42f4-4e42-8a64-420c390055eb",
}
"""Azure's own, which are the same everywhere; nothing broader may be given. Microsoft's list of built-in roles."""


_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_COSMOS_DATA_CONTRIBUTOR = "00000000-0000-0000-0000-000000000002"


def check(source: Source) -> Iterator[Finding]:
    """Every resource of the file."""
    for guid in _GUID.finditer(text(source.root)):
        if guid[0] != _COSMOS_DATA_CONTRIBUTOR:
            yield Finding(source.path, 1, 1, f"{guid[0]}: roles are named in roles.json")
    for declared in source.of_kind("resource").values():
        name, inner = declared.text.partition("@")[0], body(declared.value)
        if inner is None or declared.existing:
            continue
        held = properties(properties(inner)["properties"][1]) if "properties" in properties(inner) else {}
        for key, wanted in _MUST_BE.get(name, {}).items():
            if key not in held or text(held[key][1]) != wanted:
                yield source.finding(held[key][1] if key in held else inner, f"{declared.name}.{key} must be {wanted}")
        if name in _ISOLATED and _resolved(source, held.get("publicNetworkAccess", (None, None))[1]) != _ISOLATION:
            yield source.finding(inner, f"{declared.name}.publicNetworkAccess must be {_ISOLATION}")
        if name == "Microsoft.Authorization/roleAssignments":
            yield from _scoped(source, inner)


def check_roles(path: Path) -> Iterator[Finding]:
    """That roles are what their names say."""
    for name, guid in json.loads(path.read_text("utf-8")).items():
        if name not in BUILT_IN_ROLES:
            yield Finding(path, 1, 1, f"{name} is no role that the app may have")
        elif guid != BUILT_IN_ROLES[name]:
            yield Finding(path, 1, 1, f"{name} is {BUILT_IN_ROLES[name]}, not {guid}")


def _resolved(source: Source, node: Node | None) -> str:
    """The expression as written, or what the variable that stands for it is."""
    if node is None:
        return ""
    variable = source.of_kind("var").get(text(node))
    return text(variable.value) if variable is not None and variable.value is not None else text(node)


def _scoped(source: Source, inner: Node) -> Iterator[Finding]:
    """A role is given on one resource, never on the whole group."""
    if "scope" not in properties(inner):
        yield source.finding(inner, "a role needs the scope of one resource")
