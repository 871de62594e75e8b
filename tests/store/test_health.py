"""When a store is believed that a process is dead."""

from __future__ import annotations

from app.store.health import LEASE_SECONDS, SLOW_SECONDS, Health


def test_it_is_up_once_it_has_answered() -> None:
    health = Health()
    assert not health.is_up
    health.answered(10, 0.001)
    assert health.is_up
    health.failed(11)
    assert not health.is_up
    assert health.silent_for(14) == 4


def test_leases_are_judged_when_all_have_had_the_time_to_renew_theirs() -> None:
    health = Health()
    health.answered(10, 0.001)
    assert not health.may_judge(10 + LEASE_SECONDS - 0.1)
    assert health.may_judge(10 + LEASE_SECONDS)


def test_after_any_trouble_that_time_begins_again() -> None:
    def failed(health: Health) -> None:
        health.failed(99)
        health.answered(100, 0.001)

    for trouble in (
        failed,
        lambda health: health.answered(100, SLOW_SECONDS * 2),
        lambda health: health.refused(100),
    ):
        health = Health()
        health.answered(10, 0.001)
        trouble(health)
        assert not health.may_judge(100 + LEASE_SECONDS - 0.1)
        assert health.may_judge(100 + LEASE_SECONDS)


def test_it_says_when_ones_own_lease_may_have_run_out() -> None:
    health = Health()
    assert health.renewed(10, 10, held=False)
    assert not health.renewed(11, 11, held=True)
    assert health.renewed(11 + LEASE_SECONDS, 11 + LEASE_SECONDS, held=True)


def test_a_lease_lasts_from_when_it_was_asked_for() -> None:
    health = Health()
    assert not health.holds_lease(10)
    health.renewed(10, 12, held=False)
    assert health.holds_lease(10 + LEASE_SECONDS - 0.1)
    assert not health.holds_lease(10 + LEASE_SECONDS)


def test_a_store_without_ones_own_lease_may_have_lost_all_else() -> None:
    health = Health()
    health.answered(1, 0.001)
    health.renewed(10, 10, held=False)
    assert not health.may_lack(10)
    assert health.may_judge(10)
    assert health.renewed(11, 11, held=False)
    assert health.may_lack(11)
    assert not health.may_judge(11 + LEASE_SECONDS - 0.1)


def test_a_store_that_is_slow_as_a_rule_is_given_more_time() -> None:
    health = Health()
    health.answered(1, 0.001)
    assert health.patience == 0.1
    health.answered(2, 0.04)
    assert health.patience == 0.2
    health.answered(3, 9)
    assert health.patience == 1
    for _ in range(999):
        health.answered(4, 0.001)
    assert health.patience == 0.1


def test_what_answers_on_another_connection_may_be_another_server() -> None:
    health = Health()
    health.answered(1, 0.001)
    health.answered(10, 0.001, anew=True)
    assert health.may_lack(10 + LEASE_SECONDS - 0.1)
    assert not health.may_lack(10 + LEASE_SECONDS)
    assert not health.may_judge(10 + LEASE_SECONDS - 0.1)
