"""The service's OpenAPI 3.1 document, built from the registry and the error tree.

document.py    the paths and what each takes
responses.py   what a stream answers: its formats, events and headers
errors.py      what each status means, from the tree in app/errors.py
example.py     a literal stream, made as a real one is
components.py  JSON Schemas with `$defs` to shared components
"""

from __future__ import annotations

from app.http.openapi.document import openapi

__all__ = ["openapi"]
