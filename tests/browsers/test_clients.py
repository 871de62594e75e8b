"""Our clients in three browsers: they read to the end, come back, stop, and say what is wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio

from tests.browsers.count import Count
from tests.browsers.site import CLIENTS, Site, bundled
from tests.support.callers import KEYED
from tests.support.engines import Browser
from tests.support.proxy import proxy
from tests.support.service import Service, running
from tests.support.sockets import free_port

pytestmark = pytest.mark.asyncio(loop_scope="module")

ENDLESS = {"model": "demo-stall"}
LEAVES = ["navigate", "reload", "back", "close"]


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def scripts(pages: Site) -> None:
    paths = {"client": "js/tests/page.js", "hooks": "react/tests/page.jsx"}
    pages.scripts = await bundled({name: CLIENTS / path for name, path in paths.items()})


async def begin(view: Browser, pages: Site, url: str, **options: Any) -> None:
    """Show a page whose client reads this stream."""
    await view.open(f"{pages.url}/client")
    await view.until("!!window.reader")
    await view.run(f"void reader.begin({json.dumps(url)}, {json.dumps(options)})")


async def has_begun(view: Browser) -> None:
    await view.until("reader.states.some(({ value }) => value?.length)")


async def test_a_stream_is_read_to_its_end(
    view: Browser, pages: Site, service: Service, count: Count
) -> None:
    await begin(view, pages, f"{service.url}/ideas", intervalMs=0)
    final = (await view.until("reader.end"))["final"]
    assert len(final) == 8
    states = await view.run("reader.states.map(({ isComplete, ...state }) => state)")
    assert states[-1] == {"value": final, "open": None, "writing": None, "attempt": 1}
    # Which of them a page gets to see depends on its speed.
    written = {state["writing"] for state in states} - {None}
    assert written
    assert all(re.fullmatch("/[0-7]/(title|blurb)", pointer) for pointer in written)
    assert await view.run("reader.states.at(-1).isComplete('/7')")


async def test_a_connection_that_is_cut_is_come_back_to_and_paid_for_once(
    view: Browser, pages: Site, service: Service, count: Count
) -> None:
    before = await count.started()
    async with proxy(service.url) as between:
        # A browser may keep a connection for what comes next, so the first two are a preflight's.
        between.limits = [100_000, 1500, 100_000, 1500, 1500]
        await begin(view, pages, f"{between.url}/ideas", retryMs=1)
        assert len((await view.until("reader.end"))["final"]) == 8
        assert await count.started() == before + 1


async def test_an_error_has_its_code_and_the_signal_stops_the_stream(
    view: Browser, pages: Site, service: Service, count: Count
) -> None:
    await begin(view, pages, f"{service.url}/ideas", model="demo-refusal")
    failed = await view.until("reader.end")
    assert (failed["name"], failed["code"]) == ("StreamError", "output_refused")
    await begin(view, pages, f"{service.url}/ideas", **ENDLESS)
    await has_begun(view)
    await view.run("reader.controller.abort()")
    assert (await view.until("reader.end"))["name"] == "AbortError"
    await count.stopped()


async def leave(view: Browser, pages: Site, how: str, show: Callable[[], Awaitable[None]]) -> None:
    """Show a page, and leave it."""
    if how == "close":
        async with view.tab():
            await show()
        return
    await view.open(f"{pages.url}/left")
    await show()
    if how == "navigate":
        await view.open(f"{pages.url}/left?again")
    elif how == "back":
        await view.run("void setTimeout(() => history.back())")
    else:
        await view.reload()


@pytest.mark.parametrize("how", LEAVES)
async def test_a_page_that_is_left_stops_the_model(
    view: Browser, pages: Site, service: Service, count: Count, how: str
) -> None:
    async def show() -> None:
        await begin(view, pages, f"{service.url}/ideas", **ENDLESS)
        await has_begun(view)
        await count.running()

    await leave(view, pages, how, show)
    await count.stopped()


async def test_where_nobody_answers_the_error_says_so_within_two_seconds(
    view: Browser, pages: Site, count: Count
) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    await begin(view, pages, f"{url}/ideas")
    failed = await view.until("reader.end")
    assert failed["message"] == f"No service answers at {url}."
    assert failed["code"] == "connection_lost"
    assert failed["took"] < 2000


async def test_where_the_page_is_not_allowed_the_error_says_so(
    view: Browser, pages: Site, count: Count
) -> None:
    async with running(**KEYED) as keyed:
        await begin(view, pages, f"{keyed.url}/ideas")
        failed = await view.until("reader.end")
    assert failed["message"] == f"This page's origin ({pages.url}) is not allowed at {keyed.url}."
    assert failed["code"] == "forbidden"


# The hooks


async def mount(view: Browser, pages: Site, kind: str, **props: Any) -> None:
    await view.open(f"{pages.url}/hooks")
    await view.until("!!window.page")
    await view.run(f"void page.mount({json.dumps(kind)}, {json.dumps(props)})")


async def test_the_hook_shows_a_stream_even_in_strict_mode(
    view: Browser, pages: Site, service: Service, count: Count
) -> None:
    await mount(view, pages, "Reader", url=f"{service.url}/ideas", begins=True, strict=True)
    assert len(await view.until("page.hook?.final")) == 5
    assert await view.run("page.hook.value === page.hook.final")
    assert await view.run("page.hook.isComplete('/4/blurb')")
    commits = await view.run("page.commits.map(({ frame, value }) => ({ frame, value }))")
    frames = [commit["frame"] for commit in commits if commit.get("value")]
    assert len(frames) == len(set(frames))
    await count.stopped()


@pytest.mark.parametrize(
    "how", ["page.unmount()", "page.hook.stop()", "page.change({ url: '/x' })"]
)
async def test_the_hook_stops_the_model(
    view: Browser, pages: Site, service: Service, count: Count, how: str
) -> None:
    await mount(view, pages, "Reader", url=f"{service.url}/ideas", options=ENDLESS)
    await view.until("!!page.hook")
    await view.run("void page.start()")
    await view.until("page.hook.writing")
    await view.run(f"void {how}")
    await count.stopped()


# Milliseconds from the click to the words, as the page measures it.
TIME_TO_SAY = """async () => {
  const began = performance.now();
  document.querySelector("button").click();
  await new Promise(said => new MutationObserver(() => {
    if (document.querySelector("[role=alert]")) said();
  }).observe(document.body, { childList: true, subtree: true }));
  return performance.now() - began;
}"""


async def test_the_hook_says_within_two_seconds_that_nobody_answers(
    view: Browser, pages: Site, count: Count
) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    await mount(view, pages, "IdeaStream", url=f"{url}/ideas")
    await view.until("!!document.querySelector('button')")
    took = await view.run(f"({TIME_TO_SAY})()")
    assert took < 2000
    said = await view.run("document.querySelector('[role=alert]').textContent")
    assert said == f"No service answers at {url}."


async def test_the_tutorials_component_shows_ideas_and_stops_the_model_when_it_goes(
    view: Browser, pages: Site, service: Service, count: Count
) -> None:
    typed = """(() => {
      const input = document.querySelector("input");
      const { set } = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value");
      set.call(input, "healthy snacks"); // React hears of it by the event
      input.dispatchEvent(new Event("input", { bubbles: true }));
      document.querySelector("button").click();
    })()"""
    await mount(view, pages, "IdeaStream", url=f"{service.url}/ideas")
    await view.until("!!document.querySelector('button')")
    await view.run(f"void {typed}")
    await view.until("document.querySelectorAll('[aria-busy=false] article').length === 5")
    await mount(view, pages, "IdeaStream", url=f"{service.url}/ideas?model=demo-stall")
    await view.until("!!document.querySelector('button')")
    await view.run(f"void {typed}")
    await view.until("!!document.querySelector('article')")
    await count.running()
    await view.run("void page.unmount()")
    await count.stopped()
