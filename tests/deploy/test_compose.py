"""`deploy/compose.yaml` and the files that it names fit each other and the service."""

from __future__ import annotations

import re
from typing import Any

import yaml

from app.settings import Settings
from tests.support.front import DEPLOY

compose: Any = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
nginx, service = compose["services"]["nginx"], compose["services"]["service"]
dockerfile = (DEPLOY.parent / "Dockerfile").read_text()


def example() -> dict[str, str]:
    lines = (DEPLOY / "service.env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_nginx_asks_the_service_by_the_name_and_port_that_it_has() -> None:
    server = re.search(r"server (\w+):(\d+);", (DEPLOY / "nginx.conf").read_text())
    assert server
    assert server[1] in compose["services"]
    assert service["expose"] == [server[2]]
    assert f"EXPOSE {server[2]}" in dockerfile
    assert "ports" not in service  # nothing else reaches it


def test_the_files_that_it_mounts_are_where_nginx_looks_for_them() -> None:
    conf = (DEPLOY / "nginx.conf").read_text()
    mounted = dict(volume.split(":")[:2] for volume in nginx["volumes"])
    assert DEPLOY / next(p for p in mounted if p.endswith(".conf")) == (DEPLOY / "nginx.conf")
    for path in re.findall(r"ssl_certificate(?:_key)? (.+)/\w+\.pem;", conf):
        assert mounted["./tls"] == path


def test_the_service_has_time_to_drain_and_files_for_its_streams() -> None:
    settings = Settings()
    assert int(service["stop_grace_period"].removesuffix("s")) > settings.drain_seconds + 1
    assert service["ulimits"]["nofile"] > 4 * settings.max_streams
    assert service["read_only"] is True


def test_the_proxys_timeouts_are_longer_than_the_services() -> None:
    found = re.search(r"proxy_read_timeout (\d+)s", (DEPLOY / "nginx.conf").read_text())
    assert found
    settings = Settings()
    assert int(found[1]) > max(settings.heartbeat_seconds, settings.total_timeout)


def test_the_example_of_an_environment_has_settings_only_and_needs_keys() -> None:
    given = example()
    assert {name.lower() for name in given} <= Settings.model_fields.keys()
    assert given["API_KEYS"] == ""
    assert service["environment"] == {"ALLOW_OPEN": "false"}
    filled = {**given, "API_KEYS": f"web={'0' * 64}", "TICKET_SECRET": "x" * 32}
    settings = Settings(**{name.lower(): value for name, value in filled.items()}, host="0.0.0.0")
    assert not settings.open
