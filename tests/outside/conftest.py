"""Fixtures of the tests from outside: two verifiers that know nothing of Aegis but the formats.

What they verify is made twice: by reference.py, and by the real program (found through AEGIS_BIN)
from runs under the gate. The Go verifier is built once, beside the program's build.
"""

import dataclasses
import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

import reference

HERE = pathlib.Path(__file__).resolve().parent


def _load_worlds():
    """The fixtures of tests/cli, which know how to run the program in a world of its own."""
    spec = importlib.util.spec_from_file_location("aegis_cli", HERE.parent / "cli/conftest.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


_worlds = _load_worlds()
binary = _worlds.binary
worlds = _worlds.worlds
_ready = _worlds._ready


def missing(what):
    if os.environ.get("AEGIS_REQUIRE_ALL") == "1":
        pytest.fail(f"AEGIS_REQUIRE_ALL=1, and this machine lacks {what}", pytrace=False)
    pytest.skip(f"lacks {what}")


class Verifier:
    """A program that verifies: what it says, and whether it refuses with one line per finding."""

    def __init__(self, *command):
        self.command = command

    def run(self, *words):
        return subprocess.run([*self.command, *map(str, words)], capture_output=True, text=True,
                              timeout=120, check=False)

    def accepts(self, *words):
        done = self.run(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def refuses(self, *words):
        done = self.run(*words)
        assert done.returncode == 1, f"exit {done.returncode}\n{done.stdout}{done.stderr}"
        lines = (done.stdout + done.stderr).splitlines()
        assert lines and all(line.startswith(("finding: ", "REFUSED: ")) for line in lines), lines
        return done.stdout + done.stderr


@pytest.fixture(scope="session")
def go(binary):
    if shutil.which("go") is None:
        missing("go")
    program = pathlib.Path(binary).parent.parent / "outside/verify"
    subprocess.run(
        ["go", "build", "-buildvcs=false", "-trimpath", "-mod=readonly", "-o", program, "."],
        cwd=HERE / "go", env={**os.environ, "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}, check=True)
    return Verifier(program)


@pytest.fixture(scope="session")
def python():
    return Verifier(sys.executable, HERE / "verify_export.py")


class Outside:
    """Both verifiers, and how each is asked about artefacts."""

    def __init__(self, go, python):
        self.go = go
        self.python = python

    def export_words(self, made):
        words = [made.export, "--keys", made.keys, "--checkpoint", made.newer,
                 "--consistency", made.older, made.growth]
        for path in made.proofs.values():
            words += ["--proof", path]
        return words

    def go_words(self, made):
        yield ["checkpoint", made.keys, made.newer]
        yield ["consistency", made.keys, made.older, made.newer, made.growth]
        yield ["tiles", made.keys, made.tiles]
        for index, path in made.proofs.items():
            yield ["inclusion", made.keys, path, made.leaf(index)]


@pytest.fixture
def outside(go, python):
    return Outside(go, python)


def _record(aegis, made, indexes, loop, rotate=False):
    """Runs sessions, and lets the program write all that it shows of its ledger."""
    def out(path, *words):
        path.write_text(aegis("audit", *words).ok().out, encoding="utf-8")

    aegis("init", "a", "--policy", "project", "--dir", str(aegis.project)).ok()
    aegis("run", "--config", "a", "--", "sh", "-c", "echo x > f").ok()
    out(made.older, "checkpoint", "a")
    if rotate:
        aegis("audit", "keys", "a", "--rotate").ok()
    aegis("run", "--config", "a", "--tag", "€ \\", "--", "sh", "-c", loop)
    out(made.newer, "checkpoint", "a")
    out(made.keys, "keys", "a")
    out(made.export, "export", "a", "--format", "jsonl")
    out(made.growth, "prove", "a", "--consistency", str(made.older))
    for index in indexes:
        out(made.proofs[index], "prove", "a", "--index", str(index))
    aegis("audit", "tiles", "a", "--out", str(made.tiles)).ok()


def _real_artefacts(request, root):
    ready = request.getfixturevalue("_ready")
    if not ready["ready"]:
        missing("what `aegis run` needs")
    aegis = _worlds.World(request.getfixturevalue("binary"), request.getfixturevalue("worlds")())
    indexes = (0, 7, 255, 256, 300)
    made = reference.Artefacts.below(root, indexes)
    _record(aegis, made, indexes,
            "i=0; while [ $i -lt 400 ]; do echo $i > f$i; i=$((i+1)); done; echo x > /etc/zz")
    return made


@dataclasses.dataclass
class Large:
    """A ledger with tiles of three levels, whose key was rotated."""

    made: reference.Artefacts
    keys: list  # as `audit keys --json` prints them


@pytest.fixture(scope="session")
def large(request, tmp_path_factory):
    if not request.getfixturevalue("_ready")["ready"]:
        missing("what `aegis run` needs")
    aegis = _worlds.World(request.getfixturevalue("binary"), request.getfixturevalue("worlds")())
    indexes = (0, 255, 65536)
    made = reference.Artefacts.below(tmp_path_factory.mktemp("large"), indexes)
    _record(aegis, made, indexes, "i=0; while [ $i -lt 70000 ]; do : > f; i=$((i+1)); done", True)
    return Large(made, aegis("audit", "keys", "a", "--json").ok().json())


@pytest.fixture(scope="session", params=["reference", "aegis"])
def original(request, tmp_path_factory):
    root = tmp_path_factory.mktemp(request.param)
    if request.param == "reference":
        return reference.make_artefacts(root)
    return _real_artefacts(request, root)


@pytest.fixture
def made(original, tmp_path):
    """A copy of the artefacts that the test may damage."""
    return original.moved(shutil.copytree(original.root, tmp_path / "made"))
