"""log and audit: what is recorded, found, exported and verified."""

import sqlite3
import subprocess

import pytest

pytestmark = pytest.mark.usefixtures("gate")

FIELDS = {"tenant_id", "user_id", "session_id", "seq", "ts_unix_ms", "event_type", "payload", "hash"}


@pytest.fixture
def recorded(aegis):
    """Two sessions: one of a writer, one with a refusal."""
    aegis("init", "a", "--policy", "project", "--dir", str(aegis.project)).ok()
    aegis("run", "--config", "a", "--tag", "one", "--", "sh", "-c", "echo x > f").ok()
    assert aegis("run", "--config", "a", "--", "sh", "-c", "echo x > /etc/zz; exit 5").code == 5
    return aegis


def test_query_and_export_print_the_same_envelopes(recorded):
    queried = recorded("audit", "query", "a", "--json").ok()
    exported = recorded("audit", "export", "a", "--format", "jsonl").ok()
    assert queried.out == exported.out
    assert recorded("audit", "export", "a", "--format", "json").ok().json() == queried.lines()
    for entry in queried.lines():
        assert FIELDS <= set(entry) and set(entry) <= FIELDS | {"prev_hash"}
    finished = [e for e in queried.lines() if e["event_type"] == "ACTION_FINISHED"]
    assert finished and all("decision" not in e["payload"] for e in finished)


def test_both_spellings_read_the_same(recorded):
    for command in (["log"], ["audit", "query"], ["audit", "export"], ["audit", "sessions"]):
        positional = recorded(*command, "a").ok().out
        assert positional and positional == recorded(*command, "--config", "a").ok().out
    recorded("use", "a").ok()
    assert recorded("log").ok().out == recorded("log", "a").ok().out


def test_chains_hold_together(recorded):
    for session in recorded("audit", "sessions", "a", "--json").ok().json():
        chain = [e for e in recorded("audit", "query", "a", "--json").ok().lines()
                 if e["session_id"] == session["session_id"]]
        assert [e["seq"] for e in chain] == list(range(len(chain)))
        assert "prev_hash" not in chain[0] and all("prev_hash" in e for e in chain[1:])
        assert len(chain) == session["entries"]


def test_filters(recorded):
    def query(*words):
        return recorded("audit", "query", "a", "--json", *words).ok().lines()
    everything = query()
    assert query("--last", "3") == everything[-3:]
    denied = query("--decision", "deny")
    assert [e["payload"]["resource"] for e in denied] == ["/etc/zz"]
    assert all(e["payload"]["action"] == "FileWrite" for e in query("--action", "FileWrite"))
    assert query("--search", "/ETC/ZZ", "--action", "FileWrite") == denied
    first, second = (s["session_id"] for s in recorded("audit", "sessions", "a", "--json").ok().json())
    assert {e["session_id"] for e in query("--session", first)} == {first}
    assert query("--principal", "a") == everything and query("--principal", "nobody") == []
    assert query("--from", "2000-01-01", "--to", "9999-01-01") == everything
    assert query("--to", "2000-01-01") == []
    pages = query("--page", "1", "--page-size", "7") + query("--page", "2", "--page-size", "7")
    assert pages == everything[:14]
    assert query("--page", "1000000") == []
    assert second != first


@pytest.mark.parametrize("words", [
    ["--last", "x"], ["--last", "-1"], ["--from", "yesterday"], ["--action", "Nope"],
    ["--decision", "maybe"], ["--last", "1", "--page", "2"], ["--page", "0"], ["--nope"]])
def test_wrong_filters_are_wrong_usage(recorded, words):
    recorded("audit", "query", "a", *words).failed(2)


def test_log_shows_the_latest(recorded):
    lines = recorded("log", "a", "--last", "4").ok().out.splitlines()
    assert len(lines) == 4
    assert lines[-1].endswith("exit 5")
    assert "\x1b" not in "".join(lines), "no colours on a pipe"
    everything = recorded("audit", "query", "a").ok().out.splitlines()
    assert recorded("log", "a").ok().out.splitlines() == everything[-20:]


def test_sessions_and_one_session(recorded):
    sessions = recorded("audit", "sessions", "a", "--json").ok().json()
    assert [s["exit_code"] for s in sessions] == [0, 5]
    assert [s["tag"] for s in sessions] == ["one", None] or sessions[1]["tag"] == ""
    assert sessions[1]["denials"] == 1 and sessions[1]["mode"] == "run"
    assert recorded("audit", "sessions", "a", "--last", "1", "--json").ok().json() == sessions[1:]
    identity = sessions[0]["session_id"]
    by_id = recorded("audit", "session", identity, "--config", "a", "--json").ok().json()
    by_name = recorded("audit", "session", "a", "--id", identity, "--json").ok().json()
    assert by_id == by_name == sessions[0]
    assert identity in recorded("audit", "session", "a", "--id", identity).ok().out
    recorded("audit", "session", "ffffffff", "--config", "a").failed(1, "ffffffff")
    recorded("audit", "session").failed(2)


def test_verify_finds_an_edited_row(recorded):
    report = recorded("audit", "verify", "a", "--json").ok().json()
    assert report["valid"] and report["sessions"] == 2
    assert "valid" in recorded("audit", "verify", "a").ok().out
    with sqlite3.connect(recorded.state / "a/audit.db") as database:
        database.execute("UPDATE entries SET payload = replace(payload, '/etc/zz', '/etc/ok') "
                         "WHERE payload LIKE '%/etc/zz%'")
    database.close()
    done = recorded("audit", "verify", "a")
    assert done.code == 1 and "INVALID" in done.out and "seq" in done.err
    report = recorded("audit", "verify", "a", "--json")
    assert report.code == 1 and not report.json()["valid"] and report.json()["findings"]


@pytest.mark.parametrize("damage", [
    "DELETE FROM entries WHERE seq = 2", "UPDATE entries SET seq = seq + 1000 WHERE seq = 3",
    "UPDATE entries SET user_id = 'x' WHERE seq = 1",
    "UPDATE entries SET ts_unix_ms = ts_unix_ms + 1 WHERE seq = 1",
    "UPDATE entries SET prev_hash = NULL WHERE seq = 1", "UPDATE entries SET hash = x'00' WHERE seq = 1"])
def test_verify_finds_other_damage(recorded, damage):
    with sqlite3.connect(recorded.state / "a/audit.db") as database:
        database.execute(damage)
    database.close()
    assert recorded("audit", "verify", "a").code == 1


@pytest.mark.parametrize("content", [b"", b"no database at all", b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_broken_ledger_is_one_line(recorded, content):
    ledger = recorded.state / "a/audit.db"
    for rest in ("-wal", "-shm"):
        (recorded.state / f"a/audit.db{rest}").unlink(missing_ok=True)
    ledger.write_bytes(content)
    for words in (["log"], ["audit", "query"], ["audit", "verify"], ["audit", "export"]):
        recorded(*words, "a").failed(1)
    assert ledger.read_bytes() == content, "nothing was changed"
    if content:  # an empty file is a new database
        assert recorded("run", "--config", "a", "--", "true").code == 125


def test_a_missing_ledger_is_one_line(recorded):
    for path in (recorded.state / "a").glob("audit.db*"):
        path.unlink()
    recorded("audit", "verify", "a").failed(1, "audit.db")
    assert not (recorded.state / "a/audit.db").exists()


def test_output_that_cannot_be_written_is_an_error(recorded):
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([recorded.binary, "audit", "export", "a"], env=recorded.env, stdout=full,
                              stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1 and b"No space left" in done.stderr


def test_formats_that_are_not_there(recorded):
    recorded("audit", "export", "a", "--format", "csv").failed(2, "not in this build")
    recorded("audit", "export", "a", "--format", "nope").failed(2, "nope")
