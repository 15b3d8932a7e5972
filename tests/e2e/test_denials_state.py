"""Aegis' own state is out of the agent's reach, and what can't be recorded doesn't happen."""

import json
import os
import sqlite3
import subprocess

import pytest

import harness
from harness import attempts


@pytest.mark.parametrize("mode", ["run", "wrap"])
def test_state_is_masked_in_every_mode(world, mode):
    """Also with a policy that permits everything."""
    world.run(["true"]).ok()
    state = world.aegis_home
    database = state / "default/audit.db"
    assert database.exists()
    names = [database, state / "default/policies/default.cedar", state / "default/aegis.toml"]
    (world.project / "link").symlink_to(database)
    (world.project / "dirlink").symlink_to(state)
    paths = [*map(str, names), "link", "dirlink/default/audit.db", f"/proc/self/root{database}",
             f"/proc/1/root{database}", f"/proc/self/cwd/../../state/default/audit.db",
             "../../state/default/audit.db", f"//{state}/./default//audit.db"]
    tries = [("read", path) for path in paths] + [
        ("write", state / "default/policies/evil.cedar"), ("write", database),
        ("unlink", database), ("rename", state / "default", state / "moved"),
        ("rename", state, world.project / "moved"), ("link", database, "hard"),
        ("mkdir", state / "new"), ("chmod", state, 0o777), ("truncate", database, 0)]
    native = attempts(world, world.native, tries[:len(paths)])
    assert sum(result.startswith(("SQLite", "//", "name", "#")) or "audit" in result or len(result) > 20
               for result in native) >= len(paths) - 2, native
    before = {path: path.read_bytes() for path in names[1:]}
    launch = world.wrap if mode == "wrap" else \
        lambda words: world.run(words, policy="permit-all")
    for number in range(1 if mode == "wrap" else 2):
        policy_launch = launch if number == 0 else world.run
        got = attempts(world, policy_launch, tries)
        wrong = {str(what): result for what, result in zip(tries, got)
                 if result not in ("EACCES", "ENOENT", "EXDEV", "EBUSY", "EPERM", "EROFS", "ENOTDIR")}
        assert not wrong, wrong
    assert {path: path.read_bytes() for path in names[1:]} == before
    assert attempts(world, launch, [("list", state)])[0] in ("EACCES", "ENOENT", [])
    world.verify("wrapped" if mode == "wrap" else "default")
    denials = world.denials("wrapped" if mode == "wrap" else "default")
    assert any(entry["resource"] == str(database) for entry in denials)
    for entry in denials:
        if mode == "wrap" and entry["reason"] == "AEGIS_STATE":
            assert entry["context"].get("enforced", True) is True, entry


def test_state_in_the_home_directory_and_a_project_that_holds_it(world):
    """The default place ~/.aegis; and --dir in or above the state."""
    world.env.pop("AEGIS_HOME")
    world.aegis_home = world.home / ".aegis"
    got = attempts(world, lambda words: world.run(words, directory=world.home, policy="permit-all"),
                   [("read", world.home / ".aegis/default/aegis.toml"), ("write", world.home / "fine"),
                    ("write", world.home / ".aegis/current"),
                    ("rename", world.home / ".aegis", world.home / "moved")])
    assert got[1] == "ok" and "ok" not in (got[0], got[2], got[3]) and "name" not in got[0], got
    done = world.run(["true"], directory=world.home / ".aegis/default")
    assert done.code == 125 and done.err_text.startswith("aegis:"), done
    world.verify()


def test_the_journal_of_a_running_session_is_out_of_reach(world):
    script = f"find {world.aegis_home} /proc/*/fd -name '*.journal' 2>/dev/null; echo end"
    assert world.run(["sh", "-c", script], policy="permit-all").text == "end\n"


@pytest.mark.root
def test_a_full_disk_denies(world, lacking):
    """The journal can't grow: actions are refused, and Aegis says why."""
    world.aegis_home.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m,mode=700", "tmpfs", world.aegis_home],
                             check=False, capture_output=True)
    if mounted.returncode != 0:
        lacking("the right to mount a tmpfs")
    try:
        world.run(["true"]).ok()
        script = ("import os, sys\nmade = 0\nname = 'd' * 200\nos.mkdir(name)\n"
                  "for i in range(200000):\n    try:\n        os.close(os.open(f'{name}/{i}', os.O_CREAT|os.O_WRONLY))\n"
                  "        os.unlink(f'{name}/{i}')\n        made += 1\n"
                  "    except OSError as e:\n        print(made, e.errno); break\n")
        ballast = world.aegis_home / "ballast"
        with open(ballast, "wb") as file:
            try:
                while True:
                    file.write(b"x" * 65536)
                    file.flush()
            except OSError:
                pass
        with open(ballast, "r+b") as file:
            file.truncate(max(0, os.path.getsize(ballast) - (6 << 20)))
        done = world.run([harness.PYTHON, "-c", script])
        assert done.code == 125 or done.text.split()[1:] in (["13"], ["28"], ["5"]), done
        said = [line for line in done.err_text.splitlines() if line.startswith("aegis:")]
        assert said and any(word in done.err_text for word in ("space", "full", "record", "ledger")), done
        ballast.unlink()
        world.verify()
        recorded = {(entry["action"], entry["resource"]) for entry in world.decided()
                    if entry["decision"] == "allow"}
        for path in world.project.rglob("*"):
            assert any(resource == str(path) for _, resource in recorded), path
    finally:
        subprocess.run(["umount", "-l", world.aegis_home], check=True)


@pytest.mark.parametrize("how", ["garbage", "directory", "missing-table",
                                 pytest.param("unreadable", marks=pytest.mark.user)])
def test_an_unusable_ledger_runs_nothing(world, how):
    world.run(["true"]).ok()
    database = world.aegis_home / "default/audit.db"
    for extra in database.parent.glob("audit.db-*"):
        extra.unlink()
    if how == "garbage":
        database.write_bytes(b"not a database at all" * 500)
    elif how == "directory":
        database.unlink()
        database.mkdir()
    elif how == "missing-table":
        with sqlite3.connect(database) as connection:
            connection.execute("DROP TABLE entries")
    else:
        database.chmod(0)
    before = sorted(path.name for path in database.parent.iterdir())
    done = world.run(["touch", "ran"])
    assert done.code == 125, done
    lines = done.err_text.splitlines()
    assert len(lines) == 1 and lines[0].startswith("aegis:") and "audit.db" in lines[0], done
    assert not (world.project / "ran").exists()
    assert sorted(path.name for path in database.parent.iterdir() if "-" not in path.name) == \
        [name for name in before if "-" not in name]
    done = world.aegis("audit", "verify", "default")
    assert done.code != 0 and len(done.err_text.splitlines()) == 1, done


def test_an_edited_ledger_does_not_verify(world):
    for _ in range(2):
        world.run(["cat", "/etc/hostname"])
    database = world.aegis_home / "default/audit.db"
    for statement in (
            "UPDATE entries SET payload = replace(payload, '\"allow\"', '\"deny\"') WHERE seq = 3",
            "DELETE FROM entries WHERE seq = 5", "UPDATE entries SET seq = seq + 1000 WHERE seq > 10",
            "UPDATE entries SET ts_unix_ms = ts_unix_ms + 1 WHERE seq = 4",
            "UPDATE entries SET event_type = 'OTHER' WHERE seq = 4",
            "UPDATE entries SET user_id = 'x' WHERE seq = 4", "DELETE FROM entries WHERE seq < 4",
            "DELETE FROM entries WHERE id = (SELECT max(id) FROM entries)"):
        world.verify()
        saved = database.read_bytes()
        with sqlite3.connect(database) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")
            assert connection.execute(statement).rowcount > 0
        connection.close()
        done = world.aegis("audit", "verify", "default")
        assert done.code != 0, (statement, done)
        for extra in database.parent.glob("audit.db-*"):
            extra.unlink()
        database.write_bytes(saved)
    world.verify()


@pytest.mark.parametrize("command", ["wrap", "run"])
def test_ten_at_once_make_one_valid_ledger(world, command):
    script = "for i in 1 2 3 4 5; do echo $0 > f$0-$i; done"
    if command == "wrap":
        words = [world.wrap_words(["sh", "-c", script, number], name="shared") for number in range(10)]
    else:
        words = [world.run_words(["sh", "-c", script, number]) for number in range(10)]
    running = [world.start(line) for line in words]
    for process in running:
        harness.finish(process).ok()
    name = "shared" if command == "wrap" else "default"
    world.verify(name)
    entries = world.entries(name)
    starts = [entry for entry in entries if entry["event_type"] == "SESSION_STARTED"]
    ends = [entry for entry in entries if entry["event_type"] == "SESSION_ENDED"]
    assert len({entry["session_id"] for entry in starts}) == len(ends) == 10
    written = {entry["payload"]["resource"] for entry in entries
               if entry["payload"].get("action") == "FileWrite"}
    for number in range(10):
        for i in range(1, 6):
            assert f"{world.project}/f{number}-{i}" in written
    for session in {entry["session_id"] for entry in entries}:
        assert [entry["seq"] for entry in entries if entry["session_id"] == session] == \
            list(range(sum(entry["session_id"] == session for entry in entries)))


def test_export_is_complete_and_of_the_documented_form(world):
    world.run(["sh", "-c", "cat /etc/hostname ../.netrc; echo x > f"])
    jsonl = world.entries()
    whole = json.loads(world.aegis("audit", "export", "default", "--format", "json").ok().out)
    assert whole == jsonl
    queried = [json.loads(line) for line in
               world.aegis("audit", "query", "default", "--json").ok().out.splitlines()]
    assert queried == jsonl
    for entry in jsonl:
        if entry["event_type"] == "ACTION_DECIDED":
            payload = entry["payload"]
            assert {"action", "resource", "decision", "reason", "policies", "context"} <= set(payload)
            assert {"pid", "exe"} <= set(payload["context"])
        if entry["event_type"] == "ACTION_FINISHED":
            assert "decision" not in entry["payload"]
    with sqlite3.connect(world.aegis_home / "default/audit.db") as connection:
        columns = {row[1] for row in connection.execute("PRAGMA table_info(entries)")}
    assert {"session_id", "seq", "payload", "hash", "prev_hash"} <= columns
    others = [path.name for path in (world.aegis_home / "default").rglob("*")
              if path.is_file() and path.read_bytes()[:6] == b"SQLite"]
    assert others == ["audit.db"]
