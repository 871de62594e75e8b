"""Completes the list of parts of `make sbom` (CycloneDX): `python deploy/sbom.py SBOM ENVIRONMENT`.

A list that is made of a lock file has each part's hashes and not its licence. One that is made of
an environment has the licences, and the parts of the tests, too. So the first gets the licences
of the second. It loses what is not installed in the environment, as it is for other systems, and
gains Swagger UI, whose files are served and come from npm.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

SWAGGER = Path(__file__).parents[1] / "app" / "web" / "swagger" / "README.md"


def complete(sbom: dict[str, Any], environment: dict[str, Any]) -> dict[str, Any]:
    """The list with licences. Raises `ValueError` for a part without one."""
    licences = {_name(part): part.get("licenses") for part in environment["components"]}
    here = [part for part in sbom["components"] if _name(part) in licences]
    parts = [{**part, "licenses": licences[_name(part)]} for part in here]
    if unknown := [part["name"] for part in parts if not part["licenses"]]:
        raise ValueError(f"no licence is known of {', '.join(unknown)}")
    kept = {part["bom-ref"] for part in parts} | {sbom["metadata"]["component"]["bom-ref"]}
    dependencies = [each for each in sbom["dependencies"] if each["ref"] in kept]
    return {**sbom, "components": [*parts, swagger()], "dependencies": dependencies}


def swagger() -> dict[str, Any]:
    """Swagger UI, as its own README names it."""
    found = re.search(r"swagger-ui-dist\]\(.+\) \*\*([\d.]+)\*\*", SWAGGER.read_text())
    assert found
    return {
        "type": "library",
        "bom-ref": "swagger-ui-dist",
        "name": "swagger-ui-dist",
        "version": found[1],
        "purl": f"pkg:npm/swagger-ui-dist@{found[1]}",
        "licenses": [{"license": {"id": "Apache-2.0"}}],
    }


def _name(part: dict[str, Any]) -> str:
    """A part's name in the one form that PyPI compares names in (PEP 503)."""
    return re.sub(r"[-_.]+", "-", part["name"]).lower()


def main() -> None:
    sbom, environment = map(Path, sys.argv[1:])
    whole = complete(json.loads(sbom.read_text()), json.loads(environment.read_text()))
    sbom.write_text(json.dumps(whole, indent=2) + "\n")
    print(f"{sbom}: {len(whole['components'])} parts, each with its licence")


if __name__ == "__main__":
    main()
