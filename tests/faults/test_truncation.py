"""An answer that is cut off anywhere: never a false `done`, never a wrong code.

`EACH` cuts after each byte. `SOME` cuts after every seventh, and after each where the code changes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from tests.support.raw import exchange
from tests.support.service import running
from tests.support.upstream import HEAD, delta, event, saying, text, upstream

VALUE = [{"title": "Fígs", "blurb": '\N{CHERRIES}\n"'}, {"title": "1", "blurb": ""}]
ANSWER = json.dumps({"items": VALUE}, ensure_ascii=False)
REQUEST = b"GET /ideas?topic=figs&count=2 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
DONE = f"event: done\ndata: {json.dumps(VALUE, ensure_ascii=False, separators=(',', ':'))}\n"


async def ends(answers: Iterable[bytes], **settings: Any) -> list[str]:
    """What the streams of these answers end in, one after another: `done`, or a code."""
    said = list(answers)
    found = []
    async with (
        upstream(saying(*said)) as provider,
        running(openai_base_url=provider.base_url, max_attempts=1, **settings) as service,
    ):
        for _ in said:
            stream = (await exchange(service.url, REQUEST)).decode()
            assert stream.count("event: done") + stream.count("event: error") == 1
            if "event: error" in stream:
                found.append(stream.split('"code":"')[1].split('"')[0])
            else:
                assert DONE in stream
                found.append("done")
    return found


@pytest.mark.parametrize(
    ("finish", "part", "whole"),
    [
        ("stop", "output_invalid", "done"),
        ("tool_calls", "output_invalid", "done"),
        ("length", "output_truncated", "output_truncated"),
        ("content_filter", "output_filtered", "output_filtered"),
        ("unheard_of", "provider_protocol", "provider_protocol"),
        (None, "provider_interrupted", "done"),
    ],
)
async def test_text_that_is_cut_anywhere_ends_as_the_finish_reason_says(
    finish: str | None, part: str, whole: str
) -> None:
    last = delta(finish) + event("[DONE]")
    cuts = [HEAD + text(ANSWER[:at]) + last for at in range(len(ANSWER) + 1)]
    assert await ends(cuts, keep_elements=False) == [part] * len(ANSWER) + [whole]


SOME, EACH = 7, 1


@pytest.mark.parametrize("step", [SOME, pytest.param(EACH, marks=pytest.mark.chaos)])
@pytest.mark.parametrize("chunked", [False, True], ids=["to its end", "in chunks"])
async def test_a_body_that_is_cut_anywhere_is_interrupted_until_its_finish_reason_is_there(
    chunked: bool, step: int
) -> None:
    head, frames = HEAD, [text(ANSWER), delta("stop"), event("[DONE]")]
    if chunked:
        head = HEAD.replace(b"Connection", b"Transfer-Encoding: chunked\r\nConnection")
        frames = [b"%x\r\n%b\r\n" % (len(frame), frame) for frame in frames]
    body = b"".join(frames)
    finished = body.index(b"\n\n", body.index(b'"stop"'))
    if chunked:  # only a body that ends in good order may lack its last blank line
        finished += 2
    near = range(finished - 9, finished + 9)
    cuts = sorted({*range(0, len(body), step), *near, len(body)})
    found = await ends(head + body[:at] for at in cuts)
    assert found == ["provider_interrupted" if at < finished else "done" for at in cuts]
