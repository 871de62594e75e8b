"""API keys: the service knows their hashes only, and compares them in constant time."""

from __future__ import annotations

import hmac
import os
import re
import secrets
import time
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path

import structlog

from app.settings import KEY

LOOK_SECONDS = 1.0
"""Between two looks whether the file has changed, at least."""

FILE_BYTES = 1024 * 1024

_pair = re.compile(KEY)
_log = structlog.get_logger("keys")


class KeysError(Exception):
    """The file of keys can't be used; says why, without what stands in it."""


def make_key(name: str) -> tuple[str, str]:
    """A new key, and the `name=sha256` by which the service will know it."""
    key = f"sk_{secrets.token_urlsafe(32)}"
    return key, f"{name}={digest(key)}"


def digest(key: str) -> str:
    """What is kept of a key. It has 256 random bits: a slow hash would add nothing."""
    return sha256(key.encode()).hexdigest()


class Keys:
    """The callers' keys: those given, and those in a file. A caller may have several.

    The file is read anew when it has changed. One that can't be used changes nothing: it is
    told to the log, once. At the start it raises `KeysError`.
    """

    def __init__(
        self, given: Iterable[str], file: str | None, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._now = now
        self._given = [_split(pair) for pair in given]
        self._file = Path(file) if file is not None else None
        self._state = self._look()
        self._all = self._given + (_read(self._file) if self._file else [])
        self._names = frozenset(name for name, _ in self._all)
        self._next_look = self._now() + LOOK_SECONDS

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, name: str) -> bool:
        self._refresh()
        return name in self._names

    def caller(self, key: str) -> str | None:
        """Whose key this is. The time that it takes does not tell how near it came."""
        self._refresh()
        given, found = digest(key), None
        for name, known in self._all:
            if hmac.compare_digest(given, known):
                found = name
        return found

    def _refresh(self) -> None:
        if self._file is None or self._now() < self._next_look:
            return
        self._next_look = self._now() + LOOK_SECONDS
        state = self._look()
        if state == self._state:
            return
        self._state = state
        try:
            self._all = self._given + _read(self._file)
        except KeysError as error:
            _log.error("the keys stay as they were", cause=str(error))
        else:
            self._names = frozenset(name for name, _ in self._all)
            _log.info("keys reread", callers=len(self._names))

    def _look(self) -> tuple[int, ...] | None:
        """What changes when the file does."""
        try:
            found = os.stat(self._file) if self._file else None
        except OSError:
            return None
        return (found.st_mtime_ns, found.st_size, found.st_ino) if found else None


def _read(file: Path) -> list[tuple[str, str]]:
    try:
        with file.open(encoding="utf-8") as stream:
            text = stream.read(FILE_BYTES + 1)
    except OSError as error:
        raise KeysError(f"API_KEYS_FILE: {error.strerror}") from None
    except UnicodeDecodeError:
        raise KeysError("API_KEYS_FILE: is not UTF-8") from None
    if len(text) > FILE_BYTES:
        raise KeysError("API_KEYS_FILE: is too large")
    found = []
    for number, line in enumerate(map(str.strip, text.splitlines()), 1):
        if line and not line.startswith("#"):
            if not _pair.fullmatch(line):
                raise KeysError(f"API_KEYS_FILE: line {number} is not name=sha256")
            found.append(_split(line))
    return found


def _split(pair: str) -> tuple[str, str]:
    name, _, known = pair.partition("=")
    return name, known
