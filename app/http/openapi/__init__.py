"""The service's OpenAPI documents, built from the registry and the error tree.

Generators of clients read version 3.1. Version 3.2 has the same content, and also the types of
a stream's events.

document.py    the paths and what each accepts
steering.py    the query keys and headers of every call that streams
security.py    keys and tickets
query.py       a schema's parameters in a query string
body.py        a schema's parameters in a body
responses.py   the responses of a stream: formats and headers
events.py      the events of a stream
errors.py      what each status means, from the tree in app/errors.py
example.py     example streams, made by the code that makes real ones
components.py  JSON Schemas with `$defs` to shared components
"""

from __future__ import annotations

from app.http.openapi.document import openapi

__all__ = ["openapi"]
