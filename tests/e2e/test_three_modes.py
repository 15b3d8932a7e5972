"""One hostile program in three modes: as root, as an ordinary user (the suite runs as each), and where
user namespaces are not to be had, in which Aegis refuses to run it at all.

Everything that it is after lies in a scene of canaries. Run natively it gets what it wants, which shows
that its attempts are real; under Aegis nothing of the scene changes and nobody outside is reached.
"""

import contextlib
import os
import signal
import socket
import subprocess

import pytest

import harness
from network import InetListener, UnixListener

# Natively also refused to an ordinary user.
NEEDS_ROOT = {"ReadHandle", "RawSocket", "PacketSocket", "FsOpen", "Chroot", "DiskNode", "CorePattern",
              "UserFault", "Bpf", "Become"}
# Natively refused on some machines: by what the kernel was built with, or what the tests run in.
NEEDS_MACHINE = {
    "ReadInitRoot", "ReadStateByInitRoot", "ReadMemoryOfInit", "CorePatternByInit", "Sysrq", "KernelLog",
    "KernelMemory", "ReleaseAgent", "PerfEvent", "IoUring", "Call32", "TraceVictim", "OpenMemoryOfVictim",
    "ReadMemoryOfVictim", "ReadVictimEnvironment", "Keyring",
}
# The kernel takes the signal and keeps it from init, which lives on.
WITHOUT_EFFECT = {"KillInit"}


class Scene(contextlib.ExitStack):
    """What the program is after: files, listeners and a process, all of them outside."""

    def __init__(self, world):
        super().__init__()
        self.world = world
        self.abstract = f"aegis-hostile-{world.root.name}"
        self.program = world.program("hostile.c")
        world.run(["true"]).ok()  # makes the state
        (world.home / ".ssh").mkdir()
        self.tcp = self.enter_context(InetListener(socket.AF_INET, socket.SOCK_STREAM))
        self.docker = self.enter_context(UnixListener(world.home / "docker.sock"))
        self.named = self.enter_context(UnixListener("\0" + self.abstract))
        self.victim = None
        self.callback(self.end_victim)
        self.lay()

    def lay(self):
        """Puts everything back, with a new victim."""
        for path in (self.world.home / ".ssh/key", self.world.home / ".bashrc",
                     self.world.outside / "canary", self.world.outside / "doomed"):
            path.write_text(f"CANARY of {path.name}\n")
            path.chmod(0o600)
        for name in ("created", "moved"):
            (self.world.outside / name).unlink(missing_ok=True)
        self.end_victim()
        self.victim = subprocess.Popen(["/usr/bin/sleep", "600"], env=self.world.env)
        assert self.victim.pid > 1000, "process ids are too small to tell inside from outside"

    def end_victim(self):
        if self.victim is not None:
            self.victim.kill()
            self.victim.wait()

    def words(self, how):
        return [self.program, how, self.world.home, self.world.aegis_home, self.world.outside,
                self.victim.pid, self.tcp.port, self.abstract]

    def seen(self):
        """All that an escape would change."""
        return {"outside": harness.manifest(self.world.outside),
                "home": {name: what for name, what in harness.manifest(self.world.home).items()
                         if not name.startswith("project")},
                "reached": [one.settled() for one in (self.tcp, self.docker, self.named)],
                "victim": self.victim.poll()}


@pytest.fixture
def scene(world):
    with Scene(world) as made:
        yield made


def reported(done):
    lines = done.ok().text.splitlines()
    assert lines and lines[-1] == "end: ok", done
    return dict(line.split(": ") for line in lines[:-1])


def test_a_hostile_program_gets_nothing(world, scene, is_root):
    before = scene.seen()
    native = reported(world.native(scene.words("native")))
    scene.victim.wait(harness.PATIENCE)
    after = scene.seen()
    expected = set(native) - NEEDS_MACHINE - (set() if is_root else NEEDS_ROOT)
    refused = {name: native[name] for name in expected if native[name] != "ok"}
    assert not refused, f"the attempts are not real: {refused}"
    assert after["victim"] == -signal.SIGKILL and after["outside"] != before["outside"] \
        and after["home"] != before["home"], after
    assert all(now > then for now, then in zip(after["reached"], before["reached"])), after

    scene.lay()
    before = scene.seen()
    done = world.run(scene.words("inside"))
    got = reported(done)
    assert got.pop("OwnFile") == "ok"
    assert set(native) - {"OwnFile"} <= set(got) and len(got) > 70
    escaped = [name for name, result in got.items() if result == "ok" and name not in WITHOUT_EFFECT]
    assert not escaped, (got, done.err_text)
    assert scene.seen() == before

    denied = {entry["resource"] for entry in world.denials()}
    assert denied >= {str(world.home / ".ssh/key"), str(world.home / ".bashrc"),
                      str(world.outside / "canary"), str(world.aegis_home / "default/audit.db"),
                      f"127.0.0.1:{scene.tcp.port}", f"unix:{world.home}/docker.sock"}, denied
    world.verify()


# How a machine without user namespaces is made, and what Aegis says there.
NONE_LEFT = "echo 0 > /proc/sys/user/max_user_namespaces && exec "
WITHOUT_NAMESPACES = {
    # All are used up: for whoever is root in a namespace, and for an ordinary user.
    "exhausted": (["unshare", "-Ur", "sh", "-c", NONE_LEFT + '"$@"', "sh"],
                  "user namespaces are exhausted: raise user.max_user_namespaces (sysctl)"),
    "exhausted for a user": (
        ["unshare", "--user", "--map-current-user", "--keep-caps", "sh", "-c",
         NONE_LEFT + 'setpriv --ambient-caps=-all --inh-caps=-all "$@"', "sh"],
        "user namespaces are exhausted: raise user.max_user_namespaces (sysctl)"),
    # They are refused, as by a container engine's filter.
    "refused": (["no_namespaces"], "user namespaces are not permitted: allow them with "),
}


@pytest.mark.parametrize("how", list(WITHOUT_NAMESPACES))
def test_a_hostile_program_does_not_run_without_user_namespaces(world, scene, needs, how):
    needs("unshare", "setpriv")
    start, advice = WITHOUT_NAMESPACES[how]
    if start == ["no_namespaces"]:
        start = [world.program("no_namespaces.c", directory=world.outside)]
    assert world.native([*start, "/bin/echo", "started"]).ok().text == "started\n"
    before = scene.seen()
    made = sorted(os.listdir(world.project))
    done = world.native([*start, *map(str, world.run_words(scene.words("inside")))])
    assert done.code == 125 and done.out == b"", done
    assert advice in done.err_text, done
    assert scene.seen() == before and sorted(os.listdir(world.project)) == made
    # What does not run here runs where there are namespaces.
    assert reported(world.run(scene.words("inside")))["OwnFile"] == "ok"
    world.verify()
