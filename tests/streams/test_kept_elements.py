"""A list whose attempt fails: what is kept and asked for, and what readers of each view get."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.client import SECONDS
from tests.support.http_client import http_client
from tests.support.schema_files import load, schema, write
from tests.support.service import running
from tests.support.stream import streaming
from tests.support.upstream import HEAD, delta, end, event, saying, text, upstream
from tests.views.played import applied

TEXTS = ["Figs", "Tea", "Jam", "Rye"]
ITEMS = [{"title": title, "blurb": "Good."} for title in TEXTS]
CUT = json.dumps({"items": ITEMS[:2]})[:-2] + ', {"title": "J'
REST = json.dumps({"items": ITEMS[2:]})
TOO_LONG = f'{CUT}am", "blurb": "{"x" * 141}'
URL = "/ideas?topic=figs&count=4&interval_ms=0"

FAILURES = {
    "output_invalid": text(CUT) + text(TOO_LONG[len(CUT) :]),
    "provider_interrupted": text(CUT),
    "provider_protocol": text(CUT) + b"data: {oops\n\n",
    "provider_unavailable": text(CUT) + event({"error": {"code": 503, "message": "canary"}}),
    "output_truncated": text(CUT) + delta("length") + event("[DONE]"),
}


async def said(
    *answers: bytes, url: str = URL, headers: dict[str, str] | None = None, **settings: Any
) -> tuple[str, list[dict[str, Any]]]:
    """The body of a stream of these answers of the provider, and the requests that it had."""
    async with (
        upstream(saying(*(HEAD + answer for answer in answers))) as provider,
        running(openai_base_url=provider.base_url, **settings) as service,
        http_client(timeout=SECONDS) as client,
    ):
        response = await client.get(service.url + url, headers=headers)
        return response.text, [exchange.body for exchange in provider.exchanges]


def messages(body: str) -> list[tuple[str, Any]]:
    """The events with their data; a message without a name is a partial."""
    found = []
    for message in body.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in message.split("\n"))
        found.append((fields.get("event", ""), json.loads(fields["data"])))
    return found


def asked(body: dict[str, Any]) -> tuple[str, int, int]:
    """The last message of a request, and the bounds of the list that it asks for."""
    (tool,) = body["tools"]
    items = tool["function"]["parameters"]["properties"]["items"]
    return body["messages"][-1]["content"], items["minItems"], items["maxItems"]


@pytest.mark.parametrize("code", FAILURES)
async def test_the_rest_alone_is_asked_for(code: str) -> None:
    body, (first, second) = await said(FAILURES[code], text(REST) + end())
    found = messages(body)
    at = [name for name, _ in found].index("restart")
    assert found[at][1]["code"] == code
    assert found[at + 1] == ("", ITEMS[:2])
    assert all(data[:2] == ITEMS[:2] for name, data in found[at + 1 :] if not name)
    assert found[-1] == ("done", ITEMS)

    _, least, most = asked(first)
    assert (least, most) == (1, 4)
    told, least, most = asked(second)
    assert (least, most) == (0, 2)
    assert [message["role"] for message in second["messages"]] == ["system", "user"]
    there = json.dumps(ITEMS[:2], separators=(",", ":"))
    assert f"<elements>\n[{there[1:-1]}]\n</elements>" in told
    assert "at most 2" in told
    assert "xxx" not in json.dumps(second)  # the invalid answer is not repeated
    assert ("/2/blurb: must have at most 140 characters" in told) == (code == "output_invalid")


@pytest.mark.parametrize("code", FAILURES)
async def test_the_restart_and_what_is_kept_are_in_one_write(code: str) -> None:
    """However long the interval is, and however slow the next attempt."""
    async with upstream() as provider, running(openai_base_url=provider.base_url) as service:
        for view, kept in (
            ("snapshot", "data: "),
            ("delta", "event: patch\ndata: "),
            ("items", "event: item\ndata: "),
        ):
            url = f"/ideas?topic=figs&count=4&interval_ms=5000&view={view}"
            async with streaming(service, provider, url) as (reader, exchange):
                await exchange.send(FAILURES[code])
                exchange.eof()
                message = await reader.next()
                while not message.startswith("event: restart"):
                    message = await reader.next()
                assert (await reader.next()).startswith(kept)
                second = await provider.next()
                await second.send(HEAD, text(REST), end())
                rest = await reader.rest()
                assert f"event: done\ndata: {json.dumps(ITEMS, separators=(',', ':'))}" in rest


@pytest.mark.parametrize("code", FAILURES)
async def test_items_are_sent_again_and_each_once_an_attempt(code: str) -> None:
    body, _ = await said(FAILURES[code], text(REST) + end(), url=URL + "&view=items")
    found = messages(body)
    at = [name for name, _ in found].index("restart")
    after = [data for name, data in found[at:] if name == "item"]
    assert after == ITEMS
    before = [data for name, data in found[:at] if name == "item"]
    assert before == ITEMS[: len(before)]


@pytest.mark.parametrize("code", FAILURES)
async def test_an_attempt_begins_with_one_patch_that_replaces_everything(code: str) -> None:
    body, _ = await said(FAILURES[code], text(REST) + end(), url=URL + "&view=delta")
    found = messages(body)
    at = [name for name, _ in found].index("restart")
    ((op, *others), *rest) = [data for name, data in found[at:] if name == "patch"]
    assert op == {"op": "replace", "path": "", "value": ITEMS[:2]}
    assert all(one["path"] for one in (*others, *(one for patch in rest for one in patch)))


@pytest.mark.parametrize("code", FAILURES)
async def test_a_page_of_a_front_end_never_goes_blank(code: str) -> None:
    body, _ = await said(FAILURES[code], text(REST) + end(), url=URL + "&view=ui-message")
    chunks = [json.loads(line[6:]) for line in body.split("\n") if line.startswith("data: {")]
    parts = [chunk["data"] for chunk in chunks if chunk["type"] == "data-ideas"]
    lengths = [len(part) for part in parts[parts.index(ITEMS[:2]) if ITEMS[:2] in parts else 0 :]]
    assert 0 not in lengths[1:]
    assert parts[-1] == ITEMS

    body, _ = await said(FAILURES[code], text(REST) + end(), url=URL + "&view=ag-ui")
    events = [json.loads(line[6:]) for line in body.split("\n") if line.startswith("data: {")]
    (restarted,) = [one for one in events if "restart" in one.get("metadata", {})]
    assert restarted["snapshot"] == ITEMS[:2]
    assert events[-1]["result"] == ITEMS


async def test_text_that_has_begun_breaks_off() -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        await said(FAILURES["provider_unavailable"], text(REST) + end(), url=URL + "&view=text")


async def test_json_has_the_whole() -> None:
    headers = {"Accept": "application/json"}
    body, bodies = await said(FAILURES["output_invalid"], text(REST) + end(), headers=headers)
    assert json.loads(body) == ITEMS
    assert len(bodies) == 2


async def test_what_is_kept_stays_kept_through_an_attempt_that_brings_nothing() -> None:
    broken = FAILURES["provider_interrupted"]
    body, bodies = await said(broken, b"", text(REST) + end(), max_attempts=3)
    found = messages(body)
    assert [data["attempt"] for name, data in found if name == "restart"] == [2, 3]
    assert found[-1] == ("done", ITEMS)
    assert [asked(one)[2] for one in bodies] == [4, 2, 2]


async def test_a_rest_may_be_empty() -> None:
    body, _ = await said(FAILURES["provider_interrupted"], text('{"items": []}') + end())
    assert messages(body)[-1] == ("done", ITEMS[:2])


async def test_tokens_of_all_attempts_are_counted() -> None:
    cut = text(CUT) + end("length", usage=(10, 20))
    body, _ = await said(cut, text(REST) + end(usage=(30, 5)))
    usage = dict(messages(body))["usage"]
    assert usage == {"input_tokens": 40, "output_tokens": 25, "attempts": 2}


async def test_turned_off_the_whole_is_asked_for_again() -> None:
    whole = text(json.dumps({"items": ITEMS})) + end()
    body, bodies = await said(FAILURES["output_invalid"], whole, keep_elements=False)
    found = messages(body)
    at = [name for name, _ in found].index("restart")
    assert found[at + 1] == ("", ITEMS)
    assert asked(bodies[1])[1:] == (1, 4)
    body, bodies = await said(FAILURES["output_truncated"], whole, keep_elements=False)
    assert messages(body)[-1][1]["code"] == "output_truncated"
    assert len(bodies) == 1


# -- truncation -------------------------------------------------------------------------------


def one_at_a_time(count: int) -> list[bytes]:
    """Answers that are cut after one element each."""
    element = json.dumps(ITEMS[0])
    return [text(f'{{"items": [{element}, {{"title"') + end("length")] * count


async def test_a_truncated_list_goes_on_beyond_the_attempts() -> None:
    last = text(json.dumps({"items": ITEMS[:1]})) + end()
    body, bodies = await said(*one_at_a_time(3), last, max_attempts=1)
    found = messages(body)
    assert [data["code"] for name, data in found if name == "restart"] == ["output_truncated"] * 3
    assert found[-1] == ("done", [ITEMS[0]] * 4)
    assert [asked(one)[1:] for one in bodies] == [(1, 4), (0, 3), (0, 2), (0, 1)]


async def test_ten_times_at_most() -> None:
    url = URL.replace("count=4", "count=20")
    body, bodies = await said(*one_at_a_time(20), url=url)
    assert messages(body)[-1][1]["code"] == "output_truncated"
    assert len(bodies) == 11


async def test_one_that_brings_nothing_is_the_last() -> None:
    nothing = text('{"items": [{"title": "F') + end("length")
    body, bodies = await said(nothing)
    assert messages(body)[-1][1]["code"] == "output_truncated"
    assert len(bodies) == 1
    body, bodies = await said(*one_at_a_time(1), nothing)
    assert messages(body)[-1][1]["code"] == "output_truncated"
    assert len(bodies) == 2


@pytest.mark.parametrize("tail", ["", "]"])
@pytest.mark.parametrize("ending", [b"", end("length")])
async def test_a_list_with_all_its_elements_is_done(tail: str, ending: bytes) -> None:
    body, bodies = await said(text(json.dumps({"items": ITEMS})[:-2] + tail) + ending)
    found = messages(body)
    assert found[-1] == ("done", ITEMS)
    assert "restart" not in dict(found)
    assert len(bodies) == 1


async def test_a_single_object_is_asked_for_anew_or_ends_as_it_did() -> None:
    url = "/briefs?topic=figs&interval_ms=0"
    body, bodies = await said(text('{"title": "Fi') + end("length"), url=url)
    assert messages(body)[-1][1]["code"] == "output_truncated"
    body, bodies = await said(text('{"title": "Fi'), url=url)
    assert messages(body)[-1][1]["code"] == "provider_interrupted"
    assert bodies[0] == bodies[1]


# -- the list itself --------------------------------------------------------------------------

UNIQUE = """
def unique(words: list[Word]) -> list[Word]:
    if len({word.text for word in words}) < len(words):
        raise ValueError("a word stands twice")
    return words
"""


async def words(tmp_path: Path, *answers: bytes) -> tuple[list[tuple[str, Any]], list[Any]]:
    write(
        tmp_path,
        "words.py",
        UNIQUE + schema("Annotated[list[Word], AfterValidator(unique)]", "ListParameters"),
    )
    url = "/words?topic=figs&count=3&interval_ms=0"
    body, bodies = await said(*answers, url=url, registry=load(tmp_path), max_attempts=3)
    return messages(body), bodies


def written(*texts: str) -> str:
    return json.dumps({"items": [{"text": one} for one in texts]})


async def test_a_list_that_is_refused_as_a_whole_is_asked_for_as_a_whole(tmp_path: Path) -> None:
    found, bodies = await words(
        tmp_path,
        text(written("a", "b")[:-2]),
        text(written("a")) + end(),
        text(written("c", "d", "e")) + end(),
    )
    assert [data["code"] for name, data in found if name == "restart"] == [
        "provider_interrupted",
        "output_invalid",
    ]
    assert found[-1] == ("done", [{"text": one} for one in "cde"])
    assert [asked(one)[1:] for one in bodies] == [(1, 3), (0, 1), (1, 3)]
    refused = bodies[2]["messages"][2]
    assert refused["role"] == "assistant"
    assert json.loads(refused["content"]) == json.loads(written("a", "b", "a"))


async def test_validators_of_the_list_see_one_that_has_all_its_elements(tmp_path: Path) -> None:
    found, bodies = await words(
        tmp_path, text(written("a", "b", "a")[:-2]), text(written("c")) + end()
    )
    assert [data["code"] for name, data in found if name == "restart"] == ["output_invalid"]
    assert found[-1] == ("done", [{"text": "c"}])
    assert [asked(one)[1:] for one in bodies] == [(1, 3), (1, 3)]


# -- coming back ------------------------------------------------------------------------------


@pytest.mark.parametrize("view", ["delta", "items"])
async def test_who_comes_back_across_the_restart_gets_what_is_missing(view: str) -> None:
    async with (
        upstream(saying(HEAD + text(CUT), HEAD + text(REST) + end())) as provider,
        running(openai_base_url=provider.base_url) as service,
        http_client(base_url=service.url, timeout=SECONDS) as client,
    ):
        whole = (await client.get(f"{URL}&view={view}&resumable=true")).text
        events = whole.strip().split("\n\n")
        ids = [event.rsplit("id: ", 1)[1].split("\n")[0] for event in events]
        assert any(event.startswith("event: restart") for event in events)
        for at, id in enumerate(ids[:-1]):
            path = f"/streams/{id.split('-')[0]}?view={view}&interval_ms=0"
            again = (await client.get(path, headers={"Last-Event-ID": id})).text
            _, *rest = again.strip().split("\n\n")
            state = _state(events[: at + 1] + rest)
            assert state == ITEMS


def _state(events: list[str]) -> Any:
    """What a reader of these events has in the end."""
    items: list[Any] = []
    state: Any = None
    for name, data in messages("\n\n".join(events)):
        if name == "restart":
            items, state = [], None
        elif name == "item":
            items.append(data)
        elif name == "patch":
            for operation in data:
                state = applied(state, operation)
    assert events[-1].startswith("event: done")
    return items or state


# -- the demo ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "count", "codes"),
    [
        ("demo-invalid-late", 8, ["output_invalid"]),
        ("demo-truncated-list", 8, ["output_truncated"] * 2),
        ("demo-truncated-list", 3, []),
    ],
)
async def test_the_demo_gives_the_rest(model: str, count: int, codes: list[str]) -> None:
    async with running() as service, http_client(timeout=SECONDS) as client:
        url = f"{service.url}/ideas?topic=figs&count={count}&model={model}&interval_ms=0"
        found = messages((await client.get(url)).text)
    assert [data["code"] for name, data in found if name == "restart"] == codes
    for at, (name, _) in enumerate(found):
        if name == "restart":
            assert len(found[at + 1][1]) >= 3
    name, value = found[-1]
    assert name == "done"
    assert len(value) == len({json.dumps(one) for one in value}) == count
