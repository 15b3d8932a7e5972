"""The templates mean what they say, and a broken or missing policy runs nothing."""

import pytest

import harness
from harness import attempts


def test_default_deny_runs_nothing(world):
    done = world.run(["touch", "ran"], policy="default-deny")
    assert done.code == 126 and not (world.project / "ran").exists(), done
    entry = world.denials()[0]
    assert entry["action"] == "ProcessSpawn" and entry["reason"] == "POLICY_FORBID"
    assert entry["policies"] == ["default-deny"]
    assert "aegis:" in done.err_text and "default-deny" in done.err_text
    world.verify()


def test_allow_read_only_reads_and_changes_nothing(world):
    (world.outside / "file").write_text("readable\n")
    (world.project / "file").write_text("readable\n")

    def launch(words):
        return world.run(words, policy="allow-read-only")
    words = world.python("attempt.py")
    before = harness.manifest(world.root, skip=("state",))
    got = attempts(world, launch, [
        ("read", world.outside / "file"), ("read", "file"), ("list", "/etc"), ("spawn", "/bin/true"),
        ("write", "file"), ("write", "new"), ("mkdir", "d"), ("unlink", "file"),
        ("rename", "file", "g"), ("truncate", "file", 0), ("chmod", "file", 0o777),
        ("link", "file", "l"), ("symlink", "x", "y"), ("unix_own", "s"),
        ("inet", "AF_INET", "SOCK_STREAM", "192.0.2.1", 9)])
    assert got[:2] == ["readable\n"] * 2 and "passwd" in got[2] and got[3] == "ok", got
    assert got[4:] == ["EACCES"] * len(got[4:]), got
    after = harness.manifest(world.root, skip=("state",))
    assert {k: v for k, v in after.items() if not k.startswith("state")} == \
        {k: v for k, v in before.items() if not k.startswith("state")}
    assert words


def test_permit_all_permits_and_records(world):
    (world.home / ".netrc").write_text("secret\n")
    got = attempts(world, lambda words: world.run(words, policy="permit-all"), [
        ("read", world.home / ".netrc"), ("write", world.outside / "made"),
        ("write", world.home / "made"), ("mkdir", world.outside / "d")])
    assert got == ["secret\n", "ok", "ok", "ok"]
    assert (world.outside / "made").exists() and (world.outside / "d").is_dir()
    assert ("FileWrite", str(world.outside / "made")) in {
        (entry["action"], entry["resource"]) for entry in world.decided()}
    assert world.denials() == []


def test_wrap_never_refuses_and_says_what_would_be(world):
    (world.home / ".netrc").write_text("secret\n")
    words = world.python("attempt.py", f'["read", "{world.home}/.netrc"]',
                         f'["write", "{world.outside}/made"]', '["write", "mine"]')
    done = world.wrap(words, name="judged", more=("--policy", "project"))
    assert done.json() == ["secret\n", "ok", "ok"]
    denials = {entry["resource"]: entry for entry in world.denials("judged")}
    for path in (world.home / ".netrc", world.outside / "made"):
        assert denials[str(path)]["context"]["enforced"] is False
    assert str(world.project / "mine") not in denials
    assert world.wrap(["sh", "-c", "exit 7"], name="judged").code == 7
    world.verify("judged")


def test_wrap_judges_the_command_itself_without_refusing(world):
    done = world.wrap(["echo", "runs"], name="strict", more=("--policy", "default-deny"))
    assert done.code == 0 and done.text == "runs\n", done
    assert all(entry["context"]["enforced"] is False for entry in world.denials("strict"))
    assert world.denials("strict")


BROKEN = {
    "syntax": "permit(principal, action, resource",
    "schema": 'permit(principal, action == Aegis::Action::"NoSuchAction", resource);',
    "attribute": "permit(principal, action, resource) when { resource.no_such_attribute };",
    "nesting": "permit(principal, action, resource) when { " + "(" * 3000 + "true" + ")" * 3000 + " };",
    "binary": "\x00\x01\x02",
    "slot": "permit(principal == ?principal, action, resource);",
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_policy_runs_nothing(world, how):
    policy = world.outside / "broken.cedar"
    policy.write_text(BROKEN[how])
    for words in (("run", "--policy", policy, "--", "touch", "ran"),
                  ("wrap", "--policy", policy, "--", "touch", "ran")):
        done = world.aegis(*words)
        assert done.code == 125 and not (world.project / "ran").exists(), done
        lines = done.err_text.splitlines()
        assert len(lines) == 1 and "broken.cedar" in lines[0], lines
    assert world.aegis("policy", "validate", policy).code not in (0, -11, -6)


def test_an_error_while_deciding_denies(world):
    """Cedar skips a policy that errs; Aegis does not let the permit win."""
    policy = world.outside / "errs.cedar"
    policy.write_text('permit(principal, action, resource);\n@id("errs") forbid(principal, action == '
                      'Aegis::Action::"FileWrite", resource) when '
                      '{ 9223372036854775807 + context.pid > 0 };')
    done = world.run(["sh", "-c", "echo x > made; cat /etc/hostname > /dev/null && echo read"],
                     policy=policy)
    if done.code == 125:
        pytest.fail(f"the policy is not loaded: {done.err_text}")
    assert not (world.project / "made").exists()
    assert world.denials()[0]["reason"] == "POLICY_ERROR", world.denials()[0]


def test_names_of_a_policy_count_as_canonical(world):
    """A policy of the user's own: subtree, name group, and a forbid that wins."""
    policy = world.outside / "own.cedar"
    policy.write_text(
        'permit(principal, action, resource);\n'
        f'@id("keep") forbid(principal, action == Aegis::Action::"FileWrite", resource in '
        f'Aegis::Resource::"{world.project}/top/kept");\n'
        '@id("pem") forbid(principal, action, resource in Aegis::Resource::"*/*.pem");\n')
    (world.project / "top/kept").mkdir(parents=True)
    (world.project / "top/kept/f").write_text("x")
    (world.project / "free").mkdir()
    (world.project / "alias").symlink_to("top/kept")
    (world.project / "k.pem").write_text("key")
    got = attempts(world, lambda words: world.run(words, policy=policy), [
        ("write", "top/kept/f"), ("write", "alias/f"), ("write", "free/../top/kept/new"),
        ("write", "free/f"), ("read", "top/kept/f"), ("read", "k.pem"), ("write", "free/x.pem"), ("write", "free/x.pem2"),
        ("rename", "top", "moved"), ("rename", "free", "moved2")])
    assert got[:3] == ["EACCES"] * 3 and got[3:5] == ["ok", "x"], got
    assert got[5:8] == ["EACCES", "EACCES", "ok"] and got[8] == "EACCES" and got[9] == "ok", got
    assert {tuple(entry["policies"]) for entry in world.denials()} >= {("keep",), ("pem",)}


def test_the_summary_says_what_was_refused_and_what_would_permit_it(world):
    done = world.run(["sh", "-c", "for i in 1 2 3 4 5 6 7 8; do echo x > ../f$i; done"])
    lines = [line for line in done.err_text.splitlines() if line.startswith("aegis:")]
    assert len(lines) == 7, lines
    assert "8 denied" in lines[0] and "session" in lines[0] and "and 3 more" in lines[6]
    for number, line in enumerate(lines[1:6], 1):
        assert f"{world.home}/f{number}" in line and "FileWrite" in line and "permit" in line


def test_a_named_configuration_from_init_to_audit(world):
    """init, use, run, log, audit: each names the same ledger, with both spellings."""
    world.aegis("init", "work", "--policy", "project", "--dir", world.project).ok()
    again = world.aegis("init", "--name", "work")
    assert again.code != 0 and len(again.err_text.splitlines()) == 1
    world.aegis("run", "--config", "work", "--tag", "first", "--", "sh", "-c",
                "echo x > f; cat /etc/hostname ../.netrc", cwd=world.home)
    assert (world.home / "f").exists() is False and world.aegis("use", "work").code == 0
    world.aegis("run", "--", "true").ok()
    sessions = {entry["session_id"] for entry in world.entries("work")}
    assert len(sessions) == 2
    for words in (("audit", "query", "work"), ("audit", "query", "--config", "work"), ("log", "work"),
                  ("log",), ("status", "work"), ("list",), ("audit", "sessions", "work"),
                  ("audit", "session", sorted(sessions)[0], "--config", "work"),
                  ("config", "show", "work"), ("config", "path", "work"), ("policy", "list", "work"),
                  ("setup",), ("setup", "--json"), ("policy", "generate", "project")):
        done = world.aegis(*words)
        assert done.code == 0 and done.out, (words, done)
    for words in (("log", "nowhere"), ("audit", "verify", "nowhere"), ("status", "../etc"),
                  ("use", "nowhere"), ("policy", "generate", "nothing"), ("no-such-command",),
                  ("audit", "export", "work", "--format", "xml")):
        done = world.aegis(*words)
        assert done.code != 0 and done.err_text.startswith("aegis:"), (words, done)
        assert not (world.aegis_home / "nowhere").exists()


def test_a_broken_configuration_names_line_and_column(world):
    world.aegis("init", "work", "--policy", "project").ok()
    file = world.aegis_home / "work/aegis.toml"
    good = file.read_text()
    for text, place in (("no_such_key = 1\n" + good, ":1:1"), (good + "\nname = \n", ":"),
                        (good + "\n[", ":")):
        file.write_text(text)
        done = world.aegis("run", "--config", "work", "--", "touch", "ran")
        lines = done.err_text.splitlines()
        assert done.code == 125 and len(lines) == 1 and "aegis.toml" in lines[0] and place in lines[0]
        assert not (world.project / "ran").exists()
