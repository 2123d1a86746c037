"""One server with the embedded model, for all tests that ask it from outside."""

from collections.abc import Iterator

import pytest
from tests.serve.served import Served, served


@pytest.fixture(scope="session")
def server() -> Iterator[Served]:
    """`adhere serve`, ready."""
    with served() as running:
        yield running
