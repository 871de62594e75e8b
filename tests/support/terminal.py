"""`python -m app` in a terminal: a real pty, and what a person would see on it."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import struct
import sys
import termios
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import pyte

from tests.support.process import ROOT, environment

SECONDS = 20
"""A test fails if it has waited this long for an output."""

CTRL_C = b"\x03"


def _own(terminal: int) -> None:
    """Make it the controlling terminal of this process, so that Ctrl-C reaches the process."""
    os.setsid()
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)


class Terminal:
    """A terminal. data: all bytes that have been written to it."""

    def __init__(self, columns: int, lines: int, fd: int) -> None:
        self.process: asyncio.subprocess.Process
        self.data = b""
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        self._fd = fd
        self._news = asyncio.Event()

    @property
    def text(self) -> str:
        """What is on the screen."""
        return "\n".join(line.rstrip() for line in self._screen.display)

    @property
    def cursor_is_hidden(self) -> bool:
        return bool(self._screen.cursor.hidden)

    async def until(self, shown: Callable[[str], object]) -> str:
        """Wait until the screen fulfils this condition. Returns its text."""
        async with asyncio.timeout(SECONDS):
            while not shown(self.text):
                self._news.clear()
                await self._news.wait()
        return self.text

    def type(self, keys: bytes) -> None:
        """Press keys. Ctrl-C sends a real SIGINT to the program in the terminal."""
        os.write(self._fd, keys)

    async def exit_code(self) -> int:
        """Its exit code, once it has ended and all that it wrote is on the screen."""
        async with asyncio.timeout(SECONDS):
            code = await self.process.wait()
        self.read()
        return code

    def read(self) -> None:
        """Take what has been written."""
        try:
            while data := os.read(self._fd, 65536):
                self.data += data
                self._stream.feed(data)
                self._news.set()
        except OSError:  # nothing more to read now, or the terminal is closed
            pass


@asynccontextmanager
async def terminal(
    *arguments: str, columns: int = 80, lines: int = 30, **settings: str
) -> AsyncIterator[Terminal]:
    """`python -m app` with these arguments, in a terminal of this size."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    os.set_blocking(ours, False)
    shown = Terminal(columns, lines, ours)
    shown.process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app", *arguments),
        cwd=ROOT,
        env=environment(TERM="xterm-256color", **settings),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        preexec_fn=partial(_own, theirs),
    )
    os.close(theirs)
    loop = asyncio.get_running_loop()
    loop.add_reader(ours, shown.read)
    try:
        yield shown
    finally:
        loop.remove_reader(ours)
        if shown.process.returncode is None:
            shown.process.kill()
        await shown.process.wait()
        os.close(ours)
