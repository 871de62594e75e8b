"""The demo model: an OpenAI-compatible chat-completions endpoint that needs no key.

It answers any JSON Schema (`demo_text`), token by token at a human pace, over real HTTP, to
any OpenAI client: inside the service (`DemoServer`) or as a server of its own (`serve_demo`).

A model's name may ask for a fault. Each but `demo-silent` and `demo-drip` gives some of its
answer first; all but the last three begin with a 200.

    demo-invalid         violates the schema, unless it is asked again
    demo-always-invalid  violates the schema
    demo-truncated       stops in the middle: finish reason `length`
    demo-refusal         refuses, in words
    demo-filtered        finish reason `content_filter`
    demo-stall           falls silent, and keeps the connection open
    demo-silent          sends headers, then nothing
    demo-drip            sends keep-alive comments and nothing else
    demo-disconnect      breaks the connection
    demo-garbage         sends a chunk that can't be read
    demo-error           sends an error object
    demo-429, demo-500, demo-401   fail with that status
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.providers.demo_play import Play, PlayResponse
from app.providers.demo_request import BadRequest, DemoRequest, read_request
from app.providers.demo_server import DemoServer, serve_demo
