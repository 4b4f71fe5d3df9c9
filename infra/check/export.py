"""Write down the types of Azure's resources, once for each version of a type.

    python -m infra.check.export AZMCP TYPE...

AZMCP is the program in the npm package `@azure/mcp-linux-x64`, which knows them without a network. Descriptions are
left out. A property is `type` or `type!flags`: R for required, O for read-only. Types that the program fails to give
are written by hand from the published reference; their files say so.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from infra.check.schemas import FOLDER


def main(program: str, names: list[str]) -> None:
    """Export each."""
    for name in names:
        answer = subprocess.run(
            [program, "bicepschema", "get", "--resource-type", name], capture_output=True, text=True, check=True
        )
        entries = json.loads(answer.stdout)["results"]["BicepSchemaResult"]
        resource = next(entry for entry in entries if entry["$type"] == "Resource")
        types = {entry["name"]: _type(entry) for entry in entries if entry["$type"].endswith("Object")}
        held = {
            "type": name,
            "version": resource["name"].partition("@")[2],
            "scopes": resource["writableScopes"],
            "body": _type(resource["bodyType"]),
            "types": types,
        }
        path = FOLDER / f"{name.replace('/', '_')}.json"
        path.write_text(json.dumps(held, separators=(",", ":"), sort_keys=True) + "\n", "utf-8")


def _type(entry: dict[str, Any]) -> dict[str, Any]:
    if entry["$type"] == "DiscriminatedObject":
        key = entry["discriminator"]
        return {
            "properties": _properties(entry["baseProperties"]),
            "discriminator": key,
            "variants": {
                next(each["type"] for each in element["properties"] if each["name"] == key): _type(element)
                for element in entry["elements"]
            },
        }
    held: dict[str, Any] = {"properties": _properties(entry["properties"])}
    if entry.get("additionalPropertiesType"):
        held["additional"] = entry["additionalPropertiesType"]
    return held


def _properties(entries: list[dict[str, Any]]) -> dict[str, str]:
    held = {}
    for entry in entries:
        flags = entry.get("flags", "")
        marks = ("R" if "Required" in flags else "") + ("O" if "ReadOnly" in flags else "")
        held[entry["name"]] = entry["type"] + (f"!{marks}" if marks else "")
    return held


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
