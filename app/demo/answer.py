"""Makes the demo model's answer to a request: its text, and the fault in it. Pure.

The table `plays` says for each model what happens to its answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

from app.demo.chunks import ChunkWriter, Problem, problem
from app.demo.messages import MessagesWriter
from app.demo.notes import minutes
from app.demo.play import Play
from app.demo.reasoning import CLOSES, FORMS, OPENS, reasoning
from app.demo.refusals import REFUSING
from app.demo.request import BadRequest, DemoRequest
from app.demo.spoil import NOTHING, late, second, spoil
from app.demo.text import TooDeep, tokens, write_prose, write_value

SECRET: Final = "sk-demo-9f3c2a71-never-to-be-seen"
"""A part of the demo model's error messages. Those of real providers may quote a key in the same
way. No client may see it."""

REFUSAL: Final = "I'm sorry, but I can't help with that request. Is there anything else?"
ERROR: Final = problem(
    f"The model has failed (key {SECRET}, host inference-7.internal).", "error", None
)
OVERLOADED: Final = problem(
    f"The model is overloaded (key {SECRET}).", "overloaded_error", "overloaded"
)
LIST_CUT: Final = 3  # elements that come before a length limit
_LIST: Final = re.compile(r'(?:```json\n)?\{"[^"]*": \[')
SOME: Final = 24  # tokens before a fault: enough to see something, and few enough to be quick


@dataclass(frozen=True, slots=True)
class DemoAnswer:
    """A request and the tokens of a good answer to it, before a fault is added."""

    request: DemoRequest
    tokens: list[str]
    created: int

    @property
    def writer(self) -> ChunkWriter | MessagesWriter:
        """What writes it as its API does."""
        form = MessagesWriter if self.request.is_messages else ChunkWriter
        return form(self.request, self.created)

    @property
    def half(self) -> list[str]:
        """The first half."""
        return self.tokens[: max(1, len(self.tokens) // 2)]

    @property
    def some(self) -> list[str]:
        """The tokens that are written before a fault."""
        return self.half[:SOME]


def answer(request: DemoRequest, created: int) -> Play:
    """What to play in answer to a request. Raises BadRequest."""
    return plays[request.model](DemoAnswer(request, tokens(write(request)), created))


def write(request: DemoRequest) -> str:
    """The answer's text. Raises BadRequest if the schema is not one."""
    if request.schema is None:
        return _encodable(write_prose(request.topic, request.seed))
    try:
        value = _value(request)
        at = late if request.model == "demo-invalid-late" else second
        wrong = spoil(request.schema, value, at) if _violates(request) else value
    except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError):
        raise BadRequest("Invalid schema for the answer.", "response_format") from None
    # A schema that allows everything can only be violated by broken JSON.
    text = _dumps(value)[:-1] if wrong is NOTHING else _dumps(wrong)
    if request.model == "demo-obedient":
        text = obey(request, text)
    return f"```json\n{text}\n```" if request.fenced else text


def obey(request: DemoRequest, text: str) -> str:
    """The answer of a model that obeys a topic which asks for its instructions.

    The first answer is the instructions and nothing else. When the model is asked again, it
    writes them before the right answer.
    """
    said = _encodable(f"My instructions are:\n{request.system}\n")
    return f"{said}\n{text}" if request.again else said


def _value(request: DemoRequest) -> Any:
    try:
        value = write_value(request.schema, request.topic, request.seed, request.there)
        return value if request.notes is None else minutes(value, request.notes, request.held_on)
    except TooDeep:  # no finite value satisfies the schema
        return None


def _violates(request: DemoRequest) -> bool:
    first = request.model in ("demo-invalid", "demo-invalid-late") and not request.again
    return first or request.model == "demo-always-invalid"


def _dumps(value: Any) -> str:
    return _encodable(json.dumps(value, ensure_ascii=False))


def _encodable(text: str) -> str:
    """Replace half surrogate pairs, which JSON may hold and UTF-8 can't encode."""
    return text.encode("utf-8", "replace").decode()


def finished(answer: DemoAnswer, written: list[str], reason: str, *, refused: bool = False) -> Play:
    """An answer that ends with this finish reason, or with what its API has for it."""
    writer = answer.writer
    if answer.request.stream:
        frames = writer.refusal(written) if refused else writer.answer(written)
        tail = writer.end(reason, len(written), refused=refused)
        return Play(head=writer.head(refused=refused), frames=frames, tail=tail)
    # Empty frames: the whole answer takes as long as a streamed one.
    whole = writer.whole(written, reason, refused=refused)
    return Play(frames=[b""] * len(written), tail=whole)


def complete(answer: DemoAnswer) -> Play:
    """An answer without a fault."""
    return finished(answer, answer.tokens, _reason(answer.request))


def _reason(request: DemoRequest) -> str:
    """The finish reason of a whole answer."""
    return "tool_calls" if request.tool else "stop"


def think(answer: DemoAnswer) -> Play:
    """An answer before which the model reasons. A call that doesn't stream is not told of it.

    By the messages API it has a block of its own, which its writer knows of.
    """
    request = answer.request
    if request.is_messages or not request.stream:
        return complete(answer)
    said = reasoning(request.topic)
    if request.model == "demo-thinks-in-tags":
        said = f"{OPENS}{said}{CLOSES}"
    chunks, thoughts = ChunkWriter(request, answer.created), tokens(said)
    written = chunks.answer(answer.tokens)
    return Play(
        head=chunks.role(),
        frames=[
            *chunks.reasoning(thoughts, FORMS[request.model]),
            chunks.call() + written[0],
            *written[1:],
        ],
        tail=chunks.end(_reason(request), len(thoughts) + len(written)),
    )


def cut(
    answer: DemoAnswer,
    tail: bytes = b"",
    whole: bytes | None = None,
    then: Literal["close", "hang", "break"] = "close",
) -> Play:
    """An answer that breaks after its first tokens.

    tail: the bytes that come instead of the rest, if the call streams
    whole: the body, if the call doesn't stream; None gives the first half of the right body
    """
    if answer.request.stream:
        writer = answer.writer
        return Play(head=writer.head(), frames=writer.answer(answer.some), tail=tail, then=then)
    if whole is None:
        right = complete(answer).tail
        whole = right[: len(right) // 2]
    return Play(frames=[b""] * len(answer.some), tail=whole, then=then)


def failed(answer: DemoAnswer, problem: Problem) -> Play:
    """An answer that breaks off with an error."""
    return cut(answer, answer.writer.failure(problem), answer.writer.whole_failure(problem))


def cut_list(answer: DemoAnswer) -> Play:
    """An answer that ends at its length limit after some elements, if its list has more."""
    text = "".join(answer.tokens)
    at = end_of_elements(text, LIST_CUT)
    return complete(answer) if at is None else finished(answer, tokens(text[:at]), "length")


def end_of_elements(text: str, count: int) -> int | None:
    """Where the element after the first `count` of the answer's list has begun.

    None if the answer has no list that is as long.
    """
    begun, decoder = _LIST.match(text), json.JSONDecoder()
    if begun is None:
        return None
    start = begun.end()
    try:
        for _ in range(count):
            start = decoder.raw_decode(text, start)[1]
            if text[start] != ",":
                return None
            start += 2  # the comma and the blank behind it
    except ValueError:
        return None
    return start + 1


def drip(answer: DemoAnswer) -> Play:
    """An answer without content: keep-alives in a stream, else the blanks that may precede JSON."""
    return Play(tail=answer.writer.keep_alive if answer.request.stream else b"\n", then="drip")


def blanks(answer: DemoAnswer) -> Play:
    """An answer that goes on with blanks for ever, between two parts of its value."""
    if not answer.request.stream:
        return drip(answer)
    writer = answer.writer
    written = between(answer.some)
    (blank,) = writer.answer(["\n"])
    return Play(head=writer.head(), frames=writer.answer(written), tail=blank, then="drip")


def between(written: list[str]) -> list[str]:
    """The longest beginning of these tokens after which JSON may have blanks."""
    for length in range(len(written), 0, -1):
        text = "".join(written[:length]).replace("\\\\", "").replace('\\"', "")
        if text.count('"') % 2 == 0 and text.rstrip().endswith(("{", "[", ",", ":")):
            return written[:length]
    return []


plays: Final[dict[str, Callable[[DemoAnswer], Play]]] = {
    "demo": complete,
    "demo-invalid": complete,
    "demo-invalid-late": complete,
    "demo-always-invalid": complete,
    "demo-obedient": complete,
    "demo-truncated": lambda answer: finished(answer, answer.half, "length"),
    "demo-truncated-list": cut_list,
    "demo-refusal": lambda answer: finished(answer, tokens(REFUSAL), "stop", refused=True),
    "demo-filtered": lambda answer: finished(answer, answer.some, "content_filter"),
    "demo-stall": lambda answer: cut(answer, then="hang"),
    "demo-silent": lambda _: Play(then="hang"),
    "demo-drip": drip,
    "demo-blanks": blanks,
    "demo-disconnect": lambda answer: cut(answer, then="break"),
    "demo-garbage": lambda answer: cut(answer, b"data: {not json\n\n", b"{not json"),
    "demo-error": lambda answer: failed(answer, ERROR),
    "demo-overloaded": lambda answer: failed(answer, OVERLOADED),
    **dict.fromkeys(REFUSING, complete),
    **dict.fromkeys(FORMS, think),
}
