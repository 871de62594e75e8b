"""The text of an answer in, in pieces cut anywhere; operations on the value that is in it out.

    text ─ around the value: skipped here ─ the value: decoder.py ─> operations

A model may write more than the value: reasoning, prose with brackets, examples, a code fence, a
stop token. Each `{` that may begin an object begins a *candidate*, which a decoder of its own
reads. A candidate that is not JSON, or has none of the value's keys, was not meant as the value.

What is shown can't be taken back, so a candidate is shown as it comes only where it is certain,
or nearly, to be the value: at the very beginning, in a fence, behind the end of the reasoning, or
behind one short announcement. Any other is decoded unseen, and shown when the text has ended:

- What is before a tag like `</think>` is reasoning, even if no tag has opened it. If a tag has
  opened it, `reasoning` hands it out as it comes. If none has, only the closing tag tells, and it
  is handed out late.
- A value in a fence counts more than one outside.
- Of two values that count alike neither is the answer, unless they are the same text.

Where what was shown turns out to be reasoning or an example after all, `restarts` tells. Each
character is read once, and a second time after a candidate that failed, within a budget.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from app.partial import tags
from app.partial.decoder import Decoder
from app.partial.invalid import Invalid, invalid
from app.partial.kept import Kept
from app.partial.operation import Operation, Replace
from app.partial.value import is_blank, plain

ANOTHER: Final = "\x1e"
"""Another text of the same kind begins: RFC 7464's record separator, which JSON can't hold."""

ANNOUNCEMENT: Final = 200
"""The longest text, in characters, behind which a value is shown as it comes."""

_mark = re.compile(
    rf"\{{|`{{3,}}|~{{3,}}|(?P<opens>{tags.OPENS})|(?P<closes>{tags.CLOSES})", re.IGNORECASE
)
_BLANK = " \t\r\n\ufeff"
_TWICE = "goes on after its end"
_SLICE = 1024
_READ_AGAIN = 4096
"""The longest failed candidate, in bytes, whose text is looked through for another one."""


class _Candidate:
    """What may be the value.

    start, end: where it is in the answer's text, in bytes
    fenced: whether it is in a code fence
    certain: whether nothing is before it but reasoning
    may_show: whether it is shown as it comes; shown: whether it has been
    outdone: whether the reasoning has ended after it
    failed: whether it was shown, and is not valid
    """

    def __init__(self, decoder: Decoder, start: int, *, fenced: bool, certain: bool) -> None:
        self.decoder = decoder
        self.start = self.end = start
        self.fenced = fenced
        self.certain = certain
        self.may_show = False
        self.shown = False
        self.outdone = False
        self.failed = False

    @property
    def recognised(self) -> bool:
        return self.decoder.recognised


class Answer:
    """Finds and decodes the value in one answer. The value's root is an object in the text.

    decoder: makes a bare decoder that has decoded nothing, but may begin with what was kept
    kept: what an earlier answer has left. Readers have it, so the operations go on from there
    restarts: how often a shown value has turned out not to be the answer. The feed that finds this
        returns operations for another value, the first of which replaces the whole
    """

    def __init__(self, decoder: Callable[[], Decoder], kept: Kept | None = None) -> None:
        self.restarts = 0
        self._kept = kept
        self._decoder = decoder
        self._text = bytearray()  # a list of its pieces would take five times the memory
        self._step: Callable[[str, list[Operation]], str] = self._pass_prose
        self._open: _Candidate | None = None
        self._best: _Candidate | None = None  # of those that have closed and are valid
        self._flaw: Invalid | None = None  # of those that have failed
        self._twice = False  # whether there is another that counts as much as the best
        self._said = ""  # before the next candidate, as far as it may be an announcement
        self._fence = ""  # the character of the fence that is open
        self._named = True  # whether the line that opens the fence is over
        self._rest = ""  # the end of a piece that may have cut a mark
        self._read_again = 0  # bytes
        self._reasoned_to = 0  # in bytes, up to where no more reasoning is to be handed out
        self._reasoning: list[tuple[int, int]] = []  # where it is in the text, in bytes

    # -- what it has come to -----------------------------------------------------------------

    @property
    def size(self) -> int:
        """Bytes of its text."""
        return len(self._text)

    @property
    def text(self) -> str:
        """All of its text."""
        return self._text.decode(errors="surrogatepass")

    @property
    def reasoning(self) -> str:
        """What the last `feed` has found to be reasoning, without tags and tokens."""
        found = [self._text[start:end] for start, end in self._reasoning]
        return tags.without_tags(b"".join(found).decode(errors="replace"))

    @property
    def value(self) -> object:
        """The partial value that is shown, as `Decoder` has it."""
        shown = self._shown
        return shown.decoder.value if shown else None

    @property
    def elements(self) -> int:
        """How many elements of a list result are complete and shown."""
        if shown := self._shown:
            return shown.decoder.elements
        return self._kept.count if self._kept else 0

    @property
    def kept(self) -> Kept | None:
        """What another answer may go on with, if this one comes to nothing.

        Only what was certainly meant as the answer is kept.
        """
        is_open = self._open is not None and self._open.recognised
        found = self._shown or (self._open if is_open else None)
        if found is None:
            return None if self._flaw or self._best else self._kept
        has_rival = self._twice or (is_open and self._open is not found)
        return None if has_rival or found.outdone or not found.may_show else found.decoder.keep()

    @property
    def is_whole(self) -> bool:
        """Whether it has a whole value, valid as far as it can be known before the text's end."""
        rival = self._open is not None and self._open.recognised
        best = self._best
        return best is not None and not best.failed and not rival and not self._twice

    @property
    def broken(self) -> bool:
        """Whether what is shown has failed, and another value may still come."""
        return self._best is not None and self._best.failed

    @property
    def stopped(self) -> bool:
        """Whether its list has all that was asked for, and goes on."""
        return self._best is not None and self._best.decoder.stopped

    @property
    def _shown(self) -> _Candidate | None:
        found, best = self._open, self._best
        if found is not None and found.shown:
            return found
        return best if best is not None and best.shown else None

    # -- text --------------------------------------------------------------------------------

    def feed(self, text: str) -> list[Operation]:
        """Read more text: the operations that it makes on what is shown.

        Raises `Invalid` as soon as the answer is certain to fail.
        """
        operations: list[Operation] = []
        self._reasoning.clear()
        if ANOTHER not in text:
            self._read(text, operations)
            return operations
        first, *others = text.split(ANOTHER)
        self._read(first, operations)
        for other in others:
            self._text_ends()
            self._read(other, operations)
        return operations

    def finish(self) -> list[Operation]:
        """The text has ended: the operations that show what was not yet shown.

        Raises `Invalid` where there is no value in it, or no valid one.
        """
        candidate, best = self._open, self._best
        if candidate is not None and (candidate.recognised or best is None):
            if best is not None:
                raise invalid((), _TWICE)
            candidate.decoder.finish()
        if self._twice:
            raise invalid((), _TWICE)
        if best is None or best.failed or (best.outdone and not best.certain):
            raise self._flaw or invalid((), "is not JSON")
        if not best.decoder.stopped:
            best.decoder.finish()
        operations: list[Operation] = []
        if not best.shown:
            self._show(best, operations)
        return operations

    def _read(self, text: str, operations: list[Operation]) -> None:
        for at in range(0, len(text), _SLICE):
            left = text[at : at + _SLICE]
            self._text += left.encode(errors="surrogatepass")
            if self._rest:
                left, self._rest = self._rest + left, ""
            while left:
                left = self._step(left, operations)

    def _text_ends(self) -> None:
        """Another text of the same kind begins. Only a list can go on in it."""
        self._rest = ""
        best = self._best
        if self._open is not None and self._open.recognised:
            self._open.decoder.finish()  # raises: it is not complete
        if best is None:
            self._begin_anew()
            return
        if not best.decoder.may_go_on:
            raise invalid((), _TWICE)
        best.decoder.go_on()
        self._open, self._best, self._step = best, None, self._inside

    # -- around the value --------------------------------------------------------------------

    def _pass_prose(self, text: str, operations: list[Operation]) -> str:
        """Pass over text up to the next mark."""
        found = _mark.search(text)
        if found is None:
            self._hear(self._without_cut_mark(text))
            return ""
        self._hear(text[: found.start()])
        rest = text[found.end() :]
        if found["closes"]:
            if self._shown is None:  # what was shown as the value is not shown again
                self._hand_out(text[found.start() :])
            self._reasoned_to = self._before(rest)
            self._begin_anew()
        elif found["opens"]:
            if self._is_silent:
                self._step = self._reason
                self._reasoned_to = self._before(rest)
            self._hear(found[0])
        elif found[0] == "{":
            return self._begin(rest)
        else:
            self._pass_fence(found[0][0])
        return rest

    def _reason(self, text: str, operations: list[Operation]) -> str:
        """Pass over reasoning up to its end, and hand it out."""
        found = tags.closes.search(text)
        if found is None:
            self._without_cut_mark(text)
            self._hand_out(self._rest)
            return ""
        self._hand_out(text[found.start() :])
        rest = text[found.end() :]
        self._reasoned_to = self._before(rest)
        self._begin_anew()
        return rest

    def _without_cut_mark(self, text: str) -> str:
        """Text without what may begin a mark, which is read again with what follows."""
        cut = tags.cut_mark.search(text, max(len(text) - tags.LONGEST, 0))
        self._rest = cut[0] if cut else ""
        return text[: cut.start()] if cut else text

    def _before(self, rest: str) -> int:
        """Where in the text this rest of it begins, in bytes."""
        return len(self._text) - len(rest.encode(errors="surrogatepass"))

    def _hand_out(self, rest: str) -> None:
        """All that is before this rest, and was not handed out yet, is reasoning."""
        end = self._before(rest)
        if end > self._reasoned_to:
            self._reasoning.append((self._reasoned_to, end))
            self._reasoned_to = end

    @property
    def _is_silent(self) -> bool:
        """Whether nothing has been said before what comes."""
        return not self._said and (self._best is None or self._best.outdone)

    def _hear(self, prose: str) -> None:
        """Take note of prose, as far as it may be an announcement."""
        if not self._named:
            _, line_break, prose = prose.partition("\n")
            self._named = bool(line_break)
        if prose and len(self._said) <= ANNOUNCEMENT:
            prose = tags.token.sub("", prose)
            self._said = (self._said + prose[: ANNOUNCEMENT + 1]).lstrip(_BLANK)

    def _pass_fence(self, character: str) -> None:
        if not self._fence:
            self._fence, self._named = character, False
        elif self._fence == character:
            self._fence, self._named = "", True

    def _begin_anew(self) -> None:
        """All that was before was reasoning."""
        self._step = self._pass_prose
        self._said, self._fence, self._named = "", "", True
        self._twice = False
        self._open = None
        if self._best is not None:
            self._best.outdone = True
            if not self._best.shown:
                self._best = None

    # -- candidates --------------------------------------------------------------------------

    def _begin(self, rest: str) -> str:
        """What follows a `{`, and may be an object."""
        following = rest.lstrip(" \t\r\n")[:1]
        if following not in ("", '"', "}"):
            self._hear("{")
            return rest
        start = self._before(rest) - 1
        fenced, certain = bool(self._fence), self._is_silent
        self._open = _Candidate(self._decoder(), start, fenced=fenced, certain=certain)
        self._open.may_show = self._best is None and (certain or self._is_announced)
        self._step = self._inside
        self._named = True
        return "{" + rest

    @property
    def _is_announced(self) -> bool:
        """Whether what was said is so short that the value is likely to be next."""
        said = self._said.rstrip()
        return len(self._said) <= ANNOUNCEMENT and (bool(self._fence) or said.endswith(":"))

    def _inside(self, text: str, operations: list[Operation]) -> str:
        candidate = self._open
        assert candidate is not None
        decoder = candidate.decoder
        try:
            made = decoder.feed(text)
        except Invalid as flaw:
            self._fail(candidate, flaw)
            return self._after_failed(candidate, text)
        if candidate.shown:
            operations += made
        elif decoder.recognised or decoder.done:
            self._come_forward(candidate, made, operations)
        if not decoder.done:
            return ""
        rest = text[len(text) - decoder.unread :]
        self._close(candidate, rest, operations)
        return "" if decoder.stopped else rest

    def _come_forward(
        self, candidate: _Candidate, made: list[Operation], operations: list[Operation]
    ) -> None:
        """A candidate is recognised: show it, if it may be shown.

        made: the operations of its decoder in this feed
        """
        best = self._best
        if self._kept and best is None and candidate.recognised and candidate.may_show:
            candidate.shown = True  # what it begins with is shown already
            operations += made
            return
        if best is not None and candidate.recognised and self._outdoes(candidate, best):
            operations.clear()
            self.restarts += best.shown
            self._best = None
            candidate.may_show = True
        if candidate.may_show and self._has_something(candidate):
            self._show(candidate, operations)

    def _has_something(self, candidate: _Candidate) -> bool:
        """Whether there is something to show: of an announced candidate, more than blanks."""
        value = candidate.decoder.value
        if candidate.decoder.done or candidate.certain:
            return candidate.decoder.done or value is not None
        return not is_blank(value)

    def _outdoes(self, candidate: _Candidate, best: _Candidate) -> bool:
        weaker = candidate.fenced and not best.fenced
        return best.outdone or best.failed or weaker or not best.recognised

    def _show(self, candidate: _Candidate, operations: list[Operation]) -> None:
        candidate.shown = True
        operations.append(Replace((), plain(candidate.decoder.value)))

    def _close(self, candidate: _Candidate, rest: str, operations: list[Operation]) -> None:
        """A candidate is complete and valid."""
        candidate.end = self._before(rest)
        self._open, self._step = None, self._pass_prose
        self._hear("}")
        if self._best is None:
            self._best = candidate
        elif candidate.recognised and not self._is_ignored(candidate):
            self._find_second()

    def _is_ignored(self, candidate: _Candidate) -> bool:
        """Whether another value takes nothing from the best: a fenced one, or the same text."""
        best = self._best
        assert best is not None
        if best.fenced and not candidate.fenced:
            return True
        text = self._text
        return text[best.start : best.end] == text[candidate.start : candidate.end]

    def _find_second(self) -> None:
        """There is another value, which counts as much as the best."""
        assert self._best is not None
        self._twice = True
        if self._best.shown:
            raise invalid((), _TWICE)

    def _fail(self, candidate: _Candidate, flaw: Invalid) -> None:
        """A candidate is not valid. Raises `flaw` where it is certain to be the value."""
        recognised, best = candidate.recognised, self._best
        if recognised and candidate.certain and candidate.may_show:
            raise flaw
        self._open, self._step = None, self._pass_prose
        if recognised or self._flaw is None:
            self._flaw = flaw
        if candidate.shown:
            candidate.failed = True
            self._best = candidate
        elif recognised and best is not None and not (best.fenced and not candidate.fenced):
            self._find_second()

    def _after_failed(self, candidate: _Candidate, text: str) -> str:
        """What is to be read after a candidate that has failed in `text`."""
        self._hear("{")
        unread = text[max(len(text) - candidate.decoder.unread, 0) :]
        end = self._before(unread)
        failed = end - candidate.start
        if failed > _READ_AGAIN or self._read_again + failed > end + _READ_AGAIN:
            return unread
        self._read_again += failed
        return self._text[candidate.start + 1 :].decode(errors="surrogatepass")
