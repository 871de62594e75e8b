"""`deploy/compose.yaml` and the files that it names fit each other and the service.

No engine runs it here. nginx is run with the rights that it is given; the rest is read.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml

from app.settings import Settings
from tests.support.curl import curl
from tests.support.front import DEPLOY, nginx
from tests.test_confined import NO_FILES, READ_ONLY, as_root

compose: Any = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
services: dict[str, Any] = compose["services"]
proxy, service, store = services["nginx"], services["service"], services["redis"]
dockerfile = (DEPLOY.parent / "Dockerfile").read_text()
conf = (DEPLOY / "nginx" / "nginx.conf").read_text()
each = pytest.mark.parametrize("name", services)


def example() -> dict[str, str]:
    lines = (DEPLOY / "service.env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def seconds(duration: str) -> int:
    return int(duration.removesuffix("s"))


def mebibytes(size: str) -> int:
    return int(size[:-1]) * {"m": 1, "g": 1024}[size[-1]]


def test_nginx_asks_the_service_by_the_name_and_port_that_it_has() -> None:
    server = re.search(r"default (\w+):(\d+);", conf)
    assert server
    assert server[1] in services
    assert service["expose"] == [server[2]]
    assert f"EXPOSE {server[2]}" in dockerfile


def test_nginx_alone_is_reached_from_outside_and_does_not_reach_the_store() -> None:
    assert [name for name, each in services.items() if "ports" in each] == ["nginx"]
    assert not set(proxy["networks"]) & set(store["networks"])
    assert set(service["networks"]) == {*proxy["networks"], *store["networks"]}
    assert compose["networks"]["back"] == {"internal": True}
    assert compose["networks"]["front"] is None  # the service must reach its provider


def test_there_are_replicas_and_no_request_is_bound_to_one() -> None:
    assert service["deploy"]["replicas"] == 3
    for file in (DEPLOY / "nginx").glob("*.conf"):
        assert not re.search(r"ip_hash|\bhash |sticky", file.read_text())


def test_the_files_that_it_mounts_are_where_they_are_looked_for() -> None:
    mounted = dict(volume.split(":")[:2] for volume in proxy["volumes"])
    assert mounted["./nginx"] == "/etc/nginx"
    for path in re.findall(r"ssl_certificate(?:_key)? (.+)/\w+\.pem;", conf):
        assert mounted["./tls"] == path
    mounted = dict(volume.split(":")[:2] for volume in store["volumes"])
    assert mounted["./redis/redis.conf"] in store["command"]
    assert (
        f"aclfile {mounted['./redis/users.acl']}\n" in (DEPLOY / "redis" / "redis.conf").read_text()
    )
    for each in services.values():
        assert all(volume.endswith(":ro") for volume in each.get("volumes", ()))


@each
def test_none_can_write_gain_rights_or_fill_the_machine(name: str) -> None:
    one = services[name]
    assert one["read_only"] is True
    assert one["cap_drop"] == ["ALL"]
    assert one["security_opt"] == ["no-new-privileges:true"]
    assert one["pids_limit"] > 0
    assert mebibytes(one["mem_limit"]) <= 1024
    assert one["logging"]["options"] == {"max-size": "10m", "max-file": "5"}
    assert one["restart"] == "unless-stopped"


@each
def test_each_image_is_of_a_version(name: str) -> None:
    image = services[name].get("image")
    assert (image is None) == ("build" in services[name])
    assert image is None or re.search(r":\d+\.\d+\.\d+$", image)


def confined(rights: list[str]) -> tuple[str, ...]:
    """A command that executes the one after it: only memory can be written to, and root has no
    other rights than these. Without a namespace to do that in, no file may have a byte."""
    named = ",".join(f"+{right.lower()}" for right in rights)
    command = (
        *("unshare", "--mount", "sh", "-c", READ_ONLY, "sh", "setpriv", "--no-new-privs"),
        *(f"--bounding-set=-all,{named}", f"--inh-caps=-all,{named}"),
    )
    may = as_root and subprocess.run((*command, "true"), check=False).returncode == 0
    return command if may else NO_FILES


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder in memory, which nginx's workers may read, who are somebody else."""
    with TemporaryDirectory(dir="/dev/shm") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


async def test_nginx_needs_no_right_that_it_is_not_given(memory: Path) -> None:
    """Its configuration, its temporary files and what it prints are in memory."""
    before = confined(proxy["cap_add"])
    async with (
        nginx("http://127.0.0.1:1", memory, before=before) as front,
        curl(front, "/") as answer,
    ):
        assert answer.status == "HTTP/2 503"
    assert proxy["tmpfs"] == ["/var/cache/nginx", "/run"]  # the image's folders for these


def test_each_has_time_to_end_and_files_for_its_streams() -> None:
    settings = Settings()
    assert seconds(service["stop_grace_period"]) > settings.drain_seconds + 1
    assert service["ulimits"]["nofile"] > 4 * settings.max_streams
    limit = re.search(r"worker_rlimit_nofile (\d+);", conf)
    connections = re.search(r"worker_connections (\d+);", conf)
    waits = re.search(r"worker_shutdown_timeout (\d+)s;", conf)
    assert limit
    assert connections
    assert waits
    assert proxy["ulimits"]["nofile"] == int(limit[1]) >= 2 * int(connections[1])
    assert seconds(proxy["stop_grace_period"]) > int(waits[1])


def test_the_proxys_timeouts_are_longer_than_the_services() -> None:
    text = (DEPLOY / "nginx" / "service.conf").read_text()
    found = re.search(r"proxy_read_timeout (\d+)s", text)
    assert found
    settings = Settings()
    assert int(found[1]) > max(settings.heartbeat_seconds, settings.total_timeout)


def test_the_store_refuses_when_it_is_full_and_has_room_for_it() -> None:
    text = (DEPLOY / "redis" / "redis.conf").read_text()
    assert "\nmaxmemory-policy noeviction\n" in text
    most = re.search(r"\nmaxmemory (\d+)mb\n", text)
    assert most
    assert mebibytes(store["mem_limit"]) >= 1.5 * int(most[1])


def test_the_example_of_an_environment_has_settings_only_and_needs_keys() -> None:
    given = example()
    assert {name.lower() for name in given} <= Settings.model_fields.keys()
    assert given["API_KEYS"] == ""
    assert service["environment"] == {"ALLOW_OPEN": "false"}
    filled = {**given, "API_KEYS": f"web={'0' * 64}", "TICKET_SECRET": "x" * 32}
    settings = Settings(**{name.lower(): value for name, value in filled.items()}, host="0.0.0.0")
    assert not settings.open
