"""The samples of docs/reading.md and docs/front-ends.md, as they stand, in three browsers.

They read to the end where streams can't be iterated, and whoever leaves one stops the model.
"""

from __future__ import annotations

from typing import Any

import pytest
import pytest_asyncio

from tests.browsers.count import Count
from tests.browsers.site import Site, at, bundled, sample
from tests.browsers.test_clients import leave
from tests.support.engines import Browser
from tests.support.proxy import Proxy, proxy
from tests.support.service import Service
from tests.support.silence import VALUE, Silence, silence

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.browsers]

READING, GUIDE = "docs/reading.md", "docs/front-ends.md"
MOUNT = """
import {{ createRoot }} from "react-dom/client";
const root = createRoot(document.getElementById("root"));
root.render(<{name} />);
window.unmount = () => root.unmount();
"""
LEAVING = {
    "reader": "leaving.abort()",
    "listener": "source.close()",
    "returner": "leave()",
    "fetcher": "leaving.abort()",
    "agent": "leave()",
}
"""What a page calls to leave the stream of a script, and so stops the model."""


def scripted(name: str, code: str) -> str:
    """A script whose stream the page can leave: a module's names are its own."""
    return f"window.leaveStream = () => {LEAVING[name]};\n{code}"


SAMPLES = {
    "reader": scripted("reader", sample(READING, "js", "getReader")),
    "listener": scripted("listener", sample(READING, "js", 'on("restart"')),
    "returner": scripted("returner", sample(GUIDE, "js", "last_event_id")),
    "fetcher": scripted("fetcher", sample(GUIDE, "js", "fetchEventSource")),
    "agent": scripted("agent", sample(GUIDE, "js", "HttpAgent")),
    "client": sample(READING, "js", "await ideas.final"),
    "object": sample(GUIDE, "jsx", "useObject({") + MOUNT.format(name="Ideas"),
    "chat": sample(GUIDE, "jsx", "useChat({") + MOUNT.format(name="Chat"),
    "hook": sample(READING, "jsx", "useStream(") + MOUNT.format(name="Ideas"),
}
THOUGHTS = SAMPLES["chat"].replace(
    "    {ideas?.map(", sample(GUIDE, "jsx", "<details") + "    {ideas?.map("
)
FAILING = ["reader", "listener", "returner", "agent"]
HOOKS = ["object", "chat", "hook"]
PATIENT = [name for name in SAMPLES if name != "object"]
"""Those that a heartbeat can reach in the middle of a word: plain text has no room for one."""
CARDS = "document.querySelectorAll('article').length"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def between(service: Service) -> Any:
    async with proxy(service.url) as between:
        yield between


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def silent() -> Any:
    async with silence() as silent:
        yield silent


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def scripts(pages: Site, service: Service, between: Proxy, silent: Silence) -> None:
    kinds = {"ends": {}, "stalls": {"model": "demo-stall"}, "fails": {"model": "demo-refusal"}}
    scripts = {
        f"{name}-{kind}": at(code, service.url, **query)
        for name, code in SAMPLES.items()
        for kind, query in kinds.items()
        if kind != "fails" or name in FAILING
    }
    scripts["chat-thinks"] = at(THOUGHTS, service.url, model="demo-thinks", reasoning="true")
    scripts["returner-cut"] = at(SAMPLES["returner"], between.url)
    scripts |= {f"{name}-waits": at(SAMPLES[name], silent.url) for name in PATIENT}
    pages.scripts = await bundled(scripts)


async def show(view: Browser, pages: Site, name: str) -> None:
    """Show a sample's page, and press its button if it has one."""
    await view.open(f"{pages.url}/{name}")
    if name.split("-")[0] in HOOKS:
        await view.until("!!document.querySelector('button')")
        await view.run("void document.querySelector('button').click()")


@pytest.mark.parametrize("name", [*LEAVING, "client"])
async def test_a_sample_shows_the_value_as_it_grows_and_how_it_ended(
    view: Browser, pages: Site, count: Count, name: str
) -> None:
    await show(view, pages, f"{name}-ends")
    await view.until("seen.finished.length || seen.failed.length")
    seen = await view.run("seen")
    assert (len(seen["finished"][0]), seen["failed"]) == (5, [])
    assert seen["shown"][-1] == seen["finished"][0]
    assert seen["shown"][0] != seen["finished"][0]


@pytest.mark.parametrize("name", FAILING)
async def test_a_sample_says_why_it_has_failed(
    view: Browser, pages: Site, count: Count, name: str
) -> None:
    await show(view, pages, f"{name}-fails")
    await view.until("seen.failed.length")
    assert (await view.run("seen.failed"))[0]["error"]


@pytest.mark.parametrize("name", PATIENT)
async def test_a_sample_outlives_a_model_that_is_silent_for_three_heartbeats(
    view: Browser, pages: Site, silent: Silence, name: str
) -> None:
    asked, heartbeats = silent.asked, silent.heartbeats
    await show(view, pages, f"{name}-waits")
    if name in HOOKS:
        await view.until("document.querySelector('article')?.textContent === 'FigsSweet.'")
    else:
        await view.until("seen.finished.length || seen.failed.length")
        seen = await view.run("seen")
        assert (seen["finished"], seen["failed"]) == ([VALUE], [])
    assert silent.heartbeats >= heartbeats + 3
    assert silent.asked == asked + 1


@pytest.mark.parametrize("name", HOOKS)
async def test_a_component_shows_all_elements(
    view: Browser, pages: Site, count: Count, name: str
) -> None:
    await show(view, pages, f"{name}-ends")
    await view.until(f"{CARDS} === 5")
    await count.stopped()


async def test_a_component_shows_what_the_model_reasons(
    view: Browser, pages: Site, count: Count
) -> None:
    await show(view, pages, "chat-thinks")
    await view.until(f"{CARDS} === 5")
    thoughts = await view.run("document.querySelector('details').textContent")
    assert thoughts.startswith("ReasoningThe topic is")
    await count.stopped()


@pytest.mark.parametrize("name", HOOKS)
async def test_a_component_that_is_unmounted_stops_the_model(
    view: Browser, pages: Site, count: Count, name: str
) -> None:
    await show(view, pages, f"{name}-stalls")
    await view.until(f"{CARDS} > 0")
    await count.running()
    await view.run("unmount()")
    await count.stopped()


@pytest.mark.parametrize("name", LEAVING)
async def test_a_script_that_leaves_its_stream_stops_the_model_and_reports_no_failure(
    view: Browser, pages: Site, count: Count, name: str
) -> None:
    await show(view, pages, f"{name}-stalls")
    await view.until("seen.shown.length")
    await count.running()
    await view.run("void leaveStream()")
    await count.stopped()
    seen = await view.run("seen")
    assert (seen["finished"], seen["failed"]) == ([], [])


@pytest.mark.parametrize("how", ["navigate", "close"])
@pytest.mark.parametrize("name", list(SAMPLES))
async def test_a_sample_whose_page_is_left_stops_the_model(
    view: Browser, pages: Site, count: Count, name: str, how: str
) -> None:
    async def read() -> None:
        await show(view, pages, f"{name}-stalls")
        await view.until(f"{CARDS} > 0 || seen.shown.length > 0")
        await count.running()

    await leave(view, pages, how, read)
    await count.stopped()


@pytest.mark.parametrize("limit", [1, 200, 700, 1500], ids=["no head", "head", "start", "partials"])
async def test_an_event_source_that_is_cut_comes_back_and_is_paid_for_once(
    view: Browser, pages: Site, count: Count, between: Proxy, limit: int
) -> None:
    before = await count.started()
    between.limits = [limit, limit]
    await show(view, pages, "returner-cut")
    await view.until("seen.finished.length || seen.failed.length")
    seen = await view.run("seen")
    assert (len(seen["finished"][0]), seen["failed"]) == (5, [])
    assert await count.started() == before + 1
