"""Schemathesis, over the OpenAPI document of the service as a process, finds nothing.

https://schemathesis.readthedocs.io: calls that the document allows and calls that it does not,
each answer held to what the document says of it.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from pathlib import Path
from typing import Any

from tests.http.openapi.openapi_document import nodes
from tests.support.http_client import http_client
from tests.support.process import process

EXAMPLES = 12
"""For each call and phase: more than 1,500 calls in all."""

SECONDS = 400
MODELS = "demo,demo-invalid"
"""Those whose answer is a value: the others' errors are 5xx on purpose."""


def event(data: dict[str, Any]) -> dict[str, Any]:
    """The schema of one event, whose data is checked by its name.

    A plain message is left out: which view it is of, a partial or a front end's, it doesn't say.
    """
    named = [
        {
            "if": {"properties": {"event": {"const": name}}, "required": ["event"]},
            "then": {
                "properties": {
                    "data": {
                        "type": "string",
                        "contentMediaType": "application/json",
                        "contentSchema": schema,
                    }
                },
                "required": ["data", *(["id"] if name == "done" else [])],
            },
        }
        for name, schema in data.items()
        if name != "message"
    ]
    return {"type": "object", "properties": {"event": {"enum": list(data)}}, "allOf": named}


def with_events(document: dict[str, Any]) -> dict[str, Any]:
    """The document with each stream's schema as one of its events.

    In OpenAPI 3.1 it may be either; ours is that of the text, Schemathesis wants the event's.
    """
    for node in nodes(document):
        stream = node.get("text/event-stream") if isinstance(node, dict) else None
        if stream is not None:
            stream["schema"] = event(stream["schema"]["x-event-data"])
            del stream["examples"]
        if isinstance(node, dict) and (node.get("name"), node.get("in")) == ("view", "query"):
            node["schema"]["enum"].remove("text")  # it is cut off where `demo-invalid` fails
    return document


async def test_schemathesis_finds_nothing(tmp_path: Path) -> None:
    file = tmp_path / "openapi.json"
    async with process(MODELS=MODELS, DEMO_TOKENS_PER_SECOND="0") as service:
        async with http_client(timeout=60) as client:
            document = (await client.get(f"{service.url}/openapi.json")).json()
        file.write_text(json.dumps(with_events(document)))
        ran = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "schemathesis.cli", "run", str(file), "--url", service.url),
            *("--max-examples", str(EXAMPLES), "--checks", "all", "--no-color"),
            "--generation-deterministic",
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            said = (await asyncio.wait_for(ran.communicate(), SECONDS))[0].decode()
        finally:
            if ran.returncode is None:
                ran.kill()
        assert ran.returncode == 0, said
        tested = re.search(r"Tested: (\d+)", said)
        assert tested, said
        calls = sum(len(path) for path in document["paths"].values())
        assert int(tested[1]) == calls
        generated = re.search(r"(\d+) generated", said)
        assert generated, said
        assert int(generated[1]) > 1000
        service.signal()
        assert await service.exit_code() == 0
    assert not [line for line in service.lines if "broke" in line or "Traceback" in line]
