"""The page shows what the model reasons, in a real browser."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from app.demo.reasoning import FORMS
from app.demo.reasoning import reasoning as thoughts
from tests.e2e.playground import playground
from tests.support.service import Service, running
from tests.support.upstream import HEAD, delta, end, holding, saying, text, upstream

pytestmark = pytest.mark.asyncio(loop_scope="module")

ANSWER = '{"items": [{"title": "Figs", "blurb": "Sweet."}]}'
HOSTILE = "<img src=x onerror=\"document.title='owned'\">"


async def test_it_shows_above_the_answer_and_folds_when_the_answer_begins(
    browser: Browser, demo: Service
) -> None:
    async with playground(browser, demo.url) as page:
        block, said = page.page.locator("#reasoning"), page.page.locator("#reasoning-text")
        await expect(block).to_be_hidden()
        await page.page.locator("#reasons").check()
        for model in FORMS:
            await page.run(topic="tea", count="2", model=model)
            await expect(page.page.locator("#reasoning-title")).to_contain_text("Reasoned for")
            await expect(said).to_be_hidden()
            await page.page.locator("#reasoning-title").click()
            await expect(said).to_be_visible()
            assert (await said.inner_text()).strip() == thoughts("tea")
            assert "event: reasoning" in "".join(await page.wire())
            assert "Who will read it?" not in await page.result()
            await page.page.locator("#reasons").check()
        await page.page.locator("#reasons").uncheck()
        await page.run(topic="tea", count="2", model="demo-thinks")
        await expect(block).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_while_the_model_reasons_the_block_is_open_and_has_no_flaw(
    browser: Browser, scheme: str
) -> None:
    said = HEAD + delta(reasoning_content=f"Figs? {HOSTILE}\n" * 40)
    async with (
        upstream(holding(said)) as provider,
        running(openai_base_url=provider.base_url) as service,
        playground(browser, service.url, scheme=scheme) as page,  # type: ignore[arg-type]
    ):
        await page.page.locator("#reasons").check()
        await page.choose(topic="tea")
        await page.start()
        await page.until("reasoning")
        shown = page.page.locator("#reasoning-text")
        await expect(shown).to_contain_text(HOSTILE)
        await expect(shown).to_be_visible()
        at_end = "it => it.scrollTop + it.clientHeight >= it.scrollHeight - 8"
        assert await shown.evaluate(at_end)
        assert await page.flaws() == []
        await page.fits()
        await page.page.locator("#reasoning-title").click()
        await expect(shown).to_be_hidden()
        assert await page.flaws() == []
        await page.page.locator("#stop").click()
        await page.until("stopped")
        await expect(shown).to_be_hidden()  # as the user has left it


async def test_the_code_asks_for_it_too(browser: Browser) -> None:
    answer = HEAD + delta(reasoning_content="Hm.") + text(ANSWER) + end()
    async with (
        upstream(saying(answer)) as provider,
        running(openai_base_url=provider.base_url) as service,
        playground(browser, service.url) as page,
    ):
        await page.choose(topic="tea")
        for name in ("curl", "fetch", "Python", "React"):
            assert "reasoning" not in await page.code(name)
        await page.page.locator("#reasons").check()
        for name in ("curl", "fetch", "React"):
            assert "reasoning=true" in await page.code(name)
        assert "reasoning=True" in await page.code("Python")
