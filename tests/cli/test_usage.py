"""Help, wrong usage, hostile words and places: one clear line, a code, and nothing changed."""

import os
import pathlib
import re
import subprocess

import pytest

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"

COMMANDS = ["setup", "init", "run", "wrap", "watch", "log", "report", "diff", "status", "list",
            "use", "config show", "config path", "config edit", "completions", "manpage",
            "policy validate", "policy list", "policy generate",
            "policy compile", "policy test", "policy explain", "policy diff", "policy lint", "policy import",
            "audit query",
            "audit verify", "audit sessions", "audit session",
            "audit tag", "audit watch", "audit export", "audit import",
            "audit checkpoint", "audit prove", "audit tiles", "audit keys", "audit purge",
            "audit witness"]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_and_its_page(aegis, command):
    text = aegis(*command.split(), "--help").ok().out
    assert f"Usage: aegis {command}" in text and "Examples:" in text
    assert command in aegis("--help").ok().out
    if DOCS.exists():
        page = (DOCS / "commands.md").read_text()
        assert f"`aegis {command}" in page
        for option in re.findall(r"--[a-z-]+", text):
            assert option in page, f"{command} {option} is missing in docs/commands.md"


def test_overview_and_version(aegis):
    assert re.fullmatch(r"aegis \d+\.\d+\.\d+\n", aegis("--version").ok().out)
    done = aegis()
    assert done.code == 2 and "Usage" in done.err
    assert aegis("help").ok().out == aegis("--help").ok().out


def test_suggestions(aegis):
    aegis("stauts").failed(2, 'did you mean "aegis status"')
    aegis("audit", "verfiy").failed(2, 'did you mean "aegis audit verify"')
    aegis("pilot", "--", "claude").failed(2, "not in this build")
    aegis("log", "--lsat", "3").failed(2, "--lsat", "aegis log --help")


def test_setup_tells_each_protection(aegis):
    done = aegis("setup", "--json")
    setup = done.json("setup")
    assert done.code == (0 if setup["ready"] else 1)
    for protection in setup["protections"]:
        assert {"name", "in_force", "required", "detail", "advice"} == set(protection)
        assert protection["in_force"] or protection["advice"] or not protection["required"]
    assert not aegis.state.exists(), "setup changes nothing"


@pytest.mark.parametrize("name", [
    "", ".", "..", "a/b", "../x", ".x", "-x", "a b", "x" * 65, "current", "daemon", "x\ny",
    "x\x1b[31m", "\u202e", b"\xff"])
def test_bad_names_are_refused_everywhere(aegis, name):
    for words in (["init", "--name"], ["run", "--config"], ["wrap", "--name"], ["log", "--config"],
                  ["status", "--config"], ["use", "--config"], ["audit", "verify", "--config"]):
        option = [os.fsencode(words[-1]) + b"=" + os.fsencode(name)] if name else [words[-1], ""]
        command = [*words[:-1], *option] + (["--", "true"] if words[0] in ("run", "wrap") else [])
        done = aegis(*command)
        done.failed(125 if words[0] in ("run", "wrap") else 1)
        assert "\x1b" not in done.err and "\u202e" not in done.err
    assert not aegis.state.exists()


def test_unknown_configurations(aegis):
    for words in (["log"], ["status"], ["use"], ["config", "show"], ["config", "path"],
                  ["policy", "list"], ["audit", "query"], ["audit", "verify"], ["audit", "sessions"],
                  ["audit", "export"]):
        aegis(*words, "none").failed(1, 'no configuration "none"', "aegis init none")
    aegis("run", "--config", "none", "--", "true").failed(125, "aegis init none")
    assert not aegis.state.exists()


@pytest.mark.parametrize("toml,text", [
    ("name = ", ":1:"), ('name = "b"', 'directory is "a"'), ("what = 1", ':1:1: unknown key "what"'),
    ('\n\n  dri = "/x"', ":3:3: unknown key"), ("env_pass = 3", "must be an array of strings"),
    ('ledger_path = "/tmp/x.db"', "ledger_path"), ("name = \"\x00\"", ":1:"),
    ("observer = " + "[" * 10000, ":1:"), ("# " + "x" * (2 << 20), "larger than")])
def test_bad_settings_name_their_place(aegis, toml, text):
    aegis("init", "a").ok()
    (aegis.state / "a/aegis.toml").write_text(toml)
    before = aegis.tree()
    aegis("status", "a").failed(1, "aegis.toml", text)
    aegis("run", "--config", "a", "--", "true").failed(125, "aegis.toml", text)
    assert aegis.tree() == before


def test_settings_that_are_no_utf8(aegis):
    aegis("init", "a").ok()
    (aegis.state / "a/aegis.toml").write_bytes(b'name = "\xff"')
    aegis("status", "a").failed(1, "UTF-8")


def test_missing_policies(aegis):
    aegis("init", "a", "--policy", "project").ok()
    for path in (aegis.state / "a/policies").iterdir():
        path.unlink()
    aegis("policy", "list", "a").failed(1, "no policy")
    aegis("run", "--config", "a", "--", "true").failed(125, "no policy")


def test_unsafe_places(aegis):
    public = aegis.root / "public"
    public.mkdir()
    (public / "home").mkdir(mode=0o700)
    link = aegis.root / "link"
    link.symlink_to(public / "home")
    file = aegis.root / "file"
    file.write_text("")
    public.chmod(0o1777)
    for place, text in ((link, "everybody may write"), (file, "not a directory"),
                        (file / "x", "Not a directory"), (public, "others may write")):
        done = aegis("init", "a", env={"AEGIS_HOME": str(place)}).failed(1, text, "AEGIS_HOME")
        assert done.out == ""
        aegis("run", "--", "true", env={"AEGIS_HOME": str(place)}).failed(125, "AEGIS_HOME")
    assert not aegis.state.exists() and list((public / "home").iterdir()) == []
    aegis("init", "a", env={"AEGIS_HOME": str(public / "home")}).ok()


def test_closed_descriptors_never_become_files(aegis):
    aegis("init", "a").ok()
    done = subprocess.run(
        ["sh", "-c", '"$0" status a >&- 2>&- <&-; echo $?', aegis.binary], env=aegis.env,
        capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1", "what could not be printed is no success"
    aegis("audit", "verify", "a").ok()


def test_colours_are_for_terminals_alone(aegis):
    aegis("init", "a").ok()
    pid_out, terminal = os.openpty()
    for variables, coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
        subprocess.run([aegis.binary, "status", "a"], env={**aegis.env, **variables}, stdout=terminal,
                       stderr=terminal, stdin=subprocess.DEVNULL, check=True)
        assert (b"\x1b[" in os.read(pid_out, 65536)) == coloured
    os.close(pid_out)
    os.close(terminal)
    assert "\x1b" not in aegis("status", "a").ok().out


def test_help_of_a_command(aegis):
    assert aegis("help", "policy", "lint").ok().out == aegis("policy", "lint", "--help").ok().out
    assert aegis("help", "audit").ok().out == aegis("audit", "--help").ok().out
    assert aegis("help").ok().out == aegis("help", "help").ok().out == aegis("--help").ok().out
    aegis("help", "stauts").failed(2, 'did you mean "aegis status"?')


def test_only_words_that_may_be_the_command_are_told_of_its_place(aegis):
    assert "(the command follows `--`)" in aegis("run", "ls").failed(125, "not expected: ls").err
    assert "follows" not in aegis("run", "--dir").failed(125, "--dir needs DIR").err
    assert "follows" not in aegis("run", "ls", "--", "ls").failed(125, "not expected: ls").err
