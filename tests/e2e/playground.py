"""The playground in a headless Chromium, driven by Playwright."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

from playwright.async_api import Browser, Page, async_playwright, expect

from tests.e2e.clients import front_ends
from tests.support.chromium import CHROMIUM, OPTIONS

SECONDS = 30
"""How long a test waits for what must come, before it fails."""

AXE = front_ends / "node_modules" / "axe-core" / "axe.min.js"

# A page that is watched: what the policy has refused, and what screen readers were told.
WATCH = """
window.refused = [];
window.told = [];
addEventListener("securitypolicyviolation", event => refused.push(event.violatedDirective));
addEventListener("DOMContentLoaded", () => {
  const region = document.getElementById("announcer");
  new MutationObserver(() => told.push(region.textContent)).observe(region, { childList: true });
});
"""


class Playground:
    """The page of a service: what a user does with it, and sees in it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._hear)

    async def choose(self, schema: str = "ideas", **values: str) -> None:
        """Choose a schema, and fill in its parameters, and the model, view and pace."""
        await self.page.get_by_role("radio", name=schema).check()
        for name, value in values.items():
            if name in ("model", "view", "pace"):
                await self.page.locator(f"#{name}").select_option(value)
            else:
                await self.page.locator(f"#field-{name}").fill(value)

    async def start(self) -> None:
        await self.page.locator("#start").click()

    async def until(self, state: str) -> None:
        """Wait until the stream is in this state, by its name in the page."""
        await expect(self.page.locator("#state")).to_have_attribute("data-state", state)

    async def run(self, schema: str = "ideas", *, state: str = "done", **values: str) -> None:
        await self.choose(schema, **values)
        await self.start()
        await self.until(state)

    async def result(self) -> str:
        """What is shown of the value: its text, then its dates and numbers as they came."""
        shown = await self.page.locator("#result").inner_text()
        came = "[...document.querySelectorAll('#result :is(time, data)')]"
        values = await self.page.evaluate(f"{came}.map(each => each.dateTime ?? each.value)")
        return "\n".join([shown, *values])

    async def notices(self) -> str:
        return await self.page.locator("#notices").inner_text()

    async def figure(self, name: str) -> str:
        row = self.page.locator("#figures > div").filter(has_text=name)
        return (await row.locator("dd").inner_text()).strip()

    async def wire(self) -> list[str]:
        """The messages on the wire, as they are shown."""
        return await self.page.locator(".wire li pre").all_inner_texts()

    async def code(self, name: str) -> str:
        """The lines for the request in a language."""
        await self.page.get_by_role("tab", name=name, exact=True).click()
        return await self.page.get_by_label(f"{name} lines", exact=True).inner_text()

    async def fits(self) -> None:
        """Nothing of the page is wider than a phone, nor than a desk's screen."""
        for width in (390, 1280):
            await self.page.set_viewport_size({"width": width, "height": 844})
            assert await self.page.evaluate("document.documentElement.scrollWidth") == width

    async def told(self) -> list[str]:
        """What screen readers were told."""
        found: list[str] = await self.page.evaluate("told")
        return found

    async def flaws(self, rules: list[str] | None = None) -> list[str]:
        """What axe finds wrong with the page, by rule and element. rules: None for all"""
        if not await self.page.evaluate("'axe' in window"):
            await self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = await self.page.evaluate("rules => axe.run(rules ? { runOnly: rules } : {})", rules)
        return [
            f"{flaw['id']}: {node['html'][:120]}"
            for flaw in found["violations"]
            for node in flaw["nodes"]
        ]

    async def check(self) -> None:
        """The page has nothing to complain of, and tried nothing that its policy forbids."""
        assert self.complaints == []
        assert await self.page.evaluate("refused") == []

    def _hear(self, message: Any) -> None:
        # A status that is an error is Chromium's own line, whatever the page makes of it.
        if message.type in ("error", "warning") and "Failed to load" not in message.text:
            self.complaints.append(message.text)


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=OPTIONS,
        )
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def playground(
    browser: Browser,
    url: str,
    *,
    width: int = 1280,
    scheme: Literal["light", "dark"] = "light",
    calm: bool = True,
) -> AsyncIterator[Playground]:
    """The page at `url`, ready. calm: the user prefers reduced motion"""
    context = await browser.new_context(
        viewport={"width": width, "height": 844},
        color_scheme=scheme,
        reduced_motion="reduce" if calm else "no-preference",
    )
    context.set_default_timeout(SECONDS * 1000)
    await context.add_init_script(WATCH)
    try:
        opened = Playground(await context.new_page())
        await opened.page.goto(url)
        await expect(opened.page.locator("#model option")).not_to_have_count(0)
        yield opened
        await opened.check()
    finally:
        await context.close()


expect.set_options(timeout=SECONDS * 1000)
