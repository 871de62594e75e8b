"""The requests of an API for one model: each way of asking adds its own to them.

What a way adds is made once for each value that is asked, mostly by Instructor. Each call then
adds its messages and its bound.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Final, get_args

from app.providers.asking.way import AskedMode, Way, first_way
from app.providers.base import CompletionRequest
from app.providers.model_settings import ModelSettings
from app.schemas.asked_model import AskedModel
from app.schemas.dialects import DIALECTS, Unsayable

JsonObject = dict[str, Any]

IN_PROMPT: Final = ("json", "md_json")
"""The modes that put the schema into the prompt, where each dialect is as good as the next."""


@dataclass(frozen=True, slots=True)
class Template:
    """What a way adds to each request for the same value.

    fields: of the request
    system, user: what is appended to the first and to the last message
    """

    fields: JsonObject
    system: str = ""
    user: str = ""


class Requests(ABC):
    """The requests of an API. Each API has its own class."""

    def __init__(self, settings: ModelSettings) -> None:
        self.settings = settings

    @abstractmethod
    def body(self, way: Way, request: CompletionRequest) -> JsonObject:
        """The JSON of a request that asks in this way. The messages are left as they are.

        Raises `Unsayable`.
        """

    @abstractmethod
    def settings_for(self, way: Way) -> str:
        """The settings with which a model is asked in this way from the first call on."""

    @abstractmethod
    def _make(self, asked: AskedModel, way: Way) -> Template:
        """What a way adds to a request for this value, whose dialect is that of the way."""

    def _of_template(self, way: Way) -> Way:
        """The way with nothing but that on which its template depends."""
        return Way(mode=way.mode, dialect="full" if way.mode in IN_PROMPT else way.dialect)

    def first_way(self) -> Way:
        """The way in which the model is asked first: the only one, unless the mode is `auto`."""
        return first_way(self.settings)

    def sayable(self, way: Way, asked: AskedModel) -> Way:
        """The way, or the next one whose dialect can say what is asked."""
        while not self._can_say(way, asked):
            if way.dialect == "plain":
                return replace(way, mode="json", dialect="full")
            way = replace(way, dialect="full" if way.dialect == "strict" else "plain")
        return way

    def prepare(self, values: Iterable[AskedModel]) -> None:
        """Make what the requests for a schema's values have in common.

        values: one for each bound of a list. Of the ways that a model may turn out to need, the
            last value stands for all: the others are made when they are needed, in 2 ms each

        Raises `Unsayable` where the dialect that is set can't say one, and whatever else is wrong.
        """
        for value in values:
            self.template(self.first_way(), value)
        if self.settings.mode == "auto":
            for mode, dialect in product(get_args(AskedMode), DIALECTS):
                self._can_say(Way(mode=mode, dialect=dialect), value)

    def template(self, way: Way, asked: AskedModel) -> Template:
        """What the way adds to a request for this value. It is made once. Raises `Unsayable`."""
        way = self._of_template(way)
        examples = self.settings.examples
        key = (type(self), way, examples)
        if key not in asked.kept:
            try:
                made = self._make(asked.in_dialect(way.dialect, examples=examples), way)
                asked.kept[key] = made
            except Unsayable as error:
                asked.kept[key] = str(error)
        kept: Template | str = asked.kept[key]
        if isinstance(kept, str):
            raise Unsayable(kept)
        return kept

    def _can_say(self, way: Way, asked: AskedModel) -> bool:
        try:
            self.template(way, asked)
        except Unsayable:
            return False
        return True
