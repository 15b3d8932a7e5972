"""aegis audit tag: a tag that a session is given afterwards, and the history that stays."""

import pytest

pytestmark = pytest.mark.usefixtures("gate")


@pytest.fixture
def recorded(aegis):
    """Two sessions, the first tagged "one" when it ran."""
    aegis("init", "a", "--policy", "project", "--dir", str(aegis.project)).ok()
    aegis("run", "--config", "a", "--tag", "one", "--", "true").ok()
    aegis("run", "--config", "a", "--", "true").ok()
    return aegis


def sessions(aegis, *words):
    return aegis("audit", "sessions", "a", "--json", *words).ok().json("audit-sessions")


def tag(aegis, session, word):
    return aegis("audit", "tag", session, word, "--config", "a")


def test_the_newest_is_shown_and_finds_the_session(recorded):
    first, second = (s["session_id"] for s in sessions(recorded))
    done = tag(recorded, "one", "better").ok()
    assert done.out == f'session {first}: tag "better" (before: "one")\n' and done.err == ""
    tag(recorded, second, "one").ok()
    assert [s["tag"] for s in sessions(recorded)] == ["better", "one"]
    assert "[better]" in recorded("audit", "sessions", "a").ok().out
    assert [s["session_id"] for s in sessions(recorded, "--tag", "one")] == [second]
    assert sessions(recorded, "--tag", "none") == []
    session = recorded("audit", "session", "better", "--config", "a", "--json").ok().json("audit-session")
    assert session["session_id"] == first
    assert [t["tag"] for t in session["tags"]] == ["one", "better"]
    shown = recorded("audit", "session", "better", "--config", "a").ok().out
    assert "one\n" in shown and "better\n" in shown
    queried = recorded("audit", "query", "a", "--session", "better", "--json").ok().lines("audit-query")
    assert {e["session_id"] for e in queried} == {first}


def test_the_ledger_only_grows_and_verifies(recorded):
    before = recorded("audit", "export", "a").ok().out
    tag(recorded, "one", "two").ok()
    after = recorded("audit", "export", "a").ok()
    assert after.out.startswith(before)
    added = after.lines("audit-export")[len(before.splitlines()):]
    assert [e["event_type"] for e in added] == ["SESSION_STARTED", "SESSION_TAGGED", "SESSION_ENDED"]
    assert added[1]["payload"] == {"session_id": sessions(recorded)[0]["session_id"], "tag": "two"}
    report = recorded("audit", "verify", "a", "--json").ok().json("audit-verify")
    assert report["signed_entries"] == report["entries"] and report["sessions"] == 3
    assert len(sessions(recorded)) == 2 and len(sessions(recorded, "--last", "1")) == 1
    assert "two" in recorded("log", "a", "--last", "2").ok().out


def test_a_tag_can_be_taken_away(recorded):
    assert "no tag" in tag(recorded, "one", "").ok().out
    assert [s["tag"] for s in sessions(recorded)] == [None, None]
    tag(recorded, "one", "x").failed(1, "no session one")


def test_tags_are_masked_like_others(recorded):
    settings = recorded.state / "a/aegis.toml"
    settings.write_text(settings.read_text() + '\n[ledger]\nmask = ["tiger"]\n')
    done = tag(recorded, "one", "project tiger token=hunter2hunter2").ok()
    assert "project [masked] token=[masked]" in done.out
    exported = recorded("audit", "export", "a").ok().out
    assert "tiger" not in exported and "hunter2" not in exported


def test_a_running_session_can_be_tagged(recorded):
    process = recorded.start("run", "--config", "a", "--", "sh", "-c", "echo ready; read x", bufsize=0)
    assert process.stdout.readline() == b"ready\n" or process.wait() == 0
    running = sessions(recorded)[-1]
    tag(recorded, running["session_id"], "live").ok()
    assert sessions(recorded)[-1]["tag"] == "live"
    process.communicate(timeout=60)
    assert sessions(recorded)[-1]["tag"] == "live"
    recorded("audit", "verify", "a").ok()


def test_a_purged_session_loses_its_tags(recorded):
    tag(recorded, "one", "secret word").ok()
    tag(recorded, "secret word", "another").ok()
    would = recorded("audit", "purge", "a", "--session", "another", "--dry-run", "--json").ok().json("audit-purge")
    done = recorded("audit", "purge", "a", "--session", "another", "--yes", "--json").ok().json("audit-purge")
    assert done["entries"] == would["entries"] and done["erased"] and not would["erased"]
    exported = recorded("audit", "export", "a").ok()
    assert "secret word" not in exported.out and "another" not in exported.out
    assert any(e.get("erased") for e in exported.lines("audit-export"))
    recorded("audit", "verify", "a").ok()
    assert [s["mode"] for s in sessions(recorded)] == [None, "run", "purge", "purge", "purge"]


def test_what_can_not_be_tagged(recorded):
    recorded("audit", "tag", "--config", "a").failed(2, "which session, and which tag?")
    recorded("audit", "tag", "one", "--config", "a").failed(2, "which session, and which tag?")
    tag(recorded, "none", "x").failed(1, "no session none")
    for word in ("x\ny", "\x1b[31m", "\u202e", "x" * 129):
        tag(recorded, "one", word).failed(2, "TAG takes up to 128 bytes of printable text")
    tag(recorded, sessions(recorded)[1]["session_id"], "one").ok()
    tag(recorded, "one", "x").failed(1, "several sessions have the tag one; the newest is 0")
    tag(recorded, "0", "x").failed(1, "several sessions begin with 0")
    assert [s["tag"] for s in sessions(recorded)] == ["one", "one"]
