"""Imports point one way, and other rules of `docs/architecture.md`, read from the source itself."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT = Path(__file__).parent.parent
FILES = sorted((ROOT / "app").rglob("*.py"))

ROOMS: Final = (
    {"", "errors", "schema"},
    {"partial"},
    {"schemas", "providers", "redis"},
    {"settings"},
    {"streams"},
    {"store"},
    {"views", "telemetry", "recordings"},
    {"limits"},
    {"demo"},
    {"http"},
    {"main"},
    {"asgi"},
    {"terminal"},
    {"cli"},
    {"__main__"},
)
"""A package may import itself and the packages above it. `docs/architecture.md` has the picture."""

ASYNC_OR_NETWORK: Final = {
    *("asyncio", "anyio", "uvloop", "threading", "time", "socket", "ssl", "http", "urllib"),
    *("httpx", "httpx2", "aiohttp", "openai", "instructor", "fastapi", "starlette", "uvicorn"),
    *("os", "structlog", "logging", "random", "secrets"),
}


def name_of(file: Path) -> str:
    """`app/limits/slots.py` is `limits.slots`, `app/__init__.py` is nothing."""
    parts = file.relative_to(ROOT / "app").with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


@cache
def nodes(file: Path) -> list[ast.AST]:
    """The nodes of a file's syntax tree."""
    return list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))


@cache
def imports(file: Path) -> frozenset[str]:
    """The modules that a file imports, wherever in it."""
    return frozenset(_imports(file))


def _imports(file: Path) -> Iterator[str]:
    for node in nodes(file):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are absolute"
            assert node.module
            for alias in node.names:
                is_module = (ROOT / node.module.replace(".", "/") / f"{alias.name}.py").exists()
                yield f"{node.module}.{alias.name}" if is_module else node.module


def rank(name: str) -> int:
    """The index of its package in `ROOMS`: `http.server.server` is in `http`."""
    room = name.split(".")[0]
    for number, rooms in enumerate(ROOMS):
        if room in rooms:
            return number
    raise AssertionError(f"app/{name}.py is in no package of ROOMS: add it")


def importing(*roots: str) -> set[str]:
    """Who imports any of these packages."""
    return {
        name_of(file) for file in FILES for found in imports(file) if found.split(".")[0] in roots
    }


each_file = pytest.mark.parametrize("file", FILES, ids=name_of)


@each_file
def test_imports_point_one_way(file: Path) -> None:
    name = name_of(file)
    for found in imports(file):
        if found.split(".")[0] == "app":
            other = found.removeprefix("app").removeprefix(".")
            assert rank(other) <= rank(name), f"app.{name} imports {found}"


def test_nothing_imports_in_a_circle() -> None:
    graph = {
        f"app.{name_of(file)}".rstrip("."): {m for m in imports(file) if m.startswith("app.")}
        for file in FILES
    }
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " -> ".join([*way, name])
        if name not in done:
            for other in graph.get(name, ()):
                if other != name:
                    visit(other, (*way, name))
            done.add(name)

    for name in graph:
        visit(name, ())


def test_the_partial_engine_and_the_formats_are_pure() -> None:
    impure = importing(*ASYNC_OR_NETWORK)
    assert not {name for name in impure if name.startswith(("partial", "views"))}


def test_few_modules_know_the_sdk_and_instructor_and_one_more_their_exceptions() -> None:
    assert importing("instructor") == {
        *("providers.handlers", "providers.openai.provider", "providers.openai.request"),
        *("providers.anthropic.provider", "providers.anthropic.request"),
    }
    assert importing("openai") <= {
        *("providers.openai.client", "providers.openai.provider", "providers.mapping")
    }
    assert importing("aiohttp") <= {"providers.transport", "providers.mapping"}


def test_spans_are_made_in_three_places_and_the_sdk_sends_them_in_one() -> None:
    assert importing("opentelemetry") == {
        "http.traces",
        "streams.traces",
        "providers.transport",
        "telemetry.traces",
    }
    sdk = ("opentelemetry.sdk", "opentelemetry.exporter")
    sending = {name_of(file) for file in FILES if any(map(_begins(sdk), imports(file)))}
    assert sending == {"telemetry.traces"}


def _begins(beginnings: tuple[str, ...]) -> Callable[[str], bool]:
    return lambda name: name.startswith(beginnings)


def test_fastapi_stays_in_http_and_main() -> None:
    for name in importing("fastapi", "sse_starlette"):
        assert name == "main" or name.startswith("http"), name
    for name in importing("starlette", "uvicorn"):
        assert name == "main" or name.startswith(("http", "demo")), name


def test_the_client_is_of_the_terminal_alone_and_knows_nothing_of_the_service() -> None:
    assert importing("httpx", "httpx_sse", "structured_streams")
    for name in importing("httpx", "httpx_sse", "structured_streams"):
        assert name.startswith("terminal."), name
    for file in (ROOT / "clients" / "python").rglob("*.py"):
        assert not {m for m in imports(file) if m.split(".")[0] in ("app", "schemas")}, file


def test_nothing_but_a_process_of_ours_decides_how_it_logs() -> None:
    configuring = {name_of(file) for file in FILES if "app.telemetry.logs" in imports(file)}
    assert configuring == {"asgi", "cli", "http.server.workers", "terminal.commands"}


def test_no_exception_is_given_to_the_log() -> None:
    """It gets `where_raised` of it: another app's renderer may write what an exception quotes."""
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("_log."):
                assert ast.unparse(node.func) != "_log.exception", name_of(file)
                assert "exc_info" not in {part.arg for part in node.keywords}, name_of(file)


def test_nothing_but_the_settings_reads_the_environment() -> None:
    for file in FILES:
        if name_of(file) == "settings":
            continue
        source = file.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Attribute):
                assert node.attr not in {"environ", "environb", "getenv"}, name_of(file)
            elif isinstance(node, ast.ImportFrom) and node.module == "os":
                assert not {"environ", "getenv"} & {a.name for a in node.names}, name_of(file)


PRIVATE_MODULES: Final = {
    "uvicorn.protocols": {"http.server.protocol", "demo.server"},
    "uvicorn.supervisors": {"http.server.workers"},
    "instructor.v2": {"providers.handlers"},
    "prometheus_client.values": {"telemetry.worker_counts"},
}
"""The modules of dependencies that are private or undocumented, and who imports them."""

PRIVATE_NAMES: Final = {
    "STATUS_LINE": "http.server.protocol",
    "AppStatus": "http.server.signals",
    "timeout_keep_alive_task": "demo.server",
    "preflight_response": "http.cors",
    "on_eof": "providers.transport",
    "x-stainless-": "providers.transport",
    "mode_registry": "providers.handlers",
    "_use_prebuilt": "partial.definitions",
    "serialize_sequence_via_list": "partial.layers",
    "defaultdict_validator": "partial.layers",
    "__pydantic_core_schema__": "partial.layers",
    "re._parser": "demo.pattern",
}
"""Such names, and the one file that uses each."""


@cache
def names_in(file: Path) -> frozenset[str]:
    """All names and texts that a file's code uses."""
    return frozenset(_names_in(file))


def _names_in(file: Path) -> Iterator[str]:
    for node in nodes(file):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.FunctionDef(name=name):
                yield name
            case ast.alias(name=name) | ast.keyword(arg=str(name)) | ast.Constant(value=str(name)):
                yield name


def test_what_is_private_in_a_dependency_is_used_in_one_file_and_is_in_the_table() -> None:
    table = document().split("## What is private or undocumented")[1].split("\n## ")[0]
    for module, known in PRIVATE_MODULES.items():
        found = {name_of(file) for file in FILES if any(_is_in(module, m) for m in imports(file))}
        assert found == known, module
        assert f"`{module}`" in table
    for name, only in PRIVATE_NAMES.items():
        assert {name_of(file) for file in FILES if name in names_in(file)} == {only}, name
        assert f"`{name}`" in table, name


def _is_in(module: str, found: str) -> bool:
    return f"{found}.".startswith(f"{module}.")


def test_no_attribute_that_is_private_by_its_name_is_read_of_another_object() -> None:
    for file in FILES:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        own = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and re.match(r"_[^_]", node.attr):
                assert ast.unparse(node.value) in {"self", "cls", *own}, (
                    f"{name_of(file)}: {ast.unparse(node)}"
                )


def document() -> str:
    return (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


FOR_CONTRIBUTORS: Final = [
    ROOT / "CONTRIBUTING.md",
    ROOT / "docs" / "architecture.md",
    *sorted((ROOT / "docs" / "decisions").glob("*.md")),
]


@pytest.mark.parametrize("page", FOR_CONTRIBUTORS, ids=lambda page: page.name)
def test_the_files_that_a_document_names_are_there(page: Path) -> None:
    named = set(re.findall(r"[\w./-]+\.(?:py|js|md)\b", page.read_text(encoding="utf-8")))
    folders = (ROOT, ROOT / "app", ROOT / "docs", page.parent)
    assert [name for name in named if not any((f / name).exists() for f in folders)] == []


def test_each_decision_is_in_the_index() -> None:
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text(encoding="utf-8")
    for page in folder.glob("[a-z]*.md"):
        assert f"| [{page.name}]({page.name}) | " in index


def test_the_rooms_of_the_architecture_document_are_those_that_are_there() -> None:
    rooms = {room.strip("/") for room in re.findall(r"^\| `([a-z/]+/)` \|", document(), re.M)}
    folders = {file.parent.relative_to(ROOT / "app").as_posix() for file in FILES} - {".", "http"}
    assert rooms == folders | {"web"}


def test_the_words_of_the_architecture_document_are_few() -> None:
    words = re.findall(r"^\| \*\*([a-z ]+)\*\* \|", document(), re.M)
    assert 10 < len(words) <= 25
    assert len(set(words)) == len(words)


def test_a_schema_imports_nothing_of_the_service_but_its_schema_module() -> None:
    for file in (ROOT / "schemas").glob("*.py"):
        assert {m for m in imports(file) if m.split(".")[0] == "app"} <= {"app.schema"}


def test_the_tests_that_the_security_document_names_are_there() -> None:
    document = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z_/]+\.py)`", document))
    assert len(named) > 10
    assert [name for name in named if not (ROOT / "tests" / name).exists()] == []
