"""Fixtures of the command line's tests: the real program in a world of its own per test.

The program is found through AEGIS_BIN, else in build/release. Tests that run something under the
gate ask for `gate`: where the machine lacks a protection they skip, or fail if AEGIS_REQUIRE_ALL=1.
"""

import dataclasses
import json
import os
import pathlib
import pwd
import shutil
import subprocess
import tempfile

import jsonschema
import pytest

API = pathlib.Path(__file__).resolve().parents[2] / "api"
PATIENCE = 120  # seconds until something counts as hung


def pytest_configure(config):
    config.addinivalue_line("markers", "soak: too long for every run")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport():
    """Under AEGIS_REQUIRE_ALL=1 a skip is a failure."""
    outcome = yield
    report = outcome.get_result()
    if report.skipped and os.environ.get("AEGIS_REQUIRE_ALL") == "1":
        report.outcome = "failed"
        report.longrepr = f"AEGIS_REQUIRE_ALL=1: {report.longrepr[2]}"


@dataclasses.dataclass
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    def ok(self):
        assert self.code == 0, f"exit {self.code}\n{self.out}\n{self.err}"
        return self

    def ended(self, code):
        """With that exit code, and without a word of ours on stderr."""
        assert self.code == code and not self.err, f"exit {self.code}\n{self.out}\n{self.err}"
        return self

    def failed(self, code, *texts):
        """It failed with that code and exactly one line of ours on stderr, which has the texts."""
        assert self.code == code, f"exit {self.code}\n{self.out}\n{self.err}"
        lines = self.err.splitlines()
        assert len(lines) == 1 and lines[0].startswith("aegis: "), self.err
        for text in texts:
            assert text in self.err, self.err
        return self

    def json(self, schema=None):
        """The output as JSON; valid by api/SCHEMA.schema.json if one is named."""
        return _valid(json.loads(self.out), schema)

    def lines(self, schema=None):
        """JSON lines, each valid by the schema."""
        return [_valid(json.loads(line), schema) for line in self.out.splitlines()]


def _valid(document, schema):
    if schema is not None:
        text = (API / f"{schema}.schema.json").read_text(encoding="utf-8")
        jsonschema.validate(document, json.loads(text), jsonschema.Draft202012Validator)
    return document


class World:
    """A home, a project and a state directory, and the program run in them."""

    def __init__(self, binary, root):
        self.binary = binary
        self.root = pathlib.Path(os.path.realpath(root))
        self.home = self.root / "home"
        self.project = self.root / "project"
        self.state = self.home / ".aegis"
        self.home.mkdir(mode=0o700)
        self.project.mkdir()
        self.env = {
            "HOME": str(self.home), "PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}

    def start(self, *words, env=None, cwd=None, **options):
        return subprocess.Popen(
            [self.binary, *words], env={**self.env, **(env or {})}, cwd=cwd or self.project,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, **options)

    def __call__(self, *words, env=None, cwd=None, **options):
        process = self.start(*words, env=env, cwd=cwd, **options)
        try:
            out, err = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
        return Done(process.returncode, out.decode("utf-8"), err.decode("utf-8", "backslashreplace"))

    def tree(self):
        """All that lies in the state directory, with what is in the files."""
        return {
            str(path.relative_to(self.home)): path.read_bytes() if path.is_file() else None
            for path in sorted(self.home.rglob("*"))}


@pytest.fixture(scope="session")
def binary():
    path = os.environ.get("AEGIS_BIN") or str(
        pathlib.Path(__file__).resolve().parents[2] / "build/release/bin/aegis")
    if not os.access(path, os.X_OK):
        pytest.exit(f"no program at {path}: build first, or set AEGIS_BIN", 2)
    return os.path.realpath(path)


@pytest.fixture(scope="session")
def worlds():
    """Makes directories for worlds: not below /tmp, of which `run` gets one of its own."""
    home = os.environ.get("AEGIS_E2E_TMP") or pwd.getpwuid(os.getuid()).pw_dir
    base = tempfile.mkdtemp(prefix=".aegis-cli-", dir=os.path.realpath(home))
    yield lambda: tempfile.mkdtemp(dir=base)
    shutil.rmtree(base, ignore_errors=True)


@pytest.fixture
def aegis(binary, worlds):
    return World(binary, worlds())


@pytest.fixture(scope="session")
def _ready(binary, worlds):
    return World(binary, worlds())("setup", "--json").json()


@pytest.fixture
def gate(_ready):
    """What needs every protection that `aegis run` needs."""
    if not _ready["ready"]:
        missing = [p["name"] for p in _ready["protections"] if p["required"] and not p["in_force"]]
        if os.environ.get("AEGIS_REQUIRE_ALL") == "1":
            pytest.fail(f"AEGIS_REQUIRE_ALL=1, and this machine lacks {missing}", pytrace=False)
        pytest.skip(f"lacks {missing}")
