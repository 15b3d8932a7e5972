"""Whatever part of Aegis is killed, the agent dies too, and the ledger has what reached the disk."""

import os
import random
import signal
import subprocess

import pytest

import harness


class Victim:
    """A run of numbered.py, and the processes around it."""

    def __init__(self, world, launch, mark):
        self.world = world
        self.mark = mark
        words = launch(world.python("numbered.py", mark))
        self.launcher = world.start(words, env=dict(world.env, MARK=mark))
        for _ in range(2):
            assert self.launcher.stdout.readline() == b"started\n"
        self.supervisor = self._only_child(self.launcher.pid)
        self.init = self._only_child(self.supervisor)

    @staticmethod
    def _only_child(pid):
        found = harness.children(pid)
        assert len(found) == 1, found
        return found[0]

    def work(self, files):
        """Lets the agent get on until it has made that many files."""
        harness.wait_until(lambda: sum(1 for _ in (self.world.project / "a").iterdir()) >= files,
                           f"{files} files")

    def kill(self, pid, number=signal.SIGKILL):
        os.kill(pid, number)
        return harness.finish(self.launcher)


def check_ledger(world, name):
    """Each change on disk is in the ledger as permitted."""
    world.verify(name)
    allowed = {(entry["action"], entry["resource"]) for entry in world.decided(name)
               if entry["decision"] == "allow"}
    actions = {"file": "FileWrite", "dir": "DirCreate", "link": "FileWrite", "new": "FileWrite",
               "old": "FileWrite"}
    found = 0
    for kind in ("a", "b"):
        for path in (world.project / kind).iterdir():
            found += 1
            assert (actions[path.suffix[1:]], str(path)) in allowed, path
    assert found > 0


def random_moment():
    return random.randint(5, 400)


@pytest.mark.parametrize("mode, turns", [
    ("run", 10), ("wrap", 10),
    pytest.param("run", 100, marks=pytest.mark.soak),
    pytest.param("wrap", 100, marks=pytest.mark.soak)])
def test_kill_the_supervisor_at_random_moments(world, mode, turns):
    launch = world.run_words if mode == "run" else world.wrap_words
    name = "default" if mode == "run" else "wrapped"
    for turn in range(turns):
        harness.empty(world.project)
        victim = Victim(world, launch, f"aegis-e2e-{os.getpid()}-{mode}-{turn}")
        victim.work(random_moment())
        done = victim.kill(victim.supervisor)
        assert done.code == 125 and "aegis: the supervisor died" in done.err_text, done
        assert harness.marked_processes(victim.mark) == []
        check_ledger(world, name)
    left = (world.aegis_home / name / "journal").iterdir()
    assert all(file.name.endswith(".done") for file in left), "all journals are drained"


@pytest.mark.parametrize("mode", ["run", "wrap"])
def test_kill_the_launcher(world, mode):
    launch = world.run_words if mode == "run" else world.wrap_words
    for turn in range(4):
        harness.empty(world.project)
        victim = Victim(world, launch, f"aegis-e2e-{os.getpid()}-launcher-{mode}-{turn}")
        victim.work(random_moment())
        victim.kill(victim.launcher.pid)
        # Nobody is left who could wait for them.
        harness.wait_until(lambda: not harness.marked_processes(victim.mark), "the agent's death")
        harness.wait_until(lambda: not os.path.exists(f"/proc/{victim.supervisor}"),
                           "the supervisor's end")
        check_ledger(world, "default" if mode == "run" else "wrapped")


def test_kill_init(world):
    victim = Victim(world, world.run_words, f"aegis-e2e-{os.getpid()}-init")
    victim.work(50)
    done = victim.kill(victim.init)
    assert done.code == 128 + signal.SIGKILL or done.code == 125, done
    assert harness.marked_processes(victim.mark) == []
    check_ledger(world, "default")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT])
def test_signal_to_the_launcher(world, number):
    victim = Victim(world, world.run_words, f"aegis-e2e-{os.getpid()}-signal")
    victim.work(50)
    done = victim.kill(victim.launcher.pid, number)
    assert done.code in (128 + number, -number, 1), done  # 1: Python's answer to SIGINT
    assert harness.marked_processes(victim.mark) == []
    check_ledger(world, "default")


def test_stop_and_kill_of_a_stopped_supervisor(world):
    """A stopped supervisor opens nothing; killed in that state it takes everything with it."""
    victim = Victim(world, world.run_words, f"aegis-e2e-{os.getpid()}-stopped")
    victim.work(50)
    os.kill(victim.supervisor, signal.SIGSTOP)

    def state():
        with open(f"/proc/{victim.supervisor}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0]
    harness.wait_until(lambda: state() == "T", "the stop")
    before = harness.manifest(world.project)
    subprocess.run(["sleep", "0.2"], check=True)
    assert harness.manifest(world.project) == before
    victim.kill(victim.supervisor)
    assert harness.marked_processes(victim.mark) == []
    assert harness.manifest(world.project) == before
    check_ledger(world, "default")


def test_a_reader_during_the_run_sees_a_valid_ledger(world):
    victim = Victim(world, world.run_words, f"aegis-e2e-{os.getpid()}-reader")
    for files in (50, 200, 400):
        victim.work(files)
        made = list((world.project / "a").glob("*.file"))
        world.verify()
        recorded = {entry["resource"] for entry in world.decided()}
        assert all(str(path) in recorded for path in made), "complete, also while a run is writing"
    victim.kill(victim.launcher.pid, signal.SIGTERM)
    check_ledger(world, "default")
