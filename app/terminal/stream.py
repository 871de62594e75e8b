"""`python -m app stream`: shows an answer while it fills in, or writes lines for a pipe.

words ── parameters ──> client ── partials ──> Screen: cards, live, with figures
                                         └───> Lines:  --json
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import quote, urlsplit

import httpx
from structured_streams import StreamError, SyncStream, stream_sync
from structured_streams.error import refused

from app.providers.base_url import is_this_machine
from app.terminal.cards import clean
from app.terminal.lines import Lines
from app.terminal.parameters import parameters
from app.terminal.screen import Screen

OK: Final = 0
FAILED: Final = 1
WRONG: Final = 2
INTERRUPTED: Final = 130  # as in a shell: 128 + SIGINT
BROKEN_PIPE: Final = 141  # 128 + SIGPIPE

DESCRIBE_SECONDS: Final = 10


def run(
    url: str,
    schema: str,
    words: Iterable[str],
    *,
    model: str | None = None,
    api_key: str | None = None,
    json: bool = False,
    reasoning: bool = False,
) -> int:
    """Stream a schema from a service and show the answer. Returns the exit code."""
    try:
        # A proxy that the environment names can't reach this machine for us.
        with httpx.Client(trust_env=not is_this_machine(urlsplit(url).hostname or "")) as client:
            described = _described(client, url, schema, api_key)
            given = parameters(words, described["parameters"])
            reading: SyncStream[Any] = stream_sync(
                url,
                schema,
                model=model,
                api_key=api_key,
                reasoning=reasoning and not json,
                parameters=given,
                client=client,
            )
            with reading, Lines() if json else Screen(schema) as shown:
                for partial in reading:
                    shown.show(partial, reading)
                shown.finish(reading.final(), reading)
    except StreamError as error:
        return _say(FAILED, *_told(error))
    except (ValueError, httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        return _say(WRONG, str(error))
    except httpx.TransportError:
        start = "start one with `make run`, or name another with --url"
        return _say(FAILED, f"no service answers at {url}: {start}")
    except KeyboardInterrupt:
        return _say(INTERRUPTED, "stopped")
    except BrokenPipeError:
        sys.stdout = None  # otherwise Python flushes it once more at exit, and fails again
        return BROKEN_PIPE
    return OK


def _described(client: httpx.Client, url: str, schema: str, api_key: str | None) -> dict[str, Any]:
    """The service's description of a schema.

    Raises `StreamError`, `httpx.TransportError`, and `ValueError` if something else answers there.
    """
    headers = {} if api_key is None else {"Authorization": f"Bearer {api_key}"}
    address = f"{url.rstrip('/')}/schemas/{quote(schema, safe='')}"
    answer = client.get(address, headers=headers, timeout=DESCRIBE_SECONDS)
    if answer.status_code != 200:
        raise refused(answer.status_code, answer.headers, answer.content)
    try:
        described: dict[str, Any] = answer.json()
        described["parameters"]["properties"].items()
    except (ValueError, LookupError, TypeError, AttributeError):
        raise ValueError(f"what answers at {url} is another service") from None
    return described


def _told(error: StreamError) -> Iterable[str]:
    yield f"{error.code}: {error}" + (f" (request {error.request_id})" if error.request_id else "")
    for detail in error.errors:
        yield f"  {detail['path'] or 'it'} {detail['message']}"


def _say(code: int, *lines: str) -> int:
    for line in lines:
        print(clean(line), file=sys.stderr)
    return code
