"""`make check-infra`: every check, one line for each finding; exit code 1 when there is one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from infra.check import agreement, azd, modules, policy, resources, symbols
from infra.check.source import Finding, Source

PROJECT = Path(__file__).parent.parent.parent


def check_bicep(infra: Path) -> Iterator[Finding]:
    """Each file by itself and with those it calls."""
    for path in sorted([*infra.glob("*.bicep"), *infra.glob("modules/*.bicep")]):
        source = Source.read(path)
        broken = list(source.syntax_errors())
        yield from broken
        if not broken:
            for check in (symbols.check, resources.check, modules.check, policy.check):
                yield from check(source)
    yield from azd.check(PROJECT, infra)
    yield from policy.check_roles(infra / "roles.json")


def check_agreement(infra: Path, triggers: list[agreement.Trigger]) -> Iterator[Finding]:
    """With the code."""
    yield from agreement.check_stores(infra)
    yield from agreement.check_triggers(infra, triggers)
    yield from agreement.check_settings(infra, triggers)
    yield from agreement.check_watch(infra, triggers, PROJECT / "shared")


def main() -> int:
    """Print what is wrong."""
    infra = PROJECT / "infra"
    findings = sorted({*check_bicep(infra), *check_agreement(infra, agreement.triggers())})
    for finding in findings:
        sys.stdout.write(f"{finding}\n")
    sys.stdout.write(f"infra: {len(findings)} findings\n")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
