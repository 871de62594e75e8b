"""`python -m app stream`, in a terminal, in a pipe, and where something is wrong."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from collections.abc import AsyncIterator

import pytest

from tests.support.command import invoked
from tests.support.process import Ended, ended, start
from tests.support.resuming import ALL, ANSWER, FIGS
from tests.support.service import Service, eventually, running
from tests.support.terminal import CTRL_C, terminal
from tests.support.upstream import HEAD, Upstream, delta, end, saying, text, upstream

WORDS = ("stream", "ideas", "healthy", "snacks", "count=3")


@pytest.fixture
async def provider() -> AsyncIterator[Upstream]:
    async with upstream() as by_hand:
        yield by_hand


@pytest.fixture
async def service(provider: Upstream) -> AsyncIterator[Service]:
    async with running(openai_base_url=provider.base_url) as running_:
        yield running_


async def said(answer: bytes, *arguments: str) -> Ended:
    """What the command says where the provider answers so."""
    async with upstream(saying(answer)) as it, running(openai_base_url=it.base_url) as service:
        return await invoked(*WORDS, *arguments, "--url", service.url)


# -- in a terminal ----------------------------------------------------------------------------


async def test_cards_fill_in_with_a_cursor_and_figures(
    provider: Upstream, service: Service
) -> None:
    async with terminal(*WORDS, "--url", service.url) as shown:
        exchange = await provider.next()
        assert "healthy snacks" in json.dumps(exchange.body)
        await exchange.send(HEAD, text('{"items": [{"title": "Fi'))
        screen = await shown.until(lambda screen: "Fi▌" in screen)
        assert re.search(r"ideas · m\n", screen)
        assert re.search(r"│ title  Fi▌ +│\n│ blurb  … +│", screen)
        await exchange.text('gs", "blurb": "Swe')
        screen = await shown.until(lambda screen: "Swe▌" in screen)
        assert re.search(r"│ title  Figs +│\n│ blurb  Swe▌ +│", screen)
        assert re.search(r"first content \d+\.\d\d s · 7 characters, \d+/s", screen)
        await exchange.text('et."}, ' + ANSWER[len('{"items": [') + len(json.dumps(FIGS)) + 2 :])
        await exchange.finish(usage=(7, 9))
        assert await shown.exit_code() == 0
        for idea in ALL:
            assert re.search(rf"│ title  {idea['title']} +│\n│ blurb  {idea['blurb']}", shown.text)
        assert shown.text.count("│ title") == 3, "what was live is gone"
        assert "▌" not in shown.text
        assert re.search(r"28 characters, \d+/s · tokens: 7 in, 9 out\n", shown.text)
        assert not shown.cursor_is_hidden


async def test_what_the_model_reasons_shows_until_there_is_a_value(
    provider: Upstream, service: Service
) -> None:
    async with terminal(*WORDS, "--reasoning", "--url", service.url) as shown:
        exchange = await provider.next()
        await exchange.send(HEAD, delta(reasoning_content="Snacks should be"))
        await shown.until(lambda screen: "Snacks should be" in screen)
        await exchange.send(delta(reasoning_content=" small."))
        await shown.until(lambda screen: "Snacks should be small." in screen)
        await exchange.text(ANSWER)
        await exchange.finish()
        assert await shown.exit_code() == 0
        assert "small." not in shown.text


async def test_what_is_longer_than_the_screen_is_shown_where_it_is_written(
    provider: Upstream, service: Service
) -> None:
    async with terminal(*WORDS, "count=20", "--url", service.url, lines=12) as shown:
        exchange = await provider.next()
        many = [{"title": f"Title {at}", "blurb": "So."} for at in range(19)]
        await exchange.send(HEAD, text(json.dumps({"items": many})[:-2] + ', {"title": "La'))
        screen = await shown.until(lambda screen: "La▌" in screen)
        assert "Title 18" in screen
        assert "Title 3" not in screen
        assert len(screen.split("\n")) == 12
        await exchange.text('st", "blurb": "End."}]}')
        await exchange.finish()
        assert await shown.exit_code() == 0
        assert b"Title 3" in shown.data.split(b"End.")[-2], "in the end all of it is there"


async def test_ctrl_c_stops_the_generation_too(provider: Upstream, service: Service) -> None:
    async with terminal(*WORDS, "--url", service.url) as shown:
        exchange = await provider.next()
        await exchange.send(HEAD, text('{"items": [{"title": "Fi'))
        await shown.until(lambda screen: "Fi▌" in screen)
        shown.type(CTRL_C)
        assert await shown.exit_code() == 130
        await exchange.is_closed()
        assert not len(service.streams)
        assert "stopped" in shown.text
        assert "title  Fi" in shown.text
        assert "Traceback" not in shown.text
        assert not shown.cursor_is_hidden


async def test_the_model_s_text_can_do_nothing_to_the_terminal() -> None:
    title = "\x1b]0;owned\x07\x1b[2J\x9b31m[red]bold[/red]\r\x08:smile:"
    whole = HEAD + text(json.dumps({"items": [{"title": title, "blurb": "B"}]})) + end()
    async with upstream(saying(whole)) as it, running(openai_base_url=it.base_url) as service:
        async with terminal(*WORDS, "--url", service.url) as shown:
            assert await shown.exit_code() == 0
        assert b"\x1b]0;" not in shown.data
        assert b"\x1b[2J" not in shown.data
        assert "\x9b".encode() not in shown.data
        assert "�]0;owned��[2J�31m[red]bold[/red]��:smile:" in shown.text


async def test_an_error_leaves_what_there_was_and_says_what_happened() -> None:
    broken = HEAD + text('{"items": [{"title": "Fi') + end("length")
    async with upstream(saying(broken)) as it, running(openai_base_url=it.base_url) as service:
        async with terminal(*WORDS, "--url", service.url, columns=120) as shown:
            assert await shown.exit_code() == 1
        assert "title  Fi" in shown.text
        assert re.search(r"output_truncated: .+ \(request \w+\)", shown.text)


# -- in a pipe --------------------------------------------------------------------------------


async def test_json_is_a_partial_a_line_and_the_final_value_last(
    provider: Upstream, service: Service
) -> None:
    process = await start(*WORDS, "--json", "--url", service.url)
    assert process.stdout
    exchange = await provider.next()
    await exchange.send(HEAD, text('{"items": [{"title": "Fí'))
    first = await asyncio.wait_for(process.stdout.readline(), 10)
    while "Fí".encode() not in first:
        first = await asyncio.wait_for(process.stdout.readline(), 10)
    assert json.loads(first) == {"event": "message", "data": [{"title": "Fí", "blurb": None}]}
    await exchange.text('gs", "blurb": "Sweet."}]}')
    await exchange.finish()
    rest, errors = await asyncio.wait_for(process.communicate(), 10)
    lines = rest.splitlines()
    value = [{"title": "Fígs", "blurb": "Sweet."}]
    assert json.loads(lines[-1]) == {"event": "done", "data": value}
    assert {json.loads(line)["event"] for line in lines[:-1]} <= {"message"}
    assert len(set(lines)) == len(lines)
    assert (process.returncode, errors) == (0, b"")


async def test_the_last_line_of_a_stream_that_fails_says_so() -> None:
    """A reader of `tail -n 1` must not take a partial for a result."""
    found = await said(HEAD + text('{"items": [{"title": "12') + end("length"), "--json")
    lines = [json.loads(line) for line in found.out.splitlines()]
    assert found.code == 1
    assert (lines[-1]["event"], lines[-1]["data"]["code"]) == ("error", "output_truncated")
    assert all(line["event"] == "message" for line in lines[:-1])


async def test_without_a_terminal_the_final_value_is_all_that_is_printed() -> None:
    found = await said(HEAD + text(ANSWER) + end())
    assert (found.code, found.said) == (0, "")
    assert found.out.count("│ title") == 3
    assert "\x1b" not in found.out
    assert "characters" not in found.out


async def test_a_pipe_that_closes_ends_it_without_a_word_and_stops_the_paying(
    provider: Upstream, service: Service
) -> None:
    process = await start(*WORDS, "--json", "--url", service.url)
    assert process.stdout
    assert process.stderr
    exchange = await provider.next()
    await exchange.send(HEAD, text('{"items": [{"title": "Fi'))
    await asyncio.wait_for(process.stdout.readline(), 10)
    process.stdout._transport.close()  # type: ignore[attr-defined]
    await exchange.text("gs")
    await exchange.is_closed(10)
    assert await process.stderr.read() == b""
    assert await asyncio.wait_for(process.wait(), 10) == 141


async def test_a_signal_in_a_pipe_stops_the_generation_too(
    provider: Upstream, service: Service
) -> None:
    process = await start(*WORDS, "--json", "--url", service.url)
    assert process.stdout
    exchange = await provider.next()
    await exchange.send(HEAD, text('{"items": [{"title": "Fi'))
    await asyncio.wait_for(process.stdout.readline(), 10)
    process.send_signal(signal.SIGINT)
    _, errors = await asyncio.wait_for(process.communicate(), 10)
    assert (process.returncode, errors) == (130, b"stopped\n")
    await eventually(lambda: not len(service.streams))
    await exchange.is_closed()


# -- where something is wrong -----------------------------------------------------------------


@pytest.mark.parametrize("body", [b"{}", b"[]", b"<html>", b'{"parameters": 1}'])
async def test_where_another_service_answers_one_line_says_so(body: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as other:
        url = "http://{}:{}".format(*other.sockets[0].getsockname())
        found = await invoked("stream", "ideas", "tea", "--url", url)
    assert (found.code, found.said) == (2, f"what answers at {url} is another service\n")


async def test_where_no_service_runs_one_line_says_so() -> None:
    found = await ended("stream", "ideas", "tea", "--url", "http://127.0.0.1:9")
    assert (found.code, found.out) == (1, "")
    assert found.said == (
        "no service answers at http://127.0.0.1:9: "
        "start one with `make run`, or name another with --url\n"
    )


async def test_what_the_service_refuses_is_said_in_its_words(service: Service) -> None:
    found = await invoked("stream", "ideas", "tea", "count=99", "--url", service.url)
    assert (found.code, found.out) == (1, "")
    assert re.fullmatch(
        r"invalid_request: The parameters of ideas are not valid. \(request \w+\)\n"
        r"  /count must be at most 20\n",
        found.said,
    )
