"""`python -m app settings`: every setting, where it comes from, and no secret."""

from __future__ import annotations

import json

import pytest

from app.providers.secret_names import HIDDEN
from app.settings import Settings
from app.terminal.settings import run

SECRETS = {
    "OPENAI_API_KEY": "sk-canary",
    "OPENAI_BASE_URL": "https://user:canary@models.example/v1?key=canary",
    "API_KEYS": f"web={'ca' * 32}",
    "TICKET_SECRET": "canary" * 6,
    "LIMITS_STORE": "redis://:canary@store.example:6379/1",
    "STREAMS_STORE": "redis://a:canary@one:1,redis+sentinel://:canary@two:2,three:3/s",
    "EXTRA_HEADERS": '{"X-Tenant": "canary"}',
    "EXTRA_BODY": '{"temperature": 0.5, "auth": {"token": "canary"}, "max_tokens": 7}',
}
SHOWN = {
    "OPENAI_API_KEY": HIDDEN,
    "OPENAI_BASE_URL": f"https://{HIDDEN}@models.example/v1?{HIDDEN}",
    "API_KEYS": [f"web={HIDDEN}"],
    "TICKET_SECRET": HIDDEN,
    "LIMITS_STORE": f"redis://{HIDDEN}@store.example:6379/1",
    "STREAMS_STORE": f"redis://{HIDDEN}@one:1,redis+sentinel://{HIDDEN}@two:2,three:3/s",
    "EXTRA_HEADERS": {"X-Tenant": HIDDEN},
    "EXTRA_BODY": {"temperature": 0.5, "auth": HIDDEN, "max_tokens": 7},
}


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, value in {**SECRETS, "MODEL": "m", "PORT": "9001"}.items():
        monkeypatch.setenv(name, value)
    return Settings()


def test_each_setting_is_a_line_with_its_source(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    run(settings, as_json=True)
    told = {line["name"]: line for line in map(json.loads, capsys.readouterr().out.splitlines())}
    assert list(told) == [name.upper() for name in Settings.model_fields]
    assert told["PORT"] == {"name": "PORT", "source": "environment", "value": 9001}
    assert told["HOST"] == {"name": "HOST", "source": "default", "value": "127.0.0.1"}
    assert {name: told[name]["value"] for name in SECRETS} == SHOWN


def test_no_secret_is_in_the_columns(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    run(settings, as_json=False)
    out = capsys.readouterr().out
    assert "canary" not in out
    assert "ca" * 32 not in out
    assert [line.split() for line in out.splitlines() if line.startswith("PORT ")] == [
        ["PORT", "environment", "9001"]
    ]
