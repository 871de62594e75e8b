"""The real clients of other front ends: npm packages, run by Node and by Chromium.

`npm ci` in `front_ends/` gets them, `npm run build` bundles the page with the hooks.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.program import printed

front_ends = Path(__file__).parent / "front_ends"


async def client(script: str, url: str, **options: Any) -> Any:
    """What a script in `front_ends/` reports of `url`.

    options: `topic`, `parameters` and `headers` of its request
    """
    path = front_ends / f"{script}.mjs"
    return json.loads(await printed("node", path, url, json.dumps(options), seconds=30))
