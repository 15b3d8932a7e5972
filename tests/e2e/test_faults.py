"""Whatever Aegis runs out of, and whatever breaks under it: rights only shrink, the run ends with a
message or goes on, and nothing that was permitted is unrecorded.

Each fault is made while an agent does what it is told (programs/obedient.py); what it then did is
read from the disk, not from the agent. Limits of time only tell what hangs.
"""

import contextlib
import json
import os
import pathlib
import resource
import select
import shutil
import signal
import sqlite3
import subprocess
import time

import pytest

import harness

MEBIBYTE = 1 << 20
REFUSALS = {"EACCES", "EBADF", "EMFILE", "ENOMEM", "EAGAIN", "ENOENT"}
LOADER = "error while loading shared libraries"  # what stops the program before it is one


class Agent:
    """A run of obedient.py, and the processes around it."""

    def __init__(self, world, mark="", **options):
        self.world = world
        # A process group of its own: whoever stops one of it in an orphaned group, such as that of
        # a job in the background, gets SIGHUP with all of the group when another one ends
        # (setpgid(2)).
        self.launcher = world.start(world.run_words(world.python("obedient.py")), process_group=0,
                                    stdin=subprocess.PIPE, env=dict(world.env, MARK=mark), **options)
        self.answers = b""
        assert self.answer() == "ready"
        (self.supervisor,) = harness.children(self.launcher.pid)
        (self.init,) = harness.children(self.supervisor)
        (self.command,) = harness.children(self.init)

    def tell(self, *deed):
        with contextlib.suppress(BrokenPipeError):
            self.launcher.stdin.write(json.dumps(deed).encode() + b"\n")
            self.launcher.stdin.flush()

    def answer(self):
        """None after a deed that was done; "gone" when nobody is left to answer."""
        deadline = time.monotonic() + harness.PATIENCE
        while b"\n" not in self.answers:
            left = max(0.0, deadline - time.monotonic())
            if not select.select([self.launcher.stdout], [], [], left)[0]:
                self.launcher.kill()
                raise AssertionError("the agent hung")
            piece = os.read(self.launcher.stdout.fileno(), 65536)
            if not piece:
                return "gone"
            self.answers += piece
        line, self.answers = self.answers.split(b"\n", 1)
        return json.loads(line)

    def ask(self, *deed):
        self.tell(*deed)
        return self.answer()

    def end(self):
        """No more deeds; how the run ended."""
        with contextlib.suppress(BrokenPipeError):
            self.launcher.stdin.close()
        self.launcher.stdin = None
        return harness.finish(self.launcher)


@contextlib.contextmanager
def limited(pid, what, limit):
    """A soft limit of another process, as long as this lasts and the process lives."""
    soft, hard = resource.prlimit(pid, what)
    resource.prlimit(pid, what, (limit, hard))
    yield
    with contextlib.suppress(ProcessLookupError):
        resource.prlimit(pid, what, (soft, hard))


def limiting(what, soft, hard=None):
    """For a run from its beginning."""
    return {"preexec_fn": lambda: resource.setrlimit(what, (soft, soft if hard is None else hard))}


def data_size(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(row.split()[1]) << 10 for row in file if row.startswith("VmData:"))


def made(world):
    return {str(path) for path in world.project.rglob("*") if path.name != "obedient.py"}


def check_recorded(world):
    """Whatever stands in the project now was permitted by an entry."""
    world.verify()
    allowed = {payload["resource"] for payload in world.decided() if payload["decision"] == "allow"}
    assert made(world) <= allowed, sorted(made(world) - allowed)[:5]


def last_words(done):
    lines = done.err_text.splitlines()
    assert lines and lines[-1].startswith(("aegis: ", "memory allocation of ")), done
    return lines[-1]


def run_in_steps(world, what, limits):
    """One small run under each limit: those that worked, and the last words of the others, which
    ran nothing that is not recorded."""
    world.run(["true"]).ok()  # makes the state
    worked, said = [], []
    for limit in limits:
        done = world.run(["sh", "-c", "echo x > made && cat made"], **limiting(what, limit))
        if done.code == 0:
            worked.append(limit)
        elif (world.project / "made").exists():
            assert done.code > 0, (limit, done)  # the command's own failure
            said.append(last_words(done))
        elif done.code == 127:
            assert LOADER in done.err_text, (limit, done)
        else:
            # The kernel kills who can't say it for want of a stack that grows.
            stackless = done.code == -signal.SIGSEGV and "memory" in done.err_text
            assert done.code in (2, 125, 126) or stackless, (limit, done)
            said.append(last_words(done))
        if (world.project / "made").exists():
            check_recorded(world)
            (world.project / "made").unlink()
    return worked, said


# ---- Stopped


def stop(pid):
    os.kill(pid, signal.SIGSTOP)

    def stopped():
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] == "T"
    harness.wait_until(stopped, "the stop")


def test_while_the_supervisor_is_stopped_nothing_goes_through(world):
    agent = Agent(world)
    stop(agent.supervisor)
    agent.tell("make", "later")
    time.sleep(0.3)
    assert not (world.project / "later").exists()
    os.kill(agent.supervisor, signal.SIGCONT)
    assert agent.answer() is None and (world.project / "later").exists()
    agent.end().ok()
    check_recorded(world)


@pytest.mark.parametrize("part", ["launcher", "init"])
def test_while_another_part_is_stopped_all_is_recorded(world, part):
    agent = Agent(world)
    pid = agent.init if part == "init" else agent.launcher.pid
    stop(pid)
    assert agent.ask("make_many", "f", 500) == [500, None]
    os.kill(pid, signal.SIGCONT)
    assert agent.ask("make", "later") is None
    agent.end().ok()
    check_recorded(world)


@pytest.mark.parametrize("stopped, killed", [
    ("supervisor", "supervisor"), ("supervisor", "launcher"), ("launcher", "launcher"),
    ("launcher", "supervisor"), ("init", "init"), ("init", "supervisor"), ("init", "launcher")])
def test_killed_while_stopped(world, stopped, killed):
    mark = f"aegis-e2e-{os.getpid()}-{stopped}-{killed}"
    agent = Agent(world, mark)
    pids = {"launcher": agent.launcher.pid, "supervisor": agent.supervisor, "init": agent.init}
    stop(pids[stopped])
    agent.tell("make", "meanwhile")
    os.kill(pids[killed], signal.SIGKILL)
    harness.wait_until(lambda: agent.command not in harness.marked_processes(mark),
                       "the agent's death")
    os.kill(agent.launcher.pid, signal.SIGCONT)  # it is our child: at least a zombie
    done = agent.end()
    assert done.code in (-signal.SIGKILL, 125, 128 + signal.SIGKILL), done
    if done.code == 125:
        died = "the sandbox's init died" if killed == "init" else "the supervisor died (signal 9, Killed)"
        assert died in last_words(done)
    with contextlib.suppress(ProcessLookupError):
        os.kill(agent.init, signal.SIGCONT)  # one that is stopped stays, with nothing inside
    harness.wait_until(lambda: not harness.marked_processes(mark), "everybody's end")
    check_recorded(world)


def test_stops_at_any_moment_leave_no_open_without_its_descriptor(world):
    """A stop interrupts what hands a descriptor over: the open must not return another one."""
    program = """
import os, time
wrong, opened, end = 0, 0, time.monotonic() + 2
while time.monotonic() < end:
    fd = os.open("/etc/hostname", os.O_RDONLY)
    opened += 1
    if fd > 2:
        os.close(fd)
    else:
        wrong += 1
print(opened, wrong)
"""
    run = world.start(world.run_words([harness.PYTHON, "-c", program]))
    (supervisor,) = harness.wait_until(lambda: harness.children(run.pid), "the supervisor")
    stops = 0
    with contextlib.suppress(ProcessLookupError):
        while run.poll() is None:
            os.kill(supervisor, signal.SIGSTOP)
            os.kill(supervisor, signal.SIGCONT)
            stops += 1
            time.sleep(0.0002)
    done = harness.finish(run).ok()
    opened, wrong = map(int, done.text.split())
    assert stops > 100 and opened > 100 and wrong == 0, (stops, done)


def test_opens_that_wait_get_their_own_descriptors_on_a_busy_machine(world):
    program = """
import multiprocessing, os, threading, time
def hog():
    while True: pass
hogs = [multiprocessing.Process(target=hog, daemon=True) for _ in range(4)]
for one in hogs: one.start()
given = []
for turn in range(3):
    os.mkfifo(f"fifo{turn}")
    threads = [threading.Thread(target=lambda: given.append(os.open(f"fifo{turn}", os.O_RDONLY)))
               for _ in range(100)]
    for one in threads: one.start()
    time.sleep(0.2)
    peer = os.open(f"fifo{turn}", os.O_RDWR)
    for one in threads: one.join()
print(len(given), len(set(given)), min(given) > 2, flush=True)
os._exit(0)
"""
    assert world.run([harness.PYTHON, "-c", program]).ok().text == "300 300 True\n"


# ---- Out of descriptors


def test_few_descriptors_for_the_whole_run(world):
    worked, said = run_in_steps(world, resource.RLIMIT_NOFILE, [*range(4, 64, 6), 256])
    assert 256 in worked and 10 not in worked and any("Too many open files" in line for line in said)


def test_a_supervisor_out_of_descriptors_denies_and_recovers(world):
    """By what the agent makes it hold: bound sockets, and opens that wait."""
    agent = Agent(world)
    assert agent.ask("mkdir", "sockets") is None
    with limited(agent.supervisor, resource.RLIMIT_NOFILE, 112):
        bound, why = agent.ask("bind_many", "sockets", 100)
        assert 0 < bound < 64 and why == "ENOMEM"  # half of them are for all else
        refused = agent.ask("wait_many", "fifo", 60)
        assert refused and set(refused) <= REFUSALS, refused
        for deed in (("make", "a"), ("read", "obedient.py"), ("make_many", "b", 100)):
            agent.ask(*deed)  # works or fails
        assert agent.ask("release", "fifo") > 0
        agent.ask("unbind", "sockets")
        assert agent.ask("make", "c") is None
        assert agent.ask("bind_many", "sockets", 3) == [3, None]
    assert agent.ask("execute", "true") == 0
    assert agent.ask("wait_many", "fifo2", 60) == [] and agent.ask("release", "fifo2") == 60
    agent.end().ok()
    check_recorded(world)


def test_each_step_may_be_the_one_without_a_descriptor(world):
    agent = Agent(world)
    for limit in range(10, 30):
        with limited(agent.supervisor, resource.RLIMIT_NOFILE, limit):
            failed = [agent.ask("make", f"under{limit}"), agent.ask("read", "obedient.py"),
                      agent.ask("mkdir", f"dir{limit}")]
            assert {one for one in failed if isinstance(one, str)} <= REFUSALS, failed
            ended = agent.ask("execute", "true")
            assert ended in (0, -signal.SIGKILL) or ended in REFUSALS, ended
        assert agent.ask("make", f"after{limit}") is None and agent.ask("execute", "true") == 0
    agent.end().ok()
    check_recorded(world)


# ---- Out of memory, threads and processes


def says_that_memory_is_used_up(words):
    """The policy engine has last words of its own."""
    return "out of memory" in words or "memory allocation of" in words


@pytest.mark.parametrize("what, limits", [
    (resource.RLIMIT_AS, [26, 28, 30, 32, 40, 80, 300, *range(544, 568), 1024]),
    (resource.RLIMIT_DATA, [1, 2, 3, 4, 6, 8, 16, 256, *range(516, 534), 1024])])
def test_little_memory_for_the_whole_run(world, what, limits):
    worked, said = run_in_steps(world, what, [limit * MEBIBYTE for limit in limits])
    assert 1024 * MEBIBYTE in worked and limits[0] * MEBIBYTE not in worked
    # Where memory ends differs from run to run: most limits meet a thread that can't be started.
    edge = min(worked)
    for step in range(-64, 16):
        if any(map(says_that_memory_is_used_up, said)):
            return
        said += run_in_steps(world, what, [edge + step * MEBIBYTE // 16])[1]
    pytest.fail(f"no run says that memory is used up: {set(said)}")


def test_a_supervisor_out_of_memory_ends_the_run(world):
    words = ["execute", "true", *["x" * 120_000] * 48]
    room = limiting(resource.RLIMIT_STACK, 64 * MEBIBYTE, resource.getrlimit(resource.RLIMIT_STACK)[1])
    agent = Agent(world, **room)
    assert agent.ask(*words) == 0
    agent.end().ok()
    agent = Agent(world, **room)
    with limited(agent.supervisor, resource.RLIMIT_DATA, data_size(agent.supervisor)):
        assert agent.ask("make", "before") is None
        assert agent.ask(*words) == "gone"
    done = agent.end()
    assert done.code == 125 and "the supervisor died (out of memory)" in last_words(done)
    check_recorded(world)


def test_an_open_that_waits_needs_a_thread(world):
    agent = Agent(world)
    with limited(agent.supervisor, resource.RLIMIT_DATA, data_size(agent.supervisor)):
        assert agent.ask("wait_many", "fifo", 3) == ["ENOMEM"] * 3
        assert agent.ask("make", "meanwhile") is None
    assert agent.ask("release", "fifo") == 0
    assert agent.ask("wait_many", "fifo2", 3) == [] and agent.ask("release", "fifo2") == 3
    agent.end().ok()
    check_recorded(world)


class MemoryGroup:
    """A memory cgroup, of either version."""

    def __init__(self, name):
        roots = [(pathlib.Path("/sys/fs/cgroup"), "memory.max"),
                 (pathlib.Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes")]
        self.path = None
        for root, limit in roots:
            directory = root / name
            with contextlib.suppress(OSError):
                directory.mkdir()
                if (directory / limit).exists():
                    self.path, self.limit = directory, directory / limit
                    return
                directory.rmdir()

    def join(self):
        (self.path / "cgroup.procs").write_text(str(os.getpid()))

    def remove(self):
        harness.wait_until(lambda: not (self.path / "cgroup.procs").read_text(), "the group's end")
        self.path.rmdir()


@pytest.mark.root
@pytest.mark.parametrize("victim", ["launcher", "supervisor", "command"])
def test_the_kernel_out_of_memory_kills(world, victim, lacking):
    group = MemoryGroup(f"aegis-e2e-{os.getpid()}-{victim}")
    if group.path is None:
        lacking("a memory cgroup that can be made")
    try:
        group.limit.write_text(str(256 * MEBIBYTE))
        mark = f"aegis-e2e-{os.getpid()}-memory-{victim}"
        agent = Agent(world, mark, preexec_fn=group.join)
        assert agent.ask("swallow", 20) is None and agent.ask("make", "before") is None
        pids = {"launcher": agent.launcher.pid, "supervisor": agent.supervisor,
                "command": agent.command}
        pathlib.Path(f"/proc/{pids[victim]}/oom_score_adj").write_text("1000")
        assert agent.ask("swallow", 1000) == "gone"
        done = agent.end()
        harness.wait_until(lambda: not harness.marked_processes(mark), "everybody's end")
    finally:
        group.remove()
    wanted = {"launcher": (-signal.SIGKILL, ""), "command": (128 + signal.SIGKILL, "aegis: "),
              "supervisor": (125, "the supervisor died (signal 9, Killed)")}[victim]
    assert done.code == wanted[0] and wanted[1] in done.err_text, done
    check_recorded(world)


def tasks_of_user():
    user = os.getuid()
    count = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if os.stat(f"/proc/{pid}").st_uid == user:
                count += len(os.listdir(f"/proc/{pid}/task"))
    return count


@pytest.mark.user
def test_few_processes_for_the_whole_run(world):
    now = tasks_of_user()
    worked, said = run_in_steps(world, resource.RLIMIT_NPROC, [*range(now, now + 14), now + 1000])
    assert now + 1000 in worked and now not in worked
    assert any("Resource temporarily unavailable" in line for line in said)


@pytest.mark.user
def test_a_fork_storm_at_the_limit(world):
    limit = tasks_of_user() + 300
    agent = Agent(world, **limiting(resource.RLIMIT_NPROC, limit))
    spawned, why = agent.ask("spawn", 3000)
    assert 0 < spawned <= 300 and why == "EAGAIN"
    assert agent.ask("make", "meanwhile") is None
    assert agent.ask("reap") is None
    assert agent.ask("execute", "true") == 0
    agent.end().ok()
    check_recorded(world)


@pytest.mark.user
def test_verification_does_without_threads(world):
    agent = Agent(world)
    assert agent.ask("make_many", "f", 9000) == [9000, None]
    agent.end().ok()
    world.native([world.aegis_binary, "audit", "verify"], **limiting(resource.RLIMIT_NPROC, 1)).ok()


# ---- A ledger that fails


def journal(world):
    (found,) = (world.aegis_home / "default/journal").glob("*.journal")
    return found


def overwrite(path, size):
    with open(path, "r+b") as file:
        file.write(b"no such thing " * (size // 14))


def replace(database):
    shutil.copy(database, database.with_suffix(".copy"))
    os.replace(database.with_suffix(".copy"), database)


# What an outsider of the same user does to a ledger in use. The evidence is gone, or in doubt; what
# counts is that nothing goes on without.
BREAKAGES = {
    "everything is removed": lambda world: shutil.rmtree(world.aegis_home / "default"),
    "the database is removed": lambda world: (world.aegis_home / "default/audit.db").unlink(),
    "the database is replaced": lambda world: replace(world.aegis_home / "default/audit.db"),
    "the database is cut": lambda world: os.truncate(world.aegis_home / "default/audit.db", 0),
    "the database is overwritten":
        lambda world: overwrite(world.aegis_home / "default/audit.db", 50_000),
    "its shared memory is cut":
        lambda world: os.truncate(world.aegis_home / "default/audit.db-shm", 0),
    "the journal is cut to nothing": lambda world: os.truncate(journal(world), 0),
    "the journal is cut to its header": lambda world: os.truncate(journal(world), 4096),
    "the journal is overwritten": lambda world: overwrite(journal(world), 20_000),
}


@pytest.mark.parametrize("breakage", BREAKAGES, ids=lambda text: text.replace(" ", "-"))
def test_a_run_ends_with_its_ledger(world, breakage):
    agent = Agent(world)
    assert agent.ask("make", "before") is None
    harness.wait_until(lambda: str(world.project / "before") in
                       {payload["resource"] for payload in world.decided()}, "the store")
    BREAKAGES[breakage](world)
    agent.tell("make_many", "f", 10_000_000)  # would take an hour
    harness.wait_until(lambda: agent.launcher.poll() is not None, "the end of the run")
    done = agent.end()
    assert done.code == 125, done
    assert "ledger" in last_words(done) or "journal" in last_words(done)
    harness.wait_until(lambda: not os.path.exists(f"/proc/{agent.supervisor}"), "everybody's end")


def test_an_idle_run_ends_with_its_ledger_too(world):
    """It is noticed at the next entry, not by the agent's asking."""
    agent = Agent(world)
    BREAKAGES["the database is removed"](world)
    assert agent.ask("make", "last") in (None, "EACCES", "gone")
    harness.wait_until(lambda: agent.launcher.poll() is not None, "the end of the run")
    done = agent.end()
    assert done.code == 125 and "audit.db" in last_words(done)


@contextlib.contextmanager
def locked(world):
    connection = sqlite3.connect(world.aegis_home / "default/audit.db", timeout=60,
                                 isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    yield
    connection.execute("ROLLBACK")
    connection.close()


def test_a_ledger_that_is_locked_for_a_while_loses_nothing(world):
    agent = Agent(world)
    with locked(world):
        assert agent.ask("make_many", "f", 500) == [500, None]
        time.sleep(1.5)
    assert agent.ask("make", "later") is None
    agent.end().ok()
    check_recorded(world)


def test_a_ledger_that_stays_locked_ends_the_run_and_loses_nothing(world):
    agent = Agent(world)
    with locked(world):
        assert agent.ask("make_many", "f", 500) == [500, None]
        harness.wait_until(lambda: agent.launcher.poll() is not None, "the end of the run")
    done = agent.end()
    assert done.code == 125 and "audit.db" in last_words(done) and "locked" in last_words(done)
    check_recorded(world)


def test_a_limit_of_file_sizes_is_an_error_and_no_death(world):
    sizes = [0, 4096, 100_000, 900_000]
    worked, said = run_in_steps(world, resource.RLIMIT_FSIZE, [*sizes, 64 * MEBIBYTE])
    assert worked == [64 * MEBIBYTE] and all("File too large" in line for line in said)
    agent = Agent(world, **limiting(resource.RLIMIT_FSIZE, 3 * MEBIBYTE // 2))
    answer = agent.ask("make_many", "f", 50_000)
    assert answer == "gone" or (0 < answer[0] < 50_000 and answer[1] == "EACCES"), answer
    done = agent.end()
    assert done.code in (0, 125) and last_words(done), done
    check_recorded(world)


@pytest.mark.user
def test_a_state_directory_that_becomes_unwritable(world):
    agent = Agent(world)
    state = world.aegis_home / "default"
    try:
        for directory in (state / "journal", state):
            directory.chmod(0o500)
        answer = agent.ask("make_many", "f", 200)
        assert answer == "gone" or answer[0] == 200 or answer[1] == "EACCES", answer
        done = agent.end()
        refused = world.run(["touch", "ran"])
    finally:
        for directory in (state, state / "journal"):
            directory.chmod(0o700)
    assert done.code in (0, 125) and last_words(done)
    assert refused.code == 125 and last_words(refused) and not (world.project / "ran").exists()
    check_recorded(world)
