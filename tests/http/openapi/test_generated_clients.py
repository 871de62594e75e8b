"""Clients that are generated from `/openapi.json`: they compile, and they call the service.

The generators stand in .venv/generators and in tests/e2e/front_ends (see the Makefile).
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from app.schemas.registry import Registry, load
from app.schemas.typescript import FOLDER
from tests.e2e.clients import front_ends
from tests.http.openapi.odd_schema import SOURCES
from tests.support import schema_files
from tests.support.process import ROOT
from tests.support.schema_files import REGISTRY
from tests.support.service import Service, running

BIN = ROOT / ".venv" / "generators" / "bin"
OPENAPI_TYPESCRIPT = front_ends / "node_modules" / ".bin" / "openapi-typescript"
TSC = FOLDER / "node_modules" / ".bin" / "tsc"

JAVA_OPTS = "-XX:TieredStopAtLevel=1"  # half the CPU, as it runs for seconds only

SECONDS = 100
"""Most of them take two to five, alone on a machine."""

TEA = {"topic": "tea", "count": 2}
OF_A_MODEL_THAT_FAILS = {"status": 502, "code": "provider_rejected", "retryable": False}

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def run(*command: str | Path, folder: Path) -> str:
    """Run a program in a folder: what it has written. It must end well."""
    path = os.pathsep.join([str(BIN), os.environ["PATH"]])
    ran = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env={**os.environ, "PATH": path, "PYTHONPATH": str(folder), "JAVA_OPTS": JAVA_OPTS},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, said = await asyncio.wait_for(ran.communicate(), SECONDS)
    finally:
        if ran.returncode is None:
            ran.kill()
    assert ran.returncode == 0, (out + said).decode()
    return out.decode()


# Each makes a client of openapi.json in a folder, and compiles all of it.

IMPORT_ALL = """
import importlib, pkgutil, sys
package = importlib.import_module(sys.argv[1])
for module in pkgutil.walk_packages(package.__path__, sys.argv[1] + "."):
    importlib.import_module(module.name)
"""


async def openapi_generator(kind: str, folder: Path) -> None:
    code_alone = "apiTests=false,modelTests=false,apiDocs=false,modelDocs=false"
    generate = ("generate", "-i", "openapi.json", "-g", kind, "-o", ".")
    options = ("--global-property", code_alone)
    await run(BIN / "openapi-generator-cli", *generate, *options, folder=folder)


async def openapi_generator_python(folder: Path) -> None:
    await openapi_generator("python", folder)
    await run(BIN / "python", "-c", IMPORT_ALL, "openapi_client", folder=folder)


async def openapi_generator_typescript(folder: Path) -> None:
    await openapi_generator("typescript-fetch", folder)
    strict = ("--strict", "--target", "es2022", "--lib", "es2022,dom")
    modules = ("--module", "commonjs", "--moduleResolution", "bundler", "--outDir", "built")
    await run(TSC, *strict, *modules, "index.ts", folder=folder)


async def openapi_python_client(folder: Path) -> None:
    generate = ("generate", "--path", "openapi.json", "--output-path", "python_client")
    exact = ("--meta", "none", "--fail-on-warning")
    await run(BIN / "openapi-python-client", *generate, *exact, folder=folder)
    await run(BIN / "python", "-c", IMPORT_ALL, "python_client", folder=folder)


async def openapi_typescript(folder: Path) -> None:
    await run(OPENAPI_TYPESCRIPT, "openapi.json", "-o", "api.ts", folder=folder)
    await run(TSC, "--noEmit", "--strict", "api.ts", folder=folder)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    """The service with the schemas of the tests and the odd ones."""
    folder = tmp_path_factory.mktemp("schemas")
    for name, source in SOURCES.items():
        schema_files.write(folder, f"{name}.py", source)
    async with running(registry=Registry([*REGISTRY, *load(folder)])) as service:
        yield service


async def described(client: httpx.AsyncClient, folder: Path) -> Any:
    """Write the document of the service to the folder. Returns what `TEA` is answered."""
    (folder / "openapi.json").write_bytes((await client.get("/openapi.json")).content)
    answer = await client.get("/ideas", params=TEA, headers={"Accept": "application/json"})
    return answer.json()


PYTHON_CALL = """
import json, sys
from openapi_client import ApiClient, ApiException, Configuration, IdeasApi, IdeasParameters
ideas = IdeasApi(ApiClient(Configuration(host=sys.argv[1])))
tea = json.loads(sys.argv[2])
posted = ideas.post_ideas(IdeasParameters(**tea))
got = ideas.get_ideas(**tea)
try:
    ideas.post_ideas(IdeasParameters(**tea), model="demo-401")
except ApiException as error:
    problem = error.data.to_dict()
print(json.dumps([[idea.to_dict() for idea in posted], [idea.to_dict() for idea in got], problem]))
"""


async def test_the_python_client_of_openapi_generator_calls(
    service: Service, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    value = await described(client, tmp_path)
    await openapi_generator_python(tmp_path)
    call = ("-c", PYTHON_CALL, service.url, json.dumps(TEA))
    posted, got, problem = json.loads(await run(BIN / "python", *call, folder=tmp_path))
    assert posted == got == value
    assert OF_A_MODEL_THAT_FAILS.items() <= problem.items()


# It sends no `Accept` of its own, which asks for events.
TYPESCRIPT_CALL = """
const { Configuration, IdeasApi, ResponseError } = require('./built');
const [basePath, given] = process.argv.slice(1);
const ideasParameters = JSON.parse(given);
const headers = { Accept: 'application/json' };
const ideas = new IdeasApi(new Configuration({ basePath, headers }));
(async () => {
  const posted = await ideas.postIdeas({ ideasParameters });
  const got = await ideas.getIdeas(ideasParameters);
  const error = await ideas.postIdeas({ ideasParameters, model: 'demo-401' }).catch(e => e);
  if (!(error instanceof ResponseError)) throw error;
  console.log(JSON.stringify([posted, got, await error.response.json()]));
})();
"""


async def test_the_typescript_client_of_openapi_generator_calls(
    service: Service, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    value = await described(client, tmp_path)
    await openapi_generator_typescript(tmp_path)
    call = ("-e", TYPESCRIPT_CALL, service.url, json.dumps(TEA))
    posted, got, problem = json.loads(await run("node", *call, folder=tmp_path))
    assert posted == got == value
    assert OF_A_MODEL_THAT_FAILS.items() <= problem.items()


# Nor does this one.
OTHER_PYTHON_CALL = """
import json, sys
from python_client import Client
from python_client.api.ideas import get_ideas, post_ideas
from python_client.models import IdeasParameters, PostIdeasModel, Problem502
client = Client(base_url=sys.argv[1], headers={"Accept": "application/json"})
tea = json.loads(sys.argv[2])
posted = post_ideas.sync(client=client, body=IdeasParameters(**tea))
got = get_ideas.sync(client=client, **tea)
failing = PostIdeasModel("demo-401")
problem = post_ideas.sync(client=client, body=IdeasParameters(**tea), model=failing)
assert isinstance(problem, Problem502)
print(json.dumps([[i.to_dict() for i in posted], [i.to_dict() for i in got], problem.to_dict()]))
"""


async def test_openapi_python_client_calls(
    service: Service, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    value = await described(client, tmp_path)
    await openapi_python_client(tmp_path)
    call = ("-c", OTHER_PYTHON_CALL, service.url, json.dumps(TEA))
    posted, got, problem = json.loads(await run(BIN / "python", *call, folder=tmp_path))
    assert posted == got == value
    assert OF_A_MODEL_THAT_FAILS.items() <= problem.items()


TYPED = """
import type { components, paths } from './api';
type Call = paths['/ideas']['post'];
type Refusal = Call['responses'][502]['content']['application/problem+json'];
type Brief = components['schemas']['BriefsResult'];
export const body: Call['requestBody']['content']['application/json'] = { topic: 'tea', count: 2 };
export const title = (value: Call['responses'][200]['content']['application/json']): string =>
  value[0]!.title;
export const again = ({ retryable }: Refusal): boolean => retryable;
export const status = (brief: Brief): 'draft' | 'ready' => brief.status;
// @ts-expect-error: there is no such field
export const wrong = (brief: Brief) => brief.subtitle;
// @ts-expect-error: a partial's text may be null
export const early = (value: components['schemas']['IdeasPartial']): string => value[0]!.title;
"""


async def test_the_types_of_openapi_typescript_say_what_is_sent(
    client: httpx.AsyncClient, tmp_path: Path
) -> None:
    await described(client, tmp_path)
    await openapi_typescript(tmp_path)
    (tmp_path / "use.ts").write_text(TYPED)
    await run(TSC, "--noEmit", "--strict", "use.ts", folder=tmp_path)
