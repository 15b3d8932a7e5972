"""log and audit: what is recorded, found, exported and verified."""

import csv
import io
import json
import select
import signal
import sqlite3
import subprocess
import time

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
    assert queried.out == exported.out and queried.lines() == exported.lines("audit-export")
    assert recorded("audit", "export", "a", "--format", "json").ok().json("audit-export") == queried.lines()
    for entry in queried.lines("audit-query"):
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


def test_paths_are_found_by_patterns(recorded):
    def query(*words):
        return recorded("audit", "query", "a", "--json", *words).ok().lines()
    denied = query("--decision", "deny")
    assert query("--path", "/etc/z*", "--decision", "deny") == denied
    assert query("--path", "**/zz") == [e for e in query() if e["payload"].get("resource") == "/etc/zz"]
    assert query("--path", "/etc/?") == [] and query("--path", "/zz") == []
    inside = query("--path", f"{recorded.project}/**")
    assert inside and all(e["payload"]["resource"].startswith(f"{recorded.project}/") for e in inside)
    recorded("audit", "query", "a", "--path", b"\xff").failed(2, "--path")
    (recorded.home / "mine?").write_text("x")
    (recorded.state / "a/policies/default.cedar").write_text("permit(principal, action, resource);")
    recorded("run", "--config", "a", "--", "cat", str(recorded.home / "mine?")).ok()
    mine = query("--path", str(recorded.home / "mine?"))
    assert mine and query("--path", "~/mine\\?") == mine == query("--path", "~/min*")
    for pattern in ("~/..", "~/../x", "/etc/./zz", "/etc//zz", "/etc/", "../x", "**/..", "."):
        recorded("audit", "query", "a", "--path", pattern).failed(2, "can match no name")
    recorded("audit", "watch", "a", "--path", "x/../y").failed(2, "can match no name")


def test_agent_and_principal_are_the_same(recorded):
    def query(*words):
        return recorded("audit", "query", "a", *words).ok().out
    assert query("--agent", "a") == query("--principal", "a") == query("--agent", "a", "--principal", "a")
    assert query("--agent", "nobody") == ""
    recorded("audit", "query", "a", "--agent", "a", "--principal", "b").failed(2)


def pages(aegis, size, *words):
    """All pages of a query, by their cursors."""
    entries, cursor = [], []
    while True:
        *page, end = aegis("audit", "query", "a", "--json", "--show-cursor", *size, *cursor, *words).ok().lines("audit-query")
        entries.append(page)
        assert set(end) == {"next_cursor"}
        if end["next_cursor"] is None:
            return entries
        cursor = ["--cursor", end["next_cursor"]]


def test_pages_go_on_where_they_ended(recorded):
    everything = recorded("audit", "query", "a", "--json").ok().lines()
    forward = pages(recorded, ["--limit", "7"])
    assert sum(forward, []) == everything and {len(page) for page in forward[:-1]} == {7}
    backward = pages(recorded, ["--last", "7"])
    assert sum(reversed(backward), []) == everything
    filtered = pages(recorded, ["--limit", "3"], "--action", "FileRead")
    assert sum(filtered, []) == [e for e in everything if e["payload"].get("action") == "FileRead"]
    page = recorded("audit", "query", "a", "--limit", "2").ok()
    assert "--cursor a2" in page.err and len(page.out.splitlines()) == 2
    assert recorded("audit", "query", "a", "--limit", "2", "--quiet").ok().err == ""
    end = recorded("audit", "query", "a", "--limit", "2", "--show-cursor").ok().out.splitlines()[-1]
    assert end == "next cursor: a2"


@pytest.mark.parametrize("words", [
    ["--cursor", "x"], ["--cursor", "a1", "--last", "2"], ["--cursor", "b1"], ["--limit", "1", "--last", "1"],
    ["--limit", "1", "--page", "2"], ["--cursor", "a1", "--page", "2"], ["--limit", "0"]])
def test_wrong_pages_are_wrong_usage(recorded, words):
    recorded("audit", "query", "a", *words).failed(2)


def test_csv_has_a_line_for_each_entry(recorded):
    text = recorded("audit", "export", "a", "--format", "csv").ok().out
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    entries = recorded("audit", "export", "a").ok().lines()
    assert [row["hash"] for row in rows] == [entry["hash"] for entry in entries]
    assert [row["id"] for row in rows] == [str(i + 1) for i in range(len(rows))]
    assert [row["seq"] for row in rows] == [str(entry["seq"]) for entry in entries]
    denied = [row for row in rows if row["decision"] == "deny"]
    assert [row["resource"] for row in denied] == ["/etc/zz"] and denied[0]["pid"].isdigit()
    assert rows[-1]["exit_code"] == "5" and rows[0]["time"].endswith("Z")


def test_cef_has_an_event_for_each_entry(recorded):
    lines = recorded("audit", "export", "a", "--format", "cef").ok().out.splitlines()
    assert len(lines) == len(recorded("audit", "export", "a").ok().lines())
    assert all(line.startswith("CEF:0|Aegis|Aegis|") for line in lines)
    denied = [line for line in lines if " act=deny " in line]
    assert len(denied) == 1 and "|7|" in denied[0] and " filePath=/etc/zz " in denied[0]


def test_exports_go_on_from_a_position(recorded):
    everything = recorded("audit", "export", "a").ok().lines()
    total = len(everything)
    part = recorded("audit", "export", "a", "--position", "5").ok()
    assert part.lines() == everything[5:] and f"position {total}" in part.err
    assert recorded("audit", "export", "a", "--position", str(total)).ok().out == ""
    recorded("audit", "export", "a", "--position", str(total + 1)).failed(1, "position")
    assert not recorded("audit", "export", "a", "--position", "3", "--format", "csv").ok().out.startswith("id,")
    place = recorded.home / "place"
    first = recorded("audit", "export", "a", "--position-file", str(place), "--quiet").ok()
    assert first.lines() == everything and place.read_text() == f"{total}\n" and first.err == ""
    assert recorded("audit", "export", "a", "--position-file", str(place)).ok().out == ""
    recorded("run", "--config", "a", "--", "true").ok()
    more = recorded("audit", "export", "a", "--position-file", str(place)).ok().lines()
    assert everything + more == recorded("audit", "export", "a").ok().lines() and more
    place.write_text("no number\n")
    recorded("audit", "export", "a", "--position-file", str(place)).failed(1, "place")


@pytest.mark.parametrize("words", [
    ["--format", "xml"], ["--follow", "--format", "json"], ["--last", "1", "--position", "1"],
    ["--position", "1", "--position-file", "x"], ["--position", "-1"]])
def test_wrong_exports_are_wrong_usage(recorded, words):
    recorded("audit", "export", "a", *words).failed(2)


def lines_until(process, enough):
    """Lines of a process that goes on, until `enough` says so of them."""
    lines = []
    deadline = time.monotonic() + 60
    while not enough(lines):
        assert time.monotonic() < deadline and process.poll() is None, lines
        if select.select([process.stdout], [], [], 1)[0]:
            lines.append(json.loads(process.stdout.readline()))
    return lines


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_follow_gives_what_comes_until_it_is_told_to_stop(recorded, stop):
    place = recorded.home / "place"
    process = recorded.start("audit", "export", "a", "--follow", "--position-file", str(place), bufsize=0)
    everything = recorded("audit", "export", "a").ok().lines()
    seen = lines_until(process, lambda lines: len(lines) >= len(everything))
    recorded("run", "--config", "a", "--", "true").ok()
    seen += lines_until(process, lambda lines: any(e["event_type"] == "SESSION_ENDED" for e in lines))
    process.send_signal(stop)
    rest, err = process.communicate(timeout=60)
    assert process.returncode == 0 and b"position" in err
    seen += [json.loads(line) for line in rest.splitlines()]
    assert seen == recorded("audit", "export", "a").ok().lines()
    assert place.read_text() == f"{len(seen)}\n"


def test_follow_ends_when_nobody_reads(recorded):
    process = recorded.start("audit", "export", "a", "--follow", "--last", "1", bufsize=0)
    assert len(lines_until(process, len)) == 1
    process.stdout.close()
    assert process.wait(timeout=60) == 0
    process.stderr.close()


def test_imports_make_the_same_ledger(recorded, tmp_path):
    recorded("init", "b", "--policy", "project", "--dir", str(recorded.project)).ok()
    exported = recorded("audit", "export", "a").ok().out
    file = tmp_path / "a.jsonl"
    file.write_text(exported)
    done = recorded("audit", "import", str(file), "b", "--json").ok().json("audit-import")
    assert done == {"lines": len(exported.splitlines()), "stored": len(exported.splitlines()), "present": 0,
                    "passed": 0}
    assert recorded("audit", "export", "b").ok().out == exported
    recorded("audit", "verify", "b").ok()
    assert "0 entries added" in recorded("audit", "import", str(file), "--config", "b").ok().out
    again = subprocess.run([recorded.binary, "audit", "import", "-", "b", "--json"], env=recorded.env,
                           input=exported.encode(), stdout=subprocess.PIPE, check=True)
    assert json.loads(again.stdout)["present"] == done["lines"]


def test_a_source_that_purges_is_imported_again_and_again(aegis, gate, tmp_path):
    for name in ("work", "archive"):
        aegis("init", name, "--policy", "project", "--dir", str(aegis.project)).ok()

    def run():
        aegis("run", "-q", "--config", "work", "--", "true").ok()
        return aegis("audit", "sessions", "work", "--json").ok().json()[-1]["session_id"]

    def archive():
        file = tmp_path / "work.jsonl"
        file.write_text(aegis("audit", "export", "work").ok().out)
        return aegis("audit", "import", str(file), "archive", "--json").ok().json("audit-import")

    first = run()
    assert archive()["passed"] == 0
    unseen = run()
    for session in (first, unseen):
        aegis("audit", "purge", "--config", "work", "--session", session, "--yes").ok()
    last = run()
    done = archive()
    assert done["stored"] > 0 and done["passed"] > 0
    assert archive()["stored"] == 0, "the second time there is nothing new"
    kept = {row["session_id"] for row in aegis("audit", "sessions", "archive", "--json").ok().json()}
    assert {first, last} <= kept and unseen not in kept
    assert "ProcessSpawn" in aegis("audit", "query", "archive", "--session", first).ok().out
    aegis("audit", "verify", "archive").ok()
    text = aegis("audit", "import", str(tmp_path / "work.jsonl"), "archive").ok().out
    assert "passed over" in text


def test_bad_imports_are_refused_with_their_line(recorded, tmp_path):
    recorded("init", "b", "--policy", "project", "--dir", str(recorded.project)).ok()
    lines = recorded("audit", "export", "a").ok().out.splitlines()
    file = tmp_path / "a.jsonl"
    edited = lines[4].replace('"seq":4', '"seq":4 ,"x":1')
    file.write_text("\n".join(lines[:4] + [edited] + lines[5:]) + "\n")
    recorded("audit", "import", str(file), "b").failed(1, "line 5", "4 entries added")
    assert recorded("audit", "export", "b").ok().out.splitlines() == lines[:4]
    file.write_text("\n".join(lines) + "\n")
    recorded("audit", "import", str(file), "b").ok()
    assert recorded("audit", "export", "b").ok().out.splitlines() == lines
    recorded("audit", "import", str(tmp_path / "none"), "b").failed(1, "none")
    recorded("audit", "import", str(tmp_path), "b").failed(1)
    recorded("audit", "import").failed(2)


def test_log_shows_the_latest(recorded):
    lines = recorded("log", "a", "--last", "4").ok().out.splitlines()
    assert len(lines) == 4
    assert lines[-1].endswith("exit 5")
    assert "\x1b" not in "".join(lines), "no colours on a pipe"
    everything = recorded("audit", "query", "a").ok().out.splitlines()
    assert recorded("log", "a").ok().out.splitlines() == everything[-20:]
    as_json = recorded("log", "a", "--last", "4", "--json").ok().lines("log")
    assert as_json == recorded("audit", "query", "a", "--json").ok().lines()[-4:]


def test_sessions_and_one_session(recorded):
    sessions = recorded("audit", "sessions", "a", "--json").ok().json()
    assert [s["exit_code"] for s in sessions] == [0, 5]
    assert [s["tag"] for s in sessions] == ["one", None] or sessions[1]["tag"] == ""
    assert sessions[1]["denials"] == 1 and sessions[1]["mode"] == "run"
    assert recorded("audit", "sessions", "a", "--last", "1", "--json").ok().json() == sessions[1:]
    identity = sessions[0]["session_id"]
    by_id = recorded("audit", "session", identity, "--config", "a", "--json").ok().json()
    by_name = recorded("audit", "session", "a", "--id", identity, "--json").ok().json()
    assert by_id == by_name and sessions[0].items() <= by_id.items()
    assert identity in recorded("audit", "session", "a", "--id", identity).ok().out
    recorded("audit", "session", "ffffffff", "--config", "a").failed(1, "ffffffff")
    recorded("audit", "session").failed(2)


def test_verify_finds_an_edited_row(recorded):
    report = recorded("audit", "verify", "a", "--json").ok().json("audit-verify")
    assert report["valid"] and report["sessions"] == 2
    assert "valid" in recorded("audit", "verify", "a").ok().out
    with sqlite3.connect(recorded.state / "a/audit.db") as database:
        database.execute("UPDATE entries SET payload = replace(payload, '/etc/zz', '/etc/ok') "
                         "WHERE payload LIKE '%/etc/zz%'")
    database.close()
    done = recorded("audit", "verify", "a")
    assert done.code == 1 and "INVALID" in done.out and "seq" in done.err
    report = recorded("audit", "verify", "a", "--json")
    assert report.code == 1 and not report.json("audit-verify")["valid"] and report.json()["findings"]


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
    recorded("audit", "export", "a", "--format", "nope").failed(2, "nope")
