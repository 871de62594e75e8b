"""Tests of limits have a minute of their own."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def minute(new_minute: None) -> None:
    """Each test."""
