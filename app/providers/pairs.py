"""Characters that come in two halves: JSON may cut a surrogate pair between two strings."""

from __future__ import annotations


class Pairs:
    """Joins the surrogate pairs in text that comes in pieces."""

    def __init__(self) -> None:
        self._half = ""  # the first half of a pair, whose other half is to come

    def whole(self, text: str) -> str:
        """Text without half a pair at its end, whose other half is in the next piece."""
        text, self._half = self._half + text, ""
        if text.isascii():
            return text
        if "\ud800" <= text[-1:] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        try:
            text.encode()
        except UnicodeEncodeError:
            return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
        return text
