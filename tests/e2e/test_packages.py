"""The npm packages of the tests: pinned, and from nowhere in particular."""

from __future__ import annotations

import json
import re

from tests.e2e.clients import front_ends

manifest = json.loads((front_ends / "package.json").read_text())
lock = (front_ends / "package-lock.json").read_text()
packages = json.loads(lock)["packages"]


def test_each_package_is_pinned_to_the_version_that_is_locked() -> None:
    for name, version in {**manifest["dependencies"], **manifest["devDependencies"]}.items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)
        assert packages[f"node_modules/{name}"]["version"] == version


def test_the_lock_holds_hashes_and_no_address() -> None:
    assert "://" not in lock  # npm also writes where to fund a package: taken out
    for path, package in packages.items():
        assert "resolved" not in package
        assert path == "" or package["integrity"].startswith("sha512-")
