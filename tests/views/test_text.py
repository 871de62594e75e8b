"""The `text` view: the value's own JSON text, which only grows."""

from __future__ import annotations

import datetime as dt
import json
from typing import Annotated, Any, Generic, Literal, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    RootModel,
    TypeAdapter,
    create_model,
)
from pydantic_core import from_json

from app.errors import OutputInvalid
from app.partial.decoder import Decoder
from app.partial.operation import Replace
from app.partial.plan import plan
from app.schema import NotNull, Whole
from app.streams.log_entry import Done, Failed, LogEntry, Restart
from app.views.format import TEXT
from app.views.text import CannotTakeBack, TextView
from tests.partial.kinds import Kind
from tests.partial.models import Case, cases
from tests.support.examples import searched
from tests.views.played import ViewReader, canonical, play
from tests.views.scripted import ScriptedRun, stream


def written(type_: Any, *pieces: str) -> list[str]:
    """The text that each of these pieces of an answer lets be written, and the end."""
    view, run, decoder = TextView(plan(type_)), ScriptedRun(), Decoder(plan(type_))
    assert view.start(run, 0) == []
    out = []
    for piece in [*pieces, None]:
        entries = [Done()] if piece is None else decoder.feed(piece)
        run.write(entries)
        made = view.messages(run, entries, run.position)
        out.append(b"".join(map(TEXT.encode, made)).decode())
    return out


class Idea(BaseModel):
    title: str
    score: int
    tags: list[str]


def test_a_string_is_written_as_it_grows_and_all_else_when_it_is_complete() -> None:
    assert written(
        list[Idea],
        '[{"ti',
        'tle": "Ba',
        "nana\\n",
        '", "score": 1',
        '2, "ta',
        'gs": ["a", "b',
        'c"]',
        '}, {"score": 3, "title": "T", "tags": []}]',
    ) == [
        "[{",
        '"title":"Ba',
        "nana\\n",
        "",
        '","score":12',
        ',"tags":["a","b',
        "c",
        '"]},{"score":3,"title":"T',  # it isn't certain that the title has ended
        '","tags":[]}]',
    ]


class Shouted(BaseModel):
    name: Annotated[str, AfterValidator(str.upper)]
    text: str


class Closed(BaseModel):
    link: Annotated[str, Whole]
    inner: Annotated[dict[str, int], PlainSerializer(lambda v: sorted(v))]
    size: int = 3
    text: str


def test_what_a_validator_may_change_is_written_when_its_object_has_closed() -> None:
    *early, end = written(
        list[Shouted], '[{"name": "ab', '", "text": "x', 'y"}', ', {"name": "c", "text": "z"}]'
    )
    assert "ab" not in "".join(early[:2])
    assert json.loads("".join([*early, end])) == [
        {"name": "AB", "text": "xy"},
        {"name": "C", "text": "z"},
    ]


def test_whole_fields_serializers_and_defaults_are_written_once_and_as_they_end() -> None:
    pieces = written(
        Closed, '{"link": "http', 's://x", "inner": {"b": 1', ', "a": 2}, "text": "t', 'u"}'
    )
    whole = json.loads("".join(pieces))
    assert whole == {"link": "https://x", "inner": ["a", "b"], "size": 3, "text": "tu"}
    assert "http" not in pieces[0]
    assert "https://x" in pieces[1]


class Cat(BaseModel):
    kind: Literal["cat"]
    name: str


class Dog(BaseModel):
    kind: Literal["dog"]
    name: Annotated[str, NotNull]


def test_a_discriminated_union_is_written_from_its_tag_on() -> None:
    pet = Annotated[Cat | Dog, Field(discriminator="kind")]
    first, second, third, *rest = written(
        list[pet], '[{"name": "Tom', '", "kind": "cat"}', ', {"kind": "dog", "name": "Re', 'x"}]'
    )
    assert (first, second) == ("[", '{"kind":"cat","name":"Tom')
    assert third == '"},{"kind":"dog","name":"Re'
    assert json.loads("".join([first, second, third, *rest]))[1]["name"] == "Rex"


def test_a_scalar_is_its_text() -> None:
    assert "".join(written(int | None, "null ")) == "null"
    assert "".join(written(dict[str, int], '{"a":', "1}")) == '{"a":1}'


def test_there_is_no_frame_and_the_heartbeat_is_a_space() -> None:
    assert (TEXT.media_type, TEXT.heartbeat, TEXT.headers) == ("text/plain", b" ", {})


@searched(80)
@given(st.integers(0, 80))
def test_heartbeats_between_any_two_pieces_leave_the_value_as_it_is(size: int) -> None:
    text = '[{"title": "Figs  and nuts", "score": 12, "tags": ["a b", "c"]}, {"title": "R"'
    rest = ', "score": 7, "tags": []}]'
    view, run, decoder = TextView(plan(list[Idea])), ScriptedRun(), Decoder(plan(list[Idea]))
    out, is_open = b"", False
    for piece in [*text[:size], text[size:], *rest, None]:
        entries = [Done()] if piece is None else decoder.feed(piece)
        run.write(entries)
        for message in view.messages(run, entries, run.position):
            out, is_open = out + TEXT.encode(message), message.open
        out += b"" if is_open else TEXT.heartbeat
    assert json.loads(out) == json.loads(text + rest)


def test_a_heartbeat_may_stand_before_the_value_and_between_its_tokens_only() -> None:
    view, run, decoder = TextView(plan(list[Idea])), ScriptedRun(), Decoder(plan(list[Idea]))
    found = []
    for piece in ['[{"title": "Figs', ' and nuts", "score": 1', "2, ", '"tags": ["a']:
        entries = decoder.feed(piece)
        run.write(entries)
        found += [(m.data, m.open) for m in view.messages(run, entries, run.position)]
    assert found == [
        (b'[{"title":"Figs', True),
        (b" and nuts", True),
        (b'","score":12', False),
        (b',"tags":["a', True),
    ]


# -- what can't be taken back -----------------------------------------------------------------

RESTART = Restart(2, "output_invalid", [])
FAILED = Failed.of(OutputInvalid())


def read(*batches: list[LogEntry]) -> str:
    return stream(TEXT, TextView(plan(list[str])), *batches)


def test_before_the_first_byte_a_restart_is_silent() -> None:
    assert read([RESTART], [Replace((), ["a"])], [Done()]) == '["a"]'
    assert read([Replace((), ["b"]), RESTART, Replace((), ["a"]), Done()]) == '["a"]'


@pytest.mark.parametrize("end", [RESTART, FAILED])
def test_after_the_first_byte_neither_a_restart_nor_an_error_can_be_told(end: LogEntry) -> None:
    with pytest.raises(CannotTakeBack):
        read([Replace((), ["b"])], [end])


def test_an_error_is_never_a_clean_end() -> None:
    with pytest.raises(CannotTakeBack):
        read([FAILED])


class Twice(BaseModel):
    name: Annotated[str, Field(validation_alias=AliasChoices("name", "title"))]
    text: str


def test_a_member_that_stands_there_under_two_of_its_names_may_break_it_off() -> None:
    assert "".join(written(Twice, '{"title": "a", "name": "a"', ', "text": "b"}')) == (
        '{"name":"a","text":"b"}'
    )
    with pytest.raises(CannotTakeBack):
        written(Twice, '{"title": "a', '", "name": "b"', ', "text": "b"}')


class Renamed(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    many: list[str] | None = Field(None, alias="list")
    keyed: dict[str, list[int]] = Field({}, alias="dict")
    inner: Twice | None = Field(None, alias="object")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ('"many": ["a", "b"]', '"list": ["a"]'),
        ('"many": ["a", "b"]', '"list": ["a", "c", "d"]'),
        ('"many": ["a", "b"]', '"list": []'),
        ('"many": ["a", "b"]', '"list": null'),
        ('"keyed": {"a": [1, 2]}', '"dict": {"b": [3]}'),
        ('"keyed": {"a": [1, 2]}', '"dict": {"a": [1]}'),
        ('"inner": {"name": "a", "text": "b"}', '"object": {"name": "c", "text": "b"}'),
        ('"inner": {"name": "a", "text": "b"}', '"object": null'),
    ],
)
def test_a_container_that_stands_there_twice_is_never_written_as_another_value(
    first: str, second: str
) -> None:
    same = second.split(":")[0] + first[first.index(":") :]
    for answer in (f"{{{first}, {same}}}", f"{{{second}, {first}}}", f"{{{first}, {second}}}"):
        expected = Renamed.model_validate_json(answer).model_dump(by_alias=True)
        try:
            text = "".join(written(Renamed, *answer))
        except CannotTakeBack:
            assert answer.endswith(f"{second}}}")  # the better name comes last
        else:
            assert json.loads(text) == expected


class Word(BaseModel):
    kind: Literal["word"] = Field(alias="type")
    text: str


class Number(BaseModel):
    kind: Literal["number"] = Field(alias="type")


Either = Annotated[Word | Number, Field(discriminator="kind")]


@pytest.mark.parametrize("type_", [Either, RootModel[Either]])
def test_a_result_that_is_a_union_is_written_from_its_tag_on(type_: Any) -> None:
    assert written(type_, '{"type": "word"', ', "text": "a', "b", '"}') == [
        '{"type":"word"', ',"text":"a', "b", "", '"}',
    ]  # fmt: skip


class Stripped(BaseModel):
    model_config = ConfigDict(str_strip_whitespace=True)

    a: str
    b: int = 1


class Lowered(BaseModel):
    model_config = ConfigDict(str_to_lower=True)

    a: str
    keys: dict[str, str] = {}


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")

    a: str
    b: int = 1


class Stamped(BaseModel):
    a: Annotated[str, AfterValidator(str.strip)]
    at: dt.datetime = Field(default_factory=lambda: dt.datetime(2026, 1, 1))


class Root(RootModel[Stripped]):
    pass


T = TypeVar("T")


class Two(BaseModel, Generic[T]):
    before: str
    inner: T
    after: str = "z"


@pytest.mark.parametrize("inner", [Stripped, Lowered, Open, Stamped, Root, Two[Two[Stripped]]])
@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_an_object_that_is_replaced_as_it_closes_is_written_on(inner: Any, size: int) -> None:
    text = '{"a": " B ", "extra": [1], "b": 2}'
    if inner == Two[Two[Stripped]]:
        text = f'{{"before": "x", "inner": {{"before": "y", "inner": {text}}}, "after": "w"}}'
    for type_, answer in (
        (Two[inner], f'{{"before": "x", "inner": {text}, "after": "yz"}}'),
        (
            list[Two[inner]],
            f'[{{"inner": {text}, "before": "x"}}, {{"before": "", "inner": {text}}}]',
        ),
        (dict[str, inner], f'{{"one": {text}, "two": {text}}}'),
        (Two[dict[str, list[inner]]], f'{{"before": "", "inner": {{"k": [{text}, {text}]}}}}'),
    ):
        pieces = [answer[at : at + size] for at in range(0, len(answer), size)]
        value = TypeAdapter(type_).validate_json(answer)
        expected = TypeAdapter(type_).dump_json(value, by_alias=True)
        assert json.loads("".join(written(type_, *pieces))) == json.loads(expected)


# -- any stream -------------------------------------------------------------------------------


def no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


@searched(50)
@given(cases())
async def test_the_whole_text_always_is_what_done_says(case: Case) -> None:
    """Whatever was written first stays, so each text is a beginning of the last."""
    random = case.random
    readers = [ViewReader(TextView(case.root), random) for _ in range(3)]
    for run in play(case, spoilt=0):
        if isinstance(run.outcome, Failed):
            for reader in readers:
                with pytest.raises(CannotTakeBack):
                    reader.read(run)
            return
        for reader in readers:
            try:
                reader.maybe_read(run)
            except CannotTakeBack:  # a member stood there under two of its names
                assert case.has_rivals
                return
    for reader in readers:
        text = b"".join(message.data for message in reader.messages)
        value = json.loads(text, object_pairs_hook=no_key_twice)
        assert canonical(value) == canonical(run.document.value)


@searched(50)
@given(cases())
async def test_a_restart_after_the_first_byte_ends_it_and_before_that_nothing_shows(
    case: Case,
) -> None:
    reader = ViewReader(TextView(case.root), case.random)
    try:
        for run in play(case, spoilt=2):
            began = bool(reader.messages)
            entries = run.log.since(reader.position)
            reader.maybe_read(run)
            if reader.position == run.position and began:
                assert not any(isinstance(entry, Restart | Failed) for entry in entries)
    except CannotTakeBack:
        if not isinstance(run.outcome, Failed):
            assert reader.messages
        return
    text = b"".join(message.data for message in reader.messages)
    assert canonical(text) == canonical(run.document.value)


# -- as early as it may -----------------------------------------------------------------------

_leaves = st.sampled_from(
    [
        Kind(str, st.text(max_size=9)),
        Kind(int, st.integers(0, 999)),
        Kind(bool, st.booleans()),
        Kind(Literal["a", "ab"], st.sampled_from(["a", "ab"])),
    ]
)


def _listed(kind: Kind) -> Kind:
    return Kind(list[kind.type], st.lists(kind.values, max_size=3))


@st.composite
def plain(draw: Any, depth: int = 2) -> Kind:
    """A type that nothing changes: all that it shows may be written at once."""
    if depth == 0:
        return draw(_leaves)
    fields, members = {}, {}
    for name in draw(st.lists(st.sampled_from("abcde"), min_size=1, max_size=4, unique=True)):
        kind = draw(_leaves | plain(depth - 1) | plain(depth - 1).map(_listed))
        fields[name], members[name] = (kind.type, ...), kind.values
    return Kind(create_model("Plain", **fields), st.fixed_dictionaries(members))


def known(value: Any) -> Any:
    """Without what is unknown, and containers in which all is."""
    if isinstance(value, dict):
        found = {key: known(member) for key, member in value.items()}
        return {key: member for key, member in found.items() if member not in (None, {}, [])}
    if isinstance(value, list):
        return [found for found in map(known, value) if found not in (None, {}, [])]
    return value


@searched(50)
@given(cases(plain() | plain().map(_listed)))
async def test_what_nothing_changes_is_written_as_soon_as_it_shows(case: Case) -> None:
    reader = ViewReader(TextView(case.root), case.random)
    for run in play(case, spoilt=0, cut=lambda text, random: text):
        reader.read(run)
        text = b"".join(message.data for message in reader.messages)
        read = from_json(text, allow_partial="trailing-strings") if text else None
        assert (known(read) or None) == (known(run.document.value) or None)
