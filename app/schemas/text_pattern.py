"""Regular expressions of what a string holds: an address, a UUID, coded bytes.

Each matches only what Pydantic takes, but seldom all that it takes: no IPv6 host in a URL, no
percent-encoded path, no name of a colour. What is left out is what models hardly ever mean.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_LABEL: Final = "[a-z0-9]+(-[a-z0-9]+)*"
HOST: Final = rf"({_LABEL}\.)+[a-z]{{2,12}}"
"""A host name. It ends in letters, as one that ends in digits is an IPv4 address (WHATWG URL)."""

_PORT: Final = "(:[1-9][0-9]{1,3})?"
_PATH: Final = r"(/[A-Za-z0-9._~-]*)*"
_QUERY: Final = r"(\?[A-Za-z0-9._~=&+-]*)?(#[A-Za-z0-9._~-]*)?"
_USER: Final = "([A-Za-z0-9._-]+(:[A-Za-z0-9._-]+)?@)?"
EMAIL: Final = rf"[A-Za-z0-9]+([._+-][A-Za-z0-9]+)*@{HOST}"

_OCTET: Final = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
IPV4: Final = rf"{_OCTET}(\.{_OCTET}){{3}}"
_GROUP: Final = "[0-9a-f]{1,4}"
IPV6: Final = f"({_GROUP}(:{_GROUP}){{7}}|({_GROUP}:){{1,6}}:{_GROUP}|::{_GROUP})"
_IPV4_NETWORK: Final = (
    rf"({_OCTET}\.0\.0\.0/8|{_OCTET}\.{_OCTET}\.0\.0/16"
    rf"|{_OCTET}(\.{_OCTET}){{2}}\.0/24|{IPV4}/32)"
)
_IPV6_NETWORK: Final = f"({_GROUP}::/16|{_GROUP}:{_GROUP}::/32|{_GROUP}(:{_GROUP}){{2}}::/48)"
_IPV4_INTERFACE: Final = f"{IPV4}(/(3[0-2]|[12]?[0-9]))?"
_IPV6_INTERFACE: Final = f"{IPV6}(/(12[0-8]|1[01][0-9]|[1-9]?[0-9]))?"

_HEX: Final = "[0-9a-f]"

COMPLEX: Final = r"-?[0-9]{1,15}(\.[0-9]{1,9})?([+-][0-9]{1,15}(\.[0-9]{1,9})?j)?"
FRACTION: Final = "-?(0|[1-9][0-9]{0,14})(/[1-9][0-9]{0,14})?"
HEX_COLOUR: Final = "#([0-9a-f]{6}|[0-9a-f]{3})"

_SPACES: Final = " \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_ESCAPED: Final = r'"\\\x00-\x1f'
"""What JSON writes with a backslash. Some grammars match a pattern with a string as JSON has it."""

MOST_REPEATS: Final = 1000
"""Grammars refuse to count much further."""


def times(low: int, high: int | None) -> str:
    """How often something is repeated."""
    if high is None or high > MOST_REPEATS:
        return f"{{{low},}}" if low > 1 else "+" if low else "*"
    return f"{{{low},{high}}}"


def filled(low: int, high: int | None) -> str:
    """Text of so many characters, none of them at either end a space.

    It has no quotation mark, backslash or line break either, so that it is the same in JSON.
    """
    edge, inner = f"[^{_ESCAPED}{_SPACES}]", f"[^{_ESCAPED}]"
    if high == 1:
        return edge
    between = times(max(low - 2, 0), None if high is None else high - 2)
    return f"{edge}({inner}{between}{edge})?" if low < 2 else f"{edge}{inner}{between}{edge}"


def whole(pattern: str) -> str:
    """The pattern of a string that is this and nothing else."""
    return f"^({pattern})$" if "|" in pattern else f"^{pattern}$"


def url(schemes: Iterable[str] | None) -> str:
    """A URL of one of these schemes; None: of any."""
    if schemes is None:
        known = f"(https?|ftps?|wss?|ssh|git|s3)://{_USER}{HOST}{_PORT}{_PATH}{_QUERY}"
        return f"{known}|mailto:{EMAIL}|tel:[+]?[0-9]{{3,15}}|urn:[a-z0-9]{{2,31}}:[A-Za-z0-9.:-]+"
    files = [scheme for scheme in schemes if scheme == "file"]
    others = [scheme for scheme in schemes if scheme != "file"]
    parts = [f"file://{_PATH[:-1]}+"] if files else []
    user = "" if set(others) <= {"http", "https"} else _USER
    if others:
        parts.append(f"({_any_of(others)})://{user}{HOST}{_PORT}{_PATH}{_QUERY}")
    return "|".join(parts)


def database_url(schemes: Iterable[str] | None) -> str:
    """A URL that may have several hosts, of one of these schemes."""
    hosts = f"{HOST}{_PORT}(,{HOST}{_PORT})*"
    return f"({_any_of(schemes or ['https'])})://{_USER}{hosts}(/[A-Za-z0-9_-]*)?"


def _any_of(schemes: Iterable[str]) -> str:
    return "|".join(scheme.replace("+", "[+]").replace(".", "[.]") for scheme in schemes)


def uuid(version: int | None) -> str:
    """A UUID, of a version if there is one (RFC 9562 4)."""
    of_version, variant = (version, "[89ab]") if version else (_HEX, _HEX)
    begin, end = f"{_HEX}{{8}}-{_HEX}{{4}}", f"{_HEX}{{12}}"
    return f"{begin}-{of_version}{_HEX}{{3}}-{variant}{_HEX}{{3}}-{end}"


def base64(characters: str, *, is_text: bool, low: int = 0, high: int | None = None) -> str:
    """Base64 (RFC 4648 4 and 5), whose last two characters of the alphabet are these.

    is_text: what it codes is text. It is ASCII then: of each byte the first bit is 0
    low, high: how many bytes it codes: where they are given, in threes
    """
    alphabet = f"[A-Za-z0-9{characters}]"
    first, second, third = [alphabet] * 3
    if is_text:  # the bits are 0aaaaaaa 0bbbbbbb 0ccccccc, cut into four characters of 6 bits
        first, second = "[A-Za-f]", "[A-HQ-Xg-nw-z0-3]"
        third = "[ABEFIJMNQRUVYZcdghklopstwx014589]"
    three = f"({first}{second}{third}{alphabet})"
    end = f"({first}[AQgw]==|{first}{second}[AEIMQUYcgkosw048]=)"
    if low == 0 and high is None:
        return f"{three}*{end}?"
    if high is not None and high < 3:
        return f"{first}[AQgw]==" if high == 1 else f"{first}{second}[AEIMQUYcgkosw048]="
    return f"{three}{{{-(-low // 3)},{'' if high is None else high // 3}}}"


FORMATS: Final = {
    "ipv4": IPV4,
    "ipv6": IPV6,
    "ipvanyaddress": f"({IPV4}|{IPV6})",
    "ipv4network": _IPV4_NETWORK,
    "ipv6network": _IPV6_NETWORK,
    "ipvanynetwork": f"({_IPV4_NETWORK}|{_IPV6_NETWORK})",
    "ipv4interface": _IPV4_INTERFACE,
    "ipv6interface": _IPV6_INTERFACE,
    "ipvanyinterface": f"({_IPV4_INTERFACE}|{_IPV6_INTERFACE})",
    "email": EMAIL,
    "name-email": rf"[A-Za-z]+( [A-Za-z]+)* <{EMAIL}>",
    "color": HEX_COLOUR,
}
"""The formats that Pydantic has for classes whose validators are functions."""

STANDARD: Final = frozenset(
    {"date-time", "date", "time", "duration", "email", "hostname", "ipv4", "ipv6", "uri", "uuid"}
)
"""Formats that JSON Schema defines (2020-12 7.3). Some converters refuse all others."""
