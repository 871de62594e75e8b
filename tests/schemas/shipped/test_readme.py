"""README's sample of a stream is what really comes of the command that stands above it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from app.partial.decoder import Decoder
from app.partial.document import Document
from tests.schemas.shipped.reading import SHIPPED
from tests.support.http_client import http_client
from tests.support.service import running

README = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")


def messages(stream: str) -> list[tuple[str, Any]]:
    """The events of a stream with their data; a partial's event is "message"."""
    found = []
    for message in stream.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in message.split("\n"))
        found.append((fields.get("event", "message"), json.loads(fields["data"])))
    return found


def states(text: str) -> list[Any]:
    """What there is of an answer after each of its characters."""
    entry = SHIPPED.get("ideas")
    decoder, document = Decoder(entry.plan, key=entry.root_key, bound=2), Document()
    found = []
    for character in text:
        document.apply(decoder.feed(character))
        found.append(json.loads(document.encode()))
    return found


async def test_what_the_readme_shows_is_what_comes() -> None:
    command, sample = re.findall(r"-d '(.*?)'\n\n```text\n(.*?)```", README, re.DOTALL)[0]
    async with (
        running(model="", schemas=("schemas",)) as service,
        http_client(timeout=60, base_url=service.url) as http,
    ):
        real = messages((await http.post("/ideas", json=json.loads(command))).text)
    shown = messages(sample)
    partials = [data for event, data in shown if event == "message"]
    told = dict(shown)
    assert told["done"] == dict(real)["done"]
    assert told["usage"] == dict(real)["usage"]
    assert told["start"].keys() == dict(real)["start"].keys()
    assert [event for event, _ in shown] == ["start", *["message"] * len(partials), "usage", "done"]
    grown = states(json.dumps({"items": told["done"]}, ensure_ascii=False))
    places = [grown.index(partial) for partial in partials]
    assert places == sorted(places)
