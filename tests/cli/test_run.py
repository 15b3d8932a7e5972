"""run and wrap as commands: configurations, environment, exit codes, what is said at the end."""

import pathlib
import re

import pytest

pytestmark = pytest.mark.usefixtures("gate")


def entries(aegis, name="default"):
    return aegis("audit", "query", name, "--json").ok().lines()


def decided(aegis, name="default", **payload):
    return [e for e in entries(aegis, name) if e["event_type"] == "ACTION_DECIDED" and
            all(e["payload"].get(k) == v for k, v in payload.items())]


def test_run_needs_no_configuration(aegis):
    done = aegis("run", "--", "sh", "-c", "echo hi > f; cat f; exit 3")
    assert (done.code, done.out) == (3, "hi\n")
    assert (aegis.project / "f").read_text() == "hi\n"
    (line,) = done.err.splitlines()
    assert re.fullmatch(r"aegis: \d+ actions, 0 denied, session [0-9a-f-]{36} .*", line), line
    assert aegis("list", "--json").ok().json()[0]["name"] == "default"


def test_denials_say_what_and_why_and_what_would_permit(aegis):
    (aegis.home / ".ssh").mkdir()
    (aegis.home / ".ssh/id_rsa").write_text("secret")
    script = 'cat "$HOME/.ssh/id_rsa"; echo x > /etc/zz; for i in 1 2 3 4 5 6; do echo > /usr/z$i; done'
    done = aegis("run", "--", "sh", "-c", script)
    ours = [line for line in done.err.splitlines() if line.startswith("aegis: ")]
    assert "8 denied" in ours[0]
    assert len(ours) == 7, "one line of figures, five of refusals, and how many more there are"
    assert "and 3 more (see: aegis audit query" in ours[6]
    assert f"refused FileRead {aegis.home}/.ssh/id_rsa: forbidden by policy \"" in ours[1]
    assert "default.cedar" in ours[1]
    assert ('permit(principal, action == Aegis::Action::"FileWrite", '
            'resource == Aegis::Resource::"/etc/zz");') in ours[2]
    assert "secret" not in done.out


def test_what_would_permit_it_does(aegis):
    aegis("init", "a", "--policy", "project").ok()
    target = aegis.root / "other"
    target.mkdir()
    command = ["run", "--config", "a", "--", "sh", "-c", f"echo x > '{target}/f'"]
    done = aegis(*command)
    permit = re.search(r"this would: (permit.*;)$", done.err, re.M).group(1)
    assert not (target / "f").exists()
    with open(aegis.state / "a/policies/default.cedar", "a", encoding="utf-8") as file:
        file.write(permit + "\n")
    aegis(*command).ok()
    assert (target / "f").read_text() == "x\n"


def test_quiet_says_nothing(aegis):
    for words in (["run", "-q"], ["-q", "run"], ["--quiet", "wrap"]):
        assert aegis(*words, "--", "true").ok().err == ""


@pytest.mark.parametrize("command", ["run", "wrap"])
def test_exit_codes(aegis, command):
    assert aegis(command, "--", "sh", "-c", "exit 42").code == 42
    assert aegis(command, "--", "sh", "-c", "kill -TERM $$").code == 143
    aegis(command, "--", "no-such-program").failed(127, "no-such-program")
    (aegis.project / "text").write_text("no program")
    aegis(command, "--", "./text").failed(126, "text")
    aegis(command, "--", "./").failed(126)
    aegis(command).failed(125, "--")
    aegis(command, "--nope", "--", "true").failed(125, "--nope")
    aegis(command, "--policy", "nope", "--", "true").failed(125, "nope")
    aegis(command, "--dir", "nope", "--", "true").failed(125, "nope")


def test_what_no_policy_permits_is_126(aegis):
    aegis("init", "a", "--policy", "default-deny").ok()
    done = aegis("run", "--config", "a", "--", "true")
    assert done.code == 126
    assert decided(aegis, "a", action="ProcessSpawn", decision="deny")


def test_bad_commands_make_nothing(aegis):
    (aegis.project / "broken.cedar").write_text("permit(")
    for words in (["run", "--", "no-such-program"], ["wrap", "--", "no-such-program"],
                  ["run", "--policy", "broken.cedar", "--", "true"],
                  ["wrap", "--policy", "broken.cedar", "--", "true"],
                  ["run", "--config", "none", "--", "true"],
                  ["run", "--tag", "two\nlines", "--", "true"], ["wrap", "--name", "../x", "--", "true"]):
        assert aegis(*words).code in (125, 127), words
    made = [p.name for p in aegis.state.iterdir()] if aegis.state.exists() else []
    assert made in ([], ["default"]), made


def test_which_configuration_a_run_uses(aegis):
    aegis("init", "a", "--policy", "permit-all").ok()
    aegis("init", "b", "--policy", "permit-all").ok()
    aegis("run", "--config", "a", "--", "true").ok()
    aegis("use", "b").ok()
    aegis("run", "--", "true").ok()
    aegis("run", "--", "true").ok()
    count = {row["name"]: aegis("status", row["name"], "--json").ok().json()["sessions"]
             for row in aegis("list", "--json").ok().json()}
    assert count == {"a": 1, "b": 2}


def test_a_chosen_configuration_that_is_gone_is_no_default(aegis):
    aegis("init", "a").ok()
    aegis("use", "a").ok()
    (aegis.state / "a").rename(aegis.state / "b")
    aegis("run", "--", "true").failed(125, '"a"')


def test_policy_for_one_run(aegis):
    aegis("init", "a", "--policy", "default-deny").ok()
    aegis("run", "--config", "a", "--policy", "project", "--", "true").ok()
    assert aegis("run", "--config", "a", "--", "true").code == 126
    (aegis.project / "p.cedar").write_text("permit(principal, action, resource);")
    done = aegis("run", "--config", "a", "--policy", "p.cedar", "--", "true").ok()
    assert "p.cedar lies in the project" in done.err.splitlines()[0]
    done = aegis("run", "--config", "a", "--policy", "p.cedar", "--dir", "/usr", "--", "true").ok()
    assert len(done.err.splitlines()) == 1


def test_the_configurations_directory_is_the_project(aegis):
    other = aegis.root / "other"
    other.mkdir()
    aegis("init", "a", "--policy", "project", "--dir", str(other)).ok()
    aegis("run", "--config", "a", "--", "sh", "-c", f"echo x > '{other}/f'").ok()
    here = f"echo x > '{aegis.project}/f'"
    assert aegis("run", "--config", "a", "--", "sh", "-c", here).code != 0
    aegis("run", "--config", "a", "--dir", ".", "--", "sh", "-c", here).ok()


def test_no_project_within_the_state(aegis):
    aegis("init", "a", "--policy", "project").ok()
    aegis("run", "--config", "a", "--dir", str(aegis.state), "--", "true").failed(125, "AEGIS_HOME")
    aegis("run", "--", "true", cwd=aegis.state / "a/sandbox").failed(125, "AEGIS_HOME")
    aegis("init", "b", "--dir", str(aegis.state / "a")).failed(1, "AEGIS_HOME")


def test_credentials_are_withheld_and_named(aegis):
    secrets = {"GH_TOKEN": "s1", "ANTHROPIC_API_KEY": "s2", "db_password": "s3", "SSH_AUTH_SOCK": "/s"}
    kept = {"EDITOR": "vi", "MY_VARIABLE": "x y", "MONKEY": "m"}
    done = aegis("run", "--", "env", env={**secrets, **kept})
    for name, value in kept.items():
        assert f"{name}={value}\n" in done.out
    for name in secrets:
        assert f"{name}=" not in done.out
        assert name in done.err
    config = aegis.state / "default/aegis.toml"
    config.write_text(config.read_text().replace("env_pass = []", 'env_pass = ["ANTHROPIC_API_KEY"]'))
    done = aegis("run", "--", "env", env=secrets)
    assert "ANTHROPIC_API_KEY=s2\n" in done.out and "GH_TOKEN" not in done.out
    done = aegis("wrap", "--", "env", env=secrets)
    assert "GH_TOKEN=s1\n" in done.out and "GH_TOKEN" not in done.err


def test_the_documented_patterns_are_the_programs(aegis):
    sources = pathlib.Path(__file__).resolve().parents[2]
    page = (sources / "docs/commands.md").read_text()
    patterns = re.findall("`(.*?)`", page.split("patterns:begin -->")[1].split("<!--")[0])
    code = sources / "src/config/environment.cc"
    if code.exists():
        table = code.read_text().split("kPatterns")[1].split("});")[0]
        assert patterns == re.findall(r'^ +"(.*)",$', table, re.M)
    names = {pattern.replace("*", "") if pattern.endswith("*") else pattern.replace("*", "X")
             for pattern in patterns} | {pattern.replace("*", "x_").lower() for pattern in patterns}
    done = aegis("run", "--", "env", env={name: "secret" for name in names})
    assert "secret" not in done.out
    withheld = done.err.splitlines()[0].split(": ")[2].split(" (")[0].split(", ")
    assert sorted(withheld) == sorted(names)


def test_a_tag_finds_the_session(aegis):
    aegis("run", "--tag", "release 1", "--", "true").ok()
    (session,) = aegis("audit", "sessions", "default", "--json").ok().json()
    assert session["tag"] == "release 1"
    assert "[release 1]" in aegis("audit", "sessions", "default").ok().out


def test_wrap_records_and_refuses_nothing(aegis):
    outside = aegis.root / "outside"
    outside.mkdir()
    done = aegis("wrap", "--policy", "project", "--name", "w", "--", "sh", "-c", f"echo x > '{outside}/f'")
    assert done.code == 0
    assert (outside / "f").read_text() == "x\n"
    assert "1 would have been denied" in done.err
    assert f"would have refused FileWrite {outside}/f" in done.err
    (entry,) = decided(aegis, "w", decision="deny")
    assert entry["payload"]["context"]["enforced"] is False
    assert "(deny)" in aegis("log", "w").ok().out


def test_wrap_names_its_configuration_after_the_program(aegis):
    aegis("wrap", "--", "/bin/true").ok()
    aegis("wrap", "--", "sh", "-c", "true").ok()
    assert [row["name"] for row in aegis("list", "--json").ok().json()] == ["sh", "true"]
    permit_all = aegis("policy", "generate", "permit-all").ok().out
    assert (aegis.state / "sh/policies/default.cedar").read_text() == permit_all


def test_ten_wraps_at_once_share_one_configuration(aegis):
    processes = [aegis.start("wrap", "--name", "n", "--", "sh", "-c", "exit 7") for _ in range(10)]
    for process in processes:
        _, err = process.communicate(timeout=120)
        assert process.returncode == 7, err
    assert aegis("status", "n", "--json").ok().json()["sessions"] == 10
    assert aegis("audit", "verify", "n").ok()
    assert sorted(p.name for p in aegis.state.iterdir()) == ["n"]


def test_hostile_names_of_agents_are_shown_harmlessly(aegis):
    name = "/etc/x\n\x1b]0;pwned\x07\u202e\u200b"
    done = aegis("run", "--", "sh", "-c", 'echo > "$1"; true', "sh", name)
    shown = "".join(line for line in done.err.splitlines(True) if line.startswith("aegis: "))
    shown += aegis("log", "default").ok().out + aegis("audit", "query", "default", "--json").ok().out
    shown += aegis("audit", "export", "default", "--format", "json").ok().out
    for character in "\x1b\x07\u202e\u200b":
        assert character not in shown
    resources = [e["payload"]["resource"] for e in decided(aegis, decision="deny")]
    assert name in resources, "as data it is what it is"
    assert len(aegis("log", "default", "--last", "5").ok().out.splitlines()) == 5
    bad = b"/etc/bad\xff"
    aegis("run", "--", "sh", "-c", b'echo > "$1"; true', "sh", bad)
    assert "/etc/bad\\xff" in [e["payload"]["resource"] for e in decided(aegis, decision="deny")]


def test_keys_of_other_versions_are_named_once(aegis):
    aegis("init", "a", "--policy", "project").ok()
    with open(aegis.state / "a/aegis.toml", "a", encoding="utf-8") as file:
        file.write('\n[isolation]\nSeatbelt = {}\n[observer]\nFsEvents = { enable_snapshots = true }\n')
    done = aegis("run", "--config", "a", "--", "true").ok()
    assert "taken as what Aegis does here: isolation = Seatbelt (namespaces" in done.err.splitlines()[0]
