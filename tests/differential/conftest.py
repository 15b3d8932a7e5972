"""Fixtures of the differential test, which uses the worlds of the end-to-end tests."""

import importlib.util
import os
import pathlib
import shutil
import sys
import tempfile

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
import harness  # of the end-to-end tests


def _load_e2e():
    spec = importlib.util.spec_from_file_location("aegis_e2e", HERE.parent / "e2e/conftest.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


_e2e = _load_e2e()
pytest_configure = _e2e.pytest_configure
aegis = _e2e.aegis
lacking = _e2e.lacking
needs = _e2e.needs


@pytest.fixture
def world(aegis):
    """A world that other users can enter: published suites become them, natively."""
    root = tempfile.mkdtemp(prefix="aegis-differential-", dir="/var/tmp")
    os.chmod(root, 0o755)
    yield harness.World(root, aegis, None)
    harness.empty(root)
    shutil.rmtree(root, ignore_errors=True)
