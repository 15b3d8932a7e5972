"""`aegis audit policy-history`, as somebody uses it who wants to know what was in force."""

import contextlib
import hashlib
import sqlite3

ONE = '@id("one")\npermit(principal, action, resource);\n'
TWO = '@id("two")\npermit(principal, action, resource);\n'


def digest_of(files):
    return hashlib.sha256(
        b"".join(f"{name}\0{text}\0".encode() for name, text in files)).hexdigest()


def history(aegis, *more):
    return aegis("audit", "policy-history", "a", "--json", *more).ok().json("audit-policy-history")


def test_changes_over_time(aegis, gate):
    aegis("init", "a", "--policy", "permit-all").ok()
    policies = aegis.state / "a" / "policies"
    assert history(aegis) == []
    assert aegis("audit", "policy-history", "a").ok().out == ""
    for path in policies.iterdir():
        path.unlink()
    (policies / "p.cedar").write_text(ONE)
    for _ in range(2):
        aegis("run", "--config", "a", "--", "true").ok()
    (policies / "p.cedar").write_text(TWO)
    (policies / "q.cedar").write_text("// \x1b[31mred\tand \u202e\n")
    aegis("run", "--config", "a", "--", "true").ok()

    first, second = history(aegis)
    assert first["digest"] == digest_of([("p.cedar", ONE)])
    assert first["previous"] is None and first["sessions"] == 2 and first["stored"]
    assert first["files"] == {"added": ["p.cedar"], "removed": [], "changed": []}
    assert second["previous"] == first["digest"] and not second["live"]
    assert second["files"] == {"added": ["q.cedar"], "removed": [], "changed": ["p.cedar"]}
    assert second["policies"] == {"added": ["two"], "removed": ["one"], "changed": []}
    assert history(aegis, "--last", "1") == [second]

    text = aegis("audit", "policy-history", "--config", "a").ok().out
    assert text.splitlines()[0].split("  ")[1] == first["digest"][:12]
    assert "~ file p.cedar" in text and "- policy one" in text and "+ policy two" in text

    shown = aegis("audit", "policy-history", "a", "--show", second["digest"][:8]).ok().out
    assert TWO in shown and "// p.cedar\n" in shown
    assert "\x1b" not in shown and "\u202e" not in shown and "red\tand" in shown
    document = aegis("audit", "policy-history", "a", "--show", first["digest"], "--json").ok() \
        .json("audit-policy-history-show")
    assert document == {"digest": first["digest"], "files": [{"file": "p.cedar", "text": ONE}]}
    aegis("audit", "verify", "a").ok()
    report = aegis("audit", "verify", "a", "--json").ok().json()
    assert (report["policy_sets"], report["absent_policy_sets"]) == (2, 0)


def test_what_can_go_wrong(aegis, gate):
    aegis("init", "a", "--policy", "permit-all").ok()
    aegis("run", "--config", "a", "--", "true").ok()
    aegis("run", "--config", "a", "--policy", "project", "--", "true").ok()
    digest = history(aegis)[0]["digest"]
    aegis("audit", "policy-history", "a", "--show", "x").failed(
        1, "no policies x are stored here")
    aegis("audit", "policy-history", "a", "--show", "").failed(1, "several sets of policies begin")
    aegis("audit", "policy-history", "none").failed(1, "no configuration")
    with contextlib.closing(sqlite3.connect(aegis.state / "a" / "audit.db")) as connection:
        connection.execute("UPDATE policies SET text = '' WHERE digest = ?", (digest,))
        connection.commit()
    aegis("audit", "policy-history", "a", "--show", digest).failed(1, "what is stored are others")
    aegis("audit", "verify", "a").failed(1, digest)


def test_an_import_has_no_texts(aegis, gate):
    aegis("init", "a", "--policy", "permit-all").ok()
    aegis("init", "b").ok()
    aegis("run", "--config", "a", "--", "true").ok()
    exported = aegis.project / "a.jsonl"
    exported.write_text(aegis("audit", "export", "a", "--format", "jsonl").ok().out)
    aegis("audit", "import", str(exported), "b").ok()
    step, = aegis("audit", "policy-history", "b", "--json").ok().json("audit-policy-history")
    assert step["stored"] is False and step["files"] is None
    assert "not in this ledger" in aegis("audit", "policy-history", "b").ok().out
    aegis("audit", "policy-history", "b", "--show", step["digest"]).failed(1, "came with an import")
    assert aegis("audit", "verify", "b", "--json").ok().json()["absent_policy_sets"] == 1
    assert "texts of 1 set of policies are not here" in aegis("audit", "verify", "b").ok().out


def test_a_policy_for_aegis_own_state_is_refused(aegis, gate):
    aegis("init", "a", "--policy", "permit-all").ok()
    (aegis.state / "a" / "policies" / "mine.cedar").write_text(
        f'\npermit(principal, action, resource in Aegis::Resource::"{aegis.state}/a/journal");\n')
    aegis("run", "--config", "a", "--", "true").failed(
        125, "mine.cedar:2: policy", "which lies in Aegis' own state")
    (aegis.project / "mine.cedar").write_text(
        f'permit(principal, action, resource in Aegis::Resource::"{aegis.state}");\n')
    aegis("policy", "validate", "mine.cedar").failed(1, "mine.cedar:1:", "Aegis' own state")
    (aegis.project / "mine.cedar").write_text(
        'permit(principal, action, resource in Aegis::Resource::"~");\n')
    aegis("policy", "validate", "mine.cedar").ok()


def test_a_ledger_of_the_version_before_is_taken_on(aegis, gate):
    aegis("init", "a", "--policy", "permit-all").ok()
    with contextlib.closing(sqlite3.connect(aegis.state / "a" / "audit.db")) as connection:
        connection.executescript("DROP TABLE policies; PRAGMA user_version = 2")
    aegis("audit", "verify", "a").ok()
    aegis("run", "--config", "a", "--", "true").ok()
    assert history(aegis)[0]["stored"]
    aegis("audit", "verify", "a").ok()
