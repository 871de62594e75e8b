"""A fresh machine: what the image, the Makefile and the lock files promise."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from app.terminal.new import source
from tests.support import dockerfile
from tests.support.sockets import free_port

root = Path(__file__).parents[1]
stages = dockerfile.parse((root / "Dockerfile").read_text())
final = stages[-1]
locks = ["requirements.lock", "requirements-dev.lock", "requirements-bench.lock"]
groups = ["generators", "litellm", "local"]
every_lock = [*locks, *(f"requirements-{group}.lock" for group in groups)]


# The image


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> dockerfile.Image:
    image = dockerfile.Image(stages, root, tmp_path_factory.mktemp("image"))
    image.build()
    return image


@pytest.fixture
def output(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "output"
    path.touch()
    yield path
    print(path.read_text())  # pytest shows it where the test fails


def eventually(true: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def serves(output: Path) -> bool:
    """Whether a service has said that it serves."""
    return "serving on" in output.read_text()


@pytest.mark.timeout(600)
def test_the_image_holds_what_the_service_needs_and_no_more(image: dockerfile.Image) -> None:
    assert {path.name for path in image.root.iterdir()} == {"app", "venv"}
    assert {path.name for path in (image.root / "app").iterdir()} == {"app", "schemas", "clients"}
    clients = image.root / "app" / "clients"
    held = {str(path.relative_to(clients)) for path in clients.glob("*/*")}
    assert held == {"js/src", "python/structured_streams"}


@pytest.mark.timeout(600)
def test_the_image_serves_is_healthy_writes_nothing_and_stops_on_sigterm(
    image: dockerfile.Image, output: Path
) -> None:
    env = {"PORT": str(free_port()), "DEMO_TOKENS_PER_SECOND": "0"}
    address = f"http://127.0.0.1:{env['PORT']}"

    def healthy() -> bool:
        check = image.start(dockerfile.command(final.only("HEALTHCHECK")), Path(os.devnull), **env)
        return check.wait(timeout=10) == 0

    before = image.files()
    service = image.start(dockerfile.command(final.only("CMD")), output, **env)
    try:
        assert eventually(lambda: serves(output) or service.poll() is not None, seconds=90)
        assert service.poll() is None, "the service ended at once"
        assert healthy()
        listed = httpx.get(f"{address}/schemas", timeout=30, trust_env=False).json()["schemas"]
        schema = listed[0]["name"]
        answer = httpx.get(f"{address}/{schema}?topic=tea", timeout=30, trust_env=False)
        assert answer.status_code == 200
        assert "\nevent: done\n" in answer.text
        client = httpx.get(f"{address}/web/client/index.js", timeout=30, trust_env=False)
        assert client.status_code == 200
        service.send_signal(signal.SIGTERM)
        assert service.wait(timeout=10) == 0
        assert not healthy()
    finally:
        service.kill()
        service.wait()
    assert image.files() == before


@pytest.mark.timeout(600)
def test_the_image_is_a_base_for_schemas_that_stand_in_a_folder_of_their_own(
    image: dockerfile.Image, output: Path, tmp_path: Path
) -> None:
    """The lines are the README's, and the folder holds nothing but the schemas."""
    found = re.search(r"```dockerfile\n(.*?)```", (root / "README.md").read_text(), re.DOTALL)
    assert found
    (tmp_path / "my_schemas").mkdir()
    (tmp_path / "my_schemas" / "trips.py").write_text(source("trips"), encoding="utf-8")
    env = {"PORT": str(free_port()), "DEMO_TOKENS_PER_SECOND": "0"}
    address = f"http://127.0.0.1:{env['PORT']}"

    def served() -> list[str]:
        listed = httpx.get(f"{address}/schemas", timeout=30, trust_env=False).json()
        return [schema["name"] for schema in listed["schemas"]]

    with image.extended(found[1], tmp_path) as own:
        service = own.start(dockerfile.command(final.only("CMD")), output, **env)
        try:
            assert eventually(lambda: serves(output) or service.poll() is not None, seconds=90)
            assert served() == ["trips"]
            answer = httpx.get(f"{address}/trips?topic=tea", timeout=30, trust_env=False)
            assert "\nevent: done\n" in answer.text
        finally:
            service.kill()
            service.wait()


def test_the_image_is_built_in_two_stages_from_one_pinned_slim_version() -> None:
    assert len(stages) == 2
    assert len({stage.base for stage in stages}) == 1
    assert re.fullmatch(r"python:3\.\d+-slim@sha256:[0-9a-f]{64}", final.base)


def test_the_image_has_no_tool_that_installs(image: dockerfile.Image) -> None:
    venv = image.root / "venv"
    assert list(venv.glob("lib/python3.*/site-packages/fastapi"))
    for tool in ("pip", "setuptools", "wheel", "ensurepip"):
        assert not list(venv.glob(f"bin/{tool}*"))
        assert not list(venv.glob(f"lib/python3.*/site-packages/{tool}*"))


def test_the_image_takes_the_newest_python_that_the_suite_has_run_on() -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    named = [Version(name.rsplit(" ", 1)[1]) for name in project["classifiers"]]
    assert min(named) in SpecifierSet(project["requires-python"])
    for stage in stages:
        assert stage.base.startswith(f"python:{max(named)}-slim@")


def test_the_image_does_not_run_as_root() -> None:
    user, group = final.only("USER").split(":")
    assert int(user) > 0
    assert int(group) > 0


def test_the_image_takes_signals_itself_and_checks_its_health() -> None:
    assert dockerfile.command(final.only("CMD")) == ["python", "-m", "app"]
    assert final.only("CMD").startswith("["), "a shell would keep the signals to itself"
    assert final.only("STOPSIGNAL") == "SIGTERM"
    assert dockerfile.command(final.only("HEALTHCHECK"))[0] == "python"


def test_the_image_listens_to_everyone_on_the_port_that_it_exposes() -> None:
    env = dict(pair.split("=") for pair in final.only("ENV").split() if "PATH" not in pair)
    assert env["HOST"] == "0.0.0.0"
    assert env["PORT"] == final.only("EXPOSE")


# The lock files


def read_lock(name: str) -> dict[str, Version]:
    pins = re.findall(r"^([\w.-]+)==([^\s;]+)", (root / name).read_text(), re.MULTILINE)
    return {canonicalize_name(package): Version(version) for package, version in pins}


def direct(name: str) -> list[Requirement]:
    pyproject = tomllib.loads((root / "pyproject.toml").read_text())
    for group in groups:
        if name == f"requirements-{group}.lock":
            return [Requirement(line) for line in pyproject["dependency-groups"][group]]
    project = pyproject["project"]
    extras = {"requirements-dev.lock": ["dev"], "requirements-bench.lock": ["dev", "bench"]}
    lines = list(project["dependencies"])
    for extra in extras.get(name, []):
        lines += project["optional-dependencies"][extra]
    return [Requirement(line) for line in lines]


@pytest.mark.parametrize("name", every_lock)
def test_every_pin_is_hashed_and_there_is_nothing_else_in_a_lock(name: str) -> None:
    text = re.sub(r"^ *#.*\n", "", (root / name).read_text(), flags=re.MULTILINE)
    pin = r"[\w.-]+==[^\s;]+(?: ; [^\\\n]+)?(?: \\\n    --hash=sha256:[0-9a-f]{64})+\n"
    assert re.fullmatch(f"(?:{pin})+", text)


@pytest.mark.parametrize("name", every_lock)
def test_a_lock_holds_no_address_and_no_path_of_a_machine(name: str) -> None:
    text = (root / name).read_text()
    for word in ("://", "file:", "--index-url", "--extra-index-url", "--find-links", "--trusted"):
        assert word not in text
    assert not re.search(r"(^|\s)[~/]", text)


@pytest.mark.parametrize("name", every_lock)
def test_what_the_project_asks_for_is_locked_within_its_bounds(name: str) -> None:
    locked = read_lock(name)
    for requirement in direct(name):
        assert re.fullmatch(r">=[\d.]+", str(requirement.specifier)), "lower bounds only"
        assert locked[canonicalize_name(requirement.name)] in requirement.specifier


def test_tests_and_benchmark_run_with_the_versions_that_are_served() -> None:
    runtime, dev, bench = map(read_lock, locks)
    assert runtime.items() <= dev.items() <= bench.items()


# The Makefile


def make(*arguments: str, folder: Path = root) -> subprocess.CompletedProcess[str]:
    env = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFL"))}
    return subprocess.run(
        ["make", *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False
    )


def test_make_alone_lists_every_target_with_what_it_does() -> None:
    phony = re.findall(r"^\.PHONY: (.+)$", (root / "Makefile").read_text(), re.MULTILINE)
    listed = dict(
        line.removeprefix("make ").split(maxsplit=1) for line in make().stdout.splitlines()
    )
    assert list(listed) == " ".join(phony).split()
    assert all(listed.values())


def test_make_run_becomes_the_service() -> None:
    assert make("-n", "run").stdout.splitlines()[-1] == "exec .venv/bin/python -m app"


def test_too_old_a_python_is_one_clear_line(tmp_path: Path) -> None:
    for name in ("Makefile", "requirements.lock"):
        (tmp_path / name).write_text((root / name).read_text())
    said = make("run", "PYTHON=false no-such-python", folder=tmp_path)
    assert said.returncode != 0
    assert said.stdout == ""
    assert said.stderr.splitlines()[0].startswith("Python 3.11 or newer is needed")
    assert not (tmp_path / ".venv").exists()


def test_ci_runs_make_test_and_nothing_else_decides() -> None:
    script = root / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text().splitlines() == [
        "#!/usr/bin/env bash",
        "set -euo pipefail",
        'cd "$(dirname "${BASH_SOURCE[0]}")/.."',
        "make test",
    ]
