"""Where the value is in an answer, what else may be there, and what is shown when."""

from __future__ import annotations

from random import Random
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from instructor.utils import extract_json_from_codeblock
from pydantic import BaseModel, ValidationError, field_validator

from app.partial.answer import ANOTHER, Answer
from app.partial.decoder import Decoder
from app.partial.document import Document
from app.partial.invalid import Invalid
from app.partial.plan import plan
from app.partial.value import plain
from tests.partial.texts import pieces


class Idea(BaseModel):
    title: str
    rank: int = 0


class Trimmed(BaseModel):
    title: str

    @field_validator("title")
    @classmethod
    def trim(cls, title: str) -> str:
        return title.strip()


class Ideas(BaseModel):
    items: list[Idea]


LIST = plan(list[Idea], keep=False)
ONE = plan(Idea)


def of_list() -> Decoder:
    return Decoder(LIST, key="items", bound=5, bare=True)


def of_one() -> Decoder:
    return Decoder(ONE, bare=True)


class Seen(NamedTuple):
    """value: None where the answer is invalid; live: shown before the text's end."""

    value: Any
    live: bool
    restarts: int


def seen(cut: list[str], make: Any = of_list) -> Seen:
    """What an answer comes to. Each state that is shown follows from the operations alone."""
    answer, document, restarts = Answer(make), Document(), 0
    before: Any = None
    try:
        for piece in cut:
            operations = answer.feed(piece)
            if answer.restarts != restarts:
                restarts, before = answer.restarts, None
                document.clear()
            document.apply(operations)
            now = plain(document.value) if document.known else None
            if not answer.broken:
                assert now == plain(answer.value)
            assert keeps(before, now)
            before = now
        live = document.known
        document.apply(answer.finish())
    except Invalid:
        return Seen(None, document.known, restarts)
    assert plain(document.value) == plain(answer.value)
    return Seen(plain(document.value), live, restarts)


def keeps(before: Any, now: Any) -> bool:
    """Whether nothing that was shown is gone."""
    if isinstance(before, list):
        return len(now) >= len(before) and all(map(keeps, before, now))
    if isinstance(before, dict):
        return all(keeps(before[key], now[key]) for key in before)
    return before is None or (now.startswith(before) if isinstance(before, str) else now == before)


def cuts(text: str) -> list[list[str]]:
    """The text whole, cut after each character, and at random."""
    return [[text], list(text), *(pieces(text, Random(seed)) for seed in range(12))]


VALUE = '{"items": [{"title": "}{ ``` </think> [x](y)", "rank": 1}, {"title": "b"}]}'
DRAFT = '{"items": [{"title": "draft"}]}'
WHOLE = [
    {"title": "}{ ``` </think> [x](y)", "rank": 1},
    {"title": "b", "rank": 0},
]
LONG = "The user wants ideas, so let me see what there is. " * 10
FENCED = f"```json\n{VALUE}\n```"

LIVE = {
    "alone": VALUE,
    "blanks around it": f"\n\t {VALUE} \r\n",
    "a BOM": f"\ufeff{VALUE}",
    "a fence": FENCED,
    "a fence without a language": f"```\n{VALUE}\n```",
    "a fence in capitals": f"```JSON\n{VALUE}\n```\n",
    "a fence in one line": f"```json {VALUE}```",
    "a fence without an end": f"```json\n{VALUE}",
    "a fence of tildes": f"~~~json\n{VALUE}\n~~~",
    "a fence with text after it": f"{FENCED}\nI hope that {{helps}} [you]!",
    "a fence with text around it": f"Sure! Here you are.\n\n{FENCED}\nAnything else?",
    "an announcement": f"Here is the JSON:\n\n{VALUE}",
    "reasoning": f"<think>\nwhat {{x}} [y]: {DRAFT}\n</think>\n\n{VALUE}",
    "reasoning and a fence": f"<thinking>{DRAFT}</thinking>\n{FENCED}",
    "reasoning with a draft in a fence": f"<think>```json\n{DRAFT}\n```</think>{VALUE}",
    "reasoning in capitals": f"<THINK>{DRAFT}</THINK>{VALUE}",
    "reasoning that is empty": f"<think>\n\n</think>\n\n{VALUE}",
    "reasoning twice": f"<think>{DRAFT}</think><think>{DRAFT}</think>{VALUE}",
    "another tag": f"<reasoning>{DRAFT}</reasoning>{VALUE}",
    "tags of other models": f"[THINK]{DRAFT}[/THINK]{VALUE}",
    "more tags of other models": f"◁think▷{DRAFT}◁/think▷{VALUE}",
    "channels": f"<|channel|>analysis<|message|>{DRAFT}<|end|><|channel|>final<|message|>{VALUE}",
    "reasoning whose tag has not opened": f"{LONG}{DRAFT} {{so}} [it]\n</think>\n{VALUE}",
    "a tag that closes nothing": f"{VALUE}\n</think>",
    "a stop token": f"{VALUE}<|im_end|>",
    "other stop tokens": f"{VALUE}</s><|eot_id|><|endoftext|>",
    "a token before it": f"<s><|message|>{VALUE}",
    "prose with brackets after it": f"{VALUE}\n\nSee [1] or {{2}}; {{}} and [] are \"empty\".",
    "too many brackets": f"{VALUE}}}]}}",
    "another object after it": f'{VALUE} {{"note": [1, {{"a": 2}}]}}',
    "a list after it": f"{VALUE}\n[1, 2]",
    "the same text again": f"{VALUE}\n{VALUE}",
    "a value outside of the fence": f"{FENCED}\nor {DRAFT}",
}  # fmt: skip


@pytest.mark.parametrize("text", LIVE.values(), ids=LIVE)
def test_a_value_that_is_certain_is_shown_as_it_comes(text: str) -> None:
    for cut in cuts(text):
        assert seen(cut) == Seen(WHOLE, live=True, restarts=0)


LATE = {
    "prose": f"{LONG}\n{VALUE}",
    "prose with brackets": f"I have {{name}}s, [as here](https://x/{{id}}) [...].\n{VALUE}",
    "an example that is no JSON": f'Like {{"items": [...]}}, that is\n{VALUE}',
    "other objects": f'The schema {{"type": "object", "items": 1}}, then {{"a": {{}}}}.\n{VALUE}',
    "the schema": f'{{"properties": {{"items": {{"type": "array"}}}}}}\n{VALUE}',
    "a string that does not end": f'so {{"foo: {VALUE}',
    "a value in a list": f"[{VALUE}]",
    "nothing, and a value": f"{{}}{VALUE}",
    "a long text and a fence": f"{LONG}\n{FENCED}",
    "a draft outside of a fence": f"{LONG} {DRAFT}\n{FENCED}",
    "a draft that breaks off": f'{LONG} {{"items": [{{"title": "dr\n{VALUE}',
    "text after reasoning": f"<think>{DRAFT}</think>{LONG}{VALUE}",
}


@pytest.mark.parametrize("text", LATE.values(), ids=LATE)
def test_a_value_that_is_not_certain_is_shown_in_the_end(text: str) -> None:
    for cut in cuts(text):
        value, _, restarts = seen(cut)
        assert (value, restarts) == (WHOLE, 0)


ANEW = {
    "a draft in a fence": f"Hm:\n```json\n{DRAFT}\n```\nGood.\n</think>\n{VALUE}",
    "a draft behind an announcement": f"A draft: {DRAFT}\n</think>\n\n{FENCED}",
    "a draft that breaks off": f'Hm:\n```\n{{"items": [{{"title": "dr", oops\n```\n</think>{VALUE}',
    "a value, and one in a fence": f"{DRAFT}\n{FENCED}",
}


@pytest.mark.parametrize("text", ANEW.values(), ids=ANEW)
def test_what_was_shown_and_was_not_the_value_is_taken_back_by_a_restart(text: str) -> None:
    assert seen(list(text)) == Seen(WHOLE, live=True, restarts=1)
    for cut in cuts(text):
        assert seen(cut).value == WHOLE


INVALID = {
    "nothing": "",
    "prose": "I can't {do} that.",
    "a list": "[1, 2]",
    "a text": f'"{DRAFT}"'.replace("{", "("),
    "no whole value": VALUE[:-1],
    "no whole value in a fence": f"```json\n{VALUE[:-2]}\n```",
    "two values": f"{VALUE}\n{DRAFT}",
    "two values, glued": f"{VALUE}{DRAFT}",
    "two values in prose": f"{LONG}{VALUE} or {DRAFT}",
    "two values in fences": f"{FENCED}\nor\n```json\n{DRAFT}\n```",
    "a second value that breaks off": f"{VALUE}\n{DRAFT[:-4]}",
    "a second value that is invalid": f'{VALUE}\n{{"items": [{{"title": 5}}]}}',
    "reasoning without an end": f"<think>{LONG}{DRAFT}",
    "nothing after reasoning": f"{LONG}{DRAFT}</think>",
    "nothing after reasoning in a fence": f"Hm:\n```\n{DRAFT}\n```\n</think>\n",
    "an object of something else": '{"note": 1}',
}


@pytest.mark.parametrize("text", INVALID.values(), ids=INVALID)
def test_without_a_value_or_with_two_an_answer_is_invalid(text: str) -> None:
    for cut in cuts(text):
        assert seen(cut).value is None


def test_a_value_that_is_certain_fails_at_once() -> None:
    for text in ('{"items": 5,', '{"items": [{"title": 5,', '```json\n{"items": [oops,'):
        with pytest.raises(Invalid):
            Answer(of_list).feed(text)


def test_an_object_may_begin_with_keys_that_are_not_the_values() -> None:
    text = '{"thoughts": "hm", "title": "a"} and {"rank": 7}'
    assert seen(['{"thoughts": "hm", "title": "a"} and {"note": 7}'], of_one).value == {
        "title": "a",
        "rank": 0,
    }
    assert seen([text], of_one).value is None


# -- several texts of the same kind ------------------------------------------------------------


def text_of(*titles: str) -> str:
    return '{"items": [' + ", ".join(f'{{"title": "{title}"}}' for title in titles) + "]}"


@pytest.mark.parametrize("item", [Idea, Trimmed])
def test_the_elements_of_several_texts_are_joined_in_order(item: Any) -> None:
    root = plan(list[item], keep=False)
    texts = [text_of("a", "b"), text_of(), " " + text_of("c") + "\n", text_of("d")]
    for cut in cuts(ANOTHER.join(texts)):
        found = seen(cut, lambda: Decoder(root, key="items", bound=5, bare=True))
        assert [idea["title"] for idea in found.value] == ["a", "b", "c", "d"]
        assert (found.live, found.restarts) == (True, 0)


def test_several_texts_have_no_more_elements_than_one() -> None:
    answer = Answer(of_list)
    answer.feed(ANOTHER.join([text_of("a", "b", "c"), text_of("d", "e", "f", "g")]))
    assert answer.stopped
    answer.finish()
    assert [idea["title"] for idea in plain(answer.value)] == ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize(
    "texts",
    [
        [text_of("a"), "{}"],
        [text_of("a"), '{"items": [{"title": 5}]}'],
        [text_of("a"), text_of("b")[:-1]],
        [text_of("a")[:-1], text_of("b")],
        [text_of("a"), '{"title": "b"}'],
    ],
)
def test_no_part_of_several_texts_is_the_answer(texts: list[str]) -> None:
    for cut in cuts(ANOTHER.join(texts)):
        assert seen(cut).value is None


def test_what_is_no_list_does_not_go_on_in_another_text() -> None:
    for second in ('{"title": "b"}', '{"title": "a"}', "{}", '{"titl'):
        for cut in cuts(f'{{"title": "a"}}{ANOTHER}{second}'):
            assert seen(cut, of_one).value is None


# -- in general --------------------------------------------------------------------------------

WORDS = ["Here: ", "see [1] ", "{x} ", "{ ", "} ", "] ", '"so" ', "```\n", "\n", "é ", "<b> ", "' "]


@given(st.lists(st.sampled_from(WORDS), max_size=8), st.lists(st.sampled_from(WORDS), max_size=8),
       st.integers(0, 10**6))  # fmt: skip
def test_what_instructor_finds_in_an_answer_is_found(
    before: list[str], after: list[str], seed: int
) -> None:
    text = "".join([*before, VALUE, *after])
    try:
        theirs = Ideas.model_validate_json(extract_json_from_codeblock(text)).model_dump()["items"]
    except (ValidationError, ValueError):
        return
    ours = seen(pieces(text, Random(seed)))
    assert ours.value == theirs


PARTS = [VALUE, DRAFT, VALUE[:30], "<think>", "</think>", "```", "```json\n", "~~~", "{", "}",
         "\n", "a ", '{"', '"', "[", ANOTHER, "<", "</thi", "nk>", "`", LONG, '{"items": ',
         "<|im_end|>"]  # fmt: skip


@given(st.lists(st.sampled_from(PARTS), max_size=10), st.integers(0, 10**6))
def test_however_an_answer_is_cut_it_comes_to_the_same(parts: list[str], seed: int) -> None:
    text = "".join(parts)
    assert seen(pieces(text, Random(seed))).value == seen([text]).value


HOSTILE = ["{", '{"', '{"a":', '{"items":', '{"items":[', "```", "<think", "{}", "</think>", "`{"]


@pytest.mark.parametrize("part", HOSTILE)
def test_each_character_is_decoded_twice_at_most(part: str) -> None:
    decoded = 0

    class Counting(Decoder):
        def feed(self, text: str) -> Any:
            nonlocal decoded
            try:
                return super().feed(text)
            finally:
                decoded += len(text) - self.unread

    answer = Answer(lambda: Counting(LIST, key="items", bound=5, bare=True))
    text = "so " + part * 5000
    for at in range(0, len(text), 1000):
        answer.feed(text[at : at + 1000])
    assert decoded <= 2 * len(text) + 4096
    with pytest.raises(Invalid):
        answer.finish()


REASONED = {  # the text, and what is reasoning in it
    "in a tag": (f"<think>So {DRAFT}.\n</think>{VALUE}", f"So {DRAFT}.\n"),
    "in a tag with other marks": (f"<think>a < b [c] `d` ~</think>{VALUE}", "a < b [c] `d` ~"),
    "in two": (f"<think>a</think>\n<think>b</think>{VALUE}", "ab"),
    "of which no tag has opened": (f"So {DRAFT}?\n</think>\n{VALUE}", f"So {DRAFT}?\n"),
    "with a tag that opens late": (f"So: <think>{DRAFT}</think>{VALUE}", f"So: {DRAFT}"),
    "in a channel": (
        f"<|channel|>analysis<|message|>Hm <b>.<|channel|>final<|message|>{VALUE}",
        "Hm <b>.",
    ),
    "after the value": (f"{VALUE}\n<think>Hm.</think>", ""),
    "none": (f"Here it is: {VALUE}", ""),
    "without an end": (f"<think>So {DRAFT} <", f"So {DRAFT} "),
}


@pytest.mark.parametrize("size", [1, 2, 5, 4096])
@pytest.mark.parametrize("name", REASONED)
def test_reasoning_is_handed_out_once_wherever_the_text_is_cut(name: str, size: int) -> None:
    text, expected = REASONED[name]
    answer = Answer(of_list)
    found = []
    for at in range(0, len(text), size):
        answer.feed(text[at : at + size])
        found.append(answer.reasoning)
    assert "".join(found) == expected


def test_reasoning_in_a_tag_is_handed_out_as_it_comes() -> None:
    answer = Answer(of_list)
    found = []
    for piece in ("<think>One", " two", " <b", ">", "</th", "ink>", VALUE):
        answer.feed(piece)
        found.append(answer.reasoning)
    assert found == ["One", " two", " ", "", "<b>", "", ""]
