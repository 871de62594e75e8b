"""Numbers, literals and escapes of RFC 8259. Half a surrogate pair is not an escape."""

from __future__ import annotations

import re
from typing import Final

LONGEST_ESCAPE: Final = 12
_MAX_DIGITS: Final = 4300  # Python's own limit: int() of more refuses (CVE-2020-10735)

_number = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
ESCAPE: Final = re.compile(
    r'\\(?:(["\\/bfnrt])|u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})'
    r"|u(?![dD][89a-fA-F])([0-9a-fA-F]{4}))"
)
_beginnings = re.compile(
    r"\\(?:u(?:(?![dD][c-fC-F])[0-9a-fA-F]{0,3}"
    r"|[dD][89abAB][0-9a-fA-F]{2}(?:\\(?:u(?:[dD](?:[c-fC-F][0-9a-fA-F]{0,1})?)?)?)?)?)?"
)
_SHORT = dict(zip('"\\/bfnrt', '"\\/\b\f\n\r\t', strict=True))


def is_scalar(token: str) -> bool:
    """Whether a token is a number, true, false or null."""
    if token in ("true", "false", "null"):
        return True
    found = _number.fullmatch(token)
    if found is None:
        return False
    is_integer = found[1] is None and found[2] is None
    return not is_integer or len(token.lstrip("-")) <= _MAX_DIGITS


def unescape(found: re.Match[str]) -> str:
    """The character that a match of ESCAPE stands for."""
    short, high, low, code = found.groups()
    if short:
        return _SHORT[short]
    if high and low:
        return chr(0x10000 + ((int(high, 16) - 0xD800) << 10) + int(low, 16) - 0xDC00)
    return chr(int(code, 16))


def may_become_escape(text: str) -> bool:
    """Whether this text may be the beginning of an escape."""
    return _beginnings.fullmatch(text) is not None
