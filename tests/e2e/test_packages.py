"""The npm packages of the tests: pinned, and from nowhere in particular."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.e2e.clients import front_ends

clients = Path(__file__).parents[2] / "clients"
each_folder = pytest.mark.parametrize(
    "folder",
    [front_ends, front_ends.parents[1] / "dev_servers", clients, clients / "types"],
    ids=lambda path: path.name,
)


@each_folder
def test_each_package_is_pinned_to_the_version_that_is_locked(folder: Path) -> None:
    manifest = json.loads((folder / "package.json").read_text())
    packages = json.loads((folder / "package-lock.json").read_text())["packages"]
    wanted = manifest.get("dependencies", {}) | manifest.get("devDependencies", {})
    for name, version in wanted.items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)
        assert packages[f"node_modules/{name}"]["version"] == version


@each_folder
def test_the_lock_holds_hashes_and_no_address(folder: Path) -> None:
    lock = (folder / "package-lock.json").read_text()
    assert "://" not in lock  # npm also writes where to fund a package: taken out
    for path, package in json.loads(lock)["packages"].items():
        # What a package brings within itself has no archive of its own.
        is_within = package.get("inBundle", False)
        is_ours = package.get("link") or is_within or not path.startswith("node_modules/")
        assert package.get("resolved") is None or package.get("link")
        assert is_ours or package["integrity"].startswith("sha512-")


@pytest.mark.parametrize("name", ["js", "react"])
def test_a_client_has_no_dependencies(name: str) -> None:
    manifest = json.loads((clients / name / "package.json").read_text())
    assert not manifest.keys() & {"dependencies", "optionalDependencies", "devDependencies"}
    assert manifest["sideEffects"] is False
    assert (clients / name / "LICENSE").read_text() == (clients.parent / "LICENSE").read_text()
