"""API keys. The service knows only their hashes, and compares these in constant time."""

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

CHECK_SECONDS = 1.0
"""The least time between two looks at whether the file has changed."""

FILE_BYTES = 1024 * 1024

MARK_DIGITS = 16

_pair = re.compile(KEY)
_log = structlog.get_logger("keys")


class KeysError(Exception):
    """The file of keys can't be used. The message says why, and quotes nothing of the file."""


def make_key(name: str) -> tuple[str, str]:
    """Make a new key. Returns the key, and the `name=sha256` for the settings."""
    key = f"sk_{secrets.token_urlsafe(32)}"
    return key, f"{name}={digest(key)}"


def digest(key: str) -> str:
    """The hash that is kept of a key. Keys have 256 random bits, so a fast hash is enough."""
    return sha256(key.encode()).hexdigest()


def mark_of(key: str) -> str:
    """What a ticket says of the key with which it was got: too little to find the key by."""
    return digest(key)[:MARK_DIGITS]


class Keys:
    """The callers' keys, from the settings and from a file. A caller may have several.

    The file is read again when it has changed, or at `reread`. If the new content can't be used,
    the keys stay as they were, and the log says so once for each change.
    Raises `KeysError` if the file can't be used at the start.
    """

    def __init__(
        self, given: Iterable[str], file: str | None, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._now = now
        self._given = [_split(pair) for pair in given]
        self._file = Path(file) if file is not None else None
        self._state: tuple[int, ...] | None = self._stat()  # None: read it anyhow
        self._all = self._given + (_read(self._file) if self._file else [])
        self._names = frozenset(name for name, _ in self._all)
        self._next_check = self._now() + CHECK_SECONDS

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, name: str) -> bool:
        self._refresh()
        return name in self._names

    def caller(self, key: str) -> str | None:
        """The name of the caller that has this key, or None.

        All keys are compared, each in constant time, so the time tells nothing about them.
        """
        self._refresh()
        given, found = digest(key), None
        for name, known in self._all:
            if hmac.compare_digest(given, known):
                found = name
        return found

    def has(self, name: str, mark: str) -> bool:
        """Whether a caller still has the key with this `mark_of`."""
        self._refresh()
        return any(name == known and key.startswith(mark) for known, key in self._all)

    def reread(self) -> None:
        """Read the file again now, whether it has changed or not."""
        self._state, self._next_check = None, self._now()
        self._refresh()

    def _refresh(self) -> None:
        if self._file is None or self._now() < self._next_check:
            return
        self._next_check = self._now() + CHECK_SECONDS
        state = self._stat()
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

    def _stat(self) -> tuple[int, ...]:
        """The file's time, size and inode, one of which changes when the file does.

        Nothing of a file that is not there.
        """
        try:
            found = os.stat(self._file) if self._file else None
        except OSError:
            return ()
        return (found.st_mtime_ns, found.st_size, found.st_ino) if found else ()


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
