"""No race between the judgement of an argument and its use gets anything outside.

Each attack first succeeds natively, or the test would prove nothing. The oracle is outside: canary
files whose content is compared, a directory that must stay empty, listeners that count.
"""

import contextlib
import json
import os
import shutil

import pytest

import harness
import network

SWAPS = 20_000
SOAK_RUNS = 10
CANARY = "CANARY of the host\n"
OPERATIONS = ("read", "write", "unlink", "rename", "mkdir")


class Target:
    """What the attack aims at: denied by decision only, since the agent's namespace shows it."""

    def __init__(self, world):
        self.world = world
        self.secret = world.project / ".env"
        self.place = world.home / "victim"  # readable, not writable

    def reset(self, operation):
        for path in (self.world.project / "arena", self.place):
            if path.exists():
                harness.empty(path)
                path.rmdir()
        self.place.mkdir()
        race = self.world.project / "arena"
        race.mkdir()
        good, bad = race / "good", race / "badd"
        if operation == "read":
            self.secret.write_text(CANARY)
            good.write_text("harmless\n")
            bad.symlink_to("../.env")
            return
        if operation in ("write", "unlink", "rename", "flags"):
            (self.place / "entry").write_text(CANARY)
        (self.place / "keep").write_text("kept\n")
        good.mkdir()
        bad.symlink_to(self.place)

    def state(self):
        """Everything of the target, with inode and modification time: also a change undone shows."""
        found = {}
        for path in [self.place, *sorted(self.place.rglob("*"))]:
            status = os.lstat(path)
            content = path.read_text() if path.is_file() else ""
            found[path.name] = (status.st_ino, status.st_mtime_ns, status.st_ctime_ns, content)
        return found


@contextlib.contextmanager
def swapping_outside(world, active):
    """Another process, outside, that swaps the two names as fast as it can."""
    if not active:
        yield
        return
    race = world.project / "arena"
    swapper = world.start([world.programs.get("swapper.c"), race / "good", race / "badd"])
    try:
        yield
        assert swapper.poll() is None, swapper.stderr.read()
    finally:
        swapper.kill()
        swapper.communicate()


def attack(world, target, launch, operation, how, count):
    """One race; the report, and whether the target was touched."""
    target.reset(operation)
    before = target.state()
    program = world.program("race.c")
    words = [program, operation, "none" if how == "outside" else how, count,
             world.project / "arena"]
    with swapping_outside(world, how == "outside"):
        done = launch(words)
    report = json.loads(done.ok().out)
    return report, report["leaks"] > 0 or target.state() != before


# What is rewritten, and with which calls.
RACES = [(operation, how) for operation in OPERATIONS for how in ("memory", "outside")] + \
        [(operation, how) for operation in OPERATIONS[1:] for how in ("cwd", "descriptor")] + \
        [("flags", "flags")]


def race(world, operation, how, runs):
    target = Target(world)
    report, touched = attack(world, target, world.native, operation, how, SWAPS)
    assert touched, f"the attack must work natively: {report}"
    for _ in range(runs):
        report, touched = attack(world, target, world.run, operation, how, SWAPS)
        assert not touched, f"got outside: {report}"
        assert report["succeeded"] > 0, report
    # The race was one: the forbidden side was asked for, and refused.
    refused = harness.escaped(target.secret if operation == "read" else target.place)
    assert any(entry["resource"].startswith(refused) for entry in world.denials()), report


@pytest.mark.parametrize("operation, how", RACES)
def test_swaps_never_get_outside(world, operation, how):
    race(world, operation, how, 1)


@pytest.mark.soak
@pytest.mark.parametrize("operation, how", RACES)
def test_200000_swaps(world, operation, how):
    race(world, operation, how, SOAK_RUNS)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_place_that_the_namespace_hides(world, operation):
    """The same against a directory outside home and project."""
    target = Target(world)
    target.place = world.outside / "victim"
    if operation == "read":
        target.secret = world.outside / "secret"
    target.reset(operation)
    if operation == "read":
        link = world.project / "arena/badd"
        link.unlink()
        link.symlink_to(target.secret)
    before = target.state()
    with swapping_outside(world, True):
        report = world.run([world.program("race.c"), operation, "none", SWAPS // 2,
                            world.project / "arena"]).json()
    assert report["leaks"] == 0 and target.state() == before


def test_execve_of_a_rewritten_path(world):
    allowed = world.project / "bin-good"
    allowed.mkdir()
    shutil.copy("/usr/bin/true", allowed / "prog")
    evil = world.home / "evil"
    evil.mkdir()
    shutil.copy(world.programs.get("evil.c"), evil / "prog")
    # Names of one length, so that a torn write names nothing.
    good_name = str(allowed / "prog")
    bad_name = str(world.home) + "/evil" + "/" * (len(good_name) - len(str(evil / "prog")) + 1) + "prog"
    assert len(good_name) == len(bad_name)
    words = [world.program("rewrite.c"), "exec", 600, good_name, bad_name]
    native = world.native(words)
    assert native.text.count("CANARY-RAN") > 0
    done = world.run(words).ok()
    assert "CANARY-RAN" not in done.text
    report = json.loads(done.text.strip().splitlines()[-1])
    assert report["succeeded"] > 0, report
    assert any(entry["action"] == "ProcessSpawn" and entry["resource"] == str(evil / "prog")
               for entry in world.denials())


def test_a_rewritten_socket_address(world):
    """A name that flips between a socket of the agent's own and one that was made outside."""
    with network.UnixListener(world.home / "a") as listener:
        # Relative names, for room and for one length; run in the project.
        words = [world.program("rewrite.c"), "connect", 2000, "././/b", "./../a"]

        def raced():
            assert world.native(words).json()["succeeded"] > 0
            (world.project / "b").unlink()
            return listener.settled()
        harness.wait_until(raced, "a native connection")
        reached = listener.settled()
        report = world.run(words).json()
        assert listener.settled() == reached
        assert report["succeeded"] > 0
    assert any(entry["action"] == "NetConnect" and str(world.home / "a") in entry["resource"]
               for entry in world.denials())


def test_20000_exchanges_by_a_thread_of_the_agent(world):
    """The issue's figure, with the swaps made by the agent itself, against each operation."""
    target = Target(world)
    for operation in OPERATIONS:
        report, touched = attack(world, target, world.native, operation, "exchange", SWAPS)
        assert touched, f"the attack must work natively: {report}"
        report, touched = attack(world, target, world.run, operation, "exchange",
                                 SWAPS // len(OPERATIONS))
        assert not touched and report["swaps"] >= SWAPS // len(OPERATIONS), report
