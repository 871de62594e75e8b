"""On which line something stands in a TOML text."""

from __future__ import annotations

import tomllib

import pytest

from app.providers.toml_line import Path, of_error, of_place

TEXT = '''\
# line 1

[models.fast]  # line 3
model = "a # b"
list = [  # line 5
  1,
  { deep = 2 },
]
text = """
[models.no]
mode = "x"
"""
inline = { a = { b = 1 } }  # line 13
dotted.key = 1

[models."a/b".options]  # line 16
x = 1
[[array]]
[[array]]  # line 19
y = 2
'''


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ((), 1),
        (("models",), 3),
        (("models", "fast"), 3),
        (("models", "fast", "model"), 4),
        (("models", "fast", "list"), 5),
        (("models", "fast", "list", 1, "deep"), 5),
        (("models", "fast", "text"), 9),
        (("models", "fast", "inline", "a", "b"), 13),
        (("models", "fast", "dotted", "key"), 14),
        (("models", "a/b"), 16),
        (("models", "a/b", "options"), 16),
        (("models", "a/b", "options", "x"), 17),
        (("array", 0), 18),
        (("array", 1), 19),
        (("array", 1, "y"), 20),
        (("models", "no"), 1),
        (("models", "fast", "list", 9), 1),
        (("models", "fast", "model", "deeper"), 1),
    ],
)
def test_a_place_has_the_line_of_its_statement(place: Path, line: int) -> None:
    assert of_place(TEXT, place) == line


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a = 1\nb = s3cret\n", 2, "Invalid value"),
        ("a = 1\nb\n", 2, "Expected '=' after a key in a key/value pair"),
        ("a = 1\n\na = 2\n", 3, "Cannot overwrite a value"),
        ("[a]\n[b]\n[a]\n", 3, "Cannot declare ('a',) twice"),
        ("a = 1\nb = [\n1,\n2\n", 2, "Unclosed array"),
        ('a = 1\nb = """\ns3cret\n\n', 2, "Unterminated string"),
        ('a = 1\nb = "s3cret\n', 2, "Illegal character '\\n'"),
        ("a = 1\nb =", 2, "Invalid value"),
        ("a = 1\nb = " + "9" * 5000, 2, "Too long a number, or nested too deeply"),
        ("a = 1\nb = " + "[" * 10_000, 2, "Too long a number, or nested too deeply"),
    ],
)
def test_a_syntax_error_has_its_line_and_quotes_no_value(text: str, line: int, words: str) -> None:
    with pytest.raises((ValueError, RecursionError)) as caught:
        tomllib.loads(text)
    assert of_error(text, caught.value) == (line, words)
