"""Fixtures for pytest. Where pip has installed shmeter, pytest has them by itself; else pytest -p
shmeter.pytest_plugin.

SHMETER_INSTALL=1 has install() called before any test is imported.
"""
import os

import pytest

if os.environ.get("SHMETER_INSTALL"):
    from . import install
    install()


@pytest.fixture
def shmeter_metrics():
    """All of the program's metrics begin again for this test. It is shmeter.testing: value() asks for a sample's
    value."""
    from . import testing
    testing.begin_again()
    return testing
