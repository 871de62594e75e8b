"""What front ends post, read as parameters."""

from __future__ import annotations

from typing import Any

import pytest

from app.errors import InvalidRequest
from app.views.ag_ui import from_run_agent_input
from app.views.posted_body import PostedBody
from app.views.ui_message import from_use_chat
from tests.support.front_ends import posted, run_agent_input, said


def detail(error: pytest.ExceptionInfo[InvalidRequest]) -> tuple[str, str]:
    [detail] = error.value.errors
    return detail["path"], detail["message"]


# useChat


def test_the_last_text_of_the_users_is_the_topic() -> None:
    messages = [said("tea"), said("Here you are", role="assistant"), said("coffee")]
    assert from_use_chat(posted(*messages)) == PostedBody({"topic": "coffee"})


def test_what_is_beside_the_transports_own_keys_is_a_parameter() -> None:
    assert from_use_chat(posted(said("tea"), count=3)) == PostedBody({"topic": "tea", "count": 3})


def test_a_message_with_no_text_is_passed_over() -> None:
    file = {"id": "m", "role": "user", "parts": [{"type": "file", "url": "data:,"}]}
    answer = {"id": "m", "role": "assistant", "parts": [{"type": "data-ideas", "data": []}]}
    assert from_use_chat(posted(said("tea"), answer, file)) == PostedBody({"topic": "tea"})


def test_the_texts_of_one_message_are_lines() -> None:
    parts = [{"type": "text", "text": "tea"}, {"type": "file"}, {"type": "text", "text": "green"}]
    assert from_use_chat(posted({"role": "user", "parts": parts})) == PostedBody(
        {"topic": "tea\ngreen"}
    )


def test_without_messages_a_body_is_the_plain_one() -> None:
    body = {"topic": "tea", "id": "a parameter of the schema's own"}
    assert from_use_chat(body).parameters is body


def test_a_topic_may_be_a_parameter_where_the_user_says_nothing() -> None:
    assert from_use_chat(posted(topic="tea", count=3)) == PostedBody({"topic": "tea", "count": 3})


def test_a_topic_is_not_given_twice() -> None:
    with pytest.raises(InvalidRequest) as error:
        from_use_chat(posted(said("tea"), topic="coffee"))
    assert detail(error) == ("/topic", "is what the user's last message says")


NO_TEXT = "must hold a text of the user's"


@pytest.mark.parametrize(
    ("messages", "path", "message"),
    [
        (None, "/messages", "must be a list"),
        ("tea", "/messages", "must be a list"),
        ({"0": "tea"}, "/messages", "must be a list"),
        ([], "/messages", NO_TEXT),
        ([said("tea", role="system")], "/messages", NO_TEXT),
        ([{"role": "user", "parts": []}], "/messages", NO_TEXT),
        ([said("tea"), "coffee"], "/messages/1", "must be an object"),
        ([{"role": "user"}], "/messages/0/parts", "must be a list"),
        ([{"role": "user", "content": "tea"}], "/messages/0/parts", "must be a list"),
        ([{"role": "user", "parts": "tea"}], "/messages/0/parts", "must be a list"),
        ([{"role": "user", "parts": ["tea"]}], "/messages/0/parts/0", "must be an object"),
        (
            [{"role": "user", "parts": [{"type": "text"}]}],
            "/messages/0/parts/0/text",
            "must be a string",
        ),
        (
            [{"role": "user", "parts": [{"type": "text", "text": 7}]}],
            "/messages/0/parts/0/text",
            "must be a string",
        ),
    ],
)
def test_malformed_messages_are_refused_where_they_are_wrong(
    messages: Any, path: str, message: str
) -> None:
    with pytest.raises(InvalidRequest) as error:
        from_use_chat({**posted(), "messages": messages})
    assert detail(error) == (path, message)


# AG-UI


IDS = {"thread_id": "t1", "run_id": "u1"}


def test_a_run_agent_input_names_its_thread_and_run() -> None:
    body = run_agent_input({"id": "m", "role": "user", "content": "tea"})
    assert from_run_agent_input(body) == PostedBody({"topic": "tea"}, IDS)


def test_the_parameters_are_in_the_forwarded_props() -> None:
    messages = [
        {"id": "1", "role": "user", "content": "tea"},
        {"id": "2", "role": "assistant", "content": "Here you are"},
        {"id": "3", "role": "user", "content": [{"type": "text", "text": "coffee"}]},
    ]
    body = run_agent_input(*messages, forwardedProps={"count": 3})
    assert from_run_agent_input(body) == PostedBody({"topic": "coffee", "count": 3}, IDS)


def test_a_topic_may_be_forwarded_where_the_user_says_nothing() -> None:
    body = run_agent_input(forwardedProps={"topic": "tea"})
    assert from_run_agent_input(body).parameters == {"topic": "tea"}


@pytest.mark.parametrize("ids", [{}, {"threadId": None, "runId": None}])
def test_ids_may_be_missing(ids: dict[str, Any]) -> None:
    message = {"id": "m", "role": "user", "content": "tea"}
    found = from_run_agent_input({"messages": [message], **ids})
    assert found == PostedBody({"topic": "tea"})


def test_a_plain_body_stays_as_it_is() -> None:
    body = {"topic": "tea", "count": 3}
    found = from_run_agent_input(body)
    assert found.parameters is body
    assert found.ids == {}


@pytest.mark.parametrize(
    ("fields", "path", "message"),
    [
        ({"threadId": 7}, "/threadId", "must be a string"),
        ({"runId": ["u1"]}, "/runId", "must be a string"),
        ({"forwardedProps": [3]}, "/forwardedProps", "must be an object"),
        ({"messages": None}, "/messages", "must be a list"),
        ({"messages": []}, "/messages", NO_TEXT),
        ({"messages": ["tea"]}, "/messages/0", "must be an object"),
        ({"messages": [{"role": "user"}]}, "/messages/0/content", "must be a string or a list"),
        (
            {"messages": [{"role": "user", "content": [{"type": "text", "text": None}]}]},
            "/messages/0/content/0/text",
            "must be a string",
        ),
        (
            {
                "messages": [{"role": "user", "content": "tea"}],
                "forwardedProps": {"topic": "coffee"},
            },
            "/forwardedProps/topic",
            "is what the user's last message says",
        ),
    ],
)
def test_a_malformed_input_is_refused_where_it_is_wrong(
    fields: dict[str, Any], path: str, message: str
) -> None:
    with pytest.raises(InvalidRequest) as error:
        from_run_agent_input({**run_agent_input(), **fields})
    assert detail(error) == (path, message)
