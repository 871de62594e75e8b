"""The tests' clients of plain HTTP."""

from __future__ import annotations

from typing import Any

import httpx


def http_client(**options: Any) -> httpx.AsyncClient:
    """A client that knows no authorities: to read their certificates takes 33 ms of CPU each time.

    options: those of httpx
    """
    return httpx.AsyncClient(verify=False, **options)
