"""Pages for the browsers, each with a script of its own: a sample of the documents, or a client.

They come from another origin than the service's, as in development.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from tests.e2e.clients import front_ends
from tests.e2e.notes import serving
from tests.support.program import printed

ROOT = Path(__file__).parents[2]
CLIENTS = ROOT / "clients"
ALIASES = {
    "structured-streams": CLIENTS / "js" / "src" / "index.js",
    "structured-streams-react": CLIENTS / "react" / "src" / "index.js",
    # Otherwise a client would bring its own, and a page has one React.
    "react": front_ends / "node_modules" / "react",
    "react-dom": front_ends / "node_modules" / "react-dom",
}

# What a sample is to do with what it reads; and no iteration of streams, as in Safari.
PAGE = """<!doctype html>
<meta charset="utf-8">
<title>{name}</title>
<link rel="icon" href="data:,">
<div id="root"></div>
<script>
  delete ReadableStream.prototype[Symbol.asyncIterator];
  var seen = {{ shown: [], finished: [], failed: [] }};
  var show = value => seen.shown.push(value);
  var finish = value => seen.finished.push(value);
  var fail = error => seen.failed.push(error);
</script>
<script type="module" src="/{name}.js"></script>"""


def sample(file: str, language: str, part: str) -> str:
    """The code in a document, of this language, that has this part."""
    text = (ROOT / file).read_text(encoding="utf-8")
    blocks: list[str] = re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    [found] = [block for block in blocks if part in block]
    return found


def at(code: str, service: str, **query: str) -> str:
    """A sample that calls the service at this URL, with this query."""
    more = "".join(f"{key}={value}&" for key, value in query.items())
    code = re.sub(r'"(http://localhost:8000)?/ideas\??', f'"{service}/ideas?{more}', code)
    return code.replace("`/streams/", f"`{service}/streams/")


async def bundled(scripts: Mapping[str, str | Path]) -> dict[str, bytes]:
    """Each script, which is a file or a text, with all that it imports, as one file."""
    esbuild = front_ends / "node_modules" / ".bin" / "esbuild"
    with _files(scripts) as (folder, files):
        out = folder / "out"
        await printed(
            esbuild,
            *files,
            *(f"--alias:{name}={path}" for name, path in ALIASES.items()),
            *("--bundle", "--format=esm", "--jsx=automatic", "--log-level=error"),
            '--define:process.env.NODE_ENV="production"',
            f"--outdir={out}",
            seconds=60,
            **{"PATH": os.environ["PATH"], "NODE_PATH": str(front_ends / "node_modules")},
        )
        return {name: (out / f"{name}.js").read_bytes() for name in scripts}


@contextmanager
def _files(scripts: Mapping[str, str | Path]) -> Iterator[tuple[Path, list[str]]]:
    """A folder for the result, and the scripts as esbuild is told them: `name=file`."""
    with tempfile.TemporaryDirectory() as where:
        folder = Path(where)
        files = []
        for name, script in scripts.items():
            file = script if isinstance(script, Path) else folder / f"{name}.jsx"
            if isinstance(script, str):
                file.write_text(script, encoding="utf-8")
            files.append(f"{name}={file}")
        yield folder, files


class Site:
    """url: its URL. `/NAME` is the page with that script, `/left` a page without one."""

    def __init__(self) -> None:
        self.url = ""
        self.scripts: dict[str, bytes] = {}

    async def page(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name.endswith(".js"):
            return Response(self.scripts[name[:-3]], media_type="text/javascript")
        return HTMLResponse(PAGE.format(name=name) if name in self.scripts else "<p>Left")


@asynccontextmanager
async def site() -> AsyncIterator[Site]:
    pages = Site()
    async with serving(Starlette(routes=[Route("/{name}", pages.page)])) as pages.url:
        yield pages
