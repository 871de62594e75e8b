"""Whatever word a provider has for a finish, it is one of ours."""

from __future__ import annotations

import pytest

from app.providers.base import Finish
from app.providers.finish import standard

WORDS = {
    Finish.STOP: "stop STOP Stop end_turn endTurn tool_use tool-calls tool_calls TOOL_CALL "
    "function_call eos eos_token EOS COMPLETE completed stop_sequence",
    Finish.LENGTH: "length max_tokens MAX_TOKENS max-tokens model_length max_output_tokens",
    Finish.FILTERED: "content_filter CONTENT_FILTER SAFETY RECITATION PROHIBITED_CONTENT",
    Finish.REFUSED: "refusal REFUSAL",
    Finish.UNKNOWN: "error other OTHER malformed_function_call FINISH_REASON_UNSPECIFIED - 停",
}


@pytest.mark.parametrize(
    ("word", "finish"),
    [(word, finish) for finish, words in WORDS.items() for word in words.split()],
)
def test_a_word_means(word: str, finish: Finish) -> None:
    assert standard(word) is finish
