"""Models that a file describes, and what a schema says of its own, over real sockets."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.schema import Deadlines, ListParameters
from app.schemas.registry import SchemaError, load
from app.streams.request import GenerationRequest, Limits
from tests.support.client import read, refused
from tests.support.deaf import deaf
from tests.support.http_client import http_client
from tests.support.process import HOUR, process
from tests.support.schema_files import REGISTRY, schema, write
from tests.support.service import running
from tests.support.upstream import (
    HEAD,
    Upstream,
    delta,
    end,
    holding,
    saying,
    status,
    text,
    upstream,
)

FIGS = '{"title":"Figs","blurb":"Sweet."}'
ANSWER = f'{{"items":[{FIGS}]}}'
IDEAS = "/ideas?topic=figs&count=1"
IN_TOOLS = HEAD + text(ANSWER) + end()
IN_JSON = HEAD + delta(content=ANSWER) + end()

MODELS = """
[models.first]
model = "first-1"
base_url = "{first}?api-version=2024-10-21"
api_key_env = "FIRST_KEY"
mode = "tools"
headers = {{ X-Team = "search" }}
options = {{ temperature = 0.5, stream_options = {{ include_obfuscation = false }} }}

[models.second]
base_url = "{second}"
mode = "json_schema"
max_tokens_field = "max_completion_tokens"
headers = {{ Api-Key = {{ env = "SECOND_KEY" }} }}
query = {{ tenant = "s3cret-tenant" }}
without = ["stream_options"]
options.reasoning = {{ effort = "low" }}
"""
KEYS = {"FIRST_KEY": "s3cret-first", "SECOND_KEY": "s3cret-second"}
HEADERS = ("authorization", "api-key", "x-team")


def described(tmp_path: Path, **urls: str) -> str:
    """The name of a file with these models."""
    file = tmp_path / "models.toml"
    file.write_text(MODELS.format(**urls))
    return str(file)


def sent(provider: Upstream, index: int = -1) -> tuple[str, dict[str, str], Any]:
    """A request that a provider has had: its target, its headers that may be secret, its body."""
    exchange = provider.exchanges[index]
    first, *lines = exchange.head.strip().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    found = {name: headers[name] for name in HEADERS if name in headers}
    return first.split()[1], found, exchange.body


async def done(url: str) -> None:
    assert (await read(url)).endswith(f"event: done\ndata: [{FIGS}]\n\n")


async def test_each_model_is_asked_at_its_place_by_its_key_in_its_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, key in KEYS.items():
        monkeypatch.setenv(name, key)
    async with upstream(saying(IN_TOOLS)) as first, upstream(saying(IN_JSON)) as second:
        file = described(tmp_path, first=first.base_url, second=second.base_url)
        async with running(models_file=file, model="") as service:
            await done(service.url + IDEAS)
            await done(f"{service.url}{IDEAS}&model=second")
            assert (await refused(f"{service.url}{IDEAS}&model=third")).status_code == 422
        assert (len(first.exchanges), len(second.exchanges)) == (1, 1)

    target, headers, body = sent(first)
    assert target == "/v1/chat/completions?api-version=2024-10-21"
    assert headers == {"authorization": "Bearer s3cret-first", "x-team": "search"}
    assert (body["model"], body["temperature"], "tools" in body) == ("first-1", 0.5, True)
    assert body["stream_options"] == {"include_usage": True, "include_obfuscation": False}

    target, headers, body = sent(second)
    assert target == "/v1/chat/completions?tenant=s3cret-tenant"
    assert headers == {"api-key": "s3cret-second"}
    assert (body["model"], body["reasoning"]) == ("second", {"effort": "low"})
    assert body["response_format"]["type"] == "json_schema"
    assert body.keys().isdisjoint({"temperature", "stream_options", "tools"})


async def test_nothing_secret_of_a_model_is_told_or_logged(tmp_path: Path) -> None:
    """Even if the SDK is asked for its own log, which quotes requests whole."""
    refusal = saying(status(401, X_Secret="s3cret-answer"))
    async with upstream(refusal) as first, upstream(refusal) as second, AsyncExitStack() as stack:
        url = first.base_url.replace("http://", "http://user:s3cret-password@")
        settings = {
            **KEYS,
            "MODELS_FILE": described(tmp_path, first=url, second=second.base_url),
            "OPENAI_LOG": "debug",
            "LOG_LEVEL": "debug",
        }
        service = await stack.enter_async_context(process(**settings))
        async with http_client(base_url=service.url, timeout=30) as client:
            for path in ("/ideas?topic=s3cret&model=first", "/ideas?topic=s3cret&model=second"):
                answer = await client.get(path)
                assert answer.json()["code"] == "provider_rejected"
                assert "s3cret" not in answer.text
            for path in ("/openapi.json", "/schemas", "/metrics"):
                assert "s3cret" not in (await client.get(path)).text
        service.signal()
        assert await service.exit_code() == 0
        assert len([line for line in service.lines if "stream ended" in line]) == 2
        assert "s3cret" not in "\n".join(service.lines)
    assert sent(first)[1]["authorization"] == "Bearer s3cret-first"


async def test_a_redirect_is_refused_and_nothing_reaches_another_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, key in KEYS.items():
        monkeypatch.setenv(name, key)
    async with upstream(saying(IN_JSON)) as other:
        redirect = saying(status(307, Location=f"{other.base_url}/elsewhere"))
        async with upstream(redirect) as asked:
            file = described(tmp_path, first=asked.base_url, second=asked.base_url)
            async with running(models_file=file, model="second") as service:
                for model in ("first", "second"):
                    answer = await refused(f"{service.url}{IDEAS}&model={model}")
                    assert answer.json()["code"] == "provider_rejected"
    assert sent(asked, 0)[1]["authorization"] == "Bearer s3cret-first"
    assert not other.exchanges


# -- one provider, by its URL --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "authorization"), [(None, "Basic dXNlcjpwQHc="), ("sk-1", "Bearer sk-1")]
)
async def test_a_base_url_may_have_a_query_and_user_info(
    key: str | None, authorization: str
) -> None:
    async with upstream(saying(IN_TOOLS)) as provider:
        url = provider.base_url.replace("http://", "http://user:p%40w@") + "?api-version=2&x=a%20b"
        settings: Any = {"openai_base_url": url, "openai_api_key": key, "instructor_mode": "tools"}
        async with running(**settings, extra_headers={"X-Team": "a"}) as service:
            await done(service.url + IDEAS)
    target, headers, _ = sent(provider)
    assert target == "/v1/chat/completions?api-version=2&x=a+b"
    assert headers == {"authorization": authorization, "x-team": "a"}


# -- what a schema says --------------------------------------------------------------------------

OWN = "model='second', max_tokens=70, options={'seed': 7, 'temperature': None, 'reasoning': None}"


async def test_a_schema_s_own_model_and_options_are_asked_unless_a_call_chooses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, key in KEYS.items():
        monkeypatch.setenv(name, key)
    (folder := tmp_path / "schemas").mkdir()
    write(folder, "words.py", schema(more=OWN))
    write(folder, "more.py", schema())
    said = '{"items":[{"text":"figs"}]}'
    in_tools, in_json = HEAD + text(said) + end(), HEAD + delta(content=said) + end()
    async with upstream(saying(in_tools)) as first, upstream(saying(in_json)) as second:
        file = described(tmp_path, first=first.base_url, second=second.base_url)
        async with running(models_file=file, model="", registry=load(folder)) as service:
            words = f"{service.url}/words?topic=figs&count=1"
            assert "event: done" in await read(words)
            assert "event: done" in await read(f"{words}&model=first")
            assert "event: done" in await read(words.replace("words", "more"))
            async with http_client(timeout=60, base_url=service.url) as client:
                listed = (await client.get("/schemas")).json()["schemas"]
                described_one = (await client.get("/schemas/words")).json()
                openapi = (await client.get("/openapi.json")).json()
    (_, _, body) = sent(second)
    assert (body["seed"], body["max_completion_tokens"]) == (7, 70)
    assert body.keys().isdisjoint({"reasoning", "stream_options"})
    (_, _, chosen), (_, _, other) = sent(first, 0), sent(first, 1)
    assert (chosen["seed"], chosen["max_tokens"], "temperature" in chosen) == (7, 70, False)
    assert (other["temperature"], "seed" in other, "max_tokens" in other) == (0.5, False, False)

    assert {each["name"]: each["model"] for each in listed} == {"more": "first", "words": "second"}
    assert described_one["model"] == "second"
    assert defaults(openapi) == {"/more": "first", "/words": "second", "/streams": None}


def defaults(openapi: Any) -> dict[str, str | None]:
    """The default model of each path where a stream is begun, as OpenAPI tells it."""
    found = {}
    for path, endpoint in openapi["paths"].items():
        for parameter in endpoint.get("post", {}).get("parameters", ()):
            name = parameter.get("$ref", "").rsplit("/", 1)[-1]
            parameter = openapi["components"]["parameters"].get(name, parameter)
            if parameter["name"] == "model":
                assert parameter["schema"]["enum"] == ["first", "second"]
                found[path] = parameter["schema"].get("default")
    return found


async def test_a_schema_s_model_that_is_not_offered_stops_the_start(tmp_path: Path) -> None:
    write(tmp_path, "words.py", schema(more="model='other'"))
    with pytest.raises(SchemaError, match=r"words\.py:\d+: its model 'other' is none of m$"):
        async with running(openai_api_key="k", registry=load(tmp_path)):
            pass


# -- deadlines -----------------------------------------------------------------------------------

DEFAULT = Limits(60, 20, 180)
LONG: Any = {
    name: float(HOUR) for name in ("first_content_timeout", "content_gap_timeout", "total_timeout")
}


@pytest.mark.parametrize(
    ("of_schema", "of_model", "limits"),
    [
        (Deadlines(), Deadlines(), DEFAULT),
        (Deadlines(), Deadlines(first_content=1, gap=2, total=3), Limits(1, 2, 3)),
        (Deadlines(first_content=4, total=6), Deadlines(first_content=1, gap=2), Limits(4, 2, 6)),
        (Deadlines(gap=5), Deadlines(gap=2), Limits(60, 5, 180)),
    ],
)
def test_a_deadline_is_the_schema_s_else_the_model_s_else_the_setting(
    of_schema: Deadlines, of_model: Deadlines, limits: Limits
) -> None:
    entry = REGISTRY.get("ideas")
    entry = replace(entry, schema=replace(entry.schema, deadlines=of_schema))
    request = GenerationRequest(entry, ListParameters(topic="figs"), "m")
    assert request.limits(of_model, DEFAULT) == limits


@pytest.mark.parametrize("deadline", ["first_content", "gap", "total"])
async def test_a_model_s_deadlines_hold_for_it_alone(tmp_path: Path, deadline: str) -> None:
    async with (
        upstream(holding(HEAD + text(ANSWER[:20]) if deadline == "gap" else HEAD)) as hanging,
        upstream(saying(IN_TOOLS)) as other,
    ):
        (file := tmp_path / "models.toml").write_text(
            f"[models.m]\nbase_url = '{hanging.base_url}'\nmode = 'tools'\n"
            f"deadlines.{deadline} = 0.2\n"
            f"[models.other]\nbase_url = '{other.base_url}'\nmode = 'tools'\n"
        )
        async with running(models_file=str(file), **LONG) as service:
            answer = await refused(service.url + IDEAS, Accept="application/json")
            assert (answer.status_code, answer.json()["code"]) == (504, "provider_timeout")
            await hanging.exchanges[0].is_closed()
            await done(f"{service.url}{IDEAS}&model=other")


async def test_a_model_s_connection_has_a_deadline_of_its_own(tmp_path: Path) -> None:
    with deaf() as base_url:
        file = tmp_path / "models.toml"
        file.write_text(f"[models.m]\nbase_url = '{base_url}'\ndeadlines.connect = 0.2\n")
        settings: Any = {**LONG, "connect_timeout": float(HOUR), "open_timeout": float(HOUR)}
        async with running(models_file=str(file), **settings) as service:
            answer = await refused(service.url + IDEAS)
            assert (answer.status_code, answer.json()["code"]) == (504, "provider_timeout")
