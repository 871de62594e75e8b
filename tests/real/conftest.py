"""Tiny models, each with random weights of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.real_model import RealModel, tiny

SEEDS = range(1, 5)


@pytest.fixture(scope="session", params=SEEDS, ids="seed {}".format)
def each_model(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RealModel]:
    """Each of several models in turn."""
    with tiny(tmp_path_factory.mktemp("model"), seed=request.param) as served:
        yield served


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealModel]:
    """One model. It writes nothing, unless the test asks it."""
    with tiny(tmp_path_factory.mktemp("model")) as served:
        yield served
