"""The recording level of a session, wherever a session is described."""

import pytest

pytestmark = pytest.mark.usefixtures("gate")

DYNAMIC = """
permit(principal, action, resource);
@id("by-pid") forbid(principal, action, resource in Aegis::Resource::"@dir/x")
when { context.pid > 100000000 };
"""


@pytest.fixture
def recorded(aegis):
    """Three sessions: in full, at the level `writes`, and in full where `writes` was asked for."""
    aegis("init", "a", "--policy", "project", "--dir", str(aegis.project)).ok()
    (aegis.project / "g").write_text("g")
    aegis("run", "--config", "a", "--tag", "full", "--", "cat", "g").ok()
    aegis("run", "--config", "a", "--tag", "writes", "--level", "writes", "--", "cat", "g").ok()
    policy = aegis.root / "dynamic.cedar"
    policy.write_text(DYNAMIC)
    aegis("run", "--config", "a", "--tag", "asked", "--level", "writes", "--policy", str(policy), "--",
          "cat", "g").ok()
    return aegis


EXPECTED = {"full": ("full", ""), "writes": ("writes", ""), "asked": ("full", None)}


def levels(sessions):
    """Level and reason of sessions by their tags."""
    return {session["tag"]: (session["level"], session["level_detail"]) for session in sessions}


def expected(found):
    why = found["asked"][1]
    assert "policy by-pid depends on more than where a file lies" in why
    return {**EXPECTED, "asked": ("full", why)}


def test_lists_of_sessions_say_the_level(recorded):
    found = levels(recorded("audit", "sessions", "a", "--json").ok().json("audit-sessions"))
    assert found == expected(found)
    lines = {line.rpartition("[")[2].rstrip("]"): line
             for line in recorded("audit", "sessions", "a").ok().out.splitlines()}
    assert "level" not in lines["full"]
    assert ", level writes  " in lines["writes"]
    assert ", level full, not writes  " in lines["asked"]


def test_one_session_says_the_level(recorded):
    for tag, level in EXPECTED.items():
        shown = recorded("audit", "session", tag, "--config", "a", "--json").ok().json("audit-session")
        assert shown["level"] == level[0] and bool(shown["level_detail"]) == (level[1] is None)
    text = recorded("audit", "session", "writes", "--config", "a").ok().out
    assert "level          writes (plain reads left no entries)\n" in text
    text = recorded("audit", "session", "asked", "--config", "a").ok().out
    assert "level          full, not writes as asked: " in text and "policy by-pid depends" in text


def test_the_log_says_the_level(recorded):
    starts = [line for line in recorded("log", "a", "-n", "1000").ok().out.splitlines()
              if "  session " in line]
    assert len(starts) == 3, starts
    assert "level" not in starts[0]
    assert starts[1].endswith("  level writes (plain reads left no entries)")
    assert "  level full, not writes as asked: " in starts[2]


def test_the_status_says_the_level_of_the_latest(recorded):
    latest = recorded("status", "a", "--json").ok().json("status")["latest_session"]
    assert latest["level"] == "full" and "policy by-pid depends" in latest["level_detail"]
    assert "\nits level      full, not writes as asked: " in recorded("status", "a").ok().out
    recorded("run", "--config", "a", "--level", "writes", "--", "true").ok()
    assert recorded("status", "a", "--json").ok().json("status")["latest_session"]["level"] == "writes"
    assert "\nits level      writes (plain reads left no entries)\n" in recorded("status", "a").ok().out


def test_a_report_says_that_plain_reads_are_not_in_it(recorded):
    document = recorded("report", "a", "--json").ok().json("report")
    found = levels(document["sessions"])
    assert found == expected(found)
    assert {gap["kind"]: gap["count"] for gap in document["gaps"]}["writes"] == 1
    text = recorded("report", "a").ok().out
    note = "Without plain reads of 1 session at the recording level writes"
    assert f"\nActions by kind\n  {note}" in text
    assert "their plain reads, permitted or refused, are not in the report" in text
    assert "\nRecorded in full, not at the level writes as asked\n" in text
    assert note in recorded("report", "a", "--format", "html").ok().out
    for words in (["--session", "full"], ["--session", "asked"]):
        text = recorded("report", "a", *words).ok().out
        assert "plain reads" not in text
    everything = recorded("report", "a", "--session", "writes", "--json").ok().json("report")
    assert not [a for a in everything["by_action"] if a["action"] == "FileRead" and a["permitted"]]


def test_a_running_session_and_an_erased_one(recorded):
    process = recorded.start("run", "--config", "a", "--level", "writes", "--tag", "now", "--", "sh", "-c",
                             "echo ready; sleep 600", bufsize=0)
    assert process.stdout.readline() == b"ready\n"
    found = levels(recorded("audit", "sessions", "a", "--json").ok().json("audit-sessions"))
    assert found["now"] == ("writes", "")
    process.kill()
    process.communicate(timeout=60)
    recorded("audit", "purge", "a", "--session", "full", "--yes").ok()
    sessions = recorded("audit", "sessions", "a", "--json").ok().json("audit-sessions")
    assert sessions[0]["level"] == "unknown", sessions[0]
    assert "level unknown" in recorded("audit", "sessions", "a").ok().out.splitlines()[0]
    document = recorded("report", "a", "--json").ok().json("report")
    assert {gap["kind"]: gap["count"] for gap in document["gaps"]}["level unknown"] == 1
    shown = recorded("audit", "session", sessions[0]["session_id"], "--config", "a", "--json").ok()
    assert shown.json("audit-session")["level"] == "unknown"


def test_a_difference_of_level_is_one(recorded):
    done = recorded("diff", "full", "writes", "--config", "a", "--json")
    facts = {f["what"]: (f["first"], f["second"]) for f in done.json("diff")["facts"]}
    assert done.code == 1 and facts["level"] == ("full", "writes")
