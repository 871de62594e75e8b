"""nginx, three processes of the service and the Redis that they share, here: `make run-many`.

All of it is in a folder of its own, which goes with it. A part that dies is started again, as an
orchestrator would do, so any of them may be killed to see what follows. Settings are those of
`make run`: PORT is nginx's.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
import socket
import sys
import time
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
PROCESSES = 3
START_SECONDS = 60
"""A part has this time to accept connections, and may then count as started."""

PAUSE_SECONDS = 1
"""A part that has died is started again after this time."""

END_SECONDS = 30
"""Parts that have been told to end have this time. It is longer than most DRAIN_SECONDS."""

SECOND_SIGNAL_SECONDS = 1
"""A signal later than this after the first one ends everything at once. `make` sends each twice."""

PROGRAMS = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"

NGINX = """\
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr crit;
events {{ worker_connections 4096; }}
http {{
    include {deploy}/nginx/http.conf;
    include {deploy}/nginx/refusals.conf;
    access_log {folder}/access.log request;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream many {{
{servers}
    }}
    map "" $service {{ default many; }}
    # Of several addresses, the last one has answered.
    map $upstream_addr $served_by {{
{names}
    }}
    server {{
        listen 127.0.0.1:{port};
        # The service names itself by a number made at its start.
        add_header X-Served-By $served_by always;
        proxy_hide_header X-Served-By;
        include {deploy}/nginx/server_refusals.conf;
        include {deploy}/nginx/service.conf;
    }}
}}
"""


class Died(Exception):
    """A part has ended before it had started."""


def say(words: str) -> None:
    print(words, flush=True)


class Part:
    """A program that runs until it is told to end, and is started again if it dies before.

    is_up: whether it accepts connections
    quiet: its lines are not shown
    """

    def __init__(
        self,
        name: str,
        command: tuple[str, ...],
        is_up: Callable[[], Awaitable[bool]],
        env: Mapping[str, str] | None = None,
        *,
        quiet: bool = False,
    ) -> None:
        self.name = name
        self._command = command
        self._is_up = is_up
        self._env = {**os.environ, **(env or {}), "PATH": PROGRAMS}
        self._quiet = quiet
        self._process: Process | None = None
        self._running: asyncio.Task[None] | None = None
        self._is_ending = False

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Start it. Raises `Died` if it does not come up."""
        await self._start()
        self._running = asyncio.create_task(self._keep_running())

    async def end(self, number: int = signal.SIGTERM) -> None:
        """End it with this signal, and wait until it has ended."""
        self._is_ending = True
        self._signal(number)
        if self._running is None:
            return
        done, _ = await asyncio.wait({self._running}, timeout=END_SECONDS)
        if not done:
            self._signal(signal.SIGKILL)
            await self._running

    def kill(self) -> None:
        """End it at once."""
        self._is_ending = True
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)

    async def _start(self) -> None:
        # It gets no Ctrl-C from the terminal, and ends if this process is killed.
        self._process = await asyncio.create_subprocess_exec(
            *("setpriv", "--pdeathsig", "TERM", *self._command),
            cwd=ROOT,
            env=self._env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            start_new_session=True,
        )
        self._telling = asyncio.create_task(self._tell(self._process))
        until = time.monotonic() + START_SECONDS
        while not await self._is_up():
            if self._process.returncode is not None or time.monotonic() > until:
                self._signal(signal.SIGKILL)
                await self._telling
                raise Died(f"{self.name} has not started")
            await asyncio.sleep(0.05)

    async def _keep_running(self) -> None:
        assert self._process is not None
        while True:
            code = await self._process.wait()
            await self._telling
            if self._is_ending:
                return
            say(f"{self.name} has ended ({_reason(code)}); it is started again")
            await asyncio.sleep(PAUSE_SECONDS)
            if self._is_ending:
                return
            try:
                await self._start()
                say(f"{self.name} is back, with pid {self.pid}")
            except Died as died:
                say(str(died))

    async def _tell(self, process: Process) -> None:
        assert process.stdout is not None
        while line := await _line(process.stdout):
            if not self._quiet:
                say(f"{self.name} | {line.decode(errors='replace').rstrip()}")


async def _line(lines: asyncio.StreamReader) -> bytes:
    """The next line, or as much of it as the reader may hold; empty at the end."""
    try:
        return await lines.readuntil(b"\n")
    except asyncio.IncompleteReadError as end:
        return end.partial
    except asyncio.LimitOverrunError as too_long:
        return await lines.readexactly(too_long.consumed)


def _reason(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


class Many:
    """All parts, in the order in which they start."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self.socket = folder / "redis.sock"
        self.ports = _free_ports(PROCESSES)
        self.redis = self._redis()
        self.processes = [self._process(index) for index in range(PROCESSES)]
        self.nginx = self._nginx()

    async def start(self) -> None:
        """Start all of it. Raises `Died`."""
        await self.redis.start()
        async with asyncio.TaskGroup() as starting:
            for process in self.processes:
                starting.create_task(process.start())
        await self.nginx.start()

    async def end(self) -> None:
        """End all of it. Streams have their time to end, which their readers see."""
        await asyncio.gather(*(process.end() for process in self.processes))
        await self.nginx.end()
        await self.redis.end()

    def kill(self) -> None:
        """End all of it at once."""
        for part in (self.redis, *self.processes, self.nginx):
            part.kill()

    def told(self) -> str:
        """What runs, where, and what to try."""
        rows = [
            (self.nginx, f"http://localhost:{self.port}/ (open this)"),
            *zip(self.processes, (f"http://127.0.0.1:{port}" for port in self.ports), strict=True),
            (self.redis, f"redis-cli -s {self.socket}"),
        ]
        listed = "\n".join(f"  {part.name:<10} pid {part.pid:<8} {where}" for part, where in rows)
        return f"""\
{listed}
  Their folder is {self.folder}
Kill any of them while a stream runs, as with: kill -9 {self.processes[0].pid}
The stream goes on, and the part comes back. Ctrl-C ends all of them."""

    def _redis(self) -> Part:
        (self.folder / "users.acl").write_text("user default on nopass ~* &* +@all\n")
        options = {"port": "0", "unixsocket": str(self.socket), "dir": str(self.folder)}
        options |= {"aclfile": str(self.folder / "users.acl")}
        arguments = (word for name, value in options.items() for word in (f"--{name}", value))
        command = ("redis-server", str(DEPLOY / "redis" / "redis.conf"), *arguments)
        return Part("redis", command, lambda: _accepts(self.socket), quiet=True)

    def _process(self, index: int) -> Part:
        port = self.ports[index]
        env = {"HOST": "127.0.0.1", "PORT": str(port), "WORKERS": "1"}
        env |= {"STREAMS_STORE": f"unix://{self.socket}", "TICKET_SECRET": TICKET_SECRET}
        command = (sys.executable, "-m", "app")
        return Part(f"process {index + 1}", command, lambda: _accepts(port), env)

    def _nginx(self) -> Part:
        numbered = [(number, port) for number, port in enumerate(self.ports, 1)]
        servers = (f"        server 127.0.0.1:{port};" for _, port in numbered)
        names = (f'        "~:{port}$" "process {number}";' for number, port in numbered)
        text = NGINX.format(
            folder=self.folder,
            deploy=DEPLOY,
            port=self.port,
            servers="\n".join(servers),
            names="\n".join(names),
        )
        file = self.folder / "nginx.conf"
        file.write_text(text)
        command = ("nginx", "-p", str(self.folder), "-e", "stderr", "-c", str(file))
        return Part("nginx", command, lambda: _accepts(self.port))


TICKET_SECRET = os.environ.get("TICKET_SECRET") or secrets.token_hex(32)
"""Each process accepts the tickets of the others."""


def _free_ports(number: int) -> list[int]:
    """Different ports that nobody listens on.

    They are below those that Linux gives to whoever connects: one of these might be taken before
    a process listens on it.
    """
    ports: set[int] = set()
    while len(ports) < number:
        port = 10_240 + secrets.randbelow(22_528)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            ports.add(port)
    return list(ports)


async def _accepts(at: int | Path) -> bool:
    """Whether something accepts connections at this port or socket."""
    try:
        if isinstance(at, Path):
            _, writer = await asyncio.open_unix_connection(at)
        else:
            _, writer = await asyncio.open_connection("127.0.0.1", at)
    except OSError:
        return False
    writer.close()
    return True


async def run(folder: Path, port: int) -> int:
    """Run all of it until a signal comes. Returns the exit code."""
    many, signals = Many(folder, port), asyncio.Queue[None]()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, signals.put_nowait, None)
    starting, told = asyncio.create_task(many.start()), asyncio.create_task(signals.get())
    await asyncio.wait({starting, told}, return_when=asyncio.FIRST_COMPLETED)
    failed = starting.done() and starting.exception()
    if failed:
        say(f"{_first(failed)}. Nothing is left running.")
    elif not told.done():
        say(many.told())
        await told
    ending = asyncio.create_task(many.end())
    hurrying = asyncio.create_task(_kill_at_another(signals, many))
    await ending
    for task in (starting, told, hurrying):
        task.cancel()
    return 1 if failed else 0


async def _kill_at_another(signals: asyncio.Queue[None], many: Many) -> None:
    first = time.monotonic()
    while True:
        await signals.get()
        if time.monotonic() - first >= SECOND_SIGNAL_SECONDS:
            many.kill()


def _first(error: BaseException) -> BaseException:
    """The first error of a group."""
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


def main() -> int:
    port = int(os.environ.get("PORT") or 8000)
    for program in ("nginx", "redis-server", "setpriv"):
        if shutil.which(program, path=PROGRAMS) is None:
            sys.exit(f"{program} is not installed; Debian's package has it")
    say(f"Starting nginx, {PROCESSES} processes and the Redis that they share")
    with TemporaryDirectory(prefix="structured-streams-", ignore_cleanup_errors=True) as folder:
        return asyncio.run(run(Path(folder), port))


if __name__ == "__main__":
    sys.exit(main())
