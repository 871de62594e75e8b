"""What the page has around the answer: it follows it, plays it again, links to it, compares it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from app.schemas.registry import load
from tests.e2e.playground import Playground, playground
from tests.support.schema_files import write
from tests.support.service import Service, running
from tests.support.upstream import HEAD, Exchange, end, saying, text, upstream

pytestmark = pytest.mark.asyncio(loop_scope="module")

ORDER = """
from datetime import date
from decimal import Decimal
from pydantic import BaseModel, Field
from app.schema import Parameters, Prompt, Schema

class Address(BaseModel):
    street: str
    city: str

class Line(BaseModel):
    item: str = Field(max_length=20)
    pieces: int

class Order(BaseModel):
    day: date
    total: Decimal = Field(examples=["12.50"])
    home: Address
    work: Address
    lines: list[Line]

schema = Schema(
    description="An order.", result=Order, parameters=Parameters,
    prompt=lambda p: Prompt(system="", user=p.topic),
)
"""
WRITTEN = (
    '{"day": "2026-03-09", "total": "12500.50", "home": {"street": "Mill Lane", "city": "Leeds"}, '
    '"work": {"street": "Pikk 12", "city": "Tallinn"}, '
    '"lines": [{"item": "Tea", "pieces": 12000}, {"item": "Figs", "pieces": 7}]}'
)


async def test_an_order_has_labels_of_its_fields_a_table_and_the_readers_numbers(
    browser: Browser, tmp_path: Path
) -> None:
    write(tmp_path, "orders.py", ORDER)
    async with (
        upstream(saying(HEAD + text(WRITTEN) + end())) as provider,
        running(openai_base_url=provider.base_url, registry=load(tmp_path)) as service,
        playground(browser, service.url) as page,
    ):
        await page.choose("orders", topic="tea")
        held = await page.page.locator("#result .held").all_inner_texts()
        assert held == ["date", "number", "number", "number"]  # two rows are expected
        await page.run("orders")
        assert await page.page.locator("#result .held").count() == 0
        labels = await page.page.locator("#result .depth-0 > .block > .label").all_inner_texts()
        assert labels == ["Home", "Work", "Lines"]
        rows = await page.page.locator("#result .rows tr").all_inner_texts()
        assert [row.split("\t") for row in rows] == [
            ["Item", "Pieces"], ["Tea", "12,000"], ["Figs", "7"],
        ]  # fmt: skip
        facts = await page.page.locator("#result .depth-0 > .facts dd").all_inner_texts()
        assert facts == ["Mar 9, 2026", "12,500.50"]
        await page.fits()
        assert await page.flaws() == []


async def test_the_writing_is_followed_until_the_user_scrolls(browser: Browser) -> None:
    lines = "long " * 400

    async def script(exchange: Exchange) -> None:
        await exchange.send(HEAD, text('{"items": [{"title": "a", "blurb": "Sw"}'))
        for number in range(8):
            await exchange.send(text(f', {{"title": "{number}", "blurb": "{lines[:130]}"}}'))
        await exchange.send(text(', {"title": "last", "blurb": "Here'))
        await go_on.wait()
        await exchange.send(text(' it is."}]}') + end())

    seen = """document.querySelector('.text.open').getBoundingClientRect().bottom < innerHeight"""
    go_on = asyncio.Event()
    async with (
        upstream(script) as provider,
        running(openai_base_url=provider.base_url) as service,
        playground(browser, service.url, width=390) as page,
    ):
        await page.choose(topic="tea", count="10")
        await page.start()
        await expect(page.page.locator(".text.open")).to_have_text("Here")
        held = "A number, a date or a choice is shown once it is complete and valid."
        assert held in await page.page.locator("#trace").inner_text()
        assert await page.page.evaluate(seen)
        back = page.page.locator("#back")
        await expect(back).to_be_hidden()
        await page.page.mouse.move(200, 400)
        await page.page.mouse.wheel(0, -9000)
        await expect(back).to_be_visible()
        await back.click()
        await expect(back).to_be_hidden()
        assert await page.page.evaluate(seen)
        go_on.set()
        await page.until("done")


@asynccontextmanager
async def in_pieces(browser: Browser, *pieces: str) -> AsyncIterator[Playground]:
    """The page after a stream of one movie, each piece of which came when the last was shown.

    pieces: the model's text; each but the last ends with the words that the page then shows
    """

    async def script(exchange: Exchange) -> None:
        await exchange.send(HEAD)
        for piece, is_shown in zip(pieces, shown, strict=True):
            await exchange.send(text(piece))
            await is_shown.wait()
        await exchange.send(end())

    shown = [asyncio.Event() for _ in pieces]
    async with (
        upstream(script) as provider,
        running(openai_base_url=provider.base_url) as service,
        playground(browser, service.url) as page,
    ):
        await page.choose("movies", topic="tea", count="1", pace="0")
        await page.start()
        for piece, is_shown in zip(pieces, shown, strict=True):
            words = re.findall(r"\w+", piece)[-1]
            await expect(page.page.locator("#result")).to_contain_text(words)
            is_shown.set()
        await page.until("done")
        yield page


PIECES = ('{"items": [{"title": "Alien', '", "year": 1979, "reason": "Quiet', ' horror."}]}')


async def test_a_stream_is_played_again_with_the_models_text_beside_it(browser: Browser) -> None:
    async with in_pieces(browser, *PIECES) as page:
        slider, final = page.page.locator("#moment"), await page.result()
        await slider.fill("0")
        assert "Alien" in await page.result()
        assert "Quiet" not in await page.result()
        marked = await page.page.locator("#manuscript-text mark").inner_text()
        assert '"year": 1979' in marked
        assert "a number is shown once" in await page.page.locator("#manuscript-why").inner_text()
        assert "rebuilt from the final value" in await page.page.locator("#manuscript").inner_text()
        assert await page.page.locator(".wire li.lit").count() == 1
        assert await page.flaws() == []
        await slider.fill(str(await slider.get_attribute("max")))
        assert await page.result() == final
        await page.page.locator("#play").click()
        await expect(page.page.locator("#play")).to_have_text("Play again")
        assert await page.result() == final


async def test_a_field_shows_the_messages_that_wrote_it_and_a_message_its_field(
    browser: Browser,
) -> None:
    async with in_pieces(browser, *PIECES) as page:
        await page.page.locator(".cards h3").hover()
        lit = await page.page.locator(".wire li.lit").all_inner_texts()
        assert ["Alien" in message for message in lit] == [True]
        assert "Title of 1: " in await page.page.locator("#trace").inner_text()
        await page.page.locator(".wire li", has_text="horror").first.hover()
        await expect(page.page.locator("#result .lit")).to_have_text("Quiet horror.")


async def test_a_link_holds_the_request_and_no_key(browser: Browser, demo: Service) -> None:
    async with playground(browser, demo.url) as page:
        await page.choose("movies", topic="tea & cake #1", count="3", genre="comedy")
        await page.choose("movies", model="demo-invalid", view="items", pace="250")
        address = page.page.url
        async with playground(browser, address) as other:
            await expect(other.page.locator("#field-topic")).to_have_value("tea & cake #1")
            await expect(other.page.locator("#field-genre")).to_have_value("comedy")
            for name, value in {"model": "demo-invalid", "view": "items", "pace": "250"}.items():
                await expect(other.page.locator(f"#{name}")).to_have_value(value)
            assert await other.page.get_by_role("radio", name="movies").is_checked()
            assert other.page.url == address


async def test_two_models_and_two_attempts_stand_beside_each_other(
    browser: Browser, paced: Service
) -> None:
    async with playground(browser, paced.url) as page:
        beside = page.page.locator("#beside")
        await page.page.locator("#compare").select_option("demo-truncated")
        await page.run(topic="tea", count="3")
        await expect(page.page.locator("#beside-told")).to_contain_text("output_truncated")
        assert await page.flaws() == []
        await page.page.locator("#compare").select_option("")
        await page.run(topic="tea", count="3", model="demo-invalid")
        await expect(beside).to_be_hidden()
        await page.page.get_by_text("Attempt 2: output_invalid").click()
        await page.page.get_by_role("button", name="Show attempt 1 beside").click()
        await expect(beside).to_contain_text("Attempt 1")
        assert await beside.locator("[data-progress=complete]").count() == 1
        await page.fits()
        await page.page.locator("#beside-close").click()
        await expect(beside).to_be_hidden()


async def test_a_stop_tells_what_happened_and_a_refusal_is_on_the_wire(browser: Browser) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.send(HEAD, text('{"items": [{"title": "Figs'))
        await exchange.is_closed(30)

    async with (
        upstream(script) as provider,
        running(openai_base_url=provider.base_url) as service,
        playground(browser, service.url) as page,
    ):
        await page.choose(topic="tea")
        await page.page.keyboard.press("Control+Enter")
        await expect(page.page.locator(".text.open")).to_have_text("Figs")
        await page.page.keyboard.press("Escape")
        await expect(page.page.locator("#stopped")).to_contain_text("stopped after")
        assert "It had written 4 characters." in await page.notices()
        await page.run("movies", state="failed", topic="tea", genre=" ")
        (problem,) = await page.wire()
        assert '"code":"invalid_request"' in problem


async def test_start_waits_for_the_schema_that_is_chosen(browser: Browser, demo: Service) -> None:
    go_on = asyncio.Event()

    async def late(route: Any) -> None:
        await go_on.wait()
        await route.continue_()

    async with playground(browser, demo.url) as page:
        await page.page.route("**/schemas/movies", late)
        await page.page.get_by_role("radio", name="movies").check()
        await expect(page.page.locator("#start")).to_have_text("Loading the schema…")
        await page.start()
        await expect(page.page.locator("#state")).to_have_attribute("data-state", "ready")
        go_on.set()
        await page.until("done")
        assert (await page.wire())[0].count('"schema":"movies"') == 1


async def test_it_opens_on_something_that_moves_or_on_the_code(
    browser: Browser, demo: Service
) -> None:
    async with playground(browser, demo.url, calm=False) as page:
        await page.until("done")
        assert len(await page.wire()) > 3
        assert await page.page.evaluate("scrollY") == 0
    async with playground(browser, demo.url) as page:
        await expect(page.page.get_by_label("curl lines", exact=True)).to_be_visible()
        await page.start()
        await expect(page.page.get_by_role("region", name="Raw messages")).to_be_visible()
        await page.until("done")
