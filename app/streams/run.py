"""A run: one generation's log with the state that it makes, and those who follow it.

The generation appends; each follower reads on from its own position, at its own pace. A
follower holds a position and nothing else: one that is slow finds more to merge, and
nobody queues anything for it.

What the model has written is decoded when somebody looks (`look`), so the work follows the
number of messages and not the number of tokens.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence

from app.partial.document import Document
from app.partial.operation import Operation
from app.streams.log import Log
from app.streams.log_entry import END, URGENT, Done, Event, Failed, Restart
from app.views.message import Message
from app.views.view import View


class Run:
    """An append-only log. `id` names it, `position` is the length of its log."""

    def __init__(self, id: str, schema: str, model: str, schema_version: str = "") -> None:
        self.id = id
        self.schema = schema
        self.schema_version = schema_version
        self.model = model
        self.log = Log()
        self._document: Document | None = Document()
        self.attempt_began = 0
        """The position of the attempt that runs: where a reader begins that has nothing."""
        self.followers = 0
        self.messages = 0
        self.source: Callable[[], None] | None = None
        """Decodes what has not been decoded; set by the generation."""
        self._urgent = 0
        self._unread = False
        self._waiting: dict[asyncio.Future[bool], bool] = {}  # to: whether any news will do
        self._wanted: asyncio.Future[bool] | None = None

    @property
    def document(self) -> Document:
        """The state, made again from the log where it has been let go of."""
        if self._document is None:
            self._document = Document()
            self._document.apply(self._operations())
        return self._document

    def _operations(self) -> Iterator[Operation]:
        """Those of the attempt that runs."""
        entries = self.log.since(self.attempt_began)
        return (entry for entry in entries if isinstance(entry, Operation))

    def pack(self) -> None:
        """Take little memory: it has ended, and nobody follows it for now."""
        self.log.pack()
        self._document = None

    # -- for the generation -----------------------------------------------------------------

    def text_arrived(self) -> None:
        """There is something to look at."""
        self._unread = True
        if self._waiting:
            self._wake(urgent=False)

    def append(self, operations: Sequence[Operation], value: object) -> None:
        """Operations that a decoder has made, and the state that they lead to."""
        if operations:
            self.log.extend(operations)
            self.document.adopt(value, operations[-1].path)
            self._wake(urgent=False)

    def rewind(self) -> None:
        """Back to the state that the log says: a decoder that fails has gone beyond it."""
        if self.document.known:
            self.document.clear()
            self.document.apply(self._operations())

    def tell(self, event: Event) -> None:
        """An event. Nothing may follow `Done` or `Failed`."""
        assert not self.ended, "a run ends once"
        self.log.extend([event])
        if isinstance(event, Restart):
            self.document.clear()
            self.attempt_began = len(self.log)
        if isinstance(event, URGENT):
            self._urgent = len(self.log)
        self._wake(urgent=isinstance(event, URGENT))

    # -- for those who follow ---------------------------------------------------------------

    @property
    def position(self) -> int:
        return len(self.log)

    @property
    def ended(self) -> bool:
        return isinstance(self.log.last, END)

    @property
    def outcome(self) -> Done | Failed | None:
        return self.log.last if isinstance(self.log.last, END) else None

    def look(self) -> None:
        """Decode what has come."""
        if self._unread:
            self._unread = False
            if self.source is not None:
                self.source()

    def wanted(self) -> asyncio.Future[bool]:
        """Resolves once a follower waits for any news. Until then text may gather unread."""
        self._wanted = asyncio.get_running_loop().create_future()
        if self.is_awaited:
            self._want()
        return self._wanted

    @property
    def is_awaited(self) -> bool:
        """Whether a follower waits for any news."""
        return any(any_news and not woken.done() for woken, any_news in self._waiting.items())

    def _want(self) -> None:
        if self._wanted is not None:
            resolve(self._wanted)

    async def wait(self, position: int, *, due: float, until: float) -> bool:
        """Wait for news after `position`, but not before `due`. False: `until` came first.

        Both are times of the running loop. A restart and the end don't wait for `due`.
        """
        if self._urgent > position:
            return True
        loop = asyncio.get_running_loop()
        woken: asyncio.Future[bool] = loop.create_future()
        timer: asyncio.TimerHandle | None = None

        def come_due() -> None:
            nonlocal timer
            if self._unread or len(self.log) > position:
                resolve(woken)
            else:
                timer = loop.call_at(until, resolve, woken, False)
                self._waiting[woken] = True
                self._want()

        self._waiting[woken] = False
        if due <= loop.time():
            come_due()
        elif due < until:
            timer = loop.call_at(due, come_due)
        else:
            timer = loop.call_at(until, resolve, woken, False)
        try:
            return await woken or self._urgent > position
        finally:
            if timer is not None:
                timer.cancel()
            del self._waiting[woken]

    def _wake(self, *, urgent: bool) -> None:
        for woken, any_news in self._waiting.items():
            if urgent or any_news:
                resolve(woken)


def resolve(future: asyncio.Future[bool], result: bool = True) -> None:
    """Give a future its result, unless it has one."""
    if not future.done():
        future.set_result(result)


async def follow(
    run: Run, view: View, *, interval: float, heartbeat: float, position: int = 0
) -> AsyncGenerator[list[Message], None]:
    """The messages of a response, in batches to be sent together; an empty batch: a heartbeat.

    position: of the log, after which the response goes on
    interval: seconds between partials, after the first, at least
    heartbeat: seconds without anything, after which a heartbeat is due

    Ends after the batch that holds the run's end.
    """
    loop = asyncio.get_running_loop()
    batch: list[Message] | None = view.start(run, position)
    due = 0.0
    while True:
        if batch is not None:
            run.messages += len(batch)
            yield batch
            batch = None
            silent_until = loop.time() + heartbeat
        if run.ended and position == run.position:
            return
        if not await run.wait(position, due=due, until=silent_until):
            batch = []
            continue
        run.look()
        entries = run.log.since(position)
        position += len(entries)
        batch = view.messages(run, entries, position) or None
        if batch or due:
            due = loop.time() + interval
