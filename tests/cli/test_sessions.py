"""aegis audit session and aegis diff: what one session did, and what two did differently."""

import json

import pytest

pytestmark = pytest.mark.usefixtures("gate")

FIRST = "echo x > f; rm f; cat g; exit 0"
SECOND = "echo x > h; cat /etc/shadow; echo x > /etc/zz; exit 5"


@pytest.fixture
def recorded(aegis):
    """Two sessions with tags, and a third that is like the first."""
    aegis("init", "a", "--policy", "project", "--dir", str(aegis.project)).ok()
    (aegis.project / "g").write_text("g")
    for word, script in (("before", FIRST), ("after", SECOND), ("again", FIRST)):
        aegis("run", "--config", "a", "--tag", word, "--", "sh", "-c", script)
    return aegis


def session(aegis, which, *words):
    return aegis("audit", "session", which, "--config", "a", *words).ok()


def diff(aegis, *words):
    return aegis("diff", *words, "--config", "a")


def test_a_session_says_what_it_did(recorded):
    shown = session(recorded, "after", "--json").json("audit-session")
    assert shown["exit_code"] == 5 and shown["tag"] == "after" and shown["mode"] == "run"
    assert shown["argv"] == ["sh", "-c", SECOND] and len(shown["policy_digest"]) == 64
    assert any(file.endswith("default.cedar") for file in shown["policies"])
    assert sum(a["permitted"] + a["denied"] + a["let_through"] for a in shown["by_action"]) == shown["actions"]
    assert sum(a["denied"] for a in shown["by_action"]) == shown["denials"] > 0
    assert all(a["let_through"] == 0 for a in shown["by_action"])
    refused = {(d["action"], d["resource"]): d for d in shown["denied"]}
    assert refused["FileWrite", "/etc/zz"]["reason"] == "NO_PERMIT"
    programs = {p["program"].rpartition("/")[2] for p in shown["programs"]}
    assert "cat" in programs
    text = session(recorded, "after").out
    for line in ("FileWrite /etc/zz  NO_PERMIT  1 denied", "exit_code      5", "default.cedar"):
        assert line in text, text


def test_sessions_of_wrap_say_what_was_let_through(recorded):
    recorded("wrap", "--name", "a", "--policy", "project", "--tag", "wrapped", "--", "sh", "-c",
             "cat /etc/shadow > /dev/null 2>&1; echo x > h").ok()
    shown = session(recorded, "wrapped", "--json").json("audit-session")
    assert shown["mode"] == "wrap" and all(a["denied"] == 0 for a in shown["by_action"])


def test_ids_have_beginnings(recorded):
    ids = [s["session_id"] for s in recorded("audit", "sessions", "a", "--json").ok().json("audit-sessions")]
    common = next(i for i in range(len(ids[0])) if len({x[:i + 1] for x in ids}) == len(ids))
    for which in (ids[1], ids[1][:common + 1], "after"):
        assert session(recorded, which, "--json").json()["session_id"] == ids[1]
    recorded("audit", "session", "a", "--id", ids[1][:common + 1]).ok()
    proof = recorded("audit", "prove", "a", "--entry", f"{ids[1][:common + 1]}:0").ok().out
    assert proof.startswith("c2sp.org/tlog-proof@v1")
    assert proof == recorded("audit", "prove", "a", "--entry", "after:0").ok().out
    recorded("audit", "session", ids[0][:2], "--config", "a").failed(1, "several sessions begin with")
    recorded("audit", "session", "none", "--config", "a").failed(1, "no session none")
    recorded("audit", "session").failed(2, "which session?")


def test_sessions_that_do_the_same_do_not_differ(recorded):
    done = diff(recorded, "before", "again").ok()
    assert "no difference" in done.out and done.err == ""
    assert diff(recorded, "before", "again", "--json").ok().json("diff")["equal"]
    assert diff(recorded, "before", "before").ok()


def test_what_differs_is_named(recorded):
    done = diff(recorded, "before", "after", "--json")
    assert done.code == 1
    answer = done.json("diff")
    names = {n["what"]: n for n in answer["names"]}
    project = str(recorded.project)
    assert names["files written"]["only_first"] == [f"{project}/f"]
    assert names["files written"]["only_second"] == [f"{project}/h"]
    assert names["files deleted"]["only_first"] == [f"{project}/f"]
    assert f"{project}/g" in names["files read"]["only_first"]
    assert any("rm" in name for name in names["programs"]["only_first"])
    assert "FileWrite /etc/zz  NO_PERMIT" in names["denials"]["only_second"]
    assert {f["what"] for f in answer["facts"]} == {"command", "end"}
    text = diff(recorded, "before", "after")
    assert text.code == 1
    for line in ("< exit 0", "> exit 5", f"  < {project}/f", "> FileWrite /etc/zz  NO_PERMIT"):
        assert line in text.out, text.out


def test_many_names_are_shown_by_their_directories(recorded):
    recorded("run", "--config", "a", "--tag", "many", "--", "sh", "-c",
             "mkdir d; for i in $(seq 50); do : > d/$i; done").ok()
    text = diff(recorded, "before", "many").out
    assert f"> {recorded.project}/d/ (50)" in text and "d/17" not in text
    assert f"> {recorded.project}/d/17\n" in diff(recorded, "before", "many", "--all").out


def test_names_are_harmless(recorded):
    recorded("run", "--config", "a", "--tag", "bad", "--", "sh", "-c", "echo > $(printf 'x\\033[31m\\n\\342\\200\\256y')")
    for words in (["audit", "session", "bad", "--config", "a"], ["diff", "before", "bad", "--config", "a"],
                  ["diff", "before", "bad", "--config", "a", "--json"]):
        out = recorded(*words).out
        assert "\x1b" not in out and "\u202e" not in out and "bad" in out


def test_trouble_is_no_difference(recorded):
    diff(recorded).failed(2, "which two sessions?")
    diff(recorded, "before").failed(2, "which two sessions?")
    diff(recorded, "before", "none").failed(2, "no session none")
    recorded("diff", "x", "y", "--config", "none").failed(2, 'no configuration "none"')
    database = recorded.state / "a/audit.db"
    database.write_bytes(b"no ledger")
    diff(recorded, "before", "after").failed(2, "audit.db")


def test_what_was_erased_is_not_compared(recorded):
    first = json.loads(recorded("audit", "sessions", "a", "--json").ok().out)[0]["session_id"]
    recorded("audit", "purge", "a", "--session", "before", "--yes").ok()
    done = diff(recorded, first, "again")
    assert done.code == 1 and "were erased, and what they said is not compared" in done.err
    assert "erased" in session(recorded, first).out
