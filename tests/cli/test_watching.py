"""aegis watch: what happens in a directory is recorded, whoever does it; the record is exact."""

import os
import pathlib
import random
import shutil
import signal
import subprocess
import time

import pytest

PATIENCE = 60  # seconds until something counts as hung


class Watch:
    """The command over the world's project, and what its ledger says."""

    def __init__(self, aegis):
        self.aegis = aegis
        self.dir = aegis.project
        self.running = None

    def start(self, *words):
        self.running = self.aegis("watch", "--json", *words).ok().json("watch")
        assert self.running["state"] == "watching"
        return self.running

    def stop(self):
        ended = self.aegis("watch", "--stop", "--json").ok().json("watch")
        self.running = None
        assert ended["state"] == "ended"
        self.aegis("audit", "verify", "project").ok()
        return ended

    def entries(self, event=None):
        words = ["--event", event] if event else []
        return self.aegis("audit", "query", "project", "--json", *words).ok().lines()

    def payloads(self, event):
        return [entry["payload"] for entry in self.entries(event)]

    def name(self, path):
        return os.path.relpath(path, self.dir)

    def actions(self):
        """The names that each action was recorded for."""
        seen = {}
        for payload in self.payloads("ACTION_OBSERVED"):
            seen.setdefault(payload["action"], set()).add(self.name(payload["resource"]))
        return seen

    def changes(self):
        """(kind, name), of renamed ones (kind, old, new)."""
        return sorted(
            (p["change"], self.name(p["resource"])) +
            ((self.name(p["context"]["target"]),) if "context" in p else ())
            for p in self.payloads("NAME_CHANGED"))


def gone(pid):
    """Whether the process has ended, waiting for it."""
    for _ in range(PATIENCE * 50):
        if not pathlib.Path(f"/proc/{pid}").exists():
            return True
        time.sleep(0.02)
    return False


@pytest.fixture
def watch(aegis):
    made = Watch(aegis)
    yield made
    for lock in aegis.state.glob("*/watch.lock") if aegis.state.exists() else []:
        name = lock.parent.name
        aegis("watch", "--stop", "--name", name)


def test_as_a_new_user_would(aegis, watch):
    (watch.dir / "notes").write_text("one")
    done = aegis("watch").ok()
    first, second = done.err.splitlines()[:2]
    source = "fanotify" if os.geteuid() == 0 else "inotify"
    assert f"watching {watch.dir} by {source}: 1 name, process " in first
    assert "aegis watch --stop --name project" in first
    assert "nothing is refused" in second
    (watch.dir / "notes").write_text("two, and longer")
    (watch.dir / "new").mkdir()
    (watch.dir / "new/file").write_text("x")
    done = aegis("watch", "--stop").ok()
    assert "2 created, 1 modified" in done.err and "(stopped)" in done.err
    log = aegis("log", "project", "--last", "50").ok().out
    for text in ("FileWrite", "DirCreate", "snapshot", "created", "modified", "watch",
                 f"{watch.dir}/new/file"):
        assert text in log, log
    aegis("audit", "verify", "project").ok()
    (session,) = aegis("audit", "sessions", "project", "--json").ok().json()
    assert session["mode"] == "watch" and session["state"] == "ended"
    assert session["actions"] >= 3 and session["denials"] == 0
    assert str(watch.dir) in aegis("audit", "sessions", "project").ok().out


def test_each_action_is_recorded_after_it_happened(watch):
    (watch.dir / "old").write_text("x")
    (watch.dir / "gone").write_text("x")
    (watch.dir / "d").mkdir()
    started = watch.start()
    (watch.dir / "e").mkdir()
    (watch.dir / "d/f").write_text("x")
    os.rename(watch.dir / "old", watch.dir / "d/moved")
    os.unlink(watch.dir / "gone")
    os.chmod(watch.dir / "d/f", 0o600)
    ended = watch.stop()
    assert ended["session_id"] == started["session_id"] and ended["pid"] == started["pid"]
    actions = watch.actions()
    assert "e" in actions["DirCreate"]
    assert {"d/f", "d/moved"} <= actions["FileWrite"]
    assert {"old", "gone"} <= actions["FileDelete"]
    moved = [p for p in watch.payloads("ACTION_OBSERVED") if watch.name(p["resource"]) == "old"]
    assert [watch.name(p["context"]["target"]) for p in moved] == ["d/moved"]
    assert watch.changes() == [("created", "d/f"), ("created", "e"), ("deleted", "gone"),
                               ("renamed", "old", "d/moved")]
    assert ended["changes"] == {"created": 2, "deleted": 1, "renamed": 1}


def test_what_a_policy_would_deny_is_recorded_as_such(aegis, watch):
    watch.start("--policy", "project")
    (watch.dir / "allowed").write_text("x")
    (watch.dir / ".env").write_text("SECRET=1")
    ended = watch.stop()
    assert ended["denials"] >= 1
    assert (watch.dir / ".env").read_text() == "SECRET=1", "nothing is refused"
    denied = [p for p in watch.payloads("ACTION_OBSERVED") if p["decision"] == "deny"]
    assert {watch.name(p["resource"]) for p in denied} == {".env"}
    for payload in denied:
        assert payload["context"]["enforced"] is False
        assert payload["reason"] == "POLICY_FORBID" and payload["policies"]
    allowed = [p for p in watch.payloads("ACTION_OBSERVED") if p["decision"] == "allow"]
    assert "allowed" in {watch.name(p["resource"]) for p in allowed}
    assert "(deny)" in aegis("log", "project", "--last", "50").ok().out
    queried = aegis("audit", "query", "project", "--decision", "deny", "--json").ok().lines()
    assert len(queried) == ended["denials"]
    report = aegis("report", "project", "--format", "json").ok().json("report")
    assert {gap["kind"]: gap["count"] for gap in report["gaps"]}["watch"] == 1
    assert ".env" in aegis("policy", "explain", "--last-denied", "--config", "project").ok().out


if os.geteuid() == 0:

    def test_who_acts_and_reads(watch):
        (watch.dir / "f").write_text("x")
        watch.start("--reads")
        child = subprocess.Popen(["sleep", "60"], stdout=open(watch.dir / "held", "w"))
        subprocess.run(["cat", watch.dir / "f"], check=True, stdout=subprocess.DEVNULL)
        (watch.dir / "mine").write_text("x")
        ended = watch.stop()
        child.kill()
        child.wait()
        assert ended["source"] == "fanotify"
        assert "f" in watch.actions()["FileRead"]
        mine = [p for p in watch.payloads("ACTION_OBSERVED") if watch.name(p["resource"]) == "mine"]
        assert {p["context"]["pid"] for p in mine} == {os.getpid()}
        assert {p["context"]["exe"] for p in mine} == {os.readlink("/proc/self/exe")}


if os.geteuid() != 0:

    def test_reads_need_fanotify(aegis, watch):
        aegis("watch", "--reads").failed(1, "--reads needs fanotify")
        assert watch.entries() == [], "nothing was recorded"


def test_real_programs(watch):
    env = {**watch.aegis.env, "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b",
           "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}

    def run(*words, cwd=None):
        subprocess.run(words, cwd=cwd or watch.dir, env=env, check=True, capture_output=True)

    origin = watch.aegis.root / "origin"
    run("git", "init", "-q", "-b", "main", str(origin))
    for branch in ("main", "side"):
        if branch == "side":
            run("git", "checkout", "-q", "-b", branch, cwd=origin)
        for number in range(20):
            (origin / f"{branch}{number}").write_text(branch)
        run("git", "add", ".", cwd=origin)
        run("git", "commit", "-q", "-m", branch, cwd=origin)
    run("tar", "cf", str(watch.aegis.root / "t.tar"), "-C", str(origin), "--exclude=.git", ".")
    (watch.dir / "edited").write_text("old")
    shutil.copytree(origin, watch.dir / "remove")
    watch.start("--exclude", ".git")
    run("git", "clone", "-q", "-b", "main", str(origin), "clone")
    run("git", "checkout", "-q", "side", cwd=watch.dir / "clone")
    run("mkdir", "unpacked")
    run("tar", "xf", str(watch.aegis.root / "t.tar"), "-C", "unpacked")
    run("sh", "-c", "echo new > edited.tmp && mv edited.tmp edited")
    run("rm", "-rf", "remove")
    watch.stop()
    changes = watch.changes()
    assert ("modified", "edited") in changes and ("deleted", "remove/main0") in changes
    created = {change[1] for change in changes if change[0] == "created"}
    expected = {f"{top}/{b}{n}" for top in ("clone", "unpacked") for b in ("main", "side")
                for n in range(20)} | {"clone", "unpacked"}
    assert created == expected
    assert not [change for change in changes if "/.git" in change[1]]
    assert {"clone", "unpacked"} <= watch.actions()["DirCreate"]
    assert "edited" in watch.actions()["FileWrite"]
    assert "remove" in watch.actions()["FileDelete"]


def reading(top):
    """What stands under each name: a second reading that shares no code."""
    found = {}
    for directory, names, files in os.walk(top):
        for name in names + files:
            path = os.path.join(directory, name)
            kind = "l" if os.path.islink(path) else "d" if os.path.isdir(path) else "f"
            content = os.readlink(path) if kind == "l" else ""
            if kind == "f":
                content = pathlib.Path(path).read_bytes()
            found[os.path.relpath(path, top)] = (kind, content)
    return found


def meddle(top, dice, steps):
    """Random operations whose names often meet; failures are part of it."""
    names = ["a", "b", "c", "a/a", "a/b", "b/a", "a/a/b", "n\n", "\\x"]
    for _ in range(steps):
        path, other = (top / dice.choice(names) for _ in range(2))
        act = dice.choice([
            path.mkdir, lambda: path.write_text(str(dice.random())), path.unlink,
            lambda: os.rename(path, other), lambda: os.link(path, other),
            lambda: shutil.rmtree(path), lambda: path.symlink_to("x"),
            lambda: os.chmod(path, dice.choice([0o700, 0o755]))])
        try:
            act()
        except OSError:
            pass


def unescaped(name):
    return name.replace("\\\\", "\\")


@pytest.mark.parametrize("seed", range(4))
def test_the_difference_is_that_of_a_second_reading(watch, seed):
    dice = random.Random(seed)
    meddle(watch.dir, dice, 20)
    before = reading(watch.dir)
    watch.start()
    meddle(watch.dir, dice, 300)
    watch.stop()
    after = reading(watch.dir)
    told = {"gone": set(), "come": set(), "modified": set()}
    for change in watch.changes():
        kind, names = change[0], [unescaped(name) for name in change[1:]]
        if kind in ("deleted", "renamed"):
            told["gone"].add(names[0])
        if kind in ("created", "renamed"):
            told["come"].add(names[-1])
        if kind == "modified":
            told["modified"].add(names[0])
    retyped = {n for n in before if n in after and before[n][0] != after[n][0]}
    assert told["gone"] == (set(before) - set(after)) | retyped
    assert told["come"] == (set(after) - set(before)) | retyped
    differing = {n for n in before if n in after and before[n] != after[n]} - retyped
    assert differing <= told["modified"] <= set(before) & set(after)


@pytest.mark.parametrize("files", [3000, pytest.param(50_000, marks=pytest.mark.soak)])
def test_a_burst_is_exact_in_the_end(watch, files):
    watch.start()
    for number in range(20):
        (watch.dir / f"d{number}").mkdir()
    script = f"import os\nfor i in range({files}): os.close(os.open(f'd{{i%20}}/{{i}}', os.O_CREAT))"
    subprocess.run(["python3", "-c", script], cwd=watch.dir, check=True)
    ended = watch.stop()
    assert ended["changes"] == {"created": files + 20}
    counted = watch.aegis("audit", "query", "project", "--event", "NAME_CHANGED", "--json").ok()
    assert len(counted.out.splitlines()) == files + 20


def test_what_the_kernel_drops_is_a_gap(watch):
    started = watch.start()
    os.kill(started["pid"], signal.SIGSTOP)
    try:
        script = ("import os\nfor i in range(17000): os.close(os.open(f'{i}', os.O_CREAT))\n"
                  "for i in range(17000): os.unlink(f'{i}')")
        subprocess.run(["python3", "-c", script], cwd=watch.dir, check=True)
        (watch.dir / "kept").write_text("x")
    finally:
        os.kill(started["pid"], signal.SIGCONT)
    ended = watch.stop()
    assert ended["gaps"] >= 1
    assert {p["kind"] for p in watch.payloads("WATCH_GAP")} == {"overflow"}
    assert watch.changes() == [("created", "kept")]


def test_it_ends_when_nothing_happens(watch):
    started = watch.start("--idle-timeout", "1")
    assert gone(started["pid"])
    (end,) = watch.payloads("SESSION_ENDED")
    assert end["detail"] == "nothing happened for 1 s"
    watch.aegis("watch", "--stop").failed(1, "nothing watches under configuration \"project\"")


@pytest.mark.parametrize("how", ["remove", "rename"])
def test_it_ends_with_its_directory(aegis, watch, how):
    top = aegis.root / "top"
    (top / "sub").mkdir(parents=True)
    started = aegis("watch", "--dir", str(top), "--name", "project", "--json").ok().json("watch")
    if how == "remove":
        shutil.rmtree(top)
    else:
        top.rename(aegis.root / "other")
    assert gone(started["pid"])
    (end,) = watch.payloads("SESSION_ENDED")
    assert end["detail"] == "the directory was removed or renamed"
    assert len(watch.payloads("NAME_CHANGED")) == (1 if how == "remove" else 0)
    aegis("audit", "verify", "project").ok()


def test_a_second_watch_is_refused(aegis, watch):
    started = watch.start()
    aegis("watch").failed(1, f"process {started['pid']} watches under this configuration already")
    aegis("watch", "--name", "project", "--foreground").failed(1, f"process {started['pid']}")
    other = aegis("watch", "--name", "other", "--json").ok().json("watch")
    assert other["pid"] != started["pid"], "another configuration may watch the same"
    watch.stop()
    aegis("watch", "--stop", "--name", "other").ok()
    assert len(watch.payloads("SESSION_STARTED")) == 1
    watch.start()


def test_kill_leaves_a_record_that_verifies(aegis, watch):
    started = watch.start()
    (watch.dir / "f").write_text("x")
    time.sleep(0.3)
    os.kill(started["pid"], signal.SIGKILL)
    assert gone(started["pid"])
    aegis("watch", "--stop").failed(1, "nothing watches")
    aegis("audit", "verify", "project").ok()
    assert "f" in watch.actions()["FileWrite"]
    (session,) = aegis("audit", "sessions", "project", "--json").ok().json()
    assert session["state"] == "died"
    watch.start()
    watch.stop()


def test_a_watch_killed_while_it_ends(aegis, watch):
    pid = watch.start()["pid"]
    os.kill(pid, signal.SIGSTOP)
    stopping = aegis.start("watch", "--stop")
    while f"ShdPnd:\t{1 << (signal.SIGTERM - 1):016x}" not in pathlib.Path(
            f"/proc/{pid}/status").read_text():
        time.sleep(0.02)
    os.kill(pid, signal.SIGKILL)
    _, err = stopping.communicate(timeout=PATIENCE)
    assert stopping.returncode == 1 and "died before it could record its end" in err.decode()
    aegis("audit", "verify", "project").ok()


def test_a_stale_lock_file_is_not_believed(aegis, watch):
    watch.start()
    watch.stop()
    lock = aegis.state / "project/watch.lock"
    bystander = subprocess.Popen(["sleep", "60"])
    lock.write_text('{"pid":%d,"session_id":"x","started":1}\n' % bystander.pid)
    aegis("watch", "--stop").failed(1, "nothing watches")
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()
    watch.start()


def test_sigterm_ends_it_in_order(watch):
    started = watch.start()
    (watch.dir / "f").write_text("x")
    os.kill(started["pid"], signal.SIGTERM)
    assert gone(started["pid"])
    assert watch.changes() == [("created", "f")]
    watch.aegis("audit", "verify", "project").ok()


def test_in_the_foreground(aegis, watch):
    process = aegis.start("watch", "--foreground", "--json")
    first = process.stderr.readline().decode()
    assert f"watching {watch.dir}" in first
    (watch.dir / "f").write_text("x")
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert '"ended"' in out.decode() and '"created": 1' in out.decode()


def test_it_leaves_the_terminal_and_its_pipes(aegis, watch):
    read, write = os.pipe()
    started = aegis("watch", "--json", pass_fds=[write]).ok().json("watch")
    os.close(write)
    assert os.read(read, 1) == b"", "it holds none of the caller's descriptors"
    os.close(read)
    pid = started["pid"]
    assert os.getsid(pid) == pid
    assert os.readlink(f"/proc/{pid}/cwd") == "/"
    assert os.readlink(f"/proc/{pid}/fd/0") == "/dev/null"
    assert os.readlink(f"/proc/{pid}/fd/2") == str(aegis.state / "project/watch.log")


if os.geteuid() != 0:  # root reads everything

    def test_closed_directories_are_gaps(aegis, watch):
        closed = watch.dir / "closed"
        closed.mkdir()
        (closed / "f").write_text("x")
        closed.chmod(0)
        started = watch.start()
        assert started["gaps"] == 1 and str(closed) in started["first_gaps"][0]
        closed.chmod(0o755)
        ended = watch.stop()
        assert ended["changes"] == {"modified": 1, "revealed": 1}
        assert ("revealed", "closed/f") in watch.changes()
        assert [p["kind"] for p in watch.payloads("WATCH_GAP")] == ["unreadable"]


def test_a_fifo_does_not_hold_it(watch):
    os.mkfifo(watch.dir / "fifo")
    watch.start()
    assert watch.stop()["changes"] == {}


def test_the_state_is_left_out(aegis, watch):
    (aegis.home / "f").write_text("x")
    started = aegis("watch", "--dir", str(aegis.home), "--name", "project", "--json").ok().json()
    assert started["names"] == 1
    aegis("init", "other").ok()
    (aegis.home / "f").write_text("y")
    ended = aegis("watch", "--stop", "--name", "project", "--json").ok().json("watch")
    assert ended["changes"] == {"modified": 1}
    assert not [p for p in watch.payloads("ACTION_OBSERVED") if p["resource"].startswith(str(aegis.state))]


def test_hostile_names_are_shown_harmlessly(aegis, watch):
    watch.start()
    (watch.dir / "x\n\x1b]0;pwned\x07\u202e").write_text("x")
    with open(os.fsencode(watch.dir) + b"/\xff", "w", encoding="ascii"):
        pass
    watch.stop()
    shown = aegis("log", "project", "--last", "50").ok().out
    for character in "\x1b\x07\u202e":
        assert character not in shown
    assert ("created", "\\xff") in watch.changes()


def test_wrong_usage(aegis):
    aegis("watch", "--stop", "--reads").failed(2, "--stop takes no --reads")
    aegis("watch", "--idle-timeout", "x").failed(2, "--idle-timeout")
    aegis("watch", "--idle-timeout", "99999999999").failed(2, "at most 1000000000 seconds")
    aegis("watch", "--dir", "nope").failed(1, "nope")
    aegis("watch", "--tag", "two\nlines").failed(1, "--tag")
    aegis("watch", "--policy", "nope").failed(1, "nope")
    aegis("watch", "--stop").failed(1, 'no configuration "project"')
    aegis("watch", "--name", "../x").failed(1, "configuration name")
    assert not aegis.state.exists() or list(aegis.state.iterdir()) == []
    aegis("watch", "--exclude", "/").failed(1, "--exclude \"/\" matches no name")
    assert aegis("audit", "query", "project", "--json").ok().out == ""
