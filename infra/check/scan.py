"""checkov over the Bicep files, without a network.

    .venv-infra/bin/python infra/check/scan.py FOLDER

It runs in an environment of its own (requirements-infra.txt): its pins would fight with the app's. Only the rules for
Bicep are loaded, a third of the time of its command line. A file it cannot parse, or a rule that breaks, fails the
scan: both would otherwise look like nothing found. What it finds fails, unless scan.yaml says why it may be.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import checkov.arm.checks.resource  # noqa: F401 (the rules register themselves, and Bicep's runner shares them)
import yaml
from checkov.bicep.runner import Runner
from checkov.runner_filter import RunnerFilter


class _Broken(logging.Handler):
    """Hears of rules that broke."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.told.append(record.getMessage().splitlines()[0])


def main(folder: str) -> int:
    """Print what was found and how much passed."""
    broken = _Broken()
    logging.getLogger().addHandler(broken)
    skips = yaml.safe_load(Path(__file__).with_name("scan.yaml").read_text("utf-8"))
    report = Runner().run(root_folder=folder, runner_filter=RunnerFilter(framework=["bicep"], skip_checks=list(skips)))
    for failed in report.failed_checks:
        where = f"{failed.file_path}:{failed.file_line_range[0]}"
        sys.stdout.write(f"{where}: {failed.check_id} {failed.resource}: {failed.check_name}\n")
    for trouble in [*(f"cannot parse {path}" for path in report.parsing_errors), *broken.told]:
        sys.stdout.write(f"{trouble}\n")
    passed, failed = len(report.passed_checks), len(report.failed_checks)
    sys.stdout.write(f"checkov: {passed} passed, {failed} failed, {len(skips)} rules skipped\n")
    return 1 if failed or report.parsing_errors or broken.told or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
