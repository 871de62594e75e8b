"""What the registry refuses at start-up, each with a real file."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from app.schemas.registry import RESERVED_NAMES, RESERVED_PARAMETERS, SchemaError, load
from tests.support.schema_files import GOOD, load_one, schema, write

PATTERN = "[a-z][a-z0-9-]*(@[1-9][0-9]*)?"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "schemas"
    folder.mkdir()
    return folder


def refusal(folder: Path, source: str, name: str = "words.py") -> SchemaError:
    """How the registry refuses this file, which is written to the folder."""
    file = write(folder, name, source)
    with pytest.raises(SchemaError) as caught:
        load(folder)
    error = caught.value
    place = f"schemas/{name}" if error.line is None else f"schemas/{name}:{error.line}"
    assert (error.file, str(error)) == (file, f"{place}: {error.reason}")
    assert "\n" not in error.reason
    return error


def reason(folder: Path, source: str, name: str = "words.py") -> str:
    return refusal(folder, source, name).reason


def line_at(folder: Path, source: str) -> str:
    """The line of a refused source that the refusal names, without its indentation."""
    line = refusal(folder, source).line
    assert line is not None
    return (folder / "words.py").read_text().splitlines()[line - 1].strip()


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("\nclass Bad(BaseModel):\n    text: sting\n    def\n", "def"),
        ("\n\nresult = list[Wird]\n", "result = list[Wird]"),
        ("\nimport nothing_of_that_name\n", "import nothing_of_that_name"),
        ("\nraise SystemExit('stop')\n", "raise SystemExit('stop')"),
        ("\n\ndef prompt(p):\n    return p.topik\n" + schema(), "return p.topik"),
        ("schema = Schema(\n    description='W',\n    result=Word,\n    parameters=Parameters,"
         "\n    prompt=prompt,\n    max_tokens='2000',\n)", "max_tokens='2000',"),
        ("schema = Schema(\n    description='W',\n    result=Callable,\n    parameters=Parameters,"
         "\n    prompt=prompt,\n)", "result=Callable,"),
        ("schema = Schema(\n    description='W',\n    result=Word,\n    parameters=Parameters,"
         "\n    prompt=prompt,\n    examples=[{'topic': 5}],\n)", "examples=[{'topic': 5}],"),
        ("class Odd(BaseModel):\n    days: int = Field(examples=['x'])\nschema = Schema("
         "\n    description='W',\n    result=Odd,\n    parameters=Parameters,\n    prompt=prompt,"
         "\n    examples=[{'topic': 'tea'}],\n)", "days: int = Field(examples=['x'])"),
        ("class Fine(BaseModel):\n    days: int\nclass Odd(Fine):\n    other: Annotated["
         "\n        int, Field(examples=['x'], serialization_alias='days', alias='days')\n    ]\n"
         + schema("Odd"), "other: Annotated["),
    ],
)  # fmt: skip
def test_a_refusal_names_the_line(folder: Path, source: str, line: str) -> None:
    assert line_at(folder, source) == line


def test_the_name_of_something_that_is_not_defined_is_told_with_its_line(folder: Path) -> None:
    error = refusal(folder, "\nprompt = promt\n")
    assert error.line == len(textwrap.dedent(GOOD).splitlines()) + 2
    assert error.reason == "importing it failed: NameError: name 'promt' is not defined"


@pytest.mark.parametrize(
    ("line", "use", "what"),
    [
        ("class Bad(BaseModel):", schema("list[Bad]", "ListParameters"), "its result has"),
        ("class Bad(BaseModel):", schema("Bad"), "its result has"),
        ("class Bad(Parameters):", schema("Word", "Bad"), "its parameters have"),
    ],
)  # fmt: skip
def test_a_name_in_a_postponed_annotation_is_told_with_its_line(
    folder: Path, line: str, use: str, what: str
) -> None:
    """Nobody looks such a name up while the file is imported."""
    for field in ("word: Anotated[str, 'x']", "word: 'Anotated'"):
        source = f"\n{line}\n    {field}\n{use}"
        assert reason(folder, source) == (
            f"{what} no JSON Schema: NameError: name 'Anotated' is not defined"
        )
        assert line_at(folder, source) == field


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="there is no such folder"):
        load(tmp_path / "schemas")


def test_a_failing_import_is_refused_with_the_exception(folder: Path) -> None:
    assert reason(folder, "import nothing_of_that_name") == (
        "importing it failed: ModuleNotFoundError: No module named 'nothing_of_that_name'"
    )


def test_a_syntax_error_is_refused(folder: Path) -> None:
    assert reason(folder, "def").startswith("importing it failed: SyntaxError: ")


def test_a_file_without_a_schema_is_refused(folder: Path) -> None:
    assert reason(folder, "") == "it has no module-level `schema = Schema(…)`"


def test_a_schema_of_another_type_is_refused(folder: Path) -> None:
    assert reason(folder, "schema = {}") == "it has no module-level `schema = Schema(…)`"


@pytest.mark.parametrize("stem", ["Words", "1word", "wörter", "a.b"])
def test_a_file_name_that_is_no_endpoint_name_is_refused(folder: Path, stem: str) -> None:
    assert reason(folder, schema(), f"{stem}.py") == f"the name '{stem}' is no {PATTERN}"


@pytest.mark.parametrize("name", ["a_b", "-a", "a/b", "a\\n", "Words"])
def test_a_chosen_name_that_is_no_endpoint_name_is_refused(folder: Path, name: str) -> None:
    assert f"is no {PATTERN}" in reason(folder, schema(more=f"name='{name}'"))


@pytest.mark.parametrize("name", sorted(RESERVED_NAMES))
def test_the_name_of_a_route_is_refused(folder: Path, name: str) -> None:
    assert reason(folder, schema(), f"{name}.py") == (
        f"the name '{name}' collides with a route of the service"
    )


def test_a_name_that_another_file_has_is_refused_with_both_files(folder: Path) -> None:
    write(folder, "a.py", schema(more="name='words'"))
    assert reason(folder, schema()) == "the name 'words' is taken by schemas/a.py"


def test_a_result_without_a_json_schema_is_refused(folder: Path) -> None:
    source = "class Bad(BaseModel):\n    call: Callable[[], None]\n" + schema("Bad", "Parameters")
    assert reason(folder, source).startswith(
        "its result has no JSON Schema: PydanticInvalidForJsonSchema: "
    )


def test_a_result_that_pydantic_does_not_know_is_refused(folder: Path) -> None:
    source = "class Alien:\n    pass\n" + schema("Alien", "Parameters")
    assert reason(folder, source).startswith("its result has no JSON Schema: ")


def test_a_result_whose_type_is_not_defined_is_refused(folder: Path) -> None:
    assert reason(folder, schema("list['Nowhere']")).startswith("its result has no JSON Schema: ")


def test_a_result_that_can_only_be_read_as_json_is_refused(folder: Path) -> None:
    source = """
        from pydantic import PlainSerializer
        class Bad(BaseModel):
            x: Annotated[int, PlainSerializer(lambda v: v, return_type=Callable[[], None])]
    """
    assert reason(folder, textwrap.dedent(source) + schema("Bad", "Parameters")).startswith(
        "its result has no JSON Schema: "
    )


@pytest.mark.parametrize(
    "union",
    [
        'Annotated[Odd | Even, Field(discriminator="kind")]',
        "Odd | Even",
        "dict[str, Odd | Even | int]",
        'Annotated[Annotated[Odd, WrapValidator(wrapped)] | Even, Field(discriminator="kind")]',
    ],
)
def test_a_choice_that_has_no_json_schema_is_refused(folder: Path, union: str) -> None:
    """Pydantic leaves it out of the union's schema, but its values may be shown."""
    source = """
        from pydantic import PlainSerializer, PlainValidator, WrapValidator
        def wrapped(value, handler):
            return handler(value)
        class Odd(BaseModel):
            kind: Literal["odd"]
            x: Annotated[str, PlainValidator(str), PlainSerializer(lambda v: v)]
        class Even(BaseModel):
            kind: Literal["even"]
    """
    result = f"class Result(BaseModel):\n    either: {union}\n" + schema("Result", "Parameters")
    assert reason(folder, textwrap.dedent(source) + result).startswith(
        "its result can't be streamed: PydanticInvalidForJsonSchema: "
    )


def test_a_result_that_may_be_left_out_is_refused(folder: Path) -> None:
    source = "from pydantic import OnErrorOmit\n" + schema("OnErrorOmit[Word]", "Parameters")
    assert reason(folder, source).startswith("its result can't be streamed: ValueError: ")


LOOKAROUND = "class Bad(BaseModel):\n    x: Annotated[str, Field(pattern='a(?=b)')]\n"
COMPILED = "Code = Annotated[str, Field(pattern=re.compile('a+b'))]\n"
PYTHON_RE = """
class Inner(BaseModel):
    {config}
    word: Annotated[str | None, Field(pattern='a+b')] = None
class Bad(BaseModel):
    default: dict[str, list[Inner]]
    metadata: tuple[Inner, ...] = ()
"""


def test_a_lookaround_is_refused_as_pydantic_does(folder: Path) -> None:
    words = reason(folder, LOOKAROUND + schema("Bad", "Parameters"))
    assert words.startswith("importing it failed: SchemaError: ")
    assert "look-around" in words


def test_a_lookaround_is_refused_where_the_model_is_built_later(folder: Path) -> None:
    source = LOOKAROUND.replace(":\n", ":\n    model_config = ConfigDict(defer_build=True)\n", 1)
    assert "look-around" in reason(folder, source + schema("Bad", "Parameters"))


@pytest.mark.parametrize(
    "result",
    [
        "Code",
        "list[Code]",
        "dict[Code, int]",
        "tuple[int, Code | None]",
        "RootModel[Code]",
        "Annotated[Code, AfterValidator(str.strip)]",
        "Annotated[str, AfterValidator(str.strip), Field(pattern=re.compile('a+b'))]",
    ],
)
def test_a_compiled_regex_is_refused_wherever_it_is(folder: Path, result: str) -> None:
    assert "the regex 'a+b' needs Python's" in reason(folder, COMPILED + schema(result))


def test_the_python_engine_is_refused_in_a_nested_model(folder: Path) -> None:
    source = PYTHON_RE.format(config="model_config = ConfigDict(regex_engine='python-re')")
    assert "the regex 'a+b' needs Python's" in reason(folder, source + schema("Bad"))


@pytest.mark.parametrize("result", ["Bad", "Inner", "list[Inner]"])
def test_the_python_engine_is_refused_where_the_model_is_built_later(
    folder: Path, result: str
) -> None:
    config = "model_config = ConfigDict(regex_engine='python-re', defer_build=True)"
    source = PYTHON_RE.format(config=config)
    assert "the regex 'a+b'" in reason(folder, source + schema(result))


def test_the_python_engine_is_refused_in_a_typed_dict(folder: Path) -> None:
    source = """
@with_config(ConfigDict(regex_engine='python-re'))
class Bad(TypedDict):
    x: Annotated[str, Field(pattern='a+b')]
"""
    assert "the regex 'a+b' needs Python's" in reason(folder, source + schema("Bad"))


def test_the_python_engine_is_refused_in_parameters(folder: Path) -> None:
    source = """
class Strict(ListParameters):
    code: Annotated[str, Field(pattern=re.compile('a+b'))] = 'ab'
"""
    assert "the regex 'a+b' needs Python's" in reason(folder, source + schema(parameters="Strict"))


def test_linear_regexes_and_values_that_look_like_one_are_fine(folder: Path) -> None:
    source = PYTHON_RE.format(config="") + (
        "class Odd(Bad):\n"
        "    model_config = ConfigDict(regex_engine='python-re')\n"
        "    x: dict[str, object] = {'type': 'str', 'pattern': re.compile('a').pattern}\n"
        "    type: Literal['str'] = 'str'\n"
    )
    assert load_one(folder, source + schema("Odd")).root_key is None


@pytest.mark.parametrize("parameters", ["Word", "dict", "None", "ListParameters(topic='x')"])
def test_parameters_that_do_not_inherit_ours_are_refused(folder: Path, parameters: str) -> None:
    assert reason(folder, schema(parameters=parameters)) == (
        "its parameters don't inherit Parameters"
    )


def test_parameters_that_let_unknown_keys_pass_are_refused(folder: Path) -> None:
    source = "class Open(ListParameters):\n    model_config = ConfigDict(extra='ignore')\n"
    assert "extra='forbid'" in reason(folder, source + schema(parameters="Open"))


def test_parameters_without_a_json_schema_are_refused(folder: Path) -> None:
    source = "class Bad(ListParameters):\n    call: Callable[[], None] | None = None\n"
    assert reason(folder, source + schema(parameters="Bad")).startswith(
        "its parameters have no JSON Schema: "
    )


@pytest.mark.parametrize("name", sorted(RESERVED_PARAMETERS - {"schema"}))
def test_a_parameter_that_would_steer_the_stream_is_refused(folder: Path, name: str) -> None:
    source = f"class Bad(ListParameters):\n    {name}: int = 1\n"
    assert reason(folder, source + schema(parameters="Bad")) == (
        f"the parameter '{name}' has the name of a query key of the service"
    )


@pytest.mark.parametrize(
    "alias",
    [
        "alias='schema'",
        "serialization_alias='schema'",
        "validation_alias='schema'",
        "validation_alias=AliasChoices('x', AliasPath('schema', 0))",
    ],
)
def test_a_parameter_with_such_an_alias_is_refused(folder: Path, alias: str) -> None:
    source = f"class Bad(ListParameters):\n    x: Annotated[int, Field({alias})] = 1\n"
    assert "the parameter 'schema' has the name" in reason(
        folder, source + schema(parameters="Bad")
    )


@pytest.mark.parametrize(
    "count",
    [
        "",
        "    count: Annotated[float, Field(ge=1, le=20)] = 5\n",
        "    count: int = 5\n",
        "    count: Annotated[int, Field(ge=1, le=21)] = 5\n",
        "    count: Annotated[int, Field(ge=0, le=20)] = 5\n",
        "    count: Annotated[int | None, Field(ge=1, le=20)] = 5\n",
        "    count: Annotated[int, Field(ge=1, le=20, alias='n')] = 5\n",
    ],
)
def test_a_list_without_an_int_count_in_its_range_is_refused(folder: Path, count: str) -> None:
    source = f"class Bad(Parameters):\n    other: int = 1\n{count}"
    assert "need an int `count` within 1 to 20" in reason(folder, source + schema(parameters="Bad"))


def test_a_list_with_a_length_of_its_own_is_refused(folder: Path) -> None:
    source = schema("Annotated[list[Word], Field(max_length=3)]")
    assert "the length of a list result follows from `count`" in reason(folder, source)


@pytest.mark.parametrize(
    ("example", "words"),
    [
        ("{}", "topic: Field required"),
        ("{'topic': ' '}", "topic: String should have at least 1 character"),
        ("{'topic': 'x', 'count': 21}", "count: Input should be less than or equal to 20"),
        ("{'topic': 'x', 'other': 1}", "other: Extra inputs are not permitted"),
        ("{'topic': {1}}", "TypeError: Object of type set is not JSON serializable"),
        ("'x'", "it: Input should be an object"),
    ],
)
def test_an_example_that_the_parameters_refuse_is_refused(
    folder: Path, example: str, words: str
) -> None:
    source = schema(more=f"examples=[{{'topic': 'fine'}}, {example}]")
    assert reason(folder, source) == f"examples[1] is not valid: {words}"


def test_a_prompt_that_is_no_function_is_refused(folder: Path) -> None:
    assert reason(folder, "prompt = 'Words.'\n" + schema()) == "its prompt is no function"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("return Prompt('x', p.topik)", "{}: AttributeError: 'ListParameters' object has no"),
        ("return 'x' + p.topic", "{}: TypeError: it gave a str, and not a Prompt"),
        ("return ('x', p.topic)", "{}: TypeError: it gave a tuple, and not a Prompt"),
        ("return None", "{}: TypeError: it gave a NoneType, and not a Prompt"),
        ("return Prompt('x', p.count)", "the user part of its Prompt is a int, and not a string"),
        ("return Prompt(None, p.topic)", "the system part of its Prompt is a NoneType"),
        ("return Prompt('x', {}[p.topic])", "{}: KeyError: 'tea'"),
        ("raise SystemError(p.topic)", "{}: SystemError: tea"),
    ],
)
def test_a_prompt_that_fails_for_an_example_is_refused_with_its_line(
    folder: Path, body: str, words: str
) -> None:
    source = f"\n\ndef prompt(p):\n    {body}\n" + schema(more="examples=[{'topic': 'tea'}]")
    error = refusal(folder, source)
    assert error.reason.startswith("its prompt can't be made of examples[0]: ")
    assert words.format("examples[0]") in error.reason
    raised = words.startswith("{}: ") and "it gave" not in words
    lines = len(textwrap.dedent(GOOD).splitlines())
    assert error.line == lines + (4 if raised else 6)


def test_a_prompt_is_made_of_the_least_parameters_where_there_is_no_example(folder: Path) -> None:
    source = """
class More(Parameters):
    mood: Literal["calm", "wild"]
    days: Annotated[int, Field(ge=3)]
    place: Annotated[str, Field(min_length=4)]
    by_train: bool
    tags: list[str]
    until: float | None
def prompt(p):
    assert (p.mood, p.days, p.place, p.by_train, p.tags) == ("calm", 3, "xxxx", False, [])
    return p.topic
"""
    assert reason(folder, source + schema("Word", "More")) == (
        "its prompt can't be made of the least parameters: TypeError: it gave a str,"
        " and not a Prompt"
    )


def test_a_prompt_that_is_a_coroutine_is_not_run_at_the_start(folder: Path) -> None:
    source = "async def prompt(p):\n    raise OSError('no database yet')\n"
    assert load_one(folder, source + schema()).name == "words"
    wrong = "async def prompt():\n    raise OSError\n"
    assert "TypeError: prompt() takes 0 positional arguments" in reason(folder, wrong + schema())


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("examples={'topic': 'x'}", "its examples are no list"),
        ("examples='x'", "its examples are no list"),
        ("examples=None", "its examples are no list"),
        ("examples=[None]", "examples[0] is not valid: it: Input should be an object"),
        ("deadlines=60", "its deadlines are 60, and no Deadlines(…)"),
        ("deadlines={'gap': 5}", "its deadlines are {'gap': 5}, and no Deadlines(…)"),
        ("name=5", "its name is 5, and no string"),
        ("max_body_bytes='1000'", "its max_body_bytes is no whole number over 0"),
        ("max_body_bytes=1e6", "its max_body_bytes is no whole number over 0"),
        ("max_body_bytes=True", "its max_body_bytes is no whole number over 0"),
        ("done='keep'", "its done is no coroutine function (async def)"),
        ("done=lambda v, p, i: None", "its done is no coroutine function (async def)"),
    ],
)
def test_a_part_of_a_wrong_kind_is_refused(folder: Path, more: str, words: str) -> None:
    assert reason(folder, schema(more=more)) == words


@pytest.mark.parametrize("seconds", ["'5'", "0", "-1", "True", "float('nan')", "float('inf')"])
def test_a_deadline_that_is_no_positive_number_is_refused(folder: Path, seconds: str) -> None:
    source = "from app.schema import Deadlines\n" + schema(
        more=f"deadlines=Deadlines(gap={seconds})"
    )
    assert reason(folder, source).startswith("its deadline gap is ")


@pytest.mark.parametrize("description", ["''", "' '", "None", "5"])
def test_a_description_that_is_no_text_is_refused(folder: Path, description: str) -> None:
    source = schema().replace("description='Words.'", f"description={description}")
    assert reason(folder, source) == "its description is no text"


def test_what_can_not_be_asked_for_is_refused(folder: Path) -> None:
    extra = "Field(json_schema_extra={'x': float('inf')})"
    source = f"class Odd(BaseModel):\n    n: Annotated[int, {extra}]\n"
    assert reason(folder, source + schema("Odd", "Parameters")).startswith(
        "a model can't be asked for its result: ValueError: "
    )


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("model=5", "its model is no string"),
        ("max_tokens='8000'", "its max_tokens is no whole number over 0"),
        ("max_tokens=0", "its max_tokens is no whole number over 0"),
        ("max_tokens=True", "its max_tokens is no whole number over 0"),
        ("options=[('a', 1)]", "its options are no mapping"),
        ("options={'a': {'b': {1}}}", "options['a']['b']: expected a value that JSON has"),
        (
            "options={'stream': False}",
            "options['stream']: expected a field other than messages, model, stream, "
            "which the service fills in",
        ),
    ],
)
def test_what_no_provider_can_be_asked_is_refused(folder: Path, more: str, words: str) -> None:
    assert reason(folder, schema(more=more)) == words


DONE = "does not take three arguments: the value, the parameters and the info"


@pytest.mark.parametrize("arguments", ["", "value", "a, b", "a, b, c, d", "*, a, b, c"])
def test_a_done_that_takes_other_arguments_is_refused(folder: Path, arguments: str) -> None:
    source = f"async def done({arguments}):\n    pass\n" + schema(more="done=done")
    assert reason(folder, source) == f"its done {DONE}"


@pytest.mark.parametrize("name", ["prompt", "done"])
@pytest.mark.parametrize("seconds", ["None", "'5'", "0", "-1", "True"])
def test_a_coroutine_s_deadline_is_a_positive_number(folder: Path, name: str, seconds: str) -> None:
    source = "from app.schema import Deadlines\n" + schema(
        more=f"deadlines=Deadlines({name}={seconds})"
    )
    assert reason(folder, source).startswith(f"its deadline {name} is ")


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("text: str = Field(examples=[5])", "examples[0] of text is 5, and no string"),
        ("days: int = Field(examples=[3, '7'])", "examples[1] of days is '7', and no integer"),
        ("days: int = Field(examples=[True])", "examples[0] of days is True, and no integer"),
        ("days: int = Field(examples=[1.5])", "examples[0] of days is 1.5, and no integer"),
        ("ok: bool = Field(examples=['yes'])", "examples[0] of ok is 'yes', and no boolean"),
        ("ok: bool = Field(examples=[0])", "examples[0] of ok is 0, and no boolean"),
        ("tags: list[str] = Field(examples=['a'])", "examples[0] of tags is 'a', and no array"),
        (
            "tags: list[Annotated[str, Field(examples=[['a']])]]",
            "examples[0] of tags is ['a'], and no string",
        ),
        ("word: Word = Field(examples=['a'])", "examples[0] of word is 'a', and no object"),
        (
            "days: int | None = Field(examples=['a'])",
            "examples[0] of days is 'a', and no integer or null",
        ),
        ("mood: Literal['calm'] = Field(examples=[1])", "examples[0] of mood is 1, and no string"),
        (
            "mood: Literal['calm', 'sad'] | None = Field(examples=['calm', 'clam'])",
            "examples[1] of mood is 'clam', which it refuses",
        ),
        (
            "days: int = Field(le=7, examples=[7, 8])",
            "examples[1] of days is 8, which it refuses",
        ),
        (
            "share: float | None = Field(gt=0, examples=[None, 0.0])",
            "examples[1] of share is 0.0, which it refuses",
        ),
        (
            "text: str = Field(max_length=3, examples=['fig', 'figs'])",
            "examples[1] of text is 'figs', which it refuses",
        ),
        (
            "text: str = Field(json_schema_extra={'examples': 'abc'})",
            "the examples of text are 'abc', and no list",
        ),
    ],
)
def test_an_example_of_a_field_that_is_of_a_wrong_kind_is_refused(
    folder: Path, field: str, words: str
) -> None:
    odd = f"class Odd(BaseModel):\n    {field}\n"
    assert reason(folder, odd + schema("list[Odd]")) == words
    more = f"class More(Parameters):\n    {field}\n"
    assert reason(folder, more + schema("Word", "More")) == words


def test_examples_that_json_has_another_form_of_are_fine(folder: Path) -> None:
    source = """
from datetime import date
from decimal import Decimal
from enum import Enum
class Mood(Enum):
    CALM = 'calm'
class Fine(BaseModel):
    day: date = Field(examples=[date(2026, 1, 2), '2026-03-04'])
    price: Decimal = Field(examples=[Decimal('1.5'), '2.50', 3])
    share: float = Field(examples=[1, 0.5])
    count: int = Field(examples=[2.0])
    mood: Mood = Field(examples=[Mood.CALM, 'calm'])
    inner: Word | None = Field(examples=[{'text': 'x'}, None])
    anything: object = Field(examples=[1, 'a', [2]])
    few: int | None = Field(ge=1, le=3, examples=[1, 3, None])
    coded: bytes = Field(max_length=3, examples=['YWJj'])
"""
    assert load_one(folder, source + schema("Fine", "Parameters")).name == "words"


@pytest.mark.parametrize(
    ("topic", "is_fine"),
    [
        ("topic: str = 'tea'", True),
        ("topic: Annotated[str, Field(min_length=3, max_length=9)]", True),
        ("topic: str | None = None", True),
        ("topic: int = 5", False),
        ("topic: list[str]", False),
    ],
)
def test_a_topic_may_be_declared_otherwise_but_takes_a_text(
    folder: Path, topic: str, is_fine: bool
) -> None:
    source = f"class More(Parameters):\n    {topic}\n" + schema("Word", "More")
    source = f"def prompt(p):\n    return Prompt('Words.', f'{{p.topic}}')\n{source}"
    if is_fine:
        assert load_one(folder, source).name == "words"
    else:
        assert reason(folder, source) == "the topic of its parameters is no string"
