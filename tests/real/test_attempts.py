"""A real model is asked again."""

from __future__ import annotations

from pathlib import Path

from tests.support.connection import connected
from tests.support.real_model import RealModel, asking
from tests.support.schema_files import schema, write

CHOOSY = """
refused = []

def second(word: str) -> str:
    if not refused:
        refused.append(word)
        raise ValueError("the next one may do")
    return word

class Answer(BaseModel):
    word: Annotated[str, AfterValidator(second), Field(max_length=20)]
"""


async def test_a_second_attempt_at_an_answer_succeeds(model: RealModel, tmp_path: Path) -> None:
    write(tmp_path, "choosy.py", CHOOSY + schema("Answer", "Parameters"))
    async with (
        asking(model, schemas=(str(tmp_path),)) as service,
        connected(f"{service.url}/choosy?topic=tea") as stream,
    ):
        events = await stream.rest()
    told = [event for event in events if event.event is not None]
    assert [event.event for event in told] == ["start", "restart", "usage", "done"]
    assert told[1].data["code"] == "output_invalid"
    assert told[2].data["attempts"] == 2


async def test_call_after_call_is_answered(model: RealModel, tmp_path: Path) -> None:
    """llama.cpp closes each connection after an answer without saying so."""
    async with asking(model, schemas=("schemas",)) as service:
        for _ in range(5):
            async with connected(f"{service.url}/ideas?topic=tea&count=1") as stream:
                assert (await stream.rest())[-1].event == "done"
