"""Fixtures that every client's tests may use."""

import pytest

import windlass


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server of this module's own; nothing is shared with other modules."""
    server = windlass.Server(tmp_path_factory.mktemp("server"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def own_server(tmp_path):
    """A server of this test's own, for tests that kill it."""
    server = windlass.Server(tmp_path)
    server.start()
    yield server
    server.stop()
