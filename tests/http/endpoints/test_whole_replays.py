"""An ended stream that is read from its beginning: the same bytes, from memory, within a limit."""

from __future__ import annotations

import json
import re
from uuid import UUID

import httpx
import pytest

from app.streams.log import Log
from tests.support.callers import CRON, KEYED, WEB, bearer, code
from tests.support.http_client import http_client
from tests.support.service import running
from tests.support.upstream import HEAD, end, saying, text, upstream

ITEMS = [{"title": f"Tea {number}", "blurb": "Hot."} for number in range(3)]
DONE = HEAD + text(json.dumps({"items": ITEMS})) + end("stop", (7, 9))
IDEAS = "/ideas?topic=tea&count=3&resumable=true"
VIEWS = ("snapshot", "delta", "items", "text", "ui-message", "ag-ui")
RUN = "/ideas?view=ag-ui&idempotency_key=k"
BODY = {"messages": [{"role": "user", "content": "tea"}], "forwardedProps": {"count": 3}}


def without_ids(answer: httpx.Response) -> str:
    """What is sent, but for the ids that each run of AG-UI has of its own."""
    return re.sub(r'"(threadId|runId)":"[^"]*"', "", answer.text)


async def test_each_view_and_format_is_sent_the_same_bytes_again() -> None:
    async with (
        upstream(saying(DONE)) as provider,
        running(openai_base_url=provider.base_url) as service,
        http_client(timeout=60, base_url=service.url) as client,
    ):
        first = await client.get(IDEAS)
        place = first.headers["location"]
        for view in VIEWS:
            for accept in ("text/event-stream", "application/x-ndjson"):
                url = f"{place}?view={view}"
                one, two = [await client.get(url, headers={"Accept": accept}) for _ in range(2)]
                assert without_ids(one) == without_ids(two) != ""
                assert one.headers["content-type"] == two.headers["content-type"]
        runs = [(await client.get(f"{place}?view=ag-ui")).text for _ in range(2)]
        assert runs[0] != runs[1]  # each is a run with an id of its own
        # The stream is forgotten, and so is what was kept of it.
        assert (await client.delete(place)).status_code == 204
        assert (await client.get(f"{place}?view=items")).status_code == 404


async def test_what_is_kept_is_not_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async with (
        upstream(saying(DONE)) as provider,
        running(openai_base_url=provider.base_url) as service,
        http_client(timeout=60, base_url=service.url) as client,
    ):
        place = (await client.get(IDEAS)).headers["location"]
        url = f"{place}?view=items"
        one = await client.get(url)
        monkeypatch.setattr(Log, "unread", never)
        assert (await client.get(url)).content == one.content


async def test_a_run_of_ag_ui_has_its_own_ids_in_what_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with (
        upstream(saying(DONE)) as provider,
        running(openai_base_url=provider.base_url) as service,
        http_client(timeout=60, base_url=service.url) as client,
    ):
        place = (await client.post(RUN, json=BODY)).headers["location"]
        one = await client.get(f"{place}?view=ag-ui")
        monkeypatch.setattr(Log, "unread", never)
        odd = 'a "\u2028 b'
        for ids in ({"threadId": "t", "runId": "u"}, {"threadId": odd, "runId": '"runId'}):
            again = await client.post(RUN, json=BODY | ids)
            events = [json.loads(it[6:]) for it in again.text.split("\n\n") if it]
            for event in (events[0], events[-1]):
                assert {"threadId": event["threadId"], "runId": event["runId"]} == ids
            assert events[-1]["result"] == ITEMS
            if odd not in ids.values():
                assert without_ids(again) == without_ids(one)
        known = json.loads((await client.get(f"{place}?view=ag-ui")).text.split("\n\n")[0][6:])
        assert UUID(known["threadId"]) != UUID(known["runId"])


def never(*_: object) -> None:
    raise AssertionError("the log is read again")


@pytest.mark.usefixtures("new_minute")
async def test_whole_replays_are_limited_and_coming_back_is_not() -> None:
    async with (
        upstream(saying(DONE)) as provider,
        running(openai_base_url=provider.base_url, caller_replays_per_minute=2, **KEYED) as service,
        http_client(timeout=60, base_url=service.url, headers=bearer(WEB)) as client,
    ):
        begun = await client.get(f"{IDEAS}&idempotency_key=k")
        place = begun.headers["location"]
        assert (await client.get(place)).status_code == 200
        assert (await client.get(f"{IDEAS}&idempotency_key=k")).status_code == 200
        for refused in (await client.get(place), await client.get(f"{IDEAS}&idempotency_key=k")):
            assert code(refused) == (429, "rate_limited")
            assert int(refused.headers["retry-after"]) >= 1
        for _ in range(5):
            last = {"Last-Event-ID": f"{place.removeprefix('/streams/')}-0"}
            assert (await client.get(place, headers=last)).status_code == 200
        assert (await client.get(IDEAS)).status_code == 200  # another stream is not concerned
        theirs = await client.get(IDEAS, headers=bearer(CRON))
        assert (await client.get(theirs.headers["location"], headers=bearer(CRON))).is_success
