"""The core of the playground in three browsers. Chromium has far more tests of it in tests/e2e."""

from __future__ import annotations

import pytest

from tests.browsers.count import Count
from tests.browsers.site import Site
from tests.support.engines import Browser
from tests.support.service import Service

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.browsers]


async def start(view: Browser, service: Service, model: str) -> None:
    """Show the page, and press its button once the answer with which it opens is there."""
    await view.open(service.url)
    await state(view, "done")
    await view.run(
        f"""void (() => {{
          const model = document.querySelector("#model");
          model.value = "{model}";
          model.dispatchEvent(new Event("input", {{ bubbles: true }}));
          model.dispatchEvent(new Event("change", {{ bubbles: true }}));
          const topic = document.querySelector("#field-topic");
          topic.value = "tea";
          topic.dispatchEvent(new Event("input", {{ bubbles: true }}));
          document.querySelector("#start").click();
        }})()"""
    )


async def state(view: Browser, expected: str) -> None:
    await view.until(f"document.querySelector('#state').dataset.state === '{expected}'")


async def test_the_page_shows_a_stream_to_its_end(
    view: Browser, service: Service, count: Count
) -> None:
    await start(view, service, "demo")
    await state(view, "done")
    assert (
        await view.run("document.querySelectorAll('#result [data-progress=complete]').length") == 5
    )


async def test_the_page_stops_a_stream(view: Browser, service: Service, count: Count) -> None:
    await start(view, service, "demo-stall")
    await count.running()
    await state(view, "writing")
    await view.run("void document.querySelector('#stop').click()")
    await state(view, "stopped")
    await count.stopped()


async def test_the_page_that_is_left_stops_the_model(
    view: Browser, service: Service, pages: Site, count: Count
) -> None:
    await start(view, service, "demo-stall")
    await state(view, "writing")
    await count.running()
    await view.open(f"{pages.url}/left")
    await count.stopped()
