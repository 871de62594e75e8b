"""Reads the chunks of a chat completion: what they add to the text, and how it has ended. Pure.

https://platform.openai.com/docs/api-reference/chat-streaming
"""

from __future__ import annotations

from app.providers.answer_text import AnswerText
from app.providers.base import Finish, Tokens
from app.providers.finish import for_log, standard
from app.providers.openai import lenient
from app.providers.openai.calls import Calls
from app.providers.openai.chunk import (
    Choice,
    ChoiceDelta,
    Chunk,
    CompletionUsage,
    Function,
    PromptTokensDetails,
    ToolCall,
    decode,
)
from app.providers.provider_error import error_in_chunk


class OpenAIReader:
    """Reads one completion; a `Reader`.

    in_tools: whether a tool is offered
    """

    def __init__(self, *, in_tools: bool) -> None:
        self.text = AnswerText(in_tools=in_tools)
        self.usage: Tokens | None = None
        self.refused = False
        self.finish: Finish | None = None
        self.finish_word: str | None = None
        self.done = False
        self._calls = Calls()
        self._choice: int | None = None  # the index of the answer: that of the first one seen

    def take(self, event: bytes) -> bool:
        """Take an event's data, as `Reader` says."""
        try:
            chunk = decode(event)
        except (ValueError, RecursionError):
            return self._take_odd(event)
        if chunk.error or (chunk.choices is None and chunk.usage is None):
            return self._take_odd(event)
        return self._take_usual(chunk)

    def chunk(self, text: str) -> Chunk:
        """A chunk with this text only, in the place where the mode has its text."""
        if not self.text.in_tools:
            return Chunk(choices=[Choice(delta=ChoiceDelta(content=text))])
        call = ToolCall(function=Function(arguments=text))
        return Chunk(choices=[Choice(delta=ChoiceDelta(tool_calls=[call]))])

    def _take_odd(self, event: bytes) -> bool:
        """Take an event that is no usual chunk."""
        says = False
        for chunk in lenient.chunks(event):
            if chunk is None:
                self.done = True
                break
            if chunk.error:
                raise error_in_chunk(chunk.error)
            says = self._take_usual(chunk) or says
        return says

    def _take_usual(self, chunk: Chunk) -> bool:
        says = False
        if chunk.usage is not None:
            self._count(chunk.usage)
        for choice in chunk.choices or ():
            if choice.index != self._choice and choice.index is not None:
                if self._choice is not None:
                    continue
                self._choice = choice.index
            says = self._take_choice(choice) or says
        return says

    def _take_choice(self, choice: Choice) -> bool:
        says = False
        if choice.error:
            raise error_in_chunk(choice.error)
        text = self.text
        if choice.delta is not None:
            says = self._take_delta(choice.delta)
            if text.keeps_reasoning:
                text.add_reasoning(choice.delta.reasoned)
        if choice.message is not None and not text.said:
            if not text.reasoned:
                text.add_reasoning(choice.message.reasoned)
            says = self._take_delta(choice.message) or says
        if choice.finish_reason:
            self._take_finish(choice.finish_reason)
        return says

    def _count(self, told: CompletionUsage) -> None:
        """Take the provider's counts, which may come in halves, or grow."""
        before = self.usage or Tokens(0, 0)
        asked = told.prompt_tokens or 0
        written = max(told.completion_tokens or 0, 0) + _uncounted(told)
        details = told.prompt_tokens_details or PromptTokensDetails()
        cached = details.cached_tokens or 0
        put = details.cache_write_tokens or details.cache_creation_tokens or 0
        given = asked if asked > 0 else before.input_tokens
        hit = min(cached if cached > 0 else before.cached_tokens, given)
        counted = Tokens(
            given,
            written if written > 0 else before.output_tokens,
            hit,
            min(put if put > 0 else before.cache_write_tokens, given - hit),
        )
        if counted != Tokens(0, 0):
            self.usage = counted

    def _take_finish(self, word: str) -> None:
        """Take a finish reason. One that we don't know takes nothing back."""
        finish = standard(word)
        if finish is None or (finish is Finish.UNKNOWN and self.finish is not None):
            return
        self.finish, self.finish_word = finish, for_log(word)

    def _take_delta(self, delta: ChoiceDelta) -> bool:
        says = False
        if delta.tool_calls or delta.function_call is not None:
            says = self._take_calls(delta)
        if delta.content:
            says = self.text.add_content(delta.content) or says
        if delta.refusal:
            self.refused = True
            says = says or not delta.refusal.isspace()
        return says or delta.reasons

    def _take_calls(self, delta: ChoiceDelta) -> bool:
        """Take the calls of a delta, if they belong to the answer.

        Where none was asked for, they do if no content has come before them.
        """
        says, text = False, self.text
        if text.in_tools or text.called or not (delta.content or text.said):
            for call in delta.tool_calls or (ToolCall(function=delta.function_call),):
                says = text.add_call(self._calls.text(call)) or says
        return says


def _uncounted(told: CompletionUsage) -> int:
    """Tokens of reasoning that are in the total alone, and cost as much as the completion's.

    So do xAI (https://docs.x.ai/docs/key-information/consumption-and-rate-limits) and Gemini count.
    """
    asked, written = told.prompt_tokens or 0, max(told.completion_tokens or 0, 0)
    left = (told.total_tokens or 0) - asked - written if asked > 0 else 0
    details = told.completion_tokens_details
    reasoned = details.reasoning_tokens if details else None
    return max(left if reasoned is None else min(left, reasoned), 0)
