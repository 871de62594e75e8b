"""`make audit` tells a vulnerability from advisories that can't be reached, and `make sbom` names
the licence of each part."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path
from runpy import run_path
from typing import Any

import pytest

from tests.test_packaging import read_lock

ROOT = Path(__file__).parents[1]
complete = run_path(str(ROOT / "deploy" / "sbom.py"))["complete"]

PIP_CLEAN = json.dumps({"dependencies": [{"name": "a", "version": "1", "vulns": []}], "fixes": []})
PIP_FOUND = json.dumps(
    {
        "dependencies": [
            {
                "name": "a",
                "version": "1",
                "vulns": [{"id": "PYSEC-1", "fix_versions": ["2"], "aliases": []}],
            }
        ],
        "fixes": [],
    }
)
NOT_THERE = "ERROR:pip_audit._cli:a: Dependency not found on PyPI and could not be audited: a (1)"
NO_PROXY = "  raise ProxyError\nrequests.exceptions.ProxyError: Max retries exceeded with url"
NO_LOCK = "ERROR:pip_audit._cli:requirement file x.lock contains invalid specifier at line 1"
NPM_CLEAN = json.dumps({"auditReportVersion": 2, "vulnerabilities": {}})
NPM_FOUND = json.dumps({"vulnerabilities": {"b": {"severity": "high"}}})
NPM_AWAY = json.dumps({"message": "405 Method Not Allowed", "statusCode": 405})
NPM_NO_LOCK = json.dumps({"error": {"code": "ENOLOCK", "summary": "There is no lock file."}})

CASES = {
    "all is well": (PIP_CLEAN, "", NPM_CLEAN, 0, 0, "no known vulnerability"),
    "Python has one": (PIP_FOUND, "", NPM_CLEAN, 1, 1, "a 1: PYSEC-1 (mended in 2)"),
    "npm has one": (PIP_CLEAN, "", NPM_FOUND, 1, 1, "b: high"),
    "PyPI has no advisories": ("", NOT_THERE, NPM_CLEAN, 2, 0, "NOT AUDITED"),
    "there is no network": ("", NO_PROXY, NPM_AWAY, 2, 0, "2 of 2 audits did not take place"),
    "npm is away": (PIP_CLEAN, "", NPM_AWAY, 2, 0, "405 Method Not Allowed"),
    "npm has one and PyPI is away": ("", NOT_THERE, NPM_FOUND, 1, 1, "NOT AUDITED"),
    "a lock file is broken": ("", NO_LOCK, NPM_CLEAN, 1, 1, "invalid specifier"),
    "a lock file is missing": (PIP_CLEAN, "", NPM_NO_LOCK, 1, 1, "package-lock.json: "),
}


@pytest.mark.parametrize("case", CASES)
def test_an_audit_fails_for_what_is_wrong_and_says_what_it_could_not_ask(
    case: str, tmp_path: Path
) -> None:
    """Programs that print what the real ones do stand in their places."""
    out, said, npm, alone, in_ci, told = CASES[case]
    (tmp_path / "pip_audit.py").write_text(
        f"import sys; print({out!r}); print({said!r}, file=sys.stderr); sys.exit(1)"
    )
    (tmp_path / "npm").write_text(f"#!/bin/sh\ncat <<'END'\n{npm}\nEND\nexit 1\n")
    (tmp_path / "npm").chmod(0o755)
    for ci, code in (("", alone), ("true", in_ci)):
        ended = subprocess.run(
            (sys.executable, ROOT / ".ci" / "audit.py", "x.lock", "y/package-lock.json"),
            env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(tmp_path), "CI": ci},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == code, ended.stderr
        assert told in ended.stdout
        assert ("passes all the same" in ended.stdout) == (ci == "true" and alone == 2)


def part(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "bom-ref": f"ref-{name}", "version": "1", **more}


def test_the_list_of_parts_has_licences_and_nothing_of_other_systems() -> None:
    root = {"component": part("service")}
    sbom = {
        "metadata": root,
        "components": [part("One_Thing", hashes=["h"]), part("elsewhere")],
        "dependencies": [
            {"ref": "ref-One_Thing"},
            {"ref": "ref-elsewhere"},
            {"ref": "ref-service"},
        ],
    }
    mit = [{"license": {"id": "MIT"}}]
    environment = {"components": [part("one-thing", licenses=mit), part("tests", licenses=mit)]}
    whole = complete(sbom, environment)
    assert whole["components"][0] == part("One_Thing", hashes=["h"], licenses=mit)
    assert [each["name"] for each in whole["components"][1:]] == ["swagger-ui-dist"]
    assert whole["dependencies"] == [{"ref": "ref-One_Thing"}, {"ref": "ref-service"}]
    with pytest.raises(ValueError, match="no licence is known of One_Thing"):
        complete(sbom, {"components": [part("one-thing")]})


def test_each_part_says_its_licence() -> None:
    """What `make sbom` takes it from: all that is locked for the service and installed here."""
    locked = read_lock("requirements.lock")
    here = {each.name.lower(): each.metadata for each in distributions()}
    silent = [
        name
        for name in locked
        if (found := here.get(name))
        and not found.get("License-Expression")
        and not found.get("License")
        and not [word for word in found.get_all("Classifier", []) if word.startswith("License ::")]
    ]
    assert silent == []
    assert len(here.keys() & locked.keys()) > 40
