"""The commands for people at a terminal.

`stream` reads with the client that users install, `clients/python`. As nothing of the service is
installed, it is taken from beside it.
"""

from __future__ import annotations

import sys
from pathlib import Path

CLIENT = Path(__file__).resolve().parents[2] / "clients" / "python"

if str(CLIENT) not in sys.path:
    sys.path.append(str(CLIENT))
