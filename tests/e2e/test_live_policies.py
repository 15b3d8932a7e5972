"""An edited policy takes effect on a running agent, and a broken one does not."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import time

import pytest

import harness
from harness import PYTHON

# Reads a file again and again, from several processes, and tells whenever the outcome changes.
READER = """
import os, sys, time
path, stop, readers = sys.argv[1], sys.argv[2], int(sys.argv[3])
first = all(os.fork() for _ in range(readers - 1))
before = None
while not os.path.exists(stop):
    try:
        with open(path, "rb") as file:
            file.read()
        now = "ok"
    except OSError as error:
        now = "refused"
    if now != before and first:
        print(now, flush=True)
    before = now
    if readers == 1:
        time.sleep(0.002)
"""

FORBID = """@id("live")
forbid(principal, action == Aegis::Action::"FileRead", resource == Aegis::Resource::"@dir/data");
"""


def changes(entries, kind="POLICY_CHANGED"):
    return [entry["payload"] for entry in entries if entry["event_type"] == kind]


class Agent:
    """A run of the reader under a configuration, or a file, of policies that are being edited."""

    def __init__(self, world, words, readers=1, first="ok", **options):
        self.world = world
        (world.project / "data").write_text("data\n")
        self.stop_file = world.project / "stop"
        self.said = open(world.root / "said", "w+", encoding="utf-8")
        self.errors = open(world.root / "errors", "w+", encoding="utf-8")
        self.process = world.start(
            [world.aegis_binary, *words, "--", PYTHON, "-c", READER, world.project / "data",
             self.stop_file, readers], stdout=self.said, stderr=self.errors, **options)
        STARTED.append(self.process)
        self.expect(first)

    def outcomes(self):
        return (self.world.root / "said").read_text().split()

    def expect(self, outcome):
        harness.wait_until(lambda: self.outcomes()[-1:] == [outcome], outcome)

    def stderr(self):
        return (self.world.root / "errors").read_text()

    def expect_said(self, text):
        harness.wait_until(lambda: text in self.stderr(), text)

    def end(self):
        self.stop_file.write_text("")
        assert self.process.wait(timeout=harness.PATIENCE) == 0, self.stderr()
        self.close()

    def close(self):
        self.said.close()
        self.errors.close()


STARTED = []


@pytest.fixture(autouse=True)
def _no_survivors():
    """A test that fails leaves no agent behind."""
    yield
    for process in STARTED:
        process.kill()
        process.wait()
    STARTED.clear()


@pytest.fixture
def work(world):
    """A configuration; its policies lie where no agent reaches them."""
    world.aegis("init", "work", "--policy", "project", "--dir", world.project).ok()
    return world.aegis_home / "work" / "policies"


def run(world, readers=1):
    return Agent(world, ["run", "--config", "work"], readers)


def test_an_edit_forbids_and_another_permits_again(world, work):
    agent = run(world)
    (work / "mine.cedar").write_text(FORBID)
    agent.expect("refused")
    (work / "mine.cedar").unlink()
    agent.expect("ok")
    agent.end()
    assert agent.outcomes() == ["ok", "refused", "ok"]
    assert agent.stderr().count("are in force now") == 2

    entries = world.entries("work")
    world.verify("work")
    start = entries[0]["payload"]
    first, second = changes(entries)
    assert start["policy_stored"] is True
    assert first["from"] == start["policy_digest"] == second["to"]
    assert first["to"] == second["from"] != first["from"]
    assert str(work / "mine.cedar") in first["files"]
    assert str(work / "mine.cedar") not in second["files"]

    # What was decided between them was decided by the edited set.
    in_force = first["from"]
    for entry in entries[1:]:
        payload = entry["payload"]
        if entry["event_type"] == "POLICY_CHANGED":
            in_force = payload["to"]
        elif payload.get("resource") == str(world.project / "data"):
            refused = in_force == first["to"]
            assert payload["decision"] == ("deny" if refused else "allow")
            assert ("live" in payload["policies"]) == refused

    history = world.aegis("audit", "policy-history", "work", "--json").ok().json()
    assert [(step["live"], step["digest"]) for step in history] == [
        (False, start["policy_digest"]), (True, first["to"]), (True, second["to"])]
    assert history[1]["files"] == {"added": ["mine.cedar"], "removed": [], "changed": []}
    assert history[1]["policies"]["added"] == ["live"]
    assert history[2]["policies"]["removed"] == ["live"]
    shown = world.aegis("audit", "policy-history", "work", "--show", first["to"][:12]).ok().text
    assert FORBID in shown and "// programs.cedar" in shown


def test_an_editor_that_replaces_files(world, work):
    default = (work / "default.cedar").read_text()
    agent = run(world)
    (work / "default.cedar~").write_text(default + FORBID)
    os.rename(work / "default.cedar~", work / "default.cedar")
    agent.expect("refused")
    os.rename(work / "default.cedar", work / "default.bak")
    (work / "default.cedar").write_text(default)
    agent.expect("ok")
    agent.end()
    assert world.entries("work")[0]["payload"]["policy_digest"] == \
        changes(world.entries("work"))[-1]["to"]
    world.verify("work")


def test_a_broken_edit_keeps_what_was_in_force(world, work):
    agent = run(world)
    (work / "mine.cedar").write_text('forbid(principal, action, "--token=abcdefghijkl");')
    agent.expect_said("those before stay in force")
    (work / "mine.cedar").write_text(FORBID)
    agent.expect("refused")
    for path in work.iterdir():
        path.unlink()
    agent.expect_said("no policy")
    agent.end()
    assert agent.outcomes() == ["ok", "refused"]
    lines = [line for line in agent.stderr().splitlines() if "stay in force" in line]
    assert len(lines) == 2 and all(line.startswith("aegis: ") for line in lines)
    assert f"{work}/mine.cedar:1:" in lines[0]
    entries = world.entries("work")
    kept = changes(entries, "POLICY_KEPT")
    assert [one["digest"] for one in kept] == [
        entries[0]["payload"]["policy_digest"], changes(entries)[0]["to"]]
    assert f"{work}/mine.cedar:1:" in kept[0]["detail"] and "abcdefghijkl" not in kept[0]["detail"]
    world.verify("work")


def test_of_many_edits_the_last_one_wins(world, work):
    agent = run(world, readers=2)
    for number in range(200):
        (work / "mine.cedar").write_text(f"// {number}\n" + (FORBID if number % 2 else ""))
    agent.expect("refused")
    agent.end()
    last = changes(world.entries("work"))[-1]["to"]
    shown = world.aegis("audit", "policy-history", "work", "--show", last).ok().text
    assert "// 199" in shown
    world.verify("work")


def test_an_edit_while_four_processes_open(world, work):
    agent = run(world, readers=4)
    for _ in range(3):
        (work / "mine.cedar").write_text(FORBID)
        agent.expect("refused")
        (work / "mine.cedar").unlink()
        agent.expect("ok")
    agent.end()
    entries = world.entries("work")
    world.verify("work")
    assert len(changes(entries)) == 6
    forbidden, seen = False, {True: 0, False: 0}
    for entry in entries:
        payload = entry["payload"]
        if entry["event_type"] == "POLICY_CHANGED":
            forbidden = not forbidden
        elif payload.get("resource") == str(world.project / "data") and \
                payload.get("action") == "FileRead":
            assert payload["decision"] == ("deny" if forbidden else "allow"), entry["seq"]
            seen[forbidden] += 1
    assert min(seen.values()) > 4
    assert [entry["seq"] for entry in entries] == list(range(len(entries)))


def test_a_file_of_policies_outside_of_the_project(world):
    policy = world.outside / "mine.cedar"
    text = "\n".join(world.aegis("policy", "generate", name).ok().text
                     for name in ("project", "programs"))
    policy.write_text(text)
    agent = Agent(world, ["run", "--policy", policy, "--dir", world.project])
    policy.write_text(text + FORBID)
    agent.expect("refused")
    agent.end()
    world.verify()


def test_policies_that_the_agent_could_change_are_not_followed(world):
    """In the project; the agent changes them itself. And those of the state are out of its reach."""
    policy = world.project / "mine.cedar"
    text = "\n".join(world.aegis("policy", "generate", name).ok().text
                     for name in ("project", "programs"))
    policy.write_text(text)
    agent = Agent(world, ["run", "--policy", policy, "--dir", world.project])
    policy.write_text(text + FORBID)
    done = world.run(["sleep", "0.5"])
    assert done.code == 0
    agent.end()
    assert agent.outcomes() == ["ok"]
    assert changes(world.entries()) == changes(world.entries(), "POLICY_KEPT") == []
    # The next run reads them.
    done = world.run(["cat", "data"], policy=policy)
    assert done.code != 0 and done.out == b""


# Longer than it takes until an edit that nobody has told of is found.
UNNOTICED = 2


@pytest.fixture
def loose(world):
    """Policies that permit reading and writing in the project. With FORBID behind, they are strict."""
    return "\n".join(world.aegis("policy", "generate", name).ok().text
                     for name in ("project", "programs"))


def move_a_link(world, loose):
    """The policies are given as a link in the project, and the agent makes another one of it."""
    given = world.project / "pol.cedar"
    given.symlink_to(world.outside / "real.cedar")
    (world.project / "mine.cedar").write_text(loose)

    def attack():
        given.unlink()
        given.symlink_to(world.project / "mine.cedar")
    return world.outside / "real.cedar", given, world.project, attack


def move_the_working_directory(world, loose):
    (world.project / "a").mkdir()
    (world.project / "b").mkdir()
    (world.project / "pol.cedar").write_text(loose)

    def attack():
        os.rename(world.project / "a", world.project / "b/a")
    return world.home / "pol.cedar", "../../pol.cedar", world.project / "a", attack


def replace_a_directory_under_dots(world, loose):
    (world.project / "x").mkdir()
    (world.project / "y/z").mkdir(parents=True)
    (world.project / "pol.cedar").write_text(loose)

    def attack():
        (world.project / "x").rmdir()
        (world.project / "x").symlink_to("y/z")
    return world.home / "pol.cedar", world.project / "x/../../pol.cedar", world.project, attack


@pytest.mark.parametrize("prepare", [move_a_link, move_the_working_directory,
                                     replace_a_directory_under_dots])
def test_what_is_read_is_settled_at_the_start(world, loose, prepare):
    """The agent changes what the given path leads to; edits of the user's file still count."""
    real, given, cwd, attack = prepare(world, loose)
    real.write_text(loose + FORBID)
    agent = Agent(world, ["run", "--policy", given, "--dir", world.project], first="refused",
                  cwd=cwd)
    attack()
    time.sleep(UNNOTICED)
    assert "in force" not in agent.stderr() and agent.outcomes() == ["refused"]
    real.write_text(loose)
    agent.expect("ok")
    agent.end()
    assert len(changes(world.entries())) == 1 and not changes(world.entries(), "POLICY_KEPT")


def link_over_the_project(world, policies):
    """A policy file is a link to one elsewhere, by a directory in the project that is a link too."""
    real = world.outside / "real"
    real.mkdir()
    os.rename(policies / "a.cedar", real / "a.cedar")
    (world.project / "way").symlink_to(real)
    (policies / "a.cedar").symlink_to(world.project / "way/a.cedar")

    def attack(text):
        (world.project / "way").unlink()
        (world.project / "way").mkdir()
        (world.project / "way/a.cedar").write_text(text)
    return attack


def second_name(world, policies):
    os.link(policies / "a.cedar", world.project / "alias")
    return (world.project / "alias").write_text


def bind_mount(world, policies):
    (world.project / "alias").mkdir()
    subprocess.run(["mount", "--bind", policies, world.project / "alias"], check=True)
    return (world.project / "alias/a.cedar").write_text


# Bind mounts outside of a user namespace are made by root alone.
OTHER_NAMES = [link_over_the_project, second_name] + ([bind_mount] if os.geteuid() == 0 else [])


@pytest.mark.parametrize("prepare", OTHER_NAMES)
def test_files_that_the_agent_reaches_by_another_name_are_not_followed(world, loose, prepare):
    policies = world.outside / "policies"
    policies.mkdir()
    (policies / "a.cedar").write_text(loose + FORBID)
    attack = prepare(world, policies)
    try:
        agent = Agent(world, ["run", "--policy", policies, "--dir", world.project],
                      first="refused")
        assert agent.stderr().count("edits of the policies will not be followed: ") == 1
        attack(loose)
        time.sleep(UNNOTICED)
        agent.end()
    finally:
        if prepare is bind_mount:
            subprocess.run(["umount", world.project / "alias"], check=True)
    assert agent.outcomes() == ["refused"]
    assert changes(world.entries()) == changes(world.entries(), "POLICY_KEPT") == []


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_a_file_that_is_linked_in_is_not_read(world, work, link):
    agent = run(world)
    (world.project / "mine.cedar").write_text(FORBID)
    link(world.project / "mine.cedar", work / "mine.cedar")
    agent.expect_said("mine.cedar: a policy file ")
    (work / "mine.cedar").unlink()
    (work / "mine.cedar").write_text(FORBID)
    agent.expect("refused")
    agent.end()
    assert "mine.cedar: a policy file " in changes(world.entries("work"), "POLICY_KEPT")[0]["detail"]
    assert len(changes(world.entries("work"))) == 1


def test_what_a_link_led_to_stays_forbidden(world, work):
    """A forbid names a place behind a link, and the agent removes the link before an edit."""
    (world.project / "real").mkdir()
    (world.project / "real/data").write_text("secret\n")
    (world.project / "way").symlink_to("real")
    (world.project / "edited").write_text("edited\n")
    behind = 'forbid(principal, action, resource in Aegis::Resource::"@dir/way/data");\n'
    (work / "mine.cedar").write_text(
        behind + 'forbid(principal, action, resource == Aegis::Resource::"@dir/edited");')
    script = "rm way; while ! cat edited; do :; done 2>/dev/null; cat real/data"
    agent = world.start([world.aegis_binary, "run", "--config", "work", "--", "sh", "-c", script])
    try:
        harness.wait_until(lambda: not (world.project / "way").is_symlink(), "the removal")
        (work / "mine.cedar").write_text(behind)
    finally:
        done = harness.finish(agent)
    assert done.out == b"edited\n" and done.code != 0, done
    assert len(changes(world.entries("work"))) == 1


def test_an_edit_while_the_run_is_stopped_is_taken_when_it_goes_on(world, work):
    """The command stops itself, and with it the launcher, as a job would."""
    (world.project / "data").write_text("data\n")
    script = "kill -STOP $$; while cat data; do :; done >/dev/null 2>&1; echo refused"
    agent = world.start([world.aegis_binary, "run", "--config", "work", "--", "sh", "-c", script])

    def stopped():
        with open(f"/proc/{agent.pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] == "T"
    try:
        harness.wait_until(stopped, "the stop")
        (work / "mine.cedar").write_text(FORBID)
        time.sleep(UNNOTICED)
        os.kill(agent.pid, signal.SIGCONT)
    finally:
        done = harness.finish(agent)
    assert done.out == b"refused\n" and "are in force now" in done.err_text, done
    assert len(changes(world.entries("work"))) == 1


def test_the_agent_does_not_reach_its_policies(world, work):
    before = harness.manifest(work)
    script = f"echo 'permit(principal, action, resource);' > {work}/more.cedar; " \
             f"rm -r {work}; mv {work.parent} gone; sleep 0.4; cat /etc/shadow"
    world.aegis("run", "--config", "work", "--", "sh", "-c", script)
    assert harness.manifest(work) == before
    assert changes(world.entries("work")) == []


def test_what_the_walls_leave_out_stays_out(world, work):
    (world.outside / "file").write_text("outside\n")
    default = (work / "default.cedar").read_text()
    (work / "default.cedar").write_text(
        'permit(principal, action, resource in Aegis::Resource::"@dir");\n'
        'permit(principal, action in [Aegis::Action::"FileRead", Aegis::Action::"DirList", '
        'Aegis::Action::"ProcessSpawn"], resource in Aegis::Resource::"/usr");')
    script = f"while ! test -e stop; do cat {world.outside}/file 2>/dev/null; done; echo end"
    agent = world.start([world.aegis_binary, "run", "--config", "work", "--", "sh", "-c", script],
                        stderr=open(world.root / "errors", "w", encoding="utf-8"))
    try:
        harness.wait_until(lambda: world.entries("work"), "the start")
        (work / "mine.cedar").write_text(
            f'permit(principal, action, resource in Aegis::Resource::"{world.outside}");')
        harness.wait_until(lambda: "out of this run's reach" in
                           (world.root / "errors").read_text(), "the note")
        harness.wait_until(lambda: changes(world.entries("work")), "the entry")
    finally:
        (world.project / "stop").write_text("")
        done = harness.finish(agent)
    assert done.out == b"end\n", done
    assert changes(world.entries("work"))[0]["outside"] == str(world.outside)
    assert default


def test_a_set_that_loosens_the_state_is_refused(world, work):
    text = f'permit(principal, action, resource in Aegis::Resource::"{world.aegis_home}/work");'
    agent = run(world)
    (work / "mine.cedar").write_text(text)
    agent.expect_said("lies in Aegis' own state")
    agent.end()
    assert changes(world.entries("work")) == []
    done = world.aegis("run", "--config", "work", "--", "true")
    assert done.code == 125 and "mine.cedar:1:" in done.err_text, done
    (work / "mine.cedar").write_text("permit(principal, action, resource);")
    world.aegis("run", "--config", "work", "--", "true").ok()


def test_wrap_records_by_the_edited_set(world):
    world.aegis("init", "wrapped", "--policy", "permit-all", "--dir", world.project).ok()
    policies = world.aegis_home / "wrapped" / "policies"
    agent = Agent(world, ["wrap", "--name", "wrapped", "--dir", world.project])
    (policies / "mine.cedar").write_text(FORBID)
    agent.expect_said("are in force now")
    harness.wait_until(lambda: any("live" in denial["policies"] for denial in
                                   world.denials("wrapped")), "a would-be denial")
    agent.end()
    assert agent.outcomes() == ["ok"]
    assert all(denial["context"]["enforced"] is False for denial in world.denials("wrapped"))
    world.verify("wrapped")


@pytest.mark.parametrize("victim", ["launcher", "supervisor"])
def test_kill_at_the_moment_of_a_change(world, work, victim):
    for turn in range(6):
        (work / "mine.cedar").unlink(missing_ok=True)
        agent = run(world)
        launcher = agent.process.pid
        supervisor = harness.children(launcher)[0]
        (work / "mine.cedar").write_text(FORBID)
        if turn % 2:
            harness.wait_until(lambda: "are in force now" in agent.stderr(), "the change")
        else:
            time.sleep(0.09 + turn / 100)
        os.kill(launcher if victim == "launcher" else supervisor, signal.SIGKILL)
        assert agent.process.wait(timeout=harness.PATIENCE) != 0
        harness.wait_until(lambda: not os.path.exists(f"/proc/{supervisor}"), "the end")
        agent.close()
        world.verify("work")
    for step in world.aegis("audit", "policy-history", "work", "--json").ok().json():
        assert step["stored"], step


def test_edited_and_missing_texts_are_found(world, work):
    world.aegis("run", "--config", "work", "--", "true").ok()
    database = world.aegis_home / "work" / "audit.db"
    saved = database.read_bytes()
    for sql, kind in (("UPDATE policies SET text = text || ' '", "edited"),
                      ("DELETE FROM policies", "missing")):
        with contextlib.closing(sqlite3.connect(database)) as connection:
            connection.execute(sql)
            connection.commit()
        done = world.aegis("audit", "verify", "work")
        assert done.code == 1 and kind in done.text and "policies" in done.text, done
        if kind == "edited":
            digest = world.entries("work")[0]["payload"]["policy_digest"]
            done = world.aegis("audit", "policy-history", "work", "--show", digest)
            assert done.code == 1 and digest in done.err_text
        for path in (database, *database.parent.glob("audit.db-*")):
            path.unlink()
        database.write_bytes(saved)
    world.verify("work")
