"""Reads the events of a message: what they add to the text, and how it has ended. Pure.

    message_start
    content_block_start, content_block_delta…, content_block_stop    for each block
    message_delta       the stop reason and the usage
    message_stop

A block is text, thinking, or a call of a tool. Blocks, deltas and events of other kinds are passed
over, and so are fields that aren't needed, whatever is in them. Some servers send the whole
message in the place of its events.
https://platform.claude.com/docs/en/build-with-claude/streaming
"""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec

from app.providers.answer_text import AnswerText, unreadable
from app.providers.base import Finish, Tokens
from app.providers.finish import for_log, standard
from app.providers.provider_error import error_in_chunk, is_error
from app.providers.sse import DONE

_THOUGHTS: Final = ("thinking", "redacted_thinking")
_CACHED: Final = "cache_read_input_tokens"
_CACHE_WRITE: Final = "cache_creation_input_tokens"
_ASKED: Final = ("input_tokens", _CACHE_WRITE, _CACHED)
"""Together, these count the input: the first leaves out what the cache has read or written."""

_WRITTEN: Final = "output_tokens"


class Delta(msgspec.Struct, omit_defaults=True):
    """A delta of a block, with the names by which Instructor's extractors read it."""

    text: str | None = None
    partial_json: str | None = None


class Chunk(msgspec.Struct):
    """An event with a delta."""

    delta: Delta


class AnthropicReader:
    """Reads one message; a `Reader`.

    in_tools: whether a tool is offered
    """

    def __init__(self, *, in_tools: bool) -> None:
        self.text = AnswerText(in_tools=in_tools)
        self.refused = False  # a refusal is a stop reason
        self.finish: Finish | None = None
        self.finish_word: str | None = None
        self.done = False
        self._counts: dict[str, int] = {}
        self._kinds: dict[Any, str] = {}  # of the blocks, by index
        self._input: Any = None  # that of a call, as it is told at its beginning
        self._is_unsaid = False  # whether a call has begun, and none of its deltas has any text
        self._is_intact = True  # whether the event is UTF-8

    @property
    def usage(self) -> Tokens | None:
        """The counts that the events have told."""
        if not self._counts:
            return None
        asked = sum(self._counts.get(name, 0) for name in _ASKED)
        names = (_WRITTEN, _CACHED, _CACHE_WRITE)
        return Tokens(asked, *(self._counts.get(name, 0) for name in names))

    def take(self, event: bytes) -> bool:
        """Take an event's data. Gives whether it says that the model writes or reasons.

        Raises `ServiceError`: the error that the event tells, or that it can't be read.
        """
        if event == DONE:  # of some servers that imitate the API
            self._end()
            return False
        told = self._decoded(event)
        match told.get("type"):
            case "content_block_delta":
                return self._take_delta(told.get("index"), _object(told, "delta"))
            case "content_block_start":
                return self._begin_block(told.get("index"), _object(told, "content_block"))
            case "content_block_stop":
                self._end_call()
            case "message_start":
                self._count(_object(told, "message").get("usage"))
            case "message_delta":
                self._count(told.get("usage"))
                self._stop(_object(told, "delta").get("stop_reason"))
            case "message_stop":
                self._end()
            case "message":
                return self._take_message(told)
            case _:
                if is_error(told):
                    raise error_in_chunk(told)
        return False

    def _decoded(self, event: bytes) -> dict[str, Any]:
        """The object that an event holds. It may have half a character, or bytes that are none."""
        try:
            told = msgspec.json.decode(event)
            self._is_intact = True
        except (ValueError, RecursionError):
            text = event.decode("utf-8", "replace")
            self._is_intact = "\ufffd" not in text
            try:
                told = json.loads(text, strict=False)
            except (ValueError, RecursionError):
                raise unreadable() from None
        if not isinstance(told, dict):
            raise unreadable("event")
        return told

    def chunk(self, text: str) -> Chunk:
        """A chunk that has this text where Instructor's extractor looks for it."""
        return Chunk(Delta(partial_json=text) if self.text.in_tools else Delta(text=text))

    # -- blocks ---------------------------------------------------------------------------------

    def _begin_block(self, index: Any, block: dict[str, Any]) -> bool:
        self._end_call()
        kind = block.get("type")
        self._kinds[str(index)] = str(kind)
        if kind == "tool_use":
            self._input, self._is_unsaid = block.get("input"), True
        elif kind == "text":
            return self._add_content(block.get("text"))
        elif kind in _THOUGHTS:
            self._reason(block)
        return kind in _THOUGHTS

    def _take_delta(self, index: Any, delta: dict[str, Any]) -> bool:
        match delta.get("type"):
            case "text_delta":
                return self._add_content(delta.get("text"))
            case "input_json_delta":
                # A tool that the server runs by itself has such deltas, too.
                if self._kinds.get(str(index), "tool_use") == "tool_use":
                    return self._add_call(delta.get("partial_json"))
            case "thinking_delta" | "signature_delta":
                self._reason(delta)
                return True
        return False

    def _reason(self, thought: dict[str, Any]) -> None:
        """Take what is thought, if it can be read: some of it comes encrypted."""
        text = thought.get("thinking")
        self.text.add_reasoning(text if isinstance(text, str) else "")

    def _add_content(self, piece: Any) -> bool:
        return self.text.add_content(self._text(piece, "delta.text"))

    def _add_call(self, piece: Any) -> bool:
        text = self._text(piece, "delta.partial_json")
        return bool(text) and self._say_call(text)

    def _text(self, piece: Any, path: str) -> str:
        """A piece of the text."""
        if piece is None:
            return ""
        if not isinstance(piece, str):
            raise unreadable(path)
        if not self._is_intact and "\ufffd" in piece:
            raise unreadable("UTF-8")
        return piece

    def _say_call(self, text: str) -> bool:
        """Add to the text of the call, which begins with this if it had none."""
        begins, self._is_unsaid = self._is_unsaid, False
        return self.text.add_call(text, begins=begins)

    def _end_call(self) -> None:
        """The call is over, if there is one: its arguments may all have stood at its beginning."""
        if self._is_unsaid:
            told = self._input if isinstance(self._input, dict) else {}
            self._say_call(json.dumps(told, ensure_ascii=False))

    def _take_message(self, message: dict[str, Any]) -> bool:
        """Take a message that comes whole, and not in events."""
        blocks = message.get("content")
        for index, block in enumerate(blocks if isinstance(blocks, list) else ()):
            self._begin_block(index, block if isinstance(block, dict) else {})
        self._count(message.get("usage"))
        self._stop(message.get("stop_reason"))
        self._end()
        return True

    # -- the end ----------------------------------------------------------------------------------

    def _stop(self, reason: Any) -> None:
        """Take a stop reason, if it is one."""
        finish = standard(reason) if isinstance(reason, str) else None
        if finish is not None:
            self._end_call()
            self.finish, self.finish_word = finish, for_log(str(reason))

    def _end(self) -> None:
        self._end_call()
        self.done = True

    def _count(self, usage: Any) -> None:
        """Take counts. The last event that has one of them tells it for the whole message."""
        for name in (*_ASKED, _WRITTEN):
            count = usage.get(name) if isinstance(usage, dict) else None
            if isinstance(count, int | float) and 0 < count < 1e12:
                self._counts[name] = int(count)


def _object(holder: dict[str, Any], key: str) -> dict[str, Any]:
    """The object under a key, or an empty one."""
    value = holder.get(key)
    return value if isinstance(value, dict) else {}
