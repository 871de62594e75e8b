"""Whether a store answers, and whether what it says of other processes can be believed."""

from __future__ import annotations

from typing import Final

LEASE_SECONDS: Final = 5
"""How long a process counts as alive once it has said so."""

RENEW_SECONDS: Final = 1

SLOW_SECONDS: Final = 0.5
"""An answer that took longer is a sign of trouble: other processes may have waited longer."""

LEAST_PATIENCE: Final = 0.1
MOST_PATIENCE: Final = 1.0

FADING: Final = 0.99
"""What each answer leaves of the slowest one before it."""


class Health:
    """Of a store, as one process sees it. Times are those of the loop, and passed in.

    is_up: whether it answers
    is_full: whether it refuses what is new, most often as its memory is full
    """

    def __init__(self) -> None:
        self.is_up = False
        self.is_full = False
        self._slowest = 0.0  # of the last answers
        self._trouble = float("-inf")
        self._good = float("-inf")
        self._renewed = float("-inf")
        self._lost = float("-inf")

    def answered(self, now: float, seconds: float, *, anew: bool = False) -> None:
        """It has answered, after so many seconds.

        anew: on another connection than before, so this may be another server, or an empty one
        """
        if not self.is_up or seconds > SLOW_SECONDS:
            self._trouble = now
        if anew:
            self.lost(now)
        self.is_up = True
        self._good = now
        self._slowest = max(seconds, self._slowest * FADING)

    def failed(self, now: float) -> None:
        """It has not answered, or refuses what is written."""
        self.is_up = False
        self._trouble = now

    def refused(self, now: float) -> None:
        """It answers, but takes nothing new. Leases may run out although their holders live."""
        self._trouble = now

    @property
    def what_is_wrong(self) -> str | None:
        """What keeps it from taking new streams; None: nothing does."""
        if not self.is_up:
            return "does not answer"
        return "refuses what is new: its memory may be full" if self.is_full else None

    @property
    def patience(self) -> float:
        """How many seconds a call waits for it: longer where it, or this machine, is busy."""
        return min(max(LEAST_PATIENCE, 5 * self._slowest), MOST_PATIENCE)

    def renewed(self, sent: float, now: float, *, held: bool) -> bool:
        """This process's own lease was renewed. Returns whether it may have run out before.

        sent: when that was asked for. The lease lasts from then on, at least
        held: whether the store still had it. If not, it may have lost the others', too
        """
        if not held and self._renewed > float("-inf"):
            self.lost(now)
        lapsed, self._renewed = not held or not self.holds_lease(now), sent
        return lapsed

    def holds_lease(self, now: float) -> bool:
        """Whether this process's lease can't have run out, so that nobody takes it for dead."""
        return now - self._renewed < LEASE_SECONDS

    def lost(self, now: float) -> None:
        """It has lost what it had."""
        self._trouble = self._lost = now

    def may_judge(self, now: float) -> bool:
        """Whether a lease that has run out means that its process is dead.

        After trouble, everyone has the time of a lease to say that it lives.
        """
        return self.is_up and now - self._trouble >= LEASE_SECONDS

    def may_lack(self, now: float) -> bool:
        """Whether it may lack a stream that runs, as its owner has not written it anew yet."""
        return now - self._lost < LEASE_SECONDS

    def silent_for(self, now: float) -> float:
        """For how many seconds it has not answered."""
        return now - self._good
