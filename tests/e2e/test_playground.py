"""The playground against the real service: every schema, fault and ending, in a real browser."""

from __future__ import annotations

import ast
import asyncio
import hashlib
import json
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from app.demo.reasoning import FORMS
from app.demo.refusals import REFUSING
from app.schemas.registry import load
from app.views.specs import VIEWS
from tests.browsers.site import bundled, site
from tests.e2e.playground import playground
from tests.support.http_client import http_client
from tests.support.program import printed
from tests.support.proxy import proxy
from tests.support.schema_files import schema, write
from tests.support.service import Service, running
from tests.support.upstream import HEAD, Exchange, Upstream, end, saying, text, upstream

pytestmark = pytest.mark.asyncio(loop_scope="module")

FIRST, SECOND = '{"items": [{"title": "Figs", "blurb": "Sw', 'eet."}]}'
MOUNT = """
import { createRoot } from "react-dom/client";
createRoot(document.getElementById("root")).render(<Answer />);
"""
HOSTILE = """<img src=x onerror="document.title='owned'"><script>document.title="owned"</script>"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def impatient() -> AsyncIterator[Service]:
    """The same, and a service that is soon tired of waiting for it."""
    async with running(model="", content_gap_timeout=0.3, first_content_timeout=0.3) as service:
        yield service


@asynccontextmanager
async def half_way(first: str = FIRST) -> AsyncIterator[tuple[Upstream, asyncio.Event]]:
    """A provider that writes `first`, and SECOND once it may."""

    async def script(exchange: Exchange) -> None:
        await exchange.send(HEAD, text(first))
        await go_on.wait()
        await exchange.send(text(SECOND) + end())

    go_on = asyncio.Event()
    async with upstream(script) as provider:
        yield provider, go_on


def leaves(value: Any) -> Iterator[str]:
    """Every string in a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from leaves(part)


async def final(service: Service, wire: list[str]) -> Any:
    """The final value of the stream that begins a wire."""
    data = json.loads(wire[0].split("data: ")[1].split("\n")[0])
    async with http_client(timeout=60, base_url=service.url) as http:
        headers = {"Accept": "application/json"}
        return (await http.get(f"/streams/{data['stream']}", headers=headers)).json()


def python(code: str) -> list[str]:
    """The command that runs Python lines where the client is installed."""
    return [sys.executable, "-c", f"import sys\nsys.path[:] = {sys.path}\n{code}"]


# Answers


# Where the short fields stand, but for those in what there may be several of.
FACTS = """
[...document.querySelectorAll("#result .depth-0 > :is(.facts, .block > * > .facts) > *")]
  .map(fact => fact.offsetLeft)
"""


async def test_every_schema_takes_shape(browser: Browser, demo: Service) -> None:
    async with playground(browser, demo.url) as page:
        for schema in ("ideas", "movies", "recipes", "briefs"):
            await page.choose(schema, topic="tea")
            at_rest = await page.page.evaluate(FACTS)
            await page.start()
            await page.until("done")
            assert await page.page.evaluate(FACTS) == at_rest
            wire = await page.wire()
            assert wire[0].startswith("event: start")
            assert wire[-1].startswith("event: done")
            shown = (await page.result()).casefold()
            for leaf in leaves(await final(demo, wire)):
                assert leaf.casefold() in shown
            assert await page.page.locator("#result .bone:visible, #result .open").count() == 0
            for name in ("First content", "Messages", "Tokens in", "Tokens out"):
                assert float((await page.figure(name)).split()[0]) > 0
            assert (await page.figure("Attempts"), await page.figure("Connections")) == ("1", "1")
            await page.fits()


SIGNS = {
    "snapshot": 'data: [{"title":',
    "items": "event: item",
    "text": '[{"title":',
    "ui-message": 'data: {"type":"start"',
    "ag-ui": 'data: {"type":"RUN_STARTED"',
}


async def test_the_wire_shows_the_view_that_is_chosen(browser: Browser, demo: Service) -> None:
    async with playground(browser, demo.url) as page:
        for view, sign in SIGNS.items():
            await page.run(topic="tea", count="2", view=view)
            wire = "".join(await page.wire())
            assert sign in wire
            assert "event: patch" not in wire
            assert await page.page.locator("#result [data-progress=complete]").count() == 2


async def test_each_view_costs_what_was_read_of_it(browser: Browser, paced: Service) -> None:
    async with playground(browser, paced.url) as page:
        await page.choose(topic="tea", count="3", pace="0")
        for view in ("text", "ui-message", "ag-ui"):
            await page.page.get_by_role("checkbox", name=view).check()
        await page.start()
        await page.until("done")
        rows = await page.page.locator("#views tbody tr").all_inner_texts()
        for row, (name, spec) in zip(rows, VIEWS.items(), strict=True):
            assert row.startswith(f"{name} {spec.summary.replace('`', '')}")
        sizes = {row.split()[0]: row.split()[-2:] for row in rows}
        kilobytes = {
            view: float(size) / (1000 if unit == "B" else 1) for view, (size, unit) in sizes.items()
        }
        assert list(kilobytes) == ["snapshot", "delta", "items", "text", "ui-message", "ag-ui"]
        assert 0 < kilobytes["text"] < kilobytes["delta"] < kilobytes["snapshot"]
        assert 0 < kilobytes["items"] < kilobytes["delta"]


async def test_what_has_not_changed_is_not_drawn_again_and_nothing_moves(
    browser: Browser,
) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.send(HEAD, text('{"items": [{"title": "Figs", "blurb": "Sweet."}, {"ti'))
        await go_on.wait()
        await exchange.send(text('tle": "Dates", "blurb": "Sw'))
        await exchange.send(text('eeter."}]}') + end())

    go_on = asyncio.Event()
    where = "[...document.querySelectorAll('.cards > li')].map(card => card.offsetTop)"
    async with (
        upstream(script) as provider,
        running(openai_base_url=provider.base_url) as service,
        playground(browser, service.url, width=390) as page,
    ):
        await page.choose(topic="tea", count="4")
        at_rest = await page.page.evaluate(where)
        await page.start()
        await expect(page.page.locator("[data-progress=complete]")).to_have_count(1)
        assert await page.page.evaluate(where) == at_rest
        await page.page.evaluate(
            """() => {
              window.changes = 0;
              const card = document.querySelector(".cards > li > *");
              const all = { subtree: true, childList: true, characterData: true, attributes: true };
              new MutationObserver(found => { changes += found.length; }).observe(card, all);
            }"""
        )
        go_on.set()
        await page.until("done")
        assert await page.page.evaluate("changes") == 0
        assert await page.page.evaluate(where) == at_rest[:2]


# Endings


async def test_stop_closes_the_connection_to_the_model(browser: Browser) -> None:
    async with (
        half_way() as (provider, _),
        running(openai_base_url=provider.base_url) as service,
        playground(browser, service.url) as page,
    ):
        await page.choose(topic="figs", count="1")
        await page.start()
        await page.until("writing")
        await expect(page.page.locator(".text.open")).to_have_text("Sw")
        await page.page.locator("#stop").click()
        await provider.exchanges[0].is_closed(10)
        await page.until("stopped")
        assert "Figs" in await page.result()
        assert await page.page.evaluate("document.activeElement.id") == "answer-title"


@pytest.mark.parametrize("by", ["the button", "the network"])
async def test_a_connection_that_is_cut_comes_back_and_is_paid_once(
    browser: Browser, by: str
) -> None:
    async with (
        half_way() as (provider, go_on),
        running(openai_base_url=provider.base_url) as service,
        proxy(service.url) as between,
        playground(browser, between.url) as page,
    ):
        await page.choose(topic="figs", count="1")
        await page.start()
        await page.until("writing")
        if by == "the button":
            await page.page.locator("#cut").click()
        else:
            between.cut()
        await expect(page.page.locator("#notices")).to_contain_text("It came back by itself")
        go_on.set()
        await page.until("done")
        assert "Sweet." in await page.result()
        assert await page.figure("Connections") == "2"
        assert len(provider.exchanges) == 1


SILENCES = dict.fromkeys(
    ("demo-stall", "demo-silent", "demo-drip", "demo-blanks"), ("provider_timeout", True)
)
FAULTS = {
    "demo-always-invalid": ("output_invalid", True),
    "demo-truncated": ("output_truncated", False),
    "demo-refusal": ("output_refused", False),
    "demo-filtered": ("output_filtered", False),
    "demo-disconnect": ("provider_interrupted", True),
    "demo-garbage": ("provider_protocol", True),
    "demo-error": ("provider_protocol", True),
    "demo-overloaded": ("provider_unavailable", True),
    "demo-429": ("provider_rate_limited", True),
    "demo-500": ("provider_unavailable", True),
    "demo-401": ("provider_rejected", False),
}


@pytest.mark.parametrize("faults", [FAULTS, SILENCES], ids=["faults", "silences"])
async def test_every_fault_is_explained(
    browser: Browser, demo: Service, impatient: Service, faults: dict[str, tuple[str, bool]]
) -> None:
    service = demo if faults is FAULTS else impatient
    async with playground(browser, service.url) as page:
        models = await page.page.locator("#model option").all_inner_texts()
        good = {
            "demo",
            "demo-invalid",
            "demo-invalid-late",
            "demo-truncated-list",
            "demo-obedient",
            "demo-down",
            *REFUSING,
            *FORMS,
        }
        assert set(models) == good | {*FAULTS, *SILENCES}
        for model, (code, is_retryable) in faults.items():
            await page.run(state="failed", model=model, topic="tea", count="3")
            error = page.page.locator("#error")
            await expect(error).to_contain_text(code)
            assert "Request" in await error.inner_text(), model
            assert await error.get_by_role("button", name="Retry").count() == is_retryable, model


async def test_a_restart_is_shown_with_its_reason(browser: Browser, demo: Service) -> None:
    async with playground(browser, demo.url) as page:
        await page.run(model="demo-invalid", topic="tea", count="3")
        await page.page.get_by_text("Attempt 2: output_invalid").click()
        notices = await page.notices()
        assert "/1/blurb must have at most 140 characters" in notices
        assert await page.figure("Attempts") == "2"
        assert await page.page.locator("#timeline line.restart").count() == 2  # one a lane
        assert await page.page.locator("#result [data-progress=complete]").count() == 3
        assert await page.flaws() == []


async def test_retry_begins_again(browser: Browser) -> None:
    good = HEAD + text(FIRST + SECOND) + end()
    async with (
        upstream(saying(HEAD + b"data: {\n\n", good)) as provider,
        running(openai_base_url=provider.base_url, max_attempts=1) as service,
        playground(browser, service.url) as page,
    ):
        await page.run(state="failed", topic="figs", count="1")
        await page.page.get_by_role("button", name="Retry").click()
        await page.until("done")
        assert await page.page.locator("#error").count() == 0
        assert len(provider.exchanges) == 2


# Requests


async def test_what_the_form_knows_to_be_wrong_is_not_sent(browser: Browser, demo: Service) -> None:
    async with playground(browser, demo.url) as page:
        await page.choose(topic=" ", count="99")
        await page.start()
        flaws = await page.page.locator(".flaw:visible").all_inner_texts()
        assert flaws == ["Is needed.", "Must be at most 20."]
        assert await page.page.evaluate("document.activeElement.id") == "field-topic"
        assert await page.page.locator("#state").inner_text() == "Ready"


async def test_what_the_service_finds_wrong_stands_at_its_field(
    browser: Browser, demo: Service
) -> None:
    async with playground(browser, demo.url) as page:
        await page.run("movies", state="failed", topic="tea", genre="   ")
        genre = page.page.locator("#field-genre")
        await expect(genre).to_have_attribute("aria-invalid", "true")
        described = await genre.get_attribute("aria-describedby")
        flaw = await page.page.locator(f"#{described}").inner_text()
        assert flaw == "Must have at least 1 characters."
        assert "invalid_request" in await page.notices()


async def test_a_schema_s_own_model_is_chosen_until_somebody_chooses_another(
    browser: Browser, tmp_path: Path
) -> None:
    write(tmp_path, "words.py", schema(more="model='demo-500'"))
    write(tmp_path, "more.py", schema())
    async with (
        running(model="", registry=load(tmp_path)) as service,
        playground(browser, service.url) as page,
    ):
        model = page.page.locator("#model")
        await expect(model).to_have_value("demo")
        await page.choose("words")
        await expect(model).to_have_value("demo-500")
        assert "model=" not in await page.code("curl")
        await page.run("words", state="failed", topic="tea")
        await page.choose("more")
        await expect(model).to_have_value("demo")
        await page.choose("words", model="demo")
        assert "model=demo" in await page.code("curl")
        await page.choose("more")
        await page.choose("words")
        await expect(model).to_have_value("demo-500")


async def test_a_service_that_can_not_find_streams_again_says_so(browser: Browser) -> None:
    async with (
        running(model="", workers=2) as service,
        playground(browser, service.url) as page,
    ):
        await page.run(state="failed", topic="tea")
        notices = await page.notices()
        assert "the service runs in several processes" in notices
        assert "/resumable needs a service of one process (WORKERS=1)" in notices


async def test_a_key_is_asked_for_where_one_is_needed_and_kept_nowhere(browser: Browser) -> None:
    digest = hashlib.sha256(b"open-sesame").hexdigest()
    async with (
        running(model="", api_keys=(f"page={digest}",)) as service,
        playground(browser, service.url) as page,
    ):
        key = page.page.get_by_label("API key")
        assert not await key.is_visible()
        await page.run(state="failed", topic="tea")
        await key.fill("open-sesame")
        await page.page.keyboard.press("Enter")
        await page.until("done")
        assert "open-sesame" not in await page.code("curl")
        assert "title" in await printed(*python(await page.code("Python")), API_KEY="open-sesame")
        kept = await page.page.evaluate(
            "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"
        )
        assert "open-sesame" not in kept


async def test_the_lines_for_a_request_make_that_request(browser: Browser, demo: Service) -> None:
    topic = """it's "tea" $HOME `id` \\n <b>☕</b> 100%"""
    async with playground(browser, demo.url) as page:
        await page.run("movies", topic=topic, count="2", genre="comedy", view="delta")
        value = await final(demo, await page.wire())
        curl = ["sh", "-c", await page.code("curl")]
        node = ["node", "--input-type=module", "-e", await page.code("fetch")]
        for command in (curl, node):
            done = (await printed(*command, seconds=30)).rpartition("done")[2]
            assert json.loads(done[done.index("[") : done.rindex("]") + 1]) == value
        *partials, last = (
            await printed(*python(await page.code("Python")), API_KEY="open-sesame")
        ).splitlines()
        assert len(partials) > 1
        assert ast.literal_eval(last) == value
        printed_last = (await printed(*python(await page.code("httpx")))).rpartition("done ")[2]
        assert ast.literal_eval(printed_last.strip()) == value
        lines = await page.code("EventSource")
        async with page.page.expect_console_message(
            lambda message: message.text.startswith("done")
        ) as told:
            await page.page.evaluate(f"() => {{ {lines} }}")
        assert json.loads((await told.value).text.removeprefix("done ")) == value


async def test_the_components_for_a_request_show_its_answer(
    browser: Browser, demo: Service
) -> None:
    topic = """it's "tea" $HOME `id` \\n <b>☕</b> 100%"""
    async with playground(browser, demo.url) as page, site() as pages:
        await page.run("movies", topic=topic, count="2", genre="comedy")
        value = await final(demo, await page.wire())
        names = ("React", "useObject", "useChat")
        pages.scripts = await bundled({name: await page.code(name) + MOUNT for name in names})
        shown = await browser.new_page()
        for name in names:
            await shown.goto(f"{pages.url}/{name}")
            await shown.get_by_role("button", name="Start").click()
            await expect(shown.locator("pre")).to_contain_text(value[-1]["reason"])
            assert json.loads(await shown.locator("pre").inner_text()) == value
        await shown.close()


# Safety


async def test_no_text_becomes_html(browser: Browser) -> None:
    value = {"items": [{"title": HOSTILE, "blurb": "javascript:alert(1) </pre><b>bold</b>"}]}
    async with (
        upstream(saying(HEAD + text(json.dumps(value)) + end())) as provider,
        running(openai_base_url=provider.base_url) as service,
        playground(browser, service.url) as page,
    ):
        await page.run(topic=HOSTILE, count="1")
        assert HOSTILE in await page.result()
        assert "</pre><b>bold</b>" in await page.result()
        for name in ("curl", "fetch", "Python", "React"):
            assert "<script>" in await page.code(name)
        found = "#result, .wire, .code, #fields"
        for tag in ("img", "script", "b"):
            assert await page.page.locator(found).locator(tag).count() == 0
        assert await page.page.title() == "Structured Streams"


# Everybody


async def test_nothing_is_wider_than_the_page(browser: Browser) -> None:
    long = "x" * 200
    async with (
        half_way(FIRST.replace("Figs", long)) as (provider, go_on),
        running(openai_base_url=provider.base_url) as service,
        playground(browser, service.url) as page,
    ):
        await page.fits()
        await page.choose(topic=long, count="2")
        await page.start()
        await page.until("writing")
        await page.fits()
        go_on.set()
        await page.until("done")
        await page.fits()
        await page.run("movies", state="failed", topic=long, genre=" ")
        await page.fits()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_wrong(browser: Browser, scheme: Any) -> None:
    rules = ["color-contrast"] if scheme == "dark" else None
    async with (
        half_way() as (provider, go_on),
        running(openai_base_url=provider.base_url) as service,
        playground(browser, service.url, scheme=scheme) as page,
    ):
        assert await page.flaws(rules) == []
        await page.choose(topic="figs", count="2")
        await page.start()
        await page.until("writing")
        assert await page.flaws(rules) == []
        go_on.set()
        await page.until("done")
        await page.run("movies", state="failed", topic="tea", genre=" ")
        assert await page.flaws(rules) == []


async def test_a_keyboard_is_enough(browser: Browser) -> None:
    async with (
        half_way() as (provider, _),
        running(openai_base_url=provider.base_url) as service,
        playground(browser, service.url) as page,
    ):
        keys = page.page.keyboard
        await page.page.get_by_role("radio", name="ideas").focus()
        await keys.press("ArrowRight")
        await expect(page.page.locator("#field-genre")).to_be_visible()
        await keys.press("ArrowLeft")
        await expect(page.page.locator("#field-genre")).to_have_count(0)
        await page.page.locator("#field-count").focus()
        await keys.press("Enter")
        await page.until("writing")
        assert await page.page.evaluate("document.activeElement.id") == "field-count"
        await keys.press("Escape")
        await page.until("stopped")
        await page.page.get_by_role("tab", name="Wire").focus()
        await keys.press("ArrowRight")
        await expect(page.page.get_by_label("curl lines", exact=True)).to_be_visible()


async def test_a_screen_reader_hears_milestones_alone(browser: Browser, demo: Service) -> None:
    async with playground(browser, demo.url) as page:
        await page.run(topic="tea", count="8", model="demo-invalid")
        first, *between, last = await page.told()
        assert first == "Started."
        assert between.count("Attempt 2: the answer begins again.") == 1
        counts = [words for words in between if words.endswith(" of 8.")]
        assert len(counts) == len(between) - 1 < 10
        assert last.startswith("Done: 8 elements in ")
        await page.page.get_by_text("In words").click()
        assert "Title: " in await page.page.locator("#timeline").inner_text()


async def test_many_messages_leave_a_bounded_page(browser: Browser) -> None:
    title = '{"title": "' + "long " * 20 + '", "blurb": "b"}'
    pieces = [text(character) for character in '{"items": [' + ", ".join([title] * 20) + "]}"]
    async with (
        upstream(saying(HEAD + b"".join(pieces) + end())) as provider,
        running(openai_base_url=provider.base_url) as service,
        playground(browser, service.url) as page,
    ):
        await page.run(topic="tea", count="20", pace="0")
        assert len(await page.wire()) <= 200


async def test_a_service_that_does_not_answer_can_be_asked_again(
    browser: Browser, demo: Service
) -> None:
    async with playground(browser, demo.url) as page:
        await page.page.route("**/schemas", lambda route: route.abort())
        await page.page.reload()
        await expect(page.page.locator("#error")).to_contain_text("does not answer")
        await page.page.unroute_all()
        await page.page.get_by_role("button", name="Retry").click()
        await page.run(topic="tea", count="1")
        assert ["Failed to fetch" in complaint for complaint in page.complaints] == [True]
        page.complaints.clear()


async def test_it_works_under_a_prefix(browser: Browser) -> None:
    async with running(model="", root_path="/api") as service:
        for path in ("/api", "/"):
            async with playground(browser, service.url + path) as page:
                await page.run(topic="tea", count="1")
                await expect(page.page.get_by_role("link", name="API reference")).to_have_attribute(
                    "href", "docs"
                )
                assert f"{service.url}/api/ideas" in await page.code("curl")
