"""The file that describes models: what is made of it, and what stops the start."""

from __future__ import annotations

import dataclasses
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from app.providers.model_settings import ModelSettings, Prices
from app.providers.model_table import DeadlinesTable, ModelTable, PricesTable
from app.providers.models_file import FILE_BYTES, ModelsError, read
from app.schema import Deadlines

PAGE = Path(__file__).parents[2] / "docs" / "providers.md"
VARIABLES = {
    "OPENAI_API_KEY": "sk-s3cret-openai",
    "AZURE_API_KEY": "s3cret-azure",
    "TOKEN": "Token s3cret",
    "LINES": "s3cret\n",
    "UNICODE": "s3crét",
}


def variable(name: str) -> SecretStr | None:
    return SecretStr(VARIABLES[name]) if name in VARIABLES else None


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "models.toml"


def models(file: Path, text: str) -> tuple[ModelSettings, ...]:
    file.write_text(textwrap.dedent(text), encoding="utf-8")
    return read(str(file), variable, 4)


def only(file: Path, text: str) -> ModelSettings:
    """The model of a file in which these keys describe it. It needs no key."""
    keys = "base_url = 'http://a.example/v1'\n" + textwrap.dedent(text)
    (model,) = models(file, f"[models.m]\n{keys}")
    return model


def faults(file: Path, text: str) -> list[str]:
    """What is said of a file, without its name."""
    with pytest.raises(ModelsError) as caught:
        models(file, text)
    lines = str(caught.value).splitlines()
    assert all(line.startswith(f"{file}:") for line in lines)
    assert "s3cr" not in str(caught.value)
    return [line.removeprefix(f"{file}:") for line in lines]


# -- what is made of it --------------------------------------------------------------------------


def test_a_name_alone_is_a_model_of_that_name_and_all_else_is_as_it_is_by_default(
    file: Path,
) -> None:
    (model,) = models(file, '[models."gpt-5"]\napi_key_env = "OPENAI_API_KEY"')
    assert model == ModelSettings(
        name="gpt-5", model="gpt-5", api_key=SecretStr("sk-s3cret-openai")
    )


def test_each_key_has_its_field(file: Path) -> None:
    (model, other) = models(
        file,
        """
        [models.a]
        model = "org/a-1"
        provider = "openai"
        base_url = "https://a.example/v1?v=1"
        api_key_env = "OPENAI_API_KEY"
        mode = "md_json"
        max_tokens_field = "max_completion_tokens"
        dialect = "inline"
        examples = false
        options = { temperature = 0.5, stop = ["a"], nested = { deep = [1, true] } }
        without = ["stream_options"]
        headers = { X-Team = "search", X-Token = { env = "TOKEN" } }
        query = { api-version = "2024-10-21" }
        deadlines = { connect = 1, first_content = 2.5, gap = 3, total = 4 }
        prices = { input = 1, output = 2.5, cached_input = 0 }
        fallbacks = ["b"]
        fall_back_on = ["refused", "truncated"]

        [models.b]
        base_url = "http://b.example"
        prices = { input = 1, output = 2 }
        """,
    )
    assert model == ModelSettings(
        name="a",
        model="org/a-1",
        provider="openai",
        base_url="https://a.example/v1",
        api_key=SecretStr("sk-s3cret-openai"),
        mode="md_json",
        max_tokens_field="max_completion_tokens",
        dialect="inline",
        examples=False,
        options={
            "temperature": 0.5,
            "stop": ["a"],
            "nested": {"deep": [1, True]},
            "stream_options": None,
        },
        headers={"X-Team": "search", "X-Token": "Token s3cret"},
        query={"v": "1", "api-version": "2024-10-21"},
        connect_timeout=1,
        deadlines=Deadlines(first_content=2.5, gap=3, total=4),
        prices=Prices(input=1, output=2.5, cached_input=0),
        fallbacks=("b",),
        fall_back_on=("refused", "truncated"),
    )
    assert (other.name, other.connect_timeout, other.deadlines) == ("b", 4, Deadlines())
    assert other.prices == Prices(input=1, output=2, cached_input=None)


def test_the_order_is_that_of_the_file_even_if_a_part_comes_first(file: Path) -> None:
    found = models(
        file,
        """
        [models.z.options]
        seed = 1
        [models.a]
        base_url = "http://a.example"
        [models.z]
        base_url = "http://z.example"
        """,
    )
    assert [(model.name, model.options) for model in found] == [("z", {"seed": 1}), ("a", {})]


@pytest.mark.parametrize(
    ("keys", "headers"),
    [
        ('base_url = "http://u:p@a.example"', {"Authorization": "Basic dTpw"}),
        ('base_url = "http://u:p@a.example"\napi_key_env = "OPENAI_API_KEY"', {}),
        (
            'base_url = "http://u:p@a.example"\nheaders = { Authorization = "Own" }',
            {"Authorization": "Own"},
        ),
    ],
)
def test_user_info_is_sent_unless_there_is_a_key(file: Path, keys: str, headers: Any) -> None:
    (model,) = models(file, f"[models.m]\n{keys}")
    assert (model.base_url, model.headers) == ("http://a.example", headers)


def test_nothing_secret_is_shown_of_a_model(file: Path) -> None:
    (model,) = models(
        file,
        """
        [models.m]
        base_url = "https://user:s3cret@a.example/v1?key=s3cret"
        api_key_env = "OPENAI_API_KEY"
        headers = { X-Token = { env = "TOKEN" } }
        """,
    )
    assert "s3cret" not in repr(model)


def test_windows_line_ends_and_a_byte_order_mark_are_no_matter(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf[models.m]\r\nbase_url = 'http://a.example'\r\nmode = 's3cret'")
    with pytest.raises(ModelsError, match=r":3: models\.m\.mode: expected auto, "):
        read(str(file), variable, 4)


# -- what stops the start ------------------------------------------------------------------------


def test_a_file_that_can_not_be_read_is_told(file: Path, tmp_path: Path) -> None:
    def told() -> str:
        with pytest.raises(ModelsError) as caught:
            read(str(file), variable, 4)
        return str(caught.value)

    assert told() == "MODELS_FILE: No such file or directory"
    file.write_bytes(b"#" * (FILE_BYTES + 1))
    assert told() == "MODELS_FILE: is larger than 65536 bytes"
    file.write_bytes(b"# 1\n# 2\nmodel = '\xff'")
    assert told() == f"{file}:3: expected UTF-8"
    file.unlink()
    file.mkdir()
    assert told() == "MODELS_FILE: Is a directory"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("\n[models.m]\nmodel = s3cret", 3, "Invalid value"),
        ("[models.m]\nmodel = 'a'\nmodel = 'b'", 3, "Cannot overwrite a value"),
        ("[models.m]\n[models.m]", 2, "Cannot declare ('models', 'm') twice"),
        ('[models.m]\n\nmodel = """s3cret\n\n', 3, "Unterminated string"),
    ],
)
def test_a_syntax_error_is_told_by_its_line(file: Path, text: str, line: int, words: str) -> None:
    assert faults(file, text) == [f"{line}: {words}"]


TABLE = "a table for each model, [models.NAME]"
URL = "the URL (http or https) of a compatible server's API"
VARIABLE = "the name of a variable of the environment that is set, to printable ASCII"
HEADER = "a header's name, once, and none that tells a body's length"
OTHER = "the name of another model of this file"
OWN = "a field other than messages, model, stream, which the service fills in"


@pytest.mark.parametrize("text", ["", "# nothing\n", "models = 3", "[models]", "[[models]]"])
def test_a_file_without_a_model_is_refused(file: Path, text: str) -> None:
    assert faults(file, text) == [f"1: models: expected {TABLE}"]


def test_a_key_beside_the_models_is_refused_where_it_stands(file: Path) -> None:
    text = "[models.m]\nbase_url = 'http://a.example'\n\n[model.other]\n"
    assert faults(file, text) == ["4: model: expected one of the keys models"]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        # The first line of each is the fifth of its file.
        ("model = ''", "5: models.m.model: expected what the provider calls the model"),
        ("model = 5", "5: models.m.model: expected what the provider calls the model"),
        ("provider = 's3cret'", "5: models.m.provider: expected one of openai, anthropic"),
        ("api_key_env = 's3cret'", f"5: models.m.api_key_env: expected {VARIABLE}"),
        ("api_key_env = 'LINES'", f"5: models.m.api_key_env: expected {VARIABLE}"),
        ("api_key_env = 'UNICODE'", f"5: models.m.api_key_env: expected {VARIABLE}"),
        (
            "\n\nmode = 's3cret'",
            "7: models.m.mode: expected auto, tools, json_schema, json or md_json",
        ),
        (
            "max_tokens_field = 'tokens'",
            "5: models.m.max_tokens_field: expected max_tokens or max_completion_tokens",
        ),
        ("dialect = true", "5: models.m.dialect: expected full, strict, inline or plain"),
        ("examples = 'no'", "5: models.m.examples: expected true or false"),
        ("options = []", "5: models.m.options: expected a table of fields of the request"),
        (
            "[models.m.options]\nuntil = 2026-01-01",
            "6: models.m.options.until: expected a value that JSON has",
        ),
        ("options.x.y = [inf]", "5: models.m.options.x.y[0]: expected a value that JSON has"),
        ("options.stream = false", f"5: models.m.options.stream: expected {OWN}"),
        ("without = ['a', 'messages']", f"5: models.m.without[1]: expected {OWN}"),
        (
            "without = 'a'",
            "5: models.m.without: expected a list of fields of the request to take out of it",
        ),
        (
            "without = ['a']\noptions.a = 1",
            "5: models.m.without[0]: expected a field that the options do not set",
        ),
        (
            "headers = 's3cret'",
            '5: models.m.headers: expected a table of strings, or of { env = "VARIABLE" }',
        ),
        (
            "headers.X-A = 5",
            '5: models.m.headers.X-A: expected a string, or { env = "VARIABLE" }',
        ),
        (
            "headers.X-A = { env = 'TOKEN', more = 's3cret' }",
            '5: models.m.headers.X-A: expected a string, or { env = "VARIABLE" }',
        ),
        ("headers.X-A = { env = 's3cret' }", f"5: models.m.headers.X-A.env: expected {VARIABLE}"),
        ("headers.X-A = { env = 'LINES' }", f"5: models.m.headers.X-A.env: expected {VARIABLE}"),
        (
            'headers.X-A = "s3cret\\r\\nX-B: 1"',
            "5: models.m.headers.X-A: expected a string of printable ASCII",
        ),
        ("headers = { 'X A' = 'b' }", f'5: models.m.headers."X A": expected {HEADER}'),
        ("headers = { X-A = 'b', x-a = 'c' }", f"5: models.m.headers.x-a: expected {HEADER}"),
        ("headers.Content-Length = '3'", f"5: models.m.headers.Content-Length: expected {HEADER}"),
        ("query = { v = 2024-10-21 }", "5: models.m.query.v: expected a table of strings"),
        ("deadlines = 5", "5: models.m.deadlines: expected a table of seconds"),
        (
            "[models.m.deadlines]\n\ngap = 0",
            "7: models.m.deadlines.gap: expected seconds between contents",
        ),
        (
            "deadlines.total = inf",
            "5: models.m.deadlines.total: expected seconds for a stream, with all its attempts",
        ),
        (
            "deadlines.connect = '5'",
            "5: models.m.deadlines.connect: expected seconds to connect to the provider",
        ),
        (
            "deadlines.first_content = 86401",
            "5: models.m.deadlines.first_content: expected seconds to the first content",
        ),
        (
            "deadlines.read = 5",
            "5: models.m.deadlines.read: expected one of the keys "
            "connect, first_content, gap, total",
        ),
        (
            "[models.m.prices]\ninput = 1",
            "5: models.m.prices.output: expected dollars for a million tokens of output",
        ),
        (
            "prices = { input = -1, output = 1 }",
            "5: models.m.prices.input: expected dollars for a million tokens of input",
        ),
        ("fallbacks = ['s3cret']", f"5: models.m.fallbacks[0]: expected {OTHER}"),
        ("fallbacks = ['other', 'm']", f"5: models.m.fallbacks[1]: expected {OTHER}"),
        (
            "fallbacks = ['other', 'other']",
            "5: models.m.fallbacks[1]: expected a model that is not in the list yet",
        ),
        (
            "fallbacks = ['other']\nfall_back_on = ['filtered', 's3cret']",
            "6: models.m.fall_back_on[1]: expected a list of refused, filtered, truncated",
        ),
        (
            "fall_back_on = ['filtered']",
            "3: models.m.fallbacks: expected a list of names, as fall_back_on says when they are"
            " asked",
        ),
        (
            "fallbacks = [\n'other',\n3]",
            "5: models.m.fallbacks[1]: expected a list of names of other models of this file",
        ),
        (
            "api_key = 's3cret'",
            "5: models.m.api_key: expected one of the keys " + ", ".join(ModelTable.model_fields),
        ),
    ],
)
def test_each_mistake_is_told_by_its_line_its_key_and_what_was_expected(
    file: Path, keys: str, said: str
) -> None:
    other = "[models.other]\nbase_url = 'http://a.example'\n"
    assert faults(file, f"{other}[models.m]\nbase_url = 'http://a.example'\n{keys}") == [said]


@pytest.mark.parametrize(
    "url", ["s3cret", "ftp://s3cret", "http://", "https://s3cret#x", "http://h?s3cret"]
)
def test_a_wrong_url_is_not_shown(file: Path, url: str) -> None:
    said = faults(file, f"[models.m]\nbase_url = '{url}'")
    assert said == [f"2: models.m.base_url: expected {URL}"]


@pytest.mark.parametrize("name", ["", "a b", "a,b", "x" * 129])
def test_a_name_is_a_word(file: Path, name: str) -> None:
    (said,) = faults(file, f'[models."{name}"]\nbase_url = "http://a.example"')
    assert said.endswith(": expected a name of 1 to 128 characters, without blanks and commas")


def test_the_providers_own_api_wants_a_key(file: Path) -> None:
    assert faults(file, "[models.m]\nmode = 'json'\n") == [
        f"1: models.m.api_key_env: expected {VARIABLE}, as the provider's own API wants a key"
    ]


def test_every_mistake_is_told_in_the_order_of_the_file(file: Path) -> None:
    said = faults(
        file,
        """\
        [models.a]
        mode = "s3cret"
        speed = 1

        [models.b]
        examples = 1
        """,
    )
    assert [line.split(": expected ")[0] for line in said] == [
        "2: models.a.mode",
        "3: models.a.speed",
        "6: models.b.examples",
    ]


# -- the page ------------------------------------------------------------------------------------


def test_the_page_s_example_is_a_file_of_models(file: Path) -> None:
    page = PAGE.read_text(encoding="utf-8").split("\n## The providers\n")[0]
    (text,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    small, azure, local = models(file, text)
    assert small.name == "small"
    assert small.fallbacks == (azure.name, local.name)
    assert azure.headers == {"api-key": "s3cret-azure"}
    assert azure.options == {"stream_options": None}
    assert local.deadlines == Deadlines(first_content=120, gap=30, total=600)


def test_the_page_s_table_has_each_key_with_its_default() -> None:
    rows = re.findall(r"^\| `([a-z_.]+)` \| ([^|]*) \| ", PAGE.read_text(encoding="utf-8"), re.M)
    tables = {"deadlines.": DeadlinesTable, "prices.": PricesTable}
    keys = [key for key in ModelTable.model_fields if f"{key}." not in tables]
    keys += [prefix + key for prefix, table in tables.items() for key in table.model_fields]
    assert sorted(key for key, _ in rows) == sorted(keys)
    for field in dataclasses.fields(ModelSettings):
        if isinstance(field.default, str | bool) and field.name != "mode":
            assert dict(rows)[field.name] == f"`{str(field.default).lower()}`", field.name
