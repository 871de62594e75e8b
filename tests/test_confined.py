"""The service needs no rights: not root's, and nothing that it could write to."""

from __future__ import annotations

import os
import subprocess

from tests.support.client import read
from tests.support.process import process

READ_ONLY = """
set -eu
mount --make-rprivate /
while read -r _ at _; do
    case $at in
        /proc* | /sys* | /dev*) ;;
        *) mount -o remount,bind,ro "$at" ;;
    esac
done < /proc/self/mounts
exec "$@"
"""
"""Remounts all that can hold a file, in a mount namespace of its own."""

# It may read everything, as a developer's Python may lie in root's home.
NOBODY = (
    *("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs"),
    *("--bounding-set=-all,+dac_read_search", "--inh-caps=-all,+dac_read_search"),
    "--ambient-caps=-all,+dac_read_search",
)
NO_FILES = ("prlimit", "--fsize=0")
"""Where no namespace is to be had, in a container without rights: no file may have a byte."""

as_root = os.geteuid() == 0
WAYS = [
    ("unshare", "--mount", *(() if as_root else ("--map-root-user",))),
    NO_FILES,
]
WRITE = ("sh", "-c", "echo x > /tmp/structured-streams-test && rm /tmp/structured-streams-test")


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


def confined() -> tuple[str, ...]:
    """The strictest command before another one that this machine permits."""
    nobody = NOBODY if as_root else ()
    for way in WAYS:
        script = () if way is NO_FILES else ("sh", "-c", READ_ONLY, "sh")
        before = (*way, *script, *nobody)
        if run(*before, "true").returncode == 0:
            return before
    raise AssertionError("none of the ways to confine a process works here")


async def test_a_read_only_file_system_and_a_user_without_rights_suffice() -> None:
    before = confined()
    assert run(*before, *WRITE).returncode != 0
    assert not as_root or run(*before, "id", "-u").stdout == "65534\n"
    async with process(before=before, DEMO_TOKENS_PER_SECOND="0", LOG_LEVEL="debug") as service:
        told = await read(f"{service.url}/ideas?topic=tea&resumable=true")
        assert "\nevent: done\n" in f"\n{told}"
        service.signal()
        assert await service.exit_code() == 0
    assert not [line for line in service.lines if "rror" in line or "arning" in line]
