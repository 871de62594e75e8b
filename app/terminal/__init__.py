"""The commands for people at a terminal.

`stream` uses `clients/python`, the client that users install. The service runs from its checkout
without being installed, so the client is imported from the checkout, too.
"""

from __future__ import annotations

import sys
from pathlib import Path

CLIENT = Path(__file__).resolve().parents[2] / "clients" / "python"

if str(CLIENT) not in sys.path:
    sys.path.append(str(CLIENT))
