"""Looks for known vulnerabilities in all that is pinned: `make audit`.

pip-audit asks PyPI about the lock files of Python, and npm its registry about those of npm. Both
exit with 1 for a vulnerability, for advisories that they can't reach, and for a lock file that they
can't read, so what they print is read. Exits with 1 for a vulnerability and for a lock file that
can't be read. Where advisories can't be reached it says so, and exits with 2, or with 0 in CI
(`CI=true`): a build does not fail because a registry is away.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
PIP_AUDIT = (
    *(sys.executable, "-m", "pip_audit", "--strict", "--disable-pip", "--require-hashes"),
    *("--progress-spinner", "off", "--format", "json"),
)
NPM_AUDIT = ("npm", "audit", "--json", "--package-lock-only")

UNREACHABLE = re.compile(
    r"could not be audited|network may be blocking|requests\.exceptions\.|pip_audit\._service\."
)
"""What pip-audit says where PyPI does not answer it, or answers without advisories. It may end in
a traceback there."""


class Audit(NamedTuple):
    """What came of one audit.

    of: the file, or files
    wrong: a line for each vulnerability, or what is wrong with the file
    unreachable: why the advisories could not be asked; "" if they were
    """

    of: str
    wrong: list[str]
    unreachable: str = ""


def of_python(files: list[str], out: str, said: str) -> Audit:
    """What pip-audit printed: a report, or, if it could not make one, an error alone."""
    of = " ".join(files)
    report = _object(out)
    if "dependencies" not in report:
        reason = _last_line(said)
        return Audit(of, [], reason) if UNREACHABLE.search(said) else Audit(of, [reason])
    found = [
        f"{dependency['name']} {dependency['version']}: {vulnerability['id']}"
        + _mended_in(vulnerability["fix_versions"])
        for dependency in report["dependencies"]
        for vulnerability in dependency["vulns"]
    ]
    return Audit(of, found)


def of_npm(file: str, out: str, said: str) -> Audit:
    """What npm printed: a report, the message of a request that failed, or another error."""
    report = _object(out)
    if "message" in report:
        return Audit(file, [], str(report["message"]))
    if "vulnerabilities" not in report:
        return Audit(file, [_last_line(said)])
    found = [f"{name}: {each['severity']}" for name, each in report["vulnerabilities"].items()]
    return Audit(file, found)


def exit_code(audits: list[Audit], in_ci: bool) -> int:
    if any(audit.wrong for audit in audits):
        return 1
    return 2 if any(audit.unreachable for audit in audits) and not in_ci else 0


def lines(audits: list[Audit], in_ci: bool) -> list[str]:
    """What is told of the audits, in words."""
    told = [line for audit in audits for line in _lines(audit)]
    failed = sum(bool(audit.unreachable) for audit in audits)
    if failed:
        told.append(f"{failed} of {len(audits)} audits did not take place: nothing is known there")
    if failed and in_ci and exit_code(audits, in_ci) == 0:
        told.append("This passes all the same, as it runs in CI (CI=true)")
    return told


def _lines(audit: Audit) -> list[str]:
    if audit.unreachable:
        return [
            f"{audit.of}: NOT AUDITED, as the advisories can't be reached ({audit.unreachable})"
        ]
    return [f"{audit.of}: {line}" for line in audit.wrong or ["no known vulnerability"]]


def _mended_in(versions: list[str]) -> str:
    return f" (mended in {', '.join(versions)})" if versions else ""


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["it said nothing"])[-1]


def _run(*command: str) -> tuple[str, str]:
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return ended.stdout, ended.stderr


def main(locks: list[str]) -> int:
    """locks: lock files, of Python (`.lock`) and of npm (`package-lock.json`)"""
    python = [lock for lock in locks if lock.endswith(".lock")]
    asked = [argument for lock in python for argument in ("-r", lock)]
    audits = [of_python(python, *_run(*PIP_AUDIT, *asked))]
    for lock in locks:
        if lock not in python:
            audits.append(of_npm(lock, *_run(*NPM_AUDIT, "--prefix", str(Path(lock).parent))))
    in_ci = os.environ.get("CI") == "true"
    print(*lines(audits, in_ci), sep="\n")
    return exit_code(audits, in_ci)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
