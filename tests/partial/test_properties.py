"""What holds of any type, value and chunking."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic.errors import PydanticInvalidForJsonSchema

from app.partial.decoder import Decoder
from app.partial.document import Document
from app.partial.frame import Frame
from app.partial.invalid import Invalid
from app.partial.json_schema import partial_json_schema
from app.partial.merge import merge
from app.partial.node import Node
from app.partial.operation import Add, Append, Operation, Path, Replace
from app.partial.plan import plan
from app.partial.value import dumps
from tests.partial.kinds import Kind
from tests.partial.models import Case, cases, in_some_place
from tests.partial.texts import mutate, pieces, run
from tests.partial.zoo import ZOO
from tests.support.examples import searched

check = searched(120)


def canonical(text: bytes) -> str:
    return json.dumps(json.loads(text), sort_keys=True)


class Witness(Decoder):
    """A decoder that knows which places have been closed."""

    def __init__(self, root: Node, key: str | None) -> None:
        super().__init__(root, key=key)
        self.closed: list[Path] = []

    def _closed(self, frame: Frame) -> Any:
        value = super()._closed(frame)
        self.closed.append(frame.path)
        return value


@check
@given(cases())
def test_the_last_partial_is_the_validated_value(case: Case) -> None:
    decoder = case.decoder()
    _, error = run(decoder, pieces(case.text, case.random))
    if error is not None and "has a key twice" in str(error):
        return  # two keys of a dict that come to the same: Pydantic loses one of them
    if not case.is_valid():
        assert error is not None
        assert not decoder.done
        return
    assert error is None
    assert decoder.done
    assert canonical(dumps(decoder.value)) == canonical(case.dumped(decoder.result))
    if not case.varies:
        assert canonical(dumps(decoder.value)) == canonical(case.dumped(case.validated()))


@check
@given(cases())
def test_without_a_result_all_else_is_the_same(case: Case) -> None:
    keeping, forgetting = case.decoder(), Decoder(plan(case.type, keep=False), key=case.key)
    found = [run(decoder, pieces(case.text, case.random)) for decoder in (keeping, forgetting)]
    if not case.varies:
        assert repr(found[0]) == repr(found[1])
        assert keeping.value == forgetting.value
    assert keeping.done == forgetting.done


@check
@given(cases())
def test_every_partial_satisfies_the_partial_schema(case: Case) -> None:
    schema = partial_json_schema(case.root)
    Draft202012Validator.check_schema(schema)
    try:
        result = case.adapter.json_schema(mode="serialization", by_alias=True)
    except PydanticInvalidForJsonSchema:
        return
    decoder = case.decoder()
    partials = []
    try:
        for piece in pieces(case.text, case.random):
            decoder.feed(piece)
            partials.append(copy.deepcopy(decoder.value))
    except Invalid:
        return
    if not Draft202012Validator(result).is_valid(partials[-1]):
        return  # a serializer or a validator that makes what its type doesn't say
    validator = Draft202012Validator(schema)
    for partial in partials:
        if partial is not None:
            validator.validate(partial)


def at(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return value


@check
@given(cases())
def test_strings_and_lists_only_grow_and_atoms_come_once(case: Case) -> None:
    decoder = Witness(case.root, case.key)
    value: Any = None
    replaced: set[Path] = set()
    for index, character in enumerate(case.text):
        closed = set(decoder.closed)
        try:
            operations = decoder.feed(character)
        except Invalid:
            return
        for operation in operations:
            assert not any(operation.path[: len(path)] == path for path in closed if path)
            legal(value, operation, replaced, root_changes=decoder.done)
            value = changed(value, operation)
        assert value == decoder.value, index


def legal(value: Any, operation: Operation, replaced: set[Path], *, root_changes: bool) -> None:
    path = operation.path
    if not path and (value is None or (isinstance(value, str) and root_changes)):
        return
    if isinstance(operation, Append):
        assert isinstance(at(value, path), str)
        assert operation.value
    elif isinstance(operation, Add):
        container = at(value, path[:-1])
        if isinstance(container, list):
            assert path[-1] == len(container)
        else:
            assert path[-1] not in container
    else:
        old = at(value, path)
        assert old is None or isinstance(old, dict | list)
        if old is not None:
            assert path not in replaced
            replaced.add(path)


def changed(value: Any, operation: Operation) -> Any:
    if not operation.path:
        return (
            value + operation.value
            if isinstance(operation, Append)
            else copy.deepcopy(operation.value)
        )
    container = at(value, operation.path[:-1])
    last = operation.path[-1]
    if isinstance(operation, Append):
        container[last] += operation.value
    elif isinstance(container, list) and isinstance(operation, Add):
        container.append(copy.deepcopy(operation.value))
    else:
        container[last] = copy.deepcopy(operation.value)
    return value


@check
@given(cases())
def test_a_text_cut_anywhere_shows_a_beginning_of_the_value(case: Case) -> None:
    decoder = case.decoder()
    partials = []
    changes = False
    for character in case.text:
        assert decoder.value is None or not decoder.done
        before = copy.deepcopy(decoder.value)
        try:
            operations = decoder.feed(character)
        except Invalid:
            return
        changes |= any(isinstance(o, Replace) and o.path and at(before, o.path) for o in operations)
        replaced = any(isinstance(o, Replace) and not o.path for o in operations)
        changes |= replaced and before is not None
        partials.append(copy.deepcopy(decoder.value))
        if not decoder.done:
            with pytest.raises(Invalid):
                decoder.finish()
    for partial in [] if changes else partials:
        assert is_beginning(partial, decoder.value)


def is_beginning(partial: Any, value: Any) -> bool:
    if partial is None:
        return True
    if isinstance(partial, str) and isinstance(value, str):
        return value.startswith(partial)
    if isinstance(partial, list) and isinstance(value, list):
        return len(partial) <= len(value) and all(map(is_beginning, partial, value))
    if isinstance(partial, dict) and isinstance(value, dict):
        return all(key in value and is_beginning(partial[key], value[key]) for key in partial)
    return type(partial) is type(value) and partial == value


@check
@given(cases(), st.booleans())
def test_pieces_make_no_difference(case: Case, spoilt: bool) -> None:
    if spoilt:  # a key that is spoilt may leave a member to a default that is never the same
        case = replace(case, text=mutate(case.text, case.random))
    text = case.text
    one_by_one = case.decoder()
    partials = {0: "null"}
    made: list[list[Operation]] = []
    error = None
    try:
        for count, character in enumerate(text, 1):
            made.append(one_by_one.feed(character))
            partials[count] = json.dumps(one_by_one.value)
        one_by_one.finish()
    except Invalid as invalid:
        error = invalid
    random = case.random
    for _ in range(3):
        decoder = case.decoder()
        count = 0
        try:
            for piece in pieces(text, random):
                decoder.feed(piece)
                count += len(piece)
                if not case.varies:
                    assert partials[count] == json.dumps(decoder.value)
            decoder.finish()
        except Invalid as invalid:
            failed = invalid.errors
        else:
            failed = None
        assert failed == (error and error.errors)
        assert (decoder.done, decoder.stopped) == (one_by_one.done, one_by_one.stopped)


@check
@given(cases())
def test_the_operations_make_the_value_and_the_bytes_are_its_json(case: Case) -> None:
    decoder, applied, adopted = case.decoder(), Document(), Document()
    random = case.random
    made: list[tuple[list[Operation], list[Operation]]] = []
    try:
        for piece in pieces(case.text, random):
            operations = decoder.feed(piece)
            made.append((operations, copy.deepcopy(operations)))
            applied.apply(operations)
            assert dumps(applied.value) == dumps(decoder.value)
            if operations:
                adopted.adopt(decoder.value, operations)
            for document in (applied, adopted):
                if random.random() < 0.5:
                    assert document.encode() == dumps(decoder.value)
                assert document.known is (decoder.value is not None or decoder.done)
    except Invalid:
        return
    for operations, as_they_were in made:
        assert operations == as_they_were
    at_once = Document()
    for part in pieces("x" * len(made), random):
        at_once.apply(merge(operation for _ in part for operation in made.pop(0)[0]))
    assert dumps(at_once.value) == dumps(decoder.value)


@pytest.mark.parametrize("kind", ZOO, ids=lambda kind: getattr(kind.type, "__name__", "union"))
@settings(check, max_examples=12)
@given(st.data(), st.booleans())
def test_all_of_this_holds_of_each_class_in_the_zoo(kind: Kind, data: Any, spoilt: bool) -> None:
    case = data.draw(cases(of=in_some_place(kind)))
    for test in (
        test_the_last_partial_is_the_validated_value,
        test_every_partial_satisfies_the_partial_schema,
        test_strings_and_lists_only_grow_and_atoms_come_once,
        test_a_text_cut_anywhere_shows_a_beginning_of_the_value,
        test_the_operations_make_the_value_and_the_bytes_are_its_json,
    ):
        test.hypothesis.inner_test(case)  # type: ignore[attr-defined]
    test_pieces_make_no_difference.hypothesis.inner_test(case, spoilt)  # type: ignore[attr-defined]
