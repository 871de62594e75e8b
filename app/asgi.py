"""`app.asgi:app`: the service as the environment describes it, for any ASGI server.

    uvicorn app.asgi:app
    fastapi run app/asgi.py
    gunicorn -k uvicorn_worker.UvicornWorker app.asgi:app
    hypercorn --workers 0 app.asgi:app

`python -m app` does more: docs/your-app.md says what.
"""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from app.main import FAULTS, create_app
from app.settings import Settings, describe
from app.telemetry.logs import configure_logging


def _made() -> Any:
    """The service. Raises `SystemExit` with what is wrong with the environment or a file."""
    try:
        settings = Settings()
        configure_logging(settings.log_format, settings.log_level)
        return create_app(settings, drain_at_signals=True)
    except ValidationError as error:
        raise SystemExit("\n".join(describe(error))) from None
    except FAULTS as error:
        raise SystemExit(str(error)) from None


app = _made()
