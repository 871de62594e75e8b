"""The demo model: an OpenAI-compatible endpoint that needs no key. See `server.py`."""

from app.demo.answer import SECRET
from app.demo.replay import Replays
from app.demo.server import FALLBACKS, MODELS, DemoServer, create_demo_app, serve_demo

__all__ = [
    "FALLBACKS",
    "MODELS",
    "SECRET",
    "DemoServer",
    "Replays",
    "create_demo_app",
    "serve_demo",
]
