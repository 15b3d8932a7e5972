"""Ways around the gate: system calls, processes, terminals, descriptors."""

import json
import os
import platform
import signal

import pytest

import harness
import terminal
from harness import attempts

# x86-64 numbers; arguments that fail with another errno than EPERM, EACCES or ENOSYS if let through.
CLOSED = {
    "ptrace": (101, 0), "io_uring_setup": (425, 8, 0), "io_uring_enter": (426, -1, 0, 0, 0, 0),
    "unshare user": (272, 0x10000000), "unshare mount": (272, 0x20000), "unshare net": (272, 0x40000000),
    "clone user": (56, 0x10000000 | 17, 0, 0, 0, 0), "setns": (308, -1, 0),
    "keyctl": (250, 0, -3, 0, 0, 0), "add_key": (248, "user", "a", "b", 1, -3), "bpf": (321, 0, 0, 0),
    "perf_event_open": (298, 0, 0, -1, -1, 0), "userfaultfd": (323, 0),
    "open_by_handle_at": (304, -100, 0, 0), "mount": (165, "none", "/tmp", "tmpfs", 0, 0),
    "umount2": (166, "/tmp", 0), "pivot_root": (155, ".", "."), "chroot": (161, "/"),
    "open_tree": (428, -100, "/", 1), "move_mount": (429, -1, "", -1, "", 4), "fsopen": (430, "tmpfs", 0),
    "mount_setattr": (442, -100, "/", 0, 0, 0), "process_vm_readv": (310, 1, 0, 0, 0, 0, 0),
    "pidfd_getfd": (438, -1, 0, 0), "kexec_load": (246, 0, 0, 0, 0), "init_module": (175, 0, 0, ""),
    "swapon": (167, "/nowhere", 0), "reboot": (169, 0, 0, 0, 0), "acct": (163, 0),
    "clone3": (435, 0, 0), "sethostname": (170, "x", 1),
}
FEW_IN_WRAP = ("io_uring_setup", "unshare user", "unshare mount", "mount", "pivot_root", "chroot",
               "setns", "open_by_handle_at", "bpf", "open_tree")


@pytest.mark.skipif(platform.machine() != "x86_64", reason="numbers of x86-64")
@pytest.mark.parametrize("mode", ["run", "wrap"])
def test_closed_system_calls(world, mode):
    names = list(CLOSED) if mode == "run" else FEW_IN_WRAP
    got = attempts(world, getattr(world, mode), [("syscall", *CLOSED[name]) for name in names])
    wrong = {name: result for name, result in zip(names, got)
             if result not in ("EPERM", "EACCES", "ENOSYS")}
    assert not wrong, wrong


@pytest.mark.skipif(platform.machine() != "x86_64", reason="numbers of x86-64")
def test_foreign_system_call_tables(world):
    """int 0x80 and x32 numbers don't pass by the filter."""
    got = attempts(world, world.run, [("syscall", 0x40000000 + 39), ("interrupt80", 20),
                                      ("status", "NoNewPrivs")])
    assert got[0] != "ok" and got[1] != "ok" and got[2] == "1", got


def test_only_descriptors_0_to_2_and_seccomp(world):
    got = attempts(world, world.run, [("descriptors",), ("status", "Seccomp"), ("status", "NoNewPrivs")])
    assert got == [[0, 1, 2], "2", "1"], got


def test_other_processes_are_not_there(world):
    """The agent sees its own processes only, and can't signal or read those of Aegis."""
    # 1 is the agent's own init inside: it says nothing, as the parent of tests in the background.
    parent = os.getppid() if os.getppid() > 100 else os.getpid()
    script = """
import os, signal, sys
pids = sorted(int(name) for name in os.listdir("/proc") if name.isdigit())
for pid in [1, os.getppid(), %d, %d]:
    for name in ("mem", "environ", "maps", "cmdline", "fd", "root", "cwd", "exe"):
        path = f"/proc/{pid}/{name}"
        try:
            if name in ("root", "cwd"):
                print("LEAK", path, os.listdir(path)) if pid in (1,) else None
            elif name == "fd":
                print("LEAK", path, os.listdir(path)) if pid == 1 else None
            elif name in ("mem", "environ", "maps") and pid == 1:
                print("LEAK", path, open(path, "rb").read(1))
        except OSError:
            pass
for pid in (%d, %d):
    try:
        os.kill(pid, 0); print("LEAK signal", pid)
    except ProcessLookupError: pass
    except PermissionError: print("LEAK sees", pid)
try:
    os.kill(1, signal.SIGKILL)
except OSError as error: pass
print("still here", len(pids) < 20)
""" % (os.getpid(), 2, os.getpid(), parent)
    assert os.getpid() > 100, "process ids are too small to tell inside from outside"
    done = world.run([harness.PYTHON, "-c", script]).ok()
    assert "LEAK" not in done.text and done.text == "still here True\n", done


def test_signals_to_everything_end_nothing_of_aegis(world):
    """kill(-1), kill(0) and their like reach the agent alone; the run is recorded and ends."""
    for number, script in enumerate((
            "trap '' TERM; kill -TERM -1; sleep 0.1; echo alive", "kill -9 0", "kill -9 -1; sleep 0.1",
            "kill -STOP 1; kill -9 1; kill -9 $PPID; echo alive")):
        done = world.run(["bash", "-c", script])
        assert done.code in (0, 128 + signal.SIGKILL), (script, done)
        assert ("echo alive" in script) == (done.text == "alive\n"), (script, done)
        ends = [entry for entry in world.entries() if entry["event_type"] == "SESSION_ENDED"]
        assert len(ends) == number + 1, script
    world.verify()


def test_the_agent_cannot_debug_or_reach_the_supervisor(world):
    script = "echo $$; read -r line; echo $line"
    process = world.start(world.run_words(["bash", "-c", script]), stdin=harness.subprocess.PIPE)
    process.stdout.readline()
    supervisor = harness.children(process.pid)[0]
    # The supervisor is undumpable: not even its own user reads its memory (root may).
    if os.getuid() != 0:
        with pytest.raises(PermissionError):
            open(f"/proc/{supervisor}/mem", "rb").close()
    done = harness.finish(process, b"bye\n")
    assert done.text == "bye\n"


@pytest.mark.parametrize("mode", ["run", "wrap"])
def test_no_input_is_pushed_into_the_callers_terminal(world, mode):
    words = getattr(world, mode + "_words")(world.python("attempt.py", json.dumps(["terminal_input"])))
    with terminal.Terminal(words, world.env, world.project) as tty:
        tty.expect(r'\["(EPERM|EIO|EACCES)"\]')
        assert tty.end() == 0


def test_devices_of_the_host(world):
    got = attempts(world, world.run, [
        ("read", "/dev/mem"), ("read", "/dev/vda"), ("read", "/dev/sda"), ("read", "/dev/kmsg"),
        ("mknod", "disk", 0o060000, os.makedev(8, 0)), ("mknod", "mem", 0o020000, os.makedev(1, 1)),
        ("write", "/proc/sys/kernel/core_pattern"), ("write", "/sys/kernel/uevent_helper"),
        ("write", "/proc/sysrq-trigger"), ("mknod", "fifo", 0o010000, 0), ("read", "/dev/zero")])
    assert all(result in ("EACCES", "ENOENT", "EPERM", "ENXIO", "EROFS") for result in got[:9]), got
    assert got[9] == "ok" and got[10].startswith("\0"), got
    assert not (world.project / "disk").exists()


def test_a_fork_bomb_of_opens_ends_with_the_run(world):
    """Many processes at once: all are answered, none outlives the run."""
    mark = f"aegis-e2e-many-{os.getpid()}"
    script = ("for i in $(seq 60); do (for j in $(seq 20); do echo $j > f$i; cat f$i; done) & done; "
              "wait; echo done; for i in $(seq 20); do sleep 1000 & done")
    done = world.run(["bash", "-c", script], env=dict(world.env, MARK=mark))
    assert done.text.endswith("done\n") and done.text.count("\n") == 1201, done
    assert harness.marked_processes(mark) == []
