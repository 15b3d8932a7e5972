"""policy test: one question, and files of cases."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SUITES = sorted((ROOT / "tests/policies").glob("*.*ml"))


@pytest.mark.parametrize("suite", SUITES, ids=lambda path: path.name)
def test_the_templates_keep_their_promises(aegis, suite):
    """The project's own regression suite, in the format that users have."""
    done = aegis("policy", "test", str(suite))
    assert done.code == 0, done.out + done.err


def test_the_suites_are_a_few_hundred_cases(aegis):
    report = aegis("policy", "test", str(ROOT / "tests/policies"), "--json").ok().json("policy-test")
    assert report["passed"] and report["failed"] == 0 and report["cases"] > 800
    answers = {(case["got"]["decision"], case["got"]["reason"]) for case in report["results"]}
    assert {("allow", "POLICY_PERMIT"), ("deny", "POLICY_FORBID"), ("deny", "NO_PERMIT"),
            ("deny", "NETWORK_CLOSED"), ("deny", "AEGIS_STATE")} <= answers


def test_a_hole_in_a_template_is_found(aegis):
    """The suite fails once a line is taken out of the template: it does look."""
    text = aegis("policy", "generate", "project").ok().out
    (aegis.project / "holed.cedar").write_text(text.replace('    Aegis::Resource::"~/.ssh",\n', ""))
    suite = (ROOT / "tests/policies/project.yaml").read_text()
    (aegis.project / "t.yaml").write_text(suite.replace("[project,", "[holed.cedar,"))
    done = aegis("policy", "test", "t.yaml")
    assert done.code == 1
    assert re.search(r"^t.yaml:\d+: FileRead /home/u/.ssh/id_ed25519 \(keys\): expected deny "
                     r"POLICY_FORBID by project.secret.keys, got allow \(POLICY_PERMIT by "
                     r"project.read.home\)$", done.out, re.MULTILINE), done.out
    assert re.search(r"^\d+ cases, \d+ failed$", done.out, re.MULTILINE)
    report = aegis("policy", "test", "t.yaml", "--json").json("policy-test")
    assert not report["passed"] and report["failed"] > 0
    assert not aegis.state.exists(), "nothing is made or recorded"


CASE = "policies: {policies}\ncases:\n  - {{action: FileRead, resource: /x, expect: {expect}}}\n"


def test_policies_lie_beside_the_test_file(aegis):
    tests = aegis.project / "tests"
    tests.mkdir()
    (aegis.project / "mine.cedar").write_text(
        'permit(principal, action, resource == Aegis::Resource::"/x");')
    (tests / "a.yaml").write_text(CASE.format(policies="../mine.cedar", expect="allow"))
    (tests / "b.toml").write_text('policies = "../mine.cedar"\n[[cases]]\naction = "FileRead"\n'
                                  'resource = "/y"\nexpect = "deny"\nreason = "NO_PERMIT"\n')
    (tests / "c.txt").write_text("no test file")
    assert aegis("policy", "test", "tests").ok().out == "2 cases, all passed\n"
    assert aegis("policy", "test", "tests/b.toml", "--quiet", cwd=aegis.project).ok().out == ""
    assert aegis("policy", "test", "../tests/a.yaml", cwd=tests).ok().out == "1 case, all passed\n"


@pytest.mark.parametrize("text,said", [
    ("polices: x", 't.yaml:1:1: unknown key "polices" (did you mean "policies"?)'),
    ("policies: [project]\ncases:\n  - action: FileRead\n    resource: @dir", "t.yaml:4:15: "),
    ("a: &a [1]", "anchors, aliases and tags are not read"),
    ("[" * 100000, "t.yaml:1:"), ("\x00", "t.yaml:1:"), ("", "t.yaml:1:1: the file is empty"),
    ("#" + "x" * (1 << 20), "t.yaml: larger than"),
    (CASE.format(policies="none.cedar", expect="deny"), "none.cedar: No such file"),
    (CASE.format(policies="t.yaml", expect="deny"), "t.yaml:1:"),
    (CASE.format(policies="project", expect="no"), '"expect" is allow, deny or ask')])
def test_broken_test_files_are_one_line(aegis, text, said):
    (aegis.project / "t.yaml").write_text(text)
    aegis("policy", "test", "t.yaml").failed(2, said)


def test_odd_test_files(aegis):
    aegis("policy", "test", "none.yaml").failed(2, "none.yaml", "No such file")
    aegis("policy", "test", "FileRed").failed(2, "neither an action nor a test file")
    aegis("policy", "test", ".").failed(2, "no test file (*.yaml, *.yml, *.toml) here")
    (aegis.project / "bytes.toml").write_bytes(b"a = '\xff'")
    aegis("policy", "test", "bytes.toml").failed(2, "bytes.toml: not valid UTF-8")
    (aegis.project / "d.yaml").mkdir()
    aegis("policy", "test", "d.yaml").failed(2, "d.yaml")
    hostile = "x\n\x1b[2J\u202e.yaml"
    (aegis.project / hostile).write_text("a: 1")
    done = aegis("policy", "test", hostile).failed(2)
    assert "\x1b" not in done.err and "\u202e" not in done.err


def test_wrong_usage(aegis):
    aegis("policy", "test").failed(2, "which test file")
    aegis("policy", "test", "FileRead").failed(2, "of which resource?")
    aegis("policy", "test", "t.yaml", "--config", "a").failed(2, "--config is for ACTION RESOURCE")
    aegis("policy", "test", "FileRed", "/x", "--policy", "project").failed(
        2, 'there is no action "FileRed" (did you mean "FileRead"?)')
    aegis("policy", "test", "FileRead", "", "--policy", "project").failed(2, "an empty name")
    aegis("policy", "test", "NetConnect", "h", "--policy", "project").failed(2, "no HOST:PORT")
    aegis("policy", "test", "ProcessSpawn", "no-such-program", "--policy", "project").failed(
        2, "no-such-program: command not found")
    aegis("policy", "test", "FileRead", "/x", "--config", "none").failed(2, "aegis init none")


def ask(aegis, *words, **options):
    done = aegis("policy", "test", *words, "--json", **options)
    answer = done.json("policy-test")
    assert done.code == (0 if answer["decision"] == "allow" else 1) and done.err == ""
    return answer


def test_one_question(aegis):
    aegis("init", "work", "--policy", "project", "--dir", str(aegis.project)).ok()
    secret = ask(aegis, "FileRead", "~/.ssh/id", "--config", "work")
    assert secret["resource"] == f"{aegis.home}/.ssh/id" and secret["given"] == "~/.ssh/id"
    assert (secret["decision"], secret["reason"]) == ("deny", "POLICY_FORBID")
    (policy,) = secret["policies"]
    assert policy["id"] == "project.secret.keys" and policy["effect"] == "forbid"
    lines = pathlib.Path(policy["file"]).read_text().splitlines()
    assert "project.secret.keys" in lines[policy["line"] - 1]
    assert ask(aegis, "FileRead", "@dir/x", "--config", "work")["decision"] == "allow"
    state = ask(aegis, "FileRead", str(aegis.state / "work/audit.db"), "--config", "work")
    assert state["reason"] == "AEGIS_STATE" and state["policies"] == []
    text = aegis("policy", "test", "FileRead", "~/.ssh/id", "--config", "work").out.splitlines()
    assert text[0] == f"deny  FileRead {aegis.home}/.ssh/id  POLICY_FORBID"
    assert text[1] == "  named so for: ~/.ssh/id"
    assert text[2].startswith("  forbid  project.secret.keys  ") and "default.cedar:" in text[2]


def test_names_are_those_that_the_gate_would_use(aegis):
    (aegis.project / "sub").mkdir()
    (aegis.project / "link").symlink_to("sub/file")
    (aegis.project / "sub/file").write_text("")
    (aegis.project / "way").symlink_to(aegis.home)
    (aegis.home / ".ssh").symlink_to(aegis.root / "keys")
    (aegis.root / "keys").mkdir()
    named = lambda *words: ask(aegis, *words, "--policy", "project")["resource"]
    assert named("FileRead", "link") == f"{aegis.project}/sub/file"
    assert named("FileDelete", "link") == f"{aegis.project}/link", "the link goes, not its target"
    assert named("FileDelete", "way/x") == f"{aegis.home}/x"
    assert named("FileWrite", "way/../x") == f"{aegis.root}/x", "as the kernel walks it"
    assert named("FileWrite", "./sub//new/./file/") == f"{aegis.project}/sub/new/file"
    assert named("DirList", "/") == "/" == named("DirList", "/../..")
    assert named("FileRead", "/proc/self/maps") == "/proc/self/maps"
    assert named("FileRead", b"\xff\\") == f"{aegis.project}/\\xff\\\\"
    assert re.fullmatch("/usr/bin/(env|coreutils)", named("ProcessSpawn", "env"))
    assert named("ToolCall", "~/x") == "~/x"
    kept = ask(aegis, "FileRead", "~/.ssh/id", "--policy", "project")
    assert kept["resource"] == f"{aegis.root}/keys/id" and kept["reason"] == "POLICY_FORBID", (
        "a forbid of a place holds for where it leads to")


def test_circumstances(aegis):
    (aegis.project / "p.cedar").write_text("""
@id("curl") permit(principal, action == Aegis::Action::"NetConnect", resource)
when { context has exe && context.exe == "/usr/bin/curl" && context has port &&
       context.port == 443 && context has host && context.host == "h.example" &&
       context has protocol && context.protocol == "tcp" };
@id("quiet") permit(principal, action == Aegis::Action::"ProcessSpawn", resource)
when { context has argv && context.argv.contains("-q") };
@id("nine") permit(principal, action == Aegis::Action::"DirList", resource)
when { context.pid == 9 };
@id("person") @ask("sure?") permit(principal, action == Aegis::Action::"FileWrite", resource);
@id("broken") permit(principal, action == Aegis::Action::"DirCreate", resource)
when { context.pid + 9223372036854775807 > 0 };
""")
    yes = lambda *words: ask(aegis, *words, "--policy", "p.cedar")
    net = ["NetConnect", "h.example:443", "--exe", "/usr/bin/curl"]
    assert yes(*net)["policies"][0]["id"] == "curl"
    assert yes(*net, "--protocol", "udp")["reason"] == "NO_PERMIT"
    assert yes(*net[:2])["reason"] == "NO_PERMIT"
    assert yes(*net, "--no-network")["reason"] == "NETWORK_CLOSED"
    assert yes(*net[:1], "H.Example.:443", *net[2:])["resource"] == "h.example:443"
    assert yes("ProcessSpawn", "/bin/x", "--argv", "x", "--argv=-q")["decision"] == "allow"
    assert yes("ProcessSpawn", "/bin/x", "--argv", "x")["decision"] == "deny"
    assert yes("DirList", "/", "--pid", "9")["decision"] == "allow"
    assert yes("DirList", "/")["decision"] == "deny"
    person = yes("FileWrite", "/x")
    assert (person["decision"], person["reason"]) == ("ask", "APPROVAL_UNAVAILABLE")
    error = yes("DirCreate", "/x")
    assert error["reason"] == "POLICY_ERROR" and "broken" in error["detail"]
