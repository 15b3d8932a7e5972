"""Fixtures of the packages' tests: AEGIS_DIST is what packaging/make-package made."""

import os
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def require(there, what):
    """Skips where something is missing, or fails if AEGIS_REQUIRE_ALL=1."""
    if not there:
        if os.environ.get("AEGIS_REQUIRE_ALL") == "1":
            pytest.fail(f"AEGIS_REQUIRE_ALL=1, and this needs {what}", pytrace=False)
        pytest.skip(f"needs {what}")


@pytest.fixture(scope="session")
def dist():
    path = os.environ.get("AEGIS_DIST")
    require(path, "AEGIS_DIST, the directory that packaging/make-package filled")
    return pathlib.Path(path)
