"""A command of `python -m app` in the process of the tests, which has imported it already."""

from __future__ import annotations

import asyncio
import os

from structlog.testing import capture_logs
from typer.testing import CliRunner

from app.cli import cli
from tests.support.process import Ended, environment


async def invoked(*arguments: str, **settings: str) -> Ended:
    """The output and the exit code of a command that ends by itself, as `process.ended` gives them.

    It is for commands that leave the process as it was: not for one that serves or logs. It runs
    in a thread, so that it may call what the test serves, whose log is left out.
    """
    unset: dict[str, str | None] = dict.fromkeys(os.environ)
    env = {**unset, **environment(NO_COLOR="1", COLUMNS="200", **settings)}
    with capture_logs():  # the process prints them where the command prints
        done = await asyncio.to_thread(CliRunner().invoke, cli, arguments, env=env)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Ended(done.exit_code, done.stdout, done.stderr)
