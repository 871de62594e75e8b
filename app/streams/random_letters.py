"""Random letters, of which ids are made."""

from __future__ import annotations

import secrets


def random_letters(alphabet: str, length: int) -> str:
    """So many letters of an alphabet, each as likely as any other, that nobody can guess.

    The system is asked once: to ask it for each letter takes ten times as long.
    """
    number, letters = secrets.randbelow(len(alphabet) ** length), ""
    for _ in range(length):
        number, at = divmod(number, len(alphabet))
        letters += alphabet[at]
    return letters
