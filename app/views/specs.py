"""All views, one row for each. Options, routes, OpenAPI and the page's list follow from the rows.

A new view is one file in this folder, with the class that makes the messages, and one row here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from app.schemas.entry import SchemaEntry
from app.views import ag_ui, ui_message
from app.views.ag_ui import AgUiView
from app.views.delta import DeltaView
from app.views.format import TEXT, Format
from app.views.items import ItemsView, element_json_schema, has_items
from app.views.patch import PATCH_JSON_SCHEMA
from app.views.posted_body import PostedBody
from app.views.snapshot import SnapshotView
from app.views.text import TextView
from app.views.ui_message import UiMessageView
from app.views.view import View


class ViewContext(NamedTuple):
    """What a view gets when it is made.

    ids: those of the response: `ViewSpec.ids`, and whatever a front end's body has beside them
    reasoning: whether the reader wants the model's reasoning
    """

    entry: SchemaEntry
    request_id: str
    ids: Mapping[str, str] = {}
    reasoning: bool = False


class ViewEvent(NamedTuple):
    """The event in which a view shows what is new, as OpenAPI describes it.

    name: None for a plain message, whose event is `message`
    meaning: what its data is, in a few words
    json_schema: the JSON Schema of its data, or a function if it depends on the schema
    component: the name of this JSON Schema in OpenAPI, where `{}` stands for the schema's name;
        None if it has no name
    """

    name: str | None
    meaning: str
    json_schema: Mapping[str, Any] | Callable[[SchemaEntry], Mapping[str, Any]]
    component: str | None = None


class ViewData(NamedTuple):
    """The data of the unnamed events of a view with its own format, as OpenAPI describes it.

    json_schema: the JSON Schema of each `data`
    end: the last `data`, if that is not JSON; None if it is JSON like the others
    """

    json_schema: Mapping[str, Any]
    end: str | None = None


class ViewBody(NamedTuple):
    """A kind of body that a front end posts. The view accepts it as well as the plain body.

    read: reads a schema's parameters from any JSON object; raises `InvalidRequest`
    meaning: what it is; OpenAPI writes it after "it may also be"
    """

    read: Callable[[dict[str, Any]], PostedBody]
    meaning: str


class Requirement(NamedTuple):
    """What a view requires of a schema.

    meaning: the end of the error message if a client asks for the view and the schema doesn't fit
    """

    holds: Callable[[SchemaEntry], bool]
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewSpec:
    """One view, with all that the rest of the service knows of it.

    name: the value of the query key `view`
    make: makes a new view for one response
    summary: what it shows, in a few words
    format: its own format; None if `Accept` chooses one of `FORMATS`
    event: the event that a view without its own format adds to the protocol's; None for no event
    contents: a description of a stream in the view's own format, in sentences
    data: the data of its events; None if its own format has no events
    whole: the media type of the whole text, if this text is the final value; None otherwise
    body: a kind of body that `POST` accepts besides the plain body; None for no other
    requirement: what a schema must have for this view; None if it fits every schema
    ids: the names of the ids that differ between responses. They come from the body, or are made.
        Apart from them, all who read a stream from its beginning get the same bytes
    """

    name: str
    make: Callable[[ViewContext], View]
    summary: str
    format: Format | None = None
    event: ViewEvent | None = None
    contents: str = ""
    data: ViewData | None = None
    whole: str | None = None
    body: ViewBody | None = None
    requirement: Requirement | None = None
    ids: tuple[str, ...] = ()

    def fits(self, entry: SchemaEntry) -> bool:
        """Whether a schema has this view."""
        return self.requirement is None or self.requirement.holds(entry)

    def read_body(self, body: dict[str, Any]) -> PostedBody:
        """A posted body as parameters. Raises `InvalidRequest`."""
        return PostedBody(body) if self.body is None else self.body.read(body)


_ROWS: Final = (
    ViewSpec(
        name="snapshot",
        make=lambda context: SnapshotView(context.request_id, reasoning=context.reasoning),
        summary="all of it, each time",
        event=ViewEvent(
            name=None,
            meaning="the partial value so far",
            json_schema=lambda entry: entry.partial_json_schema,
            component="{}Partial",
        ),
    ),
    ViewSpec(
        name="delta",
        make=lambda context: DeltaView(context.request_id, reasoning=context.reasoning),
        summary="what has changed, as `patch`es",
        event=ViewEvent(
            name="patch",
            meaning="operations that turn the last state into the next",
            json_schema=PATCH_JSON_SCHEMA,
            component="PatchEvent",
        ),
    ),
    ViewSpec(
        name="items",
        make=lambda context: ItemsView(context.request_id, reasoning=context.reasoning),
        summary="the elements of a list, each when it is finished",
        event=ViewEvent(
            name="item",
            meaning="one finished, validated element",
            json_schema=element_json_schema,
        ),
        requirement=Requirement(has_items, "is for lists without validators"),
    ),
    ViewSpec(
        name="text",
        make=lambda context: TextView(context.entry.plan),
        summary="the result's JSON text, as it is appended",
        format=TEXT,
        contents="the JSON text of the final value as it is appended. What fails after its first "
        "byte ends abruptly",
        whole="application/json",
    ),
    ViewSpec(
        name="ui-message",
        make=lambda context: UiMessageView(
            context.request_id, context.entry.plan, reasoning=context.reasoning
        ),
        summary="the AI SDK's UI message stream, for `useChat`",
        format=ui_message.FORMAT,
        contents="each `data` a chunk of the AI SDK's UI message stream. The partial is one "
        "`data-{schema}` part, which is replaced as it grows; `[DONE]` comes last",
        data=ViewData(ui_message.CHUNK_JSON_SCHEMA, end=ui_message.END),
        body=ViewBody(
            read=ui_message.from_use_chat,
            meaning="what the AI SDK's `useChat` posts (the user's last text is the topic; what is "
            "beside `id`, `messages`, `trigger` and `messageId` are the other parameters)",
        ),
    ),
    ViewSpec(
        name="ag-ui",
        make=lambda context: AgUiView(
            context.request_id, context.entry.plan, **context.ids, reasoning=context.reasoning
        ),
        summary="AG-UI's events, for `HttpAgent`",
        format=ag_ui.FORMAT,
        contents="each `data` an event of AG-UI, from `RUN_STARTED` to `RUN_FINISHED` or "
        "`RUN_ERROR`. The partial is the agent's state, by `STATE_SNAPSHOT` and `STATE_DELTA`",
        data=ViewData(ag_ui.EVENT_JSON_SCHEMA),
        body=ViewBody(
            read=ag_ui.from_run_agent_input,
            meaning="AG-UI's `RunAgentInput` (the other parameters are in `forwardedProps`)",
        ),
        ids=("thread_id", "run_id"),
    ),
)

VIEWS: Final[dict[str, ViewSpec]] = {spec.name: spec for spec in _ROWS}


def specs_of(entry: SchemaEntry) -> list[ViewSpec]:
    """The views that a schema has."""
    return [spec for spec in VIEWS.values() if spec.fits(entry)]


def views_of(entry: SchemaEntry) -> list[str]:
    """The names of the views that a schema has."""
    return [spec.name for spec in specs_of(entry)]
