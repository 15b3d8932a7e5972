"""aegis report: what happened, as text, JSON and HTML that no name can write."""

import html.parser
import json
import os
import stat

import pytest

pytestmark = pytest.mark.usefixtures("gate")

HOSTILE = ["<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "'onmouseover='x", "a&lt;b&amp;c",
           "\u202egnp.exe", "\x1b[2Jx", "<!--", "]]>", "</table></body>", "\u0627\u0644", b"\xff\xfe".decode("latin-1")]
ELEMENTS = {"html", "head", "meta", "style", "title", "body", "main", "h1", "h2", "p", "section", "div",
            "table", "thead", "tbody", "tr", "th", "td", "bdi"}
ATTRIBUTES = {"lang", "dir", "charset", "http-equiv", "content", "name", "class"}


class Page(html.parser.HTMLParser):
    """The elements of a page, and the cells of its tables by their sections."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.attributes, self.classes, self.open, self.rows = set(), set(), set(), [], {}
        self.section, self.other = "", []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.classes |= {value for name, value in attrs if name == "class"}
        if tag != "meta":
            self.open.append(tag)
        if tag == "tr":
            self.rows.setdefault(self.section, []).append([])
        elif tag in ("td", "th"):
            self.rows[self.section][-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "bdi" in self.open:
            self.rows[self.section][-1][-1] += data
        elif self.open and self.open[-1] == "h2":
            self.section = data

    def handle_comment(self, data):
        self.other.append(data)

    def handle_pi(self, data):
        self.other.append(data)

    def handle_decl(self, decl):
        assert decl == "DOCTYPE html"


def report(aegis, *words):
    return aegis("report", "a", *words)


def gaps(document):
    return {gap["kind"]: gap["count"] for gap in document["gaps"]}


@pytest.fixture
def recorded(aegis):
    """A session with refusals, two of them on secrets."""
    aegis("init", "a", "--policy", "project", "--dir", str(aegis.project)).ok()
    (aegis.home / ".ssh").mkdir()
    (aegis.home / ".ssh/id").write_text("key")
    (aegis.project / ".env").write_text("key")
    aegis("run", "--config", "a", "--tag", "one", "--", "sh", "-c",
          "echo x > f; cat ~/.ssh/id .env; echo x > /etc/zz; exit 5")
    return aegis


def test_the_report_says_what_happened(recorded):
    document = report(recorded, "--format", "json").ok().json("report")
    session, = recorded("audit", "sessions", "a", "--json").ok().json()
    assert document["sessions"] == [session] and document["config"] == "a"
    assert document["actions"]["total"] == session["actions"]
    assert document["actions"]["denied"] == session["denials"]
    assert document["policies"] == [
        {"digest": session["policy_digest"], "sessions": 1, "files": document["policies"][0]["files"]}]
    assert document["integrity"]["valid"] and document["integrity"]["entries"] == session["entries"] == document["entries"]
    zz = next(d for d in document["denials"] if d["resource"] == "/etc/zz")
    assert zz["action"] == "FileWrite" and zz["reason"] == "NO_PERMIT" and zz["denied"] == 1
    assert {"policy": "", "permitted": 0, "denied": 1, "let_through": 0} in document["denied_by_policy"]
    assert any(p["policy"].startswith("project.secret") for p in document["denied_by_policy"])
    assert any(p["program"].endswith("/cat") for p in document["programs"])
    assert document["hosts"] == [] and gaps(document) == {"not witnessed": session["entries"]}
    assert report(recorded, "--json").ok().json("report")["entries"] == document["entries"]


def test_programs_that_began_are_told_from_names_that_were_tried(recorded):
    """A search along PATH asks for names that are no files; a script runs with its interpreter."""
    script, broken = recorded.project / "script", recorded.project / "broken"
    script.write_text("#!/bin/sh\nexit 0\n")
    broken.write_bytes(b"\x7fELF")
    for file in (script, broken):
        file.chmod(0o755)
    (recorded.project / "empty").mkdir()
    recorded("run", "--config", "a", "--tag", "tries", "--", "/usr/bin/env",
             f"PATH={recorded.project}/empty:/usr/bin:/bin", "/bin/sh", "-c", "env true; ./script; ./broken")
    document = report(recorded, "--json", "--session", "tries").ok().json("report")
    programs = {p["program"]: p for p in document["programs"]}
    began = {name: p["began"] for name, p in programs.items()}
    tried = str(recorded.project / "empty/true")
    assert began["/usr/bin/true"] == 1 and began[str(script)] == 1, began
    assert began[tried] == began[str(broken)] == 0 and programs[tried]["permitted"] == 1, programs
    assert [p["began"] for p in document["programs"]] == sorted(began.values(), reverse=True)
    shown = recorded("audit", "session", "tries", "--config", "a", "--json").ok().json("audit-session")
    assert shown["programs"] == document["programs"]
    text = recorded("audit", "session", "tries", "--config", "a").ok().out
    assert f"  {script}  1 began, 1 permitted\n" in text
    assert f", for {script}\n" in recorded("log", "a", "-n", "1000").ok().out
    recorded("run", "--config", "a", "--tag", "fewer", "--", "/usr/bin/true").ok()
    names = {n["what"]: n for n in recorded("diff", "tries", "fewer", "--config", "a", "--json").json("diff")["names"]}
    assert str(script) in names["programs"]["only_first"] and tried not in names["programs"]["only_first"]


def test_secrets_that_were_refused_and_that_were_read(recorded):
    def secrets():
        document = report(recorded, "--json").ok().json("report")
        return {s["resource"]: s for s in document["secrets"] if s["action"] == "FileRead"}
    env = str(recorded.project / ".env")
    assert env not in secrets() or secrets()[env]["permitted"] == 0
    (recorded.state / "a/policies/default.cedar").write_text(
        "permit(principal, action, resource);")
    recorded("run", "--config", "a", "--", "cat", ".env").ok()
    assert secrets()[env]["permitted"] == 1
    text = report(recorded).ok().out
    assert "Secrets touched" in text and env in text


def test_weaker_modes_and_gaps_are_named(recorded):
    recorded("wrap", "--name", "a", "--policy", "permit-all", "--", "sh", "-c", "echo x > g").ok()
    recorded("wrap", "--name", "a", "--policy", "default-deny", "--", "true").ok()
    document = report(recorded, "--json").ok().json("report")
    found = gaps(document)
    assert found["wrap"] == 2 and found["permit-all"] == 1
    assert found["let through"] == document["actions"]["let_through"] > 0
    recorded("audit", "purge", "a", "--session", "one", "--yes").ok()
    document = report(recorded, "--json").ok().json("report")
    assert gaps(document)["erased"] == document["integrity"]["erased"] > 0
    witness = recorded.home / "w"
    recorded("run", "--config", "a", "--witness", str(witness), "--", "true").ok()
    text = report(recorded).ok().out
    for line in ("Gaps and weaker modes", "wrap", "permit-all", "Integrity", "Policies in force"):
        assert line in text


def test_a_session_that_died_is_a_gap(recorded):
    process = recorded.start("run", "--config", "a", "--", "sh", "-c", "echo ready; sleep 600", bufsize=0)
    assert process.stdout.readline() == b"ready\n"
    document = report(recorded, "--json").ok().json("report")
    assert gaps(document)["running"] == 1 and "died" not in gaps(document)
    process.kill()
    process.communicate(timeout=60)
    recorded("log", "a").ok()
    found = gaps(report(recorded, "--json").ok().json("report"))
    assert found["died"] == 1 and "running" not in found


def test_parts_of_the_ledger(recorded):
    recorded("run", "--config", "a", "--tag", "two", "--", "true").ok()
    everything = report(recorded, "--json").ok().json("report")
    one, two = everything["sessions"]
    for words, sessions in ((["--session", "one"], [one]), (["--last", "1"], [two]),
                            (["--last", "9"], [one, two]), (["--from", "2000-01-01"], [one, two]),
                            (["--to", "2000-01-01"], []), (["--from", "9999-01-01"], []),
                            (["--from", two["started"]], [two] if one["ended"] < two["started"] else [one, two]),
                            (["--to", two["started"]], [one])):
        document = report(recorded, "--json", *words).ok().json("report")
        assert document["sessions"] == sessions, words
        assert document["actions"]["total"] == sum(s["actions"] for s in sessions), words
        assert document["integrity"] == everything["integrity"]


def hostile_names(recorded):
    for name in HOSTILE:
        safe = name.replace("/", "\u2215")
        recorded("run", "--config", "a", "--tag", "bad", "--", "sh", "-c", 'echo x > "/etc/$1"; cat ".env$1"; ls',
                 "sh", safe)
    return [name.replace("/", "\u2215") for name in HOSTILE]


def test_no_element_of_the_page_comes_from_a_name(recorded):
    names = hostile_names(recorded)
    recorded("audit", "tag", "one", "<b>tag</b> \"'&", "--config", "a").ok()
    text = report(recorded, "--format", "html").ok().out
    page = Page(text)
    assert page.open == [] and page.other == []
    assert page.elements == ELEMENTS and page.attributes == ATTRIBUTES
    assert page.classes == {"verdict valid", "scroll", "number"}
    assert "script" not in page.elements and "http:" not in text and "https:" not in text
    assert "default-src 'none'" in text
    shown = [cell for row in page.rows["Denials by resource"] for cell in row]
    for name in names:
        if name.isprintable() and "\\" not in name and "\u202e" not in name:
            assert f"/etc/{name}" in shown, name
    assert "/etc/\\u{202e}gnp.exe" in shown and "/etc/\\u{1b}[2Jx" in shown
    assert any("<b>tag</b> \"'&" in cell for row in page.rows["Sessions"] for cell in row)
    for words in (["--format", "html"], [], ["--json"]):
        text = report(recorded, *words).ok().out
        assert not any(ord(c) < 32 and c != "\n" or c in "\u202e\u2066\u200b" for c in text), words


def test_text_and_html_say_the_same(recorded):
    document = report(recorded, "--json").ok().json("report")
    page = Page(report(recorded, "--format", "html").ok().out)
    assert list(page.rows)[:4] == ["Summary", "Gaps and weaker modes", "Sessions", "Policies in force"]
    kinds = {row[0]: row[1:] for row in page.rows["Actions by kind"][1:]}
    assert kinds == {a["action"]: [str(a[k]) for k in ("permitted", "denied", "let_through")]
                     for a in document["by_action"]}
    text = report(recorded).ok().out
    for section in page.rows:
        assert f"\n{section}\n" in text


def test_a_report_goes_into_a_file(recorded):
    file = recorded.home / "report.html"
    done = report(recorded, "--format", "html", "--output", str(file)).ok()
    assert done.out == "" and done.err == ""
    assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
    assert Page(file.read_text()).elements == ELEMENTS
    report(recorded, "--json", "-o", str(file)).ok()
    assert json.loads(file.read_text())["config"] == "a"
    report(recorded, "--output", str(recorded.home / "none/x")).failed(1, "none/x")


def test_a_ledger_that_does_not_verify_is_reported_and_fails(recorded):
    import sqlite3
    with sqlite3.connect(recorded.state / "a/audit.db") as database:
        database.execute("UPDATE entries SET payload = replace(payload, '/etc/zz', '/etc/aa')")
    done = report(recorded, "--json").failed(1, "does not verify")
    document = done.json("report")
    assert not document["integrity"]["valid"] and gaps(document)["invalid"] == document["integrity"]["bad"] > 0
    page = report(recorded, "--format", "html")
    assert page.code == 1 and "The ledger does not verify." in page.out
    assert "INVALID" in report(recorded).out


@pytest.mark.parametrize("words,text", [
    (["--format", "xml"], "--format is text, json or html"), (["--json", "--format", "html"], "exclude each other"),
    (["--last", "1", "--session", "one"], "exclude each other"), (["--last", "1", "--from", "2026-01-01"], "exclude"),
    (["--session", "one", "--to", "2026-01-01"], "exclude each other"), (["--from", "noon"], "--from"),
    (["--last", "0"], "--last")])
def test_wrong_usage(recorded, words, text):
    report(recorded, *words).failed(2, text)


def test_what_is_not_there(recorded):
    report(recorded, "--session", "none").failed(1, "no session none")
    recorded("report", "none").failed(1, 'no configuration "none"')
