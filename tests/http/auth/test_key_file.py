"""A file of keys: read anew when it has changed, and held to where it is broken."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from app.http.auth.keys import FILE_BYTES, Keys, KeysError, make_key
from tests.support.callers import CRON, CRON_PAIR, WEB, WEB_PAIR, bearer
from tests.support.http_client import http_client
from tests.support.service import eventually, running

OTHER, OTHER_PAIR = make_key("web")


class Clock:
    """Seconds, as the test has them."""

    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "keys"
    file.write_text(f"# who\n\n {WEB_PAIR} \n")
    return file


def test_a_made_key_is_known_by_its_hash_alone() -> None:
    key, pair = make_key("web")
    assert pair == f"web={hashlib.sha256(key.encode()).hexdigest()}"
    assert len({make_key("web")[0] for _ in range(100)}) == 100
    known = Keys([pair], None)
    assert known.caller(key) == "web"
    assert known.caller(key + "x") is None
    assert "web" in known
    assert len(known) == 1


def test_keys_come_and_go_as_the_file_says(file: Path) -> None:
    clock = Clock()
    known = Keys([], str(file), clock)

    def callers() -> list[str | None]:
        clock.seconds += 1
        return [known.caller(WEB), known.caller(OTHER), known.caller(CRON)]

    assert callers() == ["web", None, None]
    file.write_text(f"{WEB_PAIR}\n{OTHER_PAIR}\n{CRON_PAIR}")
    assert callers() == ["web", "web", "cron"]
    other = file.with_name("new")
    other.write_text(f"{OTHER_PAIR}\n{CRON_PAIR}\n")
    other.replace(file)
    assert callers() == [None, "web", "cron"]
    file.write_text("# nobody: that is not everybody\n")
    assert callers() == [None, None, None]
    assert "web" not in known


def test_the_file_is_checked_once_a_second_at_most(file: Path) -> None:
    clock = Clock()
    known = Keys([], str(file), clock)
    file.write_text(f"{CRON_PAIR}\n")
    clock.seconds += 0.9
    assert known.caller(CRON) is None
    clock.seconds += 0.2
    assert known.caller(CRON) == "cron"


@pytest.mark.parametrize(
    "broken",
    [b"web", b"web=1234", f"{WEB_PAIR}\nc4n4ry".encode(), b"\xff", b"#" * (FILE_BYTES + 1), None],
    ids=["no hash", "short hash", "line", "no text", "size", "none"],
)
def test_a_file_that_cannot_be_used_changes_nothing_and_is_told_once(
    file: Path, broken: bytes | None
) -> None:
    clock = Clock()
    known = Keys([CRON_PAIR], str(file), clock)
    if broken is None:
        file.unlink()
    else:
        file.write_bytes(broken)
    with capture_logs() as logs:
        for _ in range(3):
            clock.seconds += 1
            assert (known.caller(WEB), known.caller(CRON)) == ("web", "cron")
    assert [log["log_level"] for log in logs] == ["error"]
    assert "c4n4ry" not in str(logs)
    with pytest.raises(KeysError, match="API_KEYS_FILE: "):
        Keys([], str(file))
    file.write_text(f"{OTHER_PAIR}\n")
    clock.seconds += 1
    assert (known.caller(WEB), known.caller(OTHER)) == (None, "web")


def test_a_file_that_is_not_there_is_told_at_each_reread_and_read_once_it_is(file: Path) -> None:
    clock = Clock()
    known = Keys([], str(file), clock)
    file.unlink()
    with capture_logs() as logs:
        known.reread()
        known.reread()
    assert [log["cause"] for log in logs] == ["API_KEYS_FILE: No such file or directory"] * 2
    assert known.caller(WEB) == "web"
    file.write_text(f"{CRON_PAIR}\n")
    clock.seconds += 1
    assert (known.caller(WEB), known.caller(CRON)) == (None, "cron")


async def test_a_service_takes_a_new_key_without_a_restart(file: Path) -> None:
    async with (
        running(api_keys_file=str(file)) as service,
        http_client(timeout=60, base_url=service.url) as client,
    ):
        assert (await client.get("/streams/x", headers=bearer(CRON))).status_code == 401
        _rewrite(file, CRON_PAIR)
        await eventually(lambda: service.app.state.keys.caller(CRON) == "cron")
        assert (await client.get("/streams/x", headers=bearer(CRON))).status_code == 404
        assert (await client.get("/streams/x", headers=bearer(WEB))).status_code == 401


def _rewrite(file: Path, pair: str) -> None:
    file.write_text(f"{pair}\n")
