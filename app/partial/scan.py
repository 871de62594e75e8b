"""Scans JSON text, which comes in pieces cut anywhere, and calls a handler for each token.

Each state is a method that takes the text and a position and returns the next position. Each
character is read once (except for an escape that is cut in half, at most eleven characters, which
waits for its rest). The grammar is that of RFC 8259 with two differences: a BOM, a code fence and
prose around the value are ignored, and a lone surrogate is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, Protocol

from app.partial.tokens import ESCAPE, LONGEST_ESCAPE, is_scalar, may_become_escape, unescape

MAX_DEPTH: Final = 200
"""The most containers inside each other; deeper text is refused. An empty container inside the
deepest one is allowed.

Pydantic's own JSON parser has the same limit. It notices the end of an empty container first.
"""

_BLANKS: Final = " \t\n\r"
_space = re.compile(r"[ \t\n\r]*")
_lead = re.compile(r"[^\[\]{}]*")
_key_colon = re.compile(r'[ \t\n\r]*"([^"\\\x00-\x1f]*)"[ \t\n\r]*:[ \t\n\r]*')
_string = re.compile(r'([^"\\\x00-\x1f]*)"')
_plain = re.compile(r'[^"\\\x00-\x1f]+')
_raw = re.compile(r'[^"\\]+')
_scalar = re.compile(r"[-+.0-9A-Za-z]+")
_structure = re.compile(r'[^"\[\]{}]+')


class Handler(Protocol):
    """Is called for each token, in order."""

    def begin(self, first: str) -> bool:
        """A value begins with the character `first`. True asks for parts, False for all at once."""

    def key(self, name: str) -> None: ...

    def text(self, piece: str) -> None:
        """The next piece of a string that comes in parts."""

    def string(self, piece: str) -> None:
        """The last piece of a string that comes in parts."""

    def whole(self, text: str) -> None:
        """The complete JSON text of a value that comes all at once."""

    def close(self) -> None:
        """The innermost container that comes in parts is complete."""

    def refuse(self, message: str) -> Exception:
        """The exception to raise: the text is not JSON."""


class Scanner:
    """Cuts text into tokens.

    ended: whether the one value is complete
    unread: how many characters of the last feed are not taken: where the handler has stopped it,
        or where a bare value has ended
    """

    def __init__(self, handler: Handler, *, bare: bool = False) -> None:
        """`bare`: the text is a value, and what follows it is not looked at."""
        self._handler = handler
        self._step: Callable[[str, int], int] = self._value if bare else self._before
        self._open: list[bool] = []  # for each open container: whether it is an object
        self._rest = ""
        self._parts: list[str] = []  # the pieces of a token that is not yet complete
        self._depth = 0  # the nesting inside a container that comes all at once
        self._last = self._leave if bare else self._after
        self._left = 0  # characters after the end of a bare value
        self.ended = False
        self.unread = 0

    def feed(self, text: str) -> None:
        """Scan more text."""
        if not text.isascii():
            self._check(text)
        if self._rest:
            text, self._rest = self._rest + text, ""
        position, end = 0, len(text)
        try:
            while position < end:
                position = self._step(text, position)
        finally:
            self.unread = end - position + self._left

    def _check(self, text: str) -> None:
        try:
            text.encode()
        except UnicodeEncodeError:
            raise self._handler.refuse("has half a surrogate pair") from None

    # -- around the value -----------------------------------------------------------------

    def _before(self, text: str, at: int) -> int:
        at = _skip(text, at)
        if text.startswith("\ufeff", at):
            return at + 1
        if at < len(text):
            if text[at] == '"':
                raise self._handler.refuse("must be an object")
            self._step = self._prose
        return at

    def _prose(self, text: str, at: int) -> int:
        at = _end(_lead, text, at)
        if at < len(text):
            if text[at] in "]}":
                raise self._handler.refuse("is not JSON")
            self._step = self._value
        return at

    def _after(self, text: str, at: int) -> int:
        if (at := _end(_lead, text, at)) < len(text):
            raise self._handler.refuse("goes on after its end")
        return at

    def _leave(self, text: str, at: int) -> int:
        self._left = len(text) - at
        return len(text)

    # -- structure ------------------------------------------------------------------------

    def _value(self, text: str, at: int) -> int:
        if text[at] in _BLANKS and (at := _skip(text, at)) == len(text):
            return at
        first = text[at]
        if first not in '"{[-0123456789tfn':
            raise self._handler.refuse("is not JSON")
        in_parts = self._handler.begin(first)
        if first == '"':
            return self._begin_string(text, at + 1, in_parts)
        if first in "{[":
            if in_parts:
                self._open.append(first == "{")
                self._step = self._first_key if first == "{" else self._first_element
                return at + 1
            self._step = self._container
            return at
        self._step = self._scalar
        return at

    def _first_key(self, text: str, at: int) -> int:
        if text[at] in _BLANKS and (at := _skip(text, at)) == len(text):
            return at
        if text[at] == "}":
            return self._close(at)
        self._check_depth()
        self._step = self._key
        return at

    def _first_element(self, text: str, at: int) -> int:
        if text[at] in _BLANKS and (at := _skip(text, at)) == len(text):
            return at
        if text[at] == "]":
            return self._close(at)
        self._check_depth()
        self._step = self._value
        return at

    def _check_depth(self) -> None:
        """Raise unless the nesting is allowed: at the limit, only an empty container is."""
        if len(self._open) + self._depth > MAX_DEPTH:
            raise self._handler.refuse("is nested too deeply")

    def _key(self, text: str, at: int) -> int:
        if found := _key_colon.match(text, at):
            self._handler.key(found[1])
            self._step = self._value
            return found.end()
        if (at := _skip(text, at)) == len(text):
            return at
        if text[at] != '"':
            raise self._handler.refuse("is not JSON")
        self._step = self._key_text
        return at + 1

    def _colon(self, text: str, at: int) -> int:
        if text[at] in _BLANKS and (at := _skip(text, at)) == len(text):
            return at
        if text[at] != ":":
            raise self._handler.refuse("is not JSON")
        self._step = self._value
        return at + 1

    def _next(self, text: str, at: int) -> int:
        if text[at] in _BLANKS and (at := _skip(text, at)) == len(text):
            return at
        is_object = self._open[-1]
        if text[at] == ",":
            self._step = self._key if is_object else self._value
            return at + 1
        if text[at] == ("}" if is_object else "]"):
            return self._close(at)
        raise self._handler.refuse("is not JSON")

    def _close(self, at: int) -> int:
        self._open.pop()
        self._handler.close()
        self._complete()
        return at + 1

    def _complete(self) -> None:
        """Choose the next state after a complete value."""
        self.ended = not self._open
        self._step = self._last if self.ended else self._next

    # -- strings --------------------------------------------------------------------------

    def _begin_string(self, text: str, at: int, in_parts: bool) -> int:
        if not in_parts:
            self._parts.append('"')
            self._step = self._raw_text
            return at
        if found := _string.match(text, at):
            self._complete()
            self._handler.string(found[1])
            return found.end()
        self._step = self._text
        self._handler.text("")  # it is known to be a string, if empty so far
        return at

    def _text(self, text: str, at: int) -> int:
        if found := _string.match(text, at):
            self._complete()
            self._handler.string(found[1])
            return found.end()
        piece, at = self._piece(text, at)
        if piece:
            self._handler.text(piece)
        return at

    def _key_text(self, text: str, at: int) -> int:
        if text[at] == '"':
            name = "".join(self._parts)
            self._parts.clear()
            self._handler.key(name)
            self._step = self._colon
            return at + 1
        piece, at = self._piece(text, at)
        self._parts.append(piece)
        return at

    def _piece(self, text: str, at: int) -> tuple[str, int]:
        """The next characters of a string up to its end, an escape or the text's end."""
        if found := _plain.match(text, at):
            return found[0], found.end()
        if text[at] != "\\":
            raise self._handler.refuse("has a control character in a string")
        if found := ESCAPE.match(text, at):
            return unescape(found), found.end()
        if len(text) - at < LONGEST_ESCAPE and may_become_escape(text[at:]):
            self._rest = text[at:]
            return "", len(text)
        raise self._handler.refuse("has a bad escape in a string")

    def _raw_text(self, text: str, at: int) -> int:
        """The JSON text of a string up to its end."""
        if found := _raw.match(text, at):
            self._parts.append(found[0])
            return found.end()
        if text[at] == '"':
            self._parts.append('"')
            if self._depth:
                self._step = self._container
            else:
                self._hand_over()
            return at + 1
        if at + 1 == len(text):
            self._rest = "\\"
        else:
            self._parts.append(text[at : at + 2])
        return at + 2

    # -- values that come whole -----------------------------------------------------------

    def _scalar(self, text: str, at: int) -> int:
        if found := _scalar.match(text, at):
            self._parts.append(found[0])
            return found.end()
        if not is_scalar("".join(self._parts)):
            raise self._handler.refuse("is not JSON")
        self._hand_over()
        return at

    def _container(self, text: str, at: int) -> int:
        """The JSON text of a container up to its end."""
        if found := _structure.match(text, at):
            self._parts.append(found[0])
            return found.end()
        self._parts.append(text[at])
        if text[at] == '"':
            self._step = self._raw_text
        elif text[at] in "{[":
            self._depth += 1
            if len(self._open) + self._depth > MAX_DEPTH:
                self._step = self._deepest
        else:
            self._depth -= 1
            if not self._depth:
                self._hand_over()
        return at + 1

    def _deepest(self, text: str, at: int) -> int:
        """After the bracket of a container at the depth limit: only its end may follow."""
        end = _skip(text, at)
        self._parts.append(text[at:end])
        if end < len(text):
            if text[end] not in "]}":
                self._check_depth()
            self._step = self._container
        return end

    def _hand_over(self) -> None:
        token = "".join(self._parts)
        self._parts.clear()
        self._complete()
        self._handler.whole(token)


def _skip(text: str, at: int) -> int:
    """The position of the next character that is not white space."""
    return _end(_space, text, at)


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    """The end of a match at `at`, by a pattern that also matches the empty string."""
    return found.end() if (found := pattern.match(text, at)) else at
