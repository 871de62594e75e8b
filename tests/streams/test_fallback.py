"""Other models in the place of one that fails: when they are asked, and what readers are told."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from app.schemas.registry import load
from tests.support.client import SECONDS, read, reading, refused
from tests.support.events import messages
from tests.support.http_client import http_client
from tests.support.process import process
from tests.support.schema_files import schema, write
from tests.support.service import Service, eventually, running
from tests.support.sockets import free_port
from tests.support.upstream import (
    HEAD,
    Script,
    Upstream,
    by_hand,
    delta,
    end,
    event,
    holding,
    refusal,
    saying,
    status,
    text,
    upstream,
)

FIGS = '{"title":"Figs","blurb":"Sweet."}'
ANSWER = f'{{"items":[{FIGS}]}}'
IDEAS = "/ideas?topic=figs&count=1&interval_ms=0"
GOOD = HEAD + text(ANSWER) + end("stop", (7, 9))
BEGUN = HEAD + text('{"items":[{"title":"Da')
DOWN = status(503, Retry_After="60")
LATE = "deadlines.first_content = 0.5\ndeadlines.gap = 0.5\n"


def described(folder: Path, providers: Sequence[Upstream], more: str = "") -> str:
    """A file with the models `a`, `b`, … of these providers. `a` falls back to all others.

    more: lines of the table of `a`
    """
    names = "abcd"[: len(providers)]
    tables = [
        f"[models.{name}]\nmodel = '{name}-1'\nbase_url = '{provider.base_url}'\nmode = 'tools'\n"
        f"api_key_env = 'KEY_{name.upper()}'\n"
        for name, provider in zip(names, providers, strict=True)
    ]
    tables[0] += f"fallbacks = {list(names[1:])}\n{more}"
    (file := folder / "models.toml").write_text("".join(tables))
    return str(file)


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "ABCD":
        monkeypatch.setenv(f"KEY_{name}", f"s3cret-{name.lower()}")


@asynccontextmanager
async def serving(
    folder: Path, *scripts: Script, more: str = "", **settings: Any
) -> AsyncIterator[tuple[Service, list[Upstream]]]:
    """A service with the model `a` and its fallbacks, whose providers have these scripts."""
    async with AsyncExitStack() as stack:
        providers = [await stack.enter_async_context(upstream(script)) for script in scripts]
        file = described(folder, providers, more)
        yield (
            await stack.enter_async_context(running(models_file=file, model="", **settings)),
            [*providers],
        )


async def told(url: str, **headers: str) -> list[tuple[str | None, Any]]:
    """The events of a whole stream with their data, `start` by its model alone, without partials.

    Raises an AssertionError where the stream breaks the protocol.
    """
    async with http_client(timeout=SECONDS, headers=headers) as client:
        response = await client.get(url)
    assert response.status_code == 200, response.text
    found = [(each.event, each.data) for each in messages(response.content) if each.event]
    assert found[0][0] == "start"
    return [("start", found[0][1]["model"]), *found[1:]]


def restart(code: str, model: str | None = None, attempt: int = 2, **more: Any) -> tuple[str, Any]:
    named = {"model": model} if model else {}
    return "restart", {"attempt": attempt, "code": code, "errors": [], **named, **more}


def usage(*models: str, attempts: int = 1, times: int = 1) -> tuple[str, Any]:
    named = {"models": list(models)} if models else {}
    tokens = {"input_tokens": 7 * times, "output_tokens": 9 * times}
    return "usage", {**tokens, "attempts": attempts, **named}


DONE = ("done", json.loads(f"[{FIGS}]"))


# -- before the 200 ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        DOWN,
        status(500, Retry_After="60"),
        status(429, Retry_After="60"),
        refusal(429, {"error": {"code": "insufficient_quota", "message": "no"}}),
        status(401),
        status(403),
        status(404),
        refusal(400, {"error": {"code": "context_length_exceeded", "message": "too long"}}),
        b"nothing that is HTTP\r\n\r\n",
        b"",
    ],
    ids=["503", "500", "429", "quota", "401", "403", "404", "400", "no HTTP", "closed"],
)
async def test_before_the_200_the_next_model_is_asked_without_a_word(
    tmp_path: Path, answer: bytes
) -> None:
    async with serving(tmp_path, saying(answer), saying(GOOD), max_attempts=1) as (service, asked):
        assert await told(service.url + IDEAS) == [("start", "b"), usage(), DONE]
        assert asked[0].exchanges


async def test_a_model_that_is_busy_for_a_moment_is_asked_again_itself(tmp_path: Path) -> None:
    async with serving(tmp_path, saying(status(503), GOOD), saying(GOOD)) as (service, asked):
        assert await told(service.url + IDEAS) == [("start", "a"), usage(), DONE]
        assert [len(each.exchanges) for each in asked] == [2, 0]


async def test_no_connection_is_as_good_as_a_refusal(tmp_path: Path) -> None:
    closed = Upstream(by_hand)
    closed.base_url = f"http://127.0.0.1:{free_port()}/v1"
    async with upstream(saying(GOOD)) as provider:
        file = described(tmp_path, [closed, provider])
        async with running(models_file=file, model="") as service:
            assert await told(service.url + IDEAS) == [("start", "b"), usage(), DONE]


async def test_the_error_is_that_of_the_model_asked_last(tmp_path: Path) -> None:
    scripts = saying(status(401)), saying(DOWN), saying(status(429, Retry_After="70"))
    async with serving(tmp_path, *scripts) as (service, asked):
        answer = await refused(service.url + IDEAS)
        assert (answer.status_code, answer.json()["code"]) == (503, "provider_rate_limited")
        assert answer.headers["Retry-After"] == "70"
        assert [len(each.exchanges) for each in asked] == [1, 1, 1]


async def test_each_model_gets_its_own_key_and_name_and_only_those(tmp_path: Path) -> None:
    invalid = saying(HEAD + text("no") + end())
    async with serving(tmp_path, invalid, saying(DOWN), saying(GOOD)) as (service, asked):
        assert (await told(service.url + IDEAS))[-1] == DONE
    for name, provider in zip("abc", asked, strict=True):
        for exchange in provider.exchanges:
            assert f"authorization: Bearer s3cret-{name}\r\n" in exchange.head
            assert exchange.head.count("s3cret") == 1
            assert exchange.body["model"] == f"{name}-1"
    assert asked[2].exchanges[0].body["messages"] == asked[0].exchanges[0].body["messages"]


# -- after the 200 -----------------------------------------------------------------------------

NO_JSON = {"errors": [{"path": "", "message": "is not JSON"}]}
OVERLOADED = event({"error": {"type": "overloaded_error", "message": "no"}})
QUOTA = event({"error": {"code": "insufficient_quota", "message": "no"}})


@pytest.mark.parametrize(
    ("answer", "code", "more"),
    [
        (BEGUN, "provider_interrupted", {}),
        (HEAD, "provider_interrupted", {}),
        (BEGUN + event("{no"), "provider_protocol", {}),
        (BEGUN + OVERLOADED, "provider_unavailable", {}),
        (HEAD + OVERLOADED, "provider_unavailable", {}),
        (BEGUN + QUOTA, "provider_rate_limited", {}),
        (HEAD + text("no") + end(), "output_invalid", NO_JSON),
    ],
    ids=["broken", "nothing", "unreadable", "overloaded", "at once", "quota", "invalid"],
)
async def test_after_the_200_a_restart_names_the_failure_and_the_next_model(
    tmp_path: Path, answer: bytes, code: str, more: Any
) -> None:
    async with serving(tmp_path, saying(answer), saying(GOOD), max_attempts=1) as (service, asked):
        stream = await told(service.url + IDEAS)
    asked_ = usage("a", "b", attempts=2)
    assert stream == [("start", "a"), restart(code, "b", **more), asked_, DONE]
    assert [len(each.exchanges) for each in asked] == [1, 1]


@pytest.mark.parametrize("answer", [HEAD, BEGUN], ids=["first content", "gap"])
async def test_a_model_that_is_too_slow_is_left_for_the_next(tmp_path: Path, answer: bytes) -> None:
    async with serving(tmp_path, holding(answer), saying(GOOD), more=LATE) as (service, asked):
        stream = await told(service.url + IDEAS)
        await asked[0].exchanges[0].is_closed()
    paid = usage("a", "b", attempts=2)
    assert stream == [("start", "a"), restart("provider_timeout", "b"), paid, DONE]


async def test_a_failure_after_the_window_but_before_an_answer_is_told(tmp_path: Path) -> None:
    scripts = by_hand, saying(GOOD)
    async with (
        serving(tmp_path, *scripts, open_timeout=0.1) as (service, asked),
        reading(service.url + IDEAS) as reader,  # the 200 comes without an answer
    ):
        await (await asked[0].next()).send(DOWN)
        stream = await reader.rest()
    restarted = {"attempt": 2, "code": "provider_unavailable", "errors": [], "model": "b"}
    assert stream.startswith(
        f"event: restart\ndata: {json.dumps(restarted, separators=(',', ':'))}\n"
    )
    assert stream.endswith(f"event: done\ndata: [{FIGS}]\n\n")


async def test_each_model_has_all_attempts_and_is_told_its_own_errors_alone(tmp_path: Path) -> None:
    no = HEAD + text("no") + end("stop", (7, 9))
    scripts = saying(no), saying(no, GOOD)
    async with serving(tmp_path, *scripts, max_attempts=2) as (service, asked):
        stream = await told(service.url + IDEAS)
    assert stream == [
        ("start", "a"),
        restart("output_invalid", **NO_JSON),
        restart("output_invalid", "b", attempt=3, **NO_JSON),
        restart("output_invalid", attempt=4, **NO_JSON),
        usage("a", "b", attempts=4, times=4),
        DONE,
    ]
    sizes = [[len(it.body["messages"]) for it in each.exchanges] for each in asked]
    assert sizes == [[2, 4], [2, 4]]


@pytest.mark.parametrize(
    ("script", "code"),
    [(saying, "provider_interrupted"), (holding, "provider_timeout")],
    ids=["broken", "gap"],
)
async def test_the_next_model_is_asked_for_the_rest_of_a_list(
    tmp_path: Path, script: Any, code: str
) -> None:
    dates = '{"title":"Dates","blurb":"Sweeter."}'
    first = script(HEAD + text(f'{{"items":[{FIGS},{{"title":"Da'))
    rest = saying(HEAD + text(f'{{"items":[{dates}]}}') + end())
    url = IDEAS.replace("count=1", "count=2")
    async with serving(tmp_path, first, rest, more=LATE, max_attempts=1) as (service, asked):
        stream = await read(service.url + url)
    _, after = stream.split("event: restart\n")
    restarted = {"attempt": 2, "code": code, "errors": [], "model": "b"}
    assert after.startswith(
        f"data: {json.dumps(restarted, separators=(',', ':'))}\n\ndata: [{FIGS}]"
    )
    assert after.endswith(f"event: done\ndata: [{FIGS},{dates}]\n\n")
    assert FIGS in asked[1].exchanges[0].body["messages"][-1]["content"]


ENDS = {
    "refused": (HEAD + delta(refusal="I won't.") + end(), "output_refused"),
    "filtered": (BEGUN + end("content_filter"), "output_filtered"),
    "truncated": (BEGUN + end("length"), "output_truncated"),
}


@pytest.mark.parametrize("word", ENDS)
async def test_a_model_s_own_no_is_final_unless_its_entry_says_so(
    tmp_path: Path, word: str
) -> None:
    answer, code = ENDS[word]
    others = [other for other in ENDS if other != word]
    async with serving(
        tmp_path, saying(answer), saying(GOOD), more=f"fall_back_on = {others}\n"
    ) as (service, asked):
        stream = await told(service.url + IDEAS)
        assert (stream[-1][0], stream[-1][1]["code"]) == ("error", code)
        assert not asked[1].exchanges
    async with serving(
        tmp_path, saying(answer), saying(GOOD), more=f"fall_back_on = ['{word}']\n"
    ) as (service, _):
        stream = await told(service.url + IDEAS)
        assert stream[1:] == [restart(code, "b"), usage("a", "b", attempts=2), DONE]


async def test_the_fallbacks_of_a_fallback_are_not_asked(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        down, other = [await stack.enter_async_context(upstream(saying(it))) for it in (DOWN, GOOD)]
        (file := tmp_path / "models.toml").write_text(
            "".join(
                f"[models.{name}]\nbase_url = '{provider.base_url}'\nfallbacks = ['{next_}']\n"
                for name, provider, next_ in (
                    ("a", down, "b"),
                    ("b", down, "c"),
                    ("c", other, "a"),
                )
            )
        )
        service = await stack.enter_async_context(running(models_file=str(file), model=""))
        assert (await refused(service.url + IDEAS)).json()["code"] == "provider_unavailable"
        assert not other.exchanges
        assert (await told(f"{service.url}{IDEAS}&model=b"))[0] == ("start", "c")


# -- one deadline, one reader, one stream --------------------------------------------------------


async def test_all_models_share_the_stream_s_deadline(tmp_path: Path) -> None:
    scripts = holding(HEAD), holding(HEAD), saying(GOOD)
    async with serving(tmp_path, *scripts, more=LATE, total_timeout=2) as (service, asked):
        stream = await told(service.url + IDEAS)
        assert stream[:2] == [("start", "a"), restart("provider_timeout", "b")]
        assert (stream[2][0], stream[2][1]["code"]) == ("error", "provider_timeout")
        for provider in asked[:2]:
            await provider.exchanges[0].is_closed()
        assert not asked[2].exchanges


async def test_a_reader_that_leaves_closes_the_model_that_is_asked_and_no_other_is(
    tmp_path: Path,
) -> None:
    scripts = saying(BEGUN), holding(BEGUN), saying(GOOD)
    async with serving(tmp_path, *scripts, max_attempts=1) as (service, asked):
        async with reading(service.url + IDEAS) as reader:
            await reader.until("event: restart")
            await reader.until("data:")
        await asked[1].exchanges[0].is_closed()
        await eventually(lambda: not len(service.streams))
        assert not asked[2].exchanges


async def test_who_comes_back_is_told_of_the_model_and_of_what_it_missed(tmp_path: Path) -> None:
    settings: Any = {"max_attempts": 1, "open_timeout": 0.1}
    async with serving(tmp_path, by_hand, by_hand, **settings) as (service, asked):
        url = f"{service.url}{IDEAS}&view=delta&idempotency_key=k"
        async with http_client(timeout=SECONDS) as client:
            async with client.stream("GET", url) as response:
                first = await asked[0].next()
                await first.send(BEGUN)
                pieces = response.aiter_text()
                so_far = ""
                while "Da" not in so_far:
                    so_far += await anext(pieces)
            last = so_far.split("\nid: ")[-1].split("\n")[0]
            place = f"{service.url}{response.headers['Location']}?view=delta"
            first.drop()
            second = await asked[1].next()
            await second.send(GOOD)
            again = messages((await client.get(place, headers={"Last-Event-ID": last})).content)
            same = messages((await client.get(url)).content)
    assert [it.event for it in again] == ["start", "restart", "patch", "usage", "done"]
    assert (again[0].data["model"], again[1].data["model"]) == ("a", "b")
    assert [it.event for it in same] == ["start", "patch", "usage", "done"]
    assert same[0].data["model"] == "b"
    assert same[0].data["stream"] == again[0].data["stream"]
    assert [len(it.exchanges) for it in asked] == [1, 1]


async def test_every_view_and_format_goes_on_with_the_next_model(tmp_path: Path) -> None:
    scripts = saying(BEGUN), saying(GOOD)
    async with serving(tmp_path, *scripts, max_attempts=1) as (service, _):
        chat = await _all(f"{service.url}{IDEAS}&view=ui-message")
        assert '"messageMetadata":{"restart":{"attempt":2,"code":"provider_interrupted"' in chat
        assert '"errors":[],"model":"b"}}' in chat
        assert '"attempts":2,"models":["a","b"]' in chat
        agent = await _all(f"{service.url}{IDEAS}&view=ag-ui")
        assert '"metadata":{"restart":{"attempt":2,"code":"provider_interrupted"' in agent
        assert '"errors":[],"model":"b"}}' in agent
        assert (await _all(service.url + IDEAS, Accept="application/json")) == f"[{FIGS}]"
        items = await read(f"{service.url}{IDEAS}&view=items")
        assert items.index("event: restart") < items.index(f"event: item\ndata: {FIGS}")


async def _all(url: str, **headers: str) -> str:
    async with http_client(timeout=SECONDS, headers=headers) as client:
        return (await client.get(url)).text


async def test_a_schema_s_own_model_falls_back_as_its_entry_says(tmp_path: Path) -> None:
    (folder := tmp_path / "schemas").mkdir()
    write(folder, "words.py", schema(more="model='a', options={'seed': 7}"))
    said = HEAD + text('{"items":[{"text":"figs"}]}') + end()
    async with serving(tmp_path, saying(DOWN), saying(said), registry=load(folder)) as (
        service,
        asked,
    ):
        stream = await told(f"{service.url}/words?topic=figs&count=1")
        assert (stream[0], stream[-1]) == (("start", "b"), ("done", [{"text": "figs"}]))
        assert asked[1].exchanges[0].body["seed"] == 7


async def test_the_built_in_demo_has_a_model_that_is_down_and_another_in_its_place() -> None:
    down = f"{IDEAS}&model=demo-down"
    async with running() as service:
        stream = await told(service.url + down)
        assert [event for event, _ in stream] == ["start", "usage", "done"]
        assert stream[0] == ("start", "demo")
    async with running(models="demo-down") as service:
        assert (await refused(service.url + down)).json()["code"] == "provider_unavailable"


# -- circuits ------------------------------------------------------------------------------------


async def open_circuits(service: Service) -> str:
    async with http_client(timeout=SECONDS) as client:
        lines = (await client.get(f"{service.url}/metrics")).text.split("\n")
    return "\n".join(line for line in lines if line.startswith("model_circuit_open"))


async def test_a_model_that_fails_again_and_again_is_passed_over(tmp_path: Path) -> None:
    settings: Any = {"circuit_failures": 2, "circuit_seconds": 3600}
    async with serving(tmp_path, saying(DOWN), saying(GOOD), **settings) as (service, asked):
        for _ in range(4):
            assert (await told(service.url + IDEAS))[0] == ("start", "b")
        assert [len(each.exchanges) for each in asked] == [2, 4]
        assert await open_circuits(service) == 'model_circuit_open{model="a"} 1.0'


async def test_the_last_model_is_asked_whatever_has_failed_before(tmp_path: Path) -> None:
    settings: Any = {"circuit_failures": 1, "circuit_seconds": 3600}
    async with serving(tmp_path, saying(DOWN), saying(DOWN, DOWN, GOOD), **settings) as (
        service,
        asked,
    ):
        for _ in range(2):
            assert (await refused(service.url + IDEAS)).status_code == 502
        assert (await told(service.url + IDEAS))[0] == ("start", "b")
        assert [len(each.exchanges) for each in asked] == [1, 3]


async def test_a_model_that_works_again_is_asked_again(tmp_path: Path) -> None:
    settings: Any = {"circuit_failures": 1, "circuit_seconds": 0.01}
    scripts = saying(DOWN, DOWN, GOOD), saying(GOOD)
    async with serving(tmp_path, *scripts, **settings) as (service, asked):
        answered = "b"
        while answered == "b":
            [(_, answered), *_] = await told(service.url + IDEAS)
            is_open = answered == "b"
            assert await open_circuits(service) == f'model_circuit_open{{model="a"}} {is_open:d}.0'
        assert len(asked[0].exchanges) == 3
        assert (await told(service.url + IDEAS))[0] == ("start", "a")


async def test_readers_that_leave_open_no_circuit(tmp_path: Path) -> None:
    settings: Any = {"circuit_failures": 1, "circuit_seconds": 3600, "open_timeout": 0.01}
    async with serving(tmp_path, by_hand, saying(GOOD), **settings) as (service, asked):
        for _ in range(2):
            async with reading(service.url + IDEAS):
                exchange = await asked[0].next()
            await exchange.is_closed()
        assert await open_circuits(service) == ""
        assert not asked[1].exchanges


async def test_the_log_names_who_was_paid_and_has_a_line_each_way_of_a_circuit(
    tmp_path: Path,
) -> None:
    down = saying(HEAD + OVERLOADED, DOWN, GOOD)
    async with upstream(down) as first, upstream(saying(GOOD)) as second:
        settings = {f"KEY_{name}": f"s3cret-{name}" for name in "AB"}
        settings |= {"MODELS_FILE": described(tmp_path, [first, second]), "MAX_ATTEMPTS": "1"}
        settings |= {"CIRCUIT_FAILURES": "2", "CIRCUIT_SECONDS": "0.01"}
        async with process(**settings) as service:
            while (await told(service.url + IDEAS))[0] != ("start", "a") or len(
                first.exchanges
            ) < 3:
                pass
            await service.line("a model is asked again")
            service.signal()
            assert await service.exit_code() == 0
        lines = [json.loads(line) for line in service.lines]
    ended = [line for line in lines if line["event"] == "stream ended"]
    assert [line["models"] for line in ended[:2]] == [["a", "b"], ["b"]]
    assert {line["model"] for line in ended} == {"a"}
    circuits = [line for line in lines if line["event"].startswith("a model is")]
    assert [(it["event"], it["model"], it["level"]) for it in circuits] == [
        ("a model is passed over", "a", "warning"),
        ("a model is asked again", "a", "info"),
    ]
    assert "s3cret" not in "\n".join(service.lines)
