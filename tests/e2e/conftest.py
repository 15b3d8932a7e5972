"""Fixtures of the end-to-end tests.

They run the real program, found through AEGIS_BIN, as the user who started them; `make test` starts
them as root and as an ordinary user. What a test needs of the machine it asks for with `needs`:
missing, it skips with a reason, or fails when AEGIS_REQUIRE_ALL=1.
"""

import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile

import pytest

import connected as connected_world
import harness
import outside_world

# Whoever runs the tests may ignore these (nohup, a job in the background); what is tested inherits
# that, natively and under Aegis alike, and would not die of them.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config):
    config.addinivalue_line("markers", "soak: too long for every run")
    config.addinivalue_line("markers", "root: only root can do it; left out for others")
    config.addinivalue_line("markers", "user: root is not subject to it; left out for root")
    os.umask(0o022)


def pytest_collection_modifyitems(config, items):
    """`make test` runs the suite as root and as a user: each part has what the other can't do."""
    unfit = "user" if os.getuid() == 0 else "root"
    left_out = [item for item in items if item.get_closest_marker(unfit)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def missing(what):
    if os.environ.get("AEGIS_REQUIRE_ALL") == "1":
        pytest.fail(f"AEGIS_REQUIRE_ALL=1, and this machine lacks {what}", pytrace=False)
    pytest.skip(f"lacks {what}")


@pytest.fixture
def needs():
    def check(*programs):
        for program in programs:
            if shutil.which(program) is None:
                missing(program)
    return check


@pytest.fixture
def lacking():
    """Skips or fails: for what can't be looked up by a program's name."""
    return missing


@pytest.fixture(scope="session")
def aegis():
    binary = os.environ.get("AEGIS_BIN") or str(
        pathlib.Path(__file__).resolve().parents[2] / "build/release/bin/aegis")
    if not os.access(binary, os.X_OK):
        pytest.exit(f"no program at {binary}: build first, or set AEGIS_BIN", 2)
    return os.path.realpath(binary)


@pytest.fixture(scope="session")
def base():
    """Where worlds are made: not below /tmp, which `project` makes private to a run."""
    home = os.environ.get("AEGIS_E2E_TMP") or pwd.getpwuid(os.getuid()).pw_dir
    path = tempfile.mkdtemp(prefix=".aegis-e2e-", dir=os.path.realpath(home))
    yield pathlib.Path(path)
    shutil.rmtree(path, ignore_errors=True)


GO = "/usr/lib/go-1.19/bin/go"  # Debian's, like the sources that the tests use


class Programs:
    """Compiles each helper program once per session."""

    def __init__(self, directory):
        self.directory = directory
        directory.mkdir()

    def _words(self, path, target):
        return {
            ".c": ["gcc", "-O1", "-Wall", "-Werror", "-pthread", "-o", target, path],
            ".cc": ["g++", "-std=c++20", "-Wall", "-Werror", "-pthread", "-o", target, path],
            ".go": [GO, "build", "-o", target, path],
        }.get(path.suffix)

    def get(self, source):
        path = harness.PROGRAMS / source
        target = self.directory / path.stem
        words = self._words(path, target)
        if words is None:
            return path
        if not target.exists():
            go = {"GOCACHE": str(self.directory / "go-cache"), "CGO_ENABLED": "0",
                  "GO111MODULE": "off", "HOME": str(self.directory)}
            subprocess.run(words, check=True, env=os.environ | go)
        return target


@pytest.fixture(scope="session")
def programs(base):
    return Programs(base / "programs")


@pytest.fixture
def world(base, aegis, programs):
    root = tempfile.mkdtemp(prefix="w-", dir=base)
    yield harness.World(root, aegis, programs)
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def out(base):
    """A world outside: hosts, names and servers."""
    root = tempfile.mkdtemp(prefix="o-", dir=base)
    try:
        with outside_world.OutsideWorld(root) as made:
            yield made
    except outside_world.Unavailable as error:
        missing(f"namespaces for a world outside: {error}")
    finally:
        shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def connected(base, aegis, programs, out):
    """A world whose commands reach that outside."""
    root = tempfile.mkdtemp(prefix="w-", dir=base)
    yield connected_world.ConnectedWorld(root, aegis, programs, out)
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def world_in_tmp(aegis, programs):
    """A world below /tmp: home and project have to stay visible in a private /tmp."""
    root = tempfile.mkdtemp(prefix="aegis-e2e-", dir="/tmp")
    yield harness.World(root, aegis, programs)
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def is_root():
    return os.getuid() == 0
