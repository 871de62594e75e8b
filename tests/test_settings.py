"""The settings: defaults, lists, and how a wrong one stops the start."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from app.main import models
from app.providers.model_settings import ModelSettings
from app.providers.models_file import ModelsError
from app.settings import DEFAULT_MODEL, Settings, describe
from tests.support.command import invoked
from tests.support.process import ended

DOCUMENT = Path(__file__).parent.parent / "docs" / "settings.md"

DEFAULTS: dict[str, Any] = {
    "host": "127.0.0.1",
    "port": 8000,
    "root_path": "",
    "schemas": ("schemas",),
    "workers": 1,
    "streams_store": None,
    "store_requests": True,
    "store_down": "refuse",
    "api_keys": (),
    "api_keys_file": None,
    "allow_open": False,
    "allowed_hosts": (),
    "ticket_secret": None,
    "caller_streams": None,
    "caller_streams_per_minute": None,
    "caller_replays_per_minute": None,
    "caller_tokens_per_day": None,
    "caller_usd_per_day": None,
    "limits_store": None,
    "max_streams": 500,
    "max_queued": 100,
    "queue_seconds": 2,
    "models_file": None,
    "openai_api_key": None,
    "openai_base_url": None,
    "models": (),
    "model": "",
    "instructor_mode": "auto",
    "max_tokens_field": "max_tokens",
    "extra_body": {},
    "extra_headers": {},
    "schema_dialect": "full",
    "schema_examples": True,
    "max_attempts": 2,
    "keep_elements": True,
    "max_output_bytes": 1024 * 1024,
    "connect_timeout": 4,
    "open_timeout": 5,
    "first_content_timeout": 60,
    "content_gap_timeout": 20,
    "total_timeout": 180,
    "circuit_failures": 5,
    "circuit_seconds": 30,
    "send_timeout": 30,
    "heartbeat_seconds": 15,
    "resume_grace_seconds": 30,
    "retention_seconds": 300,
    "retained_bytes": 67108864,
    "drain_seconds": 8,
    "max_body_bytes": 65536,
    "cors_origins": ("http://localhost:3000",),
    "cors_credentials": False,
    "traces": False,
    "capture_content": False,
    "record": None,
    "log_format": "console",
    "log_level": "info",
    "caller_metrics": False,
    "demo_tokens_per_second": 60,
}

HASH = "0a" * 32
WEB = f"web={HASH}"

RIGHT: dict[str, tuple[str, Any]] = {
    "HOST": ("0.0.0.0", "0.0.0.0"),
    "PORT": ("0", 0),
    "ROOT_PATH": ("/team-a/v1.0", "/team-a/v1.0"),
    "SCHEMAS": ("schemas, /srv/more ,", ("schemas", "/srv/more")),
    "WORKERS": ("4", 4),
    "STREAMS_STORE": (
        "redis://h,redis+sentinel://:pw@a:1,b/main",
        SecretStr("redis://h,redis+sentinel://:pw@a:1,b/main"),
    ),
    "STORE_REQUESTS": ("false", False),
    "STORE_DOWN": ("local", "local"),
    "API_KEYS": (f"web={HASH}, web={HASH} ,cron-1.x={HASH}", (WEB, WEB, f"cron-1.x={HASH}")),
    "API_KEYS_FILE": ("/run/secrets/keys", "/run/secrets/keys"),
    "ALLOW_OPEN": ("true", True),
    "ALLOWED_HOSTS": ("api.example,[::1]", ("api.example", "[::1]")),
    "TICKET_SECRET": ("s" * 32, SecretStr("s" * 32)),
    "CALLER_STREAMS": ("3", 3),
    "CALLER_STREAMS_PER_MINUTE": ("60", 60),
    "CALLER_REPLAYS_PER_MINUTE": ("60", 60),
    "CALLER_TOKENS_PER_DAY": ("1000000", 1_000_000),
    "CALLER_USD_PER_DAY": ("0.5", 0.5),
    "LIMITS_STORE": ("redis://:pw@host:6379/1", SecretStr("redis://:pw@host:6379/1")),
    "MAX_STREAMS": ("1", 1),
    "MAX_QUEUED": ("0", 0),
    "QUEUE_SECONDS": ("0", 0),
    "MODELS_FILE": ("/etc/models.toml", "/etc/models.toml"),
    "OPENAI_API_KEY": ("sk-1", SecretStr("sk-1")),
    "OPENAI_BASE_URL": ("http://[::1]:11434/v1", "http://[::1]:11434/v1"),
    "MODELS": ("a, b/c:d ,,", ("a", "b/c:d")),
    "MODEL": ("a", "a"),
    "INSTRUCTOR_MODE": ("md_json", "md_json"),
    "MAX_TOKENS_FIELD": ("max_completion_tokens", "max_completion_tokens"),
    "EXTRA_BODY": (
        '{"temperature": 0.2, "stream_options": null}',
        {"temperature": 0.2, "stream_options": None},
    ),
    "EXTRA_HEADERS": ('{"X-Team": "a b"}', {"X-Team": "a b"}),
    "SCHEMA_DIALECT": ("strict", "strict"),
    "SCHEMA_EXAMPLES": ("false", False),
    "MAX_ATTEMPTS": ("1", 1),
    "KEEP_ELEMENTS": ("false", False),
    "MAX_OUTPUT_BYTES": ("1", 1),
    "CONNECT_TIMEOUT": ("0.5", 0.5),
    "OPEN_TIMEOUT": ("0.5", 0.5),
    "FIRST_CONTENT_TIMEOUT": ("86400", 86400),
    "CONTENT_GAP_TIMEOUT": ("1e2", 100),
    "TOTAL_TIMEOUT": ("1", 1),
    "CIRCUIT_FAILURES": ("1", 1),
    "CIRCUIT_SECONDS": ("0.5", 0.5),
    "SEND_TIMEOUT": ("1", 1),
    "HEARTBEAT_SECONDS": ("1", 1),
    "RESUME_GRACE_SECONDS": ("1.5", 1.5),
    "RETENTION_SECONDS": ("60", 60.0),
    "RETAINED_BYTES": ("0", 0),
    "DRAIN_SECONDS": ("0", 0),
    "MAX_BODY_BYTES": ("1", 1),
    "CORS_ORIGINS": (
        "https://a.example, chrome-extension://abc,null",
        ("https://a.example", "chrome-extension://abc", "null"),
    ),
    "CORS_CREDENTIALS": ("true", True),
    "TRACES": ("true", True),
    "CAPTURE_CONTENT": ("true", True),
    "RECORD": ("recordings", "recordings"),
    "LOG_FORMAT": ("json", "json"),
    "LOG_LEVEL": ("debug", "debug"),
    "CALLER_METRICS": ("true", True),
    "DEMO_TOKENS_PER_SECOND": ("0", 0),
}

OF_ONE_PROVIDER = {
    *("OPENAI_BASE_URL", "MODELS", "INSTRUCTOR_MODE", "MAX_TOKENS_FIELD"),
    *("EXTRA_BODY", "EXTRA_HEADERS", "SCHEMA_DIALECT", "SCHEMA_EXAMPLES"),
}

SECRET = "sk-c4n4ry"
WRONG: dict[str, list[str]] = {
    "PORT": ["-1", "65536", "http", "80.5"],
    "ROOT_PATH": ["api", "/api/", "/", "//api", "/a b", "/a?b", "/ä"],
    "SCHEMAS": [","],
    "WORKERS": ["0", "65"],
    "STREAMS_STORE": [
        *(",", "redis://c4n4ry,", "redis+sentinel://c4n4ry", "redis+sentinel://:1/main"),
        *("redis://h:c4n4ry", "redis://h,memcached://c4n4ry", "c4n4ry"),
    ],
    "STORE_REQUESTS": ["perhaps"],
    "STORE_DOWN": ["wait"],
    "API_KEYS": ["web", f"we b={HASH}", f"web={HASH[1:]}", f"={HASH}", f"web={HASH.upper()}"],
    "ALLOW_OPEN": ["perhaps"],
    "ALLOWED_HOSTS": ["https://a.example", "a.example:80"],
    "TICKET_SECRET": ["c4n4ry"],
    "CALLER_STREAMS": ["0", "many"],
    "CALLER_STREAMS_PER_MINUTE": ["0"],
    "CALLER_REPLAYS_PER_MINUTE": ["0"],
    "CALLER_TOKENS_PER_DAY": ["0", "1e6"],
    "CALLER_USD_PER_DAY": ["0", "-1", "nan", "inf", "$5"],
    "LIMITS_STORE": ["c4n4ry", "memcached://c4n4ry"],
    "MAX_STREAMS": ["0"],
    "MAX_QUEUED": ["-1", "10001"],
    "QUEUE_SECONDS": ["-1", "nan"],
    "OPENAI_API_KEY": ["c4n4ry\n", "c4n4ry c4n4ry", "c4n4ré"],
    "OPENAI_BASE_URL": [
        *("localhost:1234", "ftp://a", "http://", "http://c4n4ry@", "http://a:c4n4ry/v1"),
        *("http://a/v1#c4n4ry", "http://a/v1?c4n4ry", "http://a/v1?a=1&a=c4n4ry", "c4n4ry"),
    ],
    "INSTRUCTOR_MODE": ["TOOLS", "functions"],
    "MAX_TOKENS_FIELD": ["tokens"],
    "EXTRA_BODY": [
        *("c4n4ry", "[]", "3", '"c4n4ry"', '{"a": NaN}', '{"stream": false}', "{" * 100_000),
        '{"messages": null, "c4n4ry": 1}',
    ],
    "EXTRA_HEADERS": [
        *("X-A: c4n4ry", "[]", '{"X-A": 5}', '{"X-A": null}', '{"X A": "b"}', '{"X-A": "ü"}'),
        *('{"X-A": "a", "x-a": "b"}', '{"Content-Length": "3"}', '{"X-A": "a\\r\\nc4n4ry: 1"}'),
    ],
    "SCHEMA_DIALECT": ["openai", "Strict"],
    "SCHEMA_EXAMPLES": ["some"],
    "MAX_ATTEMPTS": ["0", "11", "two"],
    "KEEP_ELEMENTS": ["perhaps"],
    "MAX_OUTPUT_BYTES": ["0", "1MB"],
    "CONNECT_TIMEOUT": ["0", "-1", "nan", "inf", "4s", "86401"],
    "OPEN_TIMEOUT": ["0"],
    "FIRST_CONTENT_TIMEOUT": ["0"],
    "CONTENT_GAP_TIMEOUT": ["0"],
    "TOTAL_TIMEOUT": ["0"],
    "CIRCUIT_FAILURES": ["0", "-1", "many"],
    "CIRCUIT_SECONDS": ["0", "nan"],
    "SEND_TIMEOUT": ["0"],
    "HEARTBEAT_SECONDS": ["0"],
    "RESUME_GRACE_SECONDS": ["0"],
    "RETENTION_SECONDS": ["0", "5m"],
    "RETAINED_BYTES": ["-1", "64MiB"],
    "DRAIN_SECONDS": ["-1", "nan"],
    "MAX_BODY_BYTES": ["0", "64KiB"],
    "CORS_ORIGINS": [
        "localhost:3000",
        "http://localhost:3000/",
        "https://a.example,b.example",
        "**",
        '["https://a.example"]',
    ],
    "CORS_CREDENTIALS": ["maybe"],
    "TRACES": ["some"],
    "CAPTURE_CONTENT": ["some"],
    "LOG_FORMAT": ["xml"],
    "LOG_LEVEL": ["loud"],
    "CALLER_METRICS": ["perhaps"],
    "DEMO_TOKENS_PER_SECOND": ["-1", "nan", "fast"],
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Nothing of the machine's own."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


def names(**settings: Any) -> tuple[str, ...]:
    """The names of the models, the default one first."""
    return tuple(model.name for model in models(Settings(**settings)))


def wrong(**settings: Any) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        Settings(**settings)
    return describe(caught.value)


def test_every_setting_has_its_default() -> None:
    assert Settings().model_dump() == DEFAULTS


def test_every_setting_is_read_from_the_environment(environment: pytest.MonkeyPatch) -> None:
    assert {name.lower() for name in RIGHT} == DEFAULTS.keys()
    for left_out in ({"MODELS_FILE"}, OF_ONE_PROVIDER):
        for name, (text, _) in RIGHT.items():
            environment.setenv(name, "" if name in left_out else text)
        read = {name.lower(): value for name, (_, value) in RIGHT.items() if name not in left_out}
        assert Settings().model_dump() == DEFAULTS | read


def test_an_empty_variable_is_none(environment: pytest.MonkeyPatch) -> None:
    for name in RIGHT:
        environment.setenv(name, "")
    assert Settings().model_dump() == DEFAULTS


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, values in WRONG.items() for v in values])
def test_a_wrong_value_is_described_by_its_name_and_what_was_expected(
    environment: pytest.MonkeyPatch, name: str, value: str
) -> None:
    environment.setenv(name, value)
    expected = Settings.model_fields[name.lower()].description
    assert wrong() == [f"{name}: expected {expected}"]
    assert "c4n4ry" not in str(expected)


def test_what_can_be_wrong_has_been() -> None:
    assert DEFAULTS.keys() - {name.lower() for name in WRONG} == {
        "host",
        "api_keys_file",
        "models_file",
        "record",
        "models",
        "model",
    }


def test_settings_that_contradict_each_other_are_refused() -> None:
    assert wrong(cors_origins="*", cors_credentials=True) == [
        "CORS_ORIGINS: * can't be used with CORS_CREDENTIALS"
    ]
    assert wrong(workers=2, api_keys=(WEB,)) == [
        "TICKET_SECRET: WORKERS must share one, or refuse each other's tickets"
    ]
    assert wrong(openai_base_url="http://localhost:1/v1") == [
        "MODEL: name the model to ask at OPENAI_BASE_URL"
    ]
    assert wrong(models_file="models.toml", models="a", extra_body={}) == [
        "MODELS_FILE: says of each model what MODELS, EXTRA_BODY would say of all: "
        "unset one or the other"
    ]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "api.example"])
def test_without_keys_only_this_machine_is_served_unless_that_is_said(host: str) -> None:
    assert wrong(host=host) == [
        "API_KEYS: without keys everyone who reaches HOST could spend; "
        "set keys, or ALLOW_OPEN=true if that is meant"
    ]
    assert Settings(host=host, allow_open=True).open
    assert not Settings(host=host, api_keys=(WEB,)).open
    assert not Settings(host=host, api_keys_file="keys").open


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_on_this_machine_no_key_is_needed(host: str) -> None:
    assert Settings(host=host).on_loopback


def test_workers_share_what_a_caller_may_and_each_has_something() -> None:
    settings = Settings(workers=4)
    assert [settings.share(limit) for limit in (1, 4, 7, 100)] == [1, 1, 1, 25]


def test_settings_do_not_change_and_hide_the_key() -> None:
    settings = Settings(
        openai_api_key=SecretStr(SECRET),
        ticket_secret=SecretStr(SECRET * 4),
        limits_store=SecretStr(f"redis://:{SECRET}@host"),
        openai_base_url=f"https://user:{SECRET}@host/v1?key={SECRET}",
        extra_headers={"X-Key": SECRET},
        model="m",
    )
    with pytest.raises(ValidationError):
        settings.port = 1  # type: ignore[misc]
    assert SECRET not in repr(settings) + str(settings)


@pytest.mark.parametrize(
    ("settings", "offered"),
    [
        ({"openai_api_key": "k"}, (DEFAULT_MODEL,)),
        ({"openai_api_key": "k", "model": "a"}, ("a",)),
        ({"openai_api_key": "k", "models": "a,b"}, ("a", "b")),
        ({"openai_api_key": "k", "models": "a,b", "model": "b"}, ("b", "a")),
        ({"openai_api_key": "k", "models": "a,b", "model": "c"}, ("c", "a", "b")),
        ({"openai_base_url": "http://a/v1", "models": "a,a"}, ("a",)),
        ({"models": "demo-500,demo"}, ("demo-500", "demo")),
    ],
)
def test_the_default_model_comes_first(settings: Any, offered: tuple[str, ...]) -> None:
    assert names(**settings) == offered


def test_with_the_demo_all_of_its_models_are_there_the_plain_one_first() -> None:
    found = names()
    assert found[0] == "demo"
    assert "demo-always-invalid" in found
    assert names(model="demo-drip")[0] == "demo-drip"


MODELS = "[models.a]\nbase_url = 'http://a'\n[models.b]\nbase_url = 'http://b'\n"


def test_the_first_model_of_a_file_is_the_default_unless_another_is_named(tmp_path: Path) -> None:
    file = tmp_path / "models.toml"
    file.write_text(MODELS)
    assert names(models_file=str(file)) == ("a", "b")
    assert names(models_file=str(file), model="b") == ("b", "a")
    with pytest.raises(ModelsError, match=r"^MODEL: expected one of a, b$"):
        names(models_file=str(file), model="c")


def test_the_models_of_one_provider_are_asked_as_the_settings_say() -> None:
    (model,) = models(
        Settings(
            openai_base_url="http://user:pw@host/v1?v=1",
            model="m",
            instructor_mode="json",
            max_tokens_field="max_completion_tokens",
            extra_body={"seed": None},
            extra_headers={"X-A": "b"},
            schema_dialect="strict",
            schema_examples=False,
            connect_timeout=1,
        )
    )
    assert model == ModelSettings(
        name="m",
        model="m",
        base_url="http://host/v1",
        mode="json",
        max_tokens_field="max_completion_tokens",
        options={"seed": None},
        headers={"Authorization": "Basic dXNlcjpwdw==", "X-A": "b"},
        query={"v": "1"},
        dialect="strict",
        examples=False,
        connect_timeout=1,
    )


async def test_each_wrong_one_stops_the_start_with_a_line(tmp_path: Path) -> None:
    values = {name: values[-1] for name, values in WRONG.items()}
    values |= {"OPENAI_API_KEY": f"{SECRET}\n", "OPENAI_BASE_URL": "c4n4ry"}
    stopped = await ended(**values)
    assert stopped.code == 2
    assert stopped.out == ""
    assert stopped.said.splitlines() == [
        f"{field.upper()}: expected {info.description}"
        for field, info in Settings.model_fields.items()
        if field.upper() in WRONG
    ]
    assert "c4n4ry" not in stopped.said


async def test_a_wrong_file_of_models_stops_the_start_and_the_commands_with_its_lines(
    tmp_path: Path,
) -> None:
    file = tmp_path / "models.toml"
    file.write_text(f"{MODELS}mode = '{SECRET}'\nspeed = 1\n")
    for stopped in (
        await ended(MODELS_FILE=str(file)),
        await invoked("schemas", MODELS_FILE=str(file)),
    ):
        assert (stopped.code, stopped.out) == (2, "")
        first, second = stopped.said.splitlines()
        assert first.startswith(f"{file}:5: models.b.mode: expected auto, tools, ")
        assert second.startswith(f"{file}:6: models.b.speed: expected one of the keys model, ")
        assert SECRET not in stopped.said


async def test_a_contradiction_stops_the_start_with_a_line() -> None:
    stopped = await ended(CORS_ORIGINS="*", CORS_CREDENTIALS="true", OPENAI_API_KEY=SECRET)
    assert stopped.code == 2
    assert stopped.said == "CORS_ORIGINS: * can't be used with CORS_CREDENTIALS\n"


# docs/settings.md


def documented() -> dict[str, str]:
    """The table of settings: names, and their defaults as they stand there."""
    rows = re.findall(r"^\| `([A-Z_]+)` \|([^|]*)\|([^|]*)\|$", DOCUMENT.read_text(), re.MULTILINE)
    assert all(meaning.strip() for _, _, meaning in rows)
    return {name: default.strip() for name, default, _ in rows}


def test_the_document_lists_every_setting_and_no_other() -> None:
    assert documented().keys() == {name.upper() for name in Settings.model_fields}


def test_the_document_has_every_default() -> None:
    found = documented()
    for name, value in DEFAULTS.items():
        if name not in ("model", "models"):  # they follow from each other: in words
            assert found[name.upper()] == shown(value), name


def shown(value: Any) -> str:
    if value in (None, "", (), {}):
        return ""
    text = ",".join(value) if isinstance(value, tuple) else str(value)
    return f"`{text.lower()}`"


@pytest.mark.parametrize(
    "url",
    [
        *("redis://host:port", "redis://[::1", "redis://h?nonsense=1"),
        *("http://host", "redis", "redis://host:99999999"),
    ],
)
def test_the_url_of_no_store_is_said_without_its_words(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("LIMITS_STORE", url)
    with pytest.raises(ValidationError) as caught:
        Settings()
    expected = Settings.model_fields["limits_store"].description
    assert describe(caught.value) == [f"LIMITS_STORE: expected {expected}"]
