"""init, list, use, config, status: what lies below AEGIS_HOME and how it is shown."""

import os
import stat

import pytest


def mode(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


def test_init_makes_what_users_know(aegis):
    done = aegis("init", "my-agent", "--policy", "allow-read-only").ok()
    assert "my-agent" in done.out
    state = aegis.state / "my-agent"
    names = {str(path.relative_to(state)) for path in state.rglob("*")}
    assert {"aegis.toml", "policies", "policies/default.cedar", "policies/programs.cedar",
            "audit.db", "sandbox"} <= names
    assert (state / "audit.db").read_bytes().startswith(b"SQLite format 3\0")
    databases = [p for p in state.rglob("*") if p.is_file() and p.read_bytes()[:15] == b"SQLite format 3"]
    assert databases == [state / "audit.db"]
    assert mode(aegis.state) == 0o700
    assert mode(state) == 0o700
    assert mode(state / "aegis.toml") == 0o600


def test_default_deny_is_inits_default_and_stands_alone(aegis):
    done = aegis("init", "a").ok()
    assert "project" in done.out, "the sensible default is named"
    policies = aegis.state / "a/policies"
    assert [p.name for p in policies.iterdir()] == ["default.cedar"]
    assert (policies / "default.cedar").read_text() == aegis("policy", "generate", "default-deny").ok().out


@pytest.mark.parametrize("words", [["a"], ["--name", "a"], ["a", "--name", "a"], ["--name=a"]])
def test_both_spellings_of_init(aegis, words):
    aegis("init", *words).ok()
    assert (aegis.state / "a/aegis.toml").exists()


def test_init_refuses_an_existing_name_and_leaves_it(aegis):
    aegis("init", "a").ok()
    before = aegis.tree()
    aegis("init", "a", "--policy", "permit-all").failed(1, "exists already")
    assert aegis.tree() == before


def test_init_keeps_the_directory(aegis):
    aegis("init", "a", "--dir", ".").ok()
    assert aegis("config", "show", "a", "--json").ok().json("config-show")["dir"] == str(aegis.project)
    odd = aegis.root / "o\"dd \\ \n\x1b[31m"
    odd.mkdir()
    done = aegis("init", "b", "--dir", str(odd)).ok()
    assert "\x1b" not in done.out
    shown = aegis("config", "show", "b").ok()
    assert "\x1b" not in shown.out and "\\n" not in shown.err
    bytes_name = os.fsencode(str(aegis.root)) + b"/bad\xff"
    os.mkdir(bytes_name)
    aegis("init", "c", "--dir", bytes_name).ok()
    assert aegis("config", "show", "c", "--json").ok().json()["dir"].endswith("/bad\\xff")


def test_init_takes_a_policy_file(aegis):
    file = aegis.project / "mine.cedar"
    file.write_text('permit(principal, action == Aegis::Action::"FileRead", resource);\n')
    aegis("init", "a", "--policy", "mine.cedar").ok()
    assert (aegis.state / "a/policies/default.cedar").read_text() == file.read_text()
    file.write_text("permit(")
    aegis("init", "b", "--policy", "mine.cedar").failed(1, "mine.cedar")
    assert not (aegis.state / "b").exists()


def test_list_use_and_status(aegis):
    assert aegis("list").ok().out == ""
    assert aegis("list", "--json").ok().json("list") == []
    aegis("init", "b").ok()
    aegis("init", "a", "--policy", "project", "--dir", ".").ok()
    assert aegis("use", "--json").ok().json("use") == {"active": None}
    aegis("use", "b").ok()
    assert aegis("use", "--json").ok().json("use") == {"active": "b"}
    assert (aegis.state / "current").read_text() == "b\n"
    listed = aegis("list", "--json").ok().json("list")
    assert [(row["name"], row["active"], row["error"]) for row in listed] == [
        ("a", False, None), ("b", True, None)]
    assert "* b" in aegis("list").ok().out
    assert aegis("status", "--json").ok().json()["name"] == "b"
    status = aegis("status", "a", "--json").ok().json()
    assert status["healthy"] and status["entries"] == 0 and status["dir"] == str(aegis.project)
    assert "ok" in aegis("status", "a").ok().out


def test_config_path_is_a_path(aegis):
    aegis("init", "a").ok()
    path = str(aegis.state / "a/aegis.toml")
    assert aegis("config", "path", "a").ok().out == path + "\n"
    assert aegis("config", "path", "--config", "a").ok().out == path + "\n"
    assert aegis("config", "path", "a", "--json").ok().json("config-path") == {"path": path}
    (aegis.state / "a/aegis.toml").write_text("broken = = =")
    assert aegis("config", "path", "a").ok().out == path + "\n", "for it wants editing"


def test_a_broken_configuration_is_listed_as_such(aegis):
    aegis("init", "a").ok()
    aegis("init", "b").ok()
    (aegis.state / "b/aegis.toml").write_text('nmae = "b"\n')
    listed = aegis("list", "--json").ok().json("list")
    assert listed[0]["error"] is None
    assert "1:1: unknown key \"nmae\"" in listed[1]["error"]
    aegis("status", "b").failed(1, "aegis.toml:1:1: unknown key \"nmae\" (did you mean \"name\"?)")


def test_status_says_what_is_unusable(aegis):
    aegis("init", "a").ok()
    (aegis.state / "a/policies/default.cedar").write_text("permit(")
    (aegis.state / "a/audit.db").write_bytes(b"no database")
    done = aegis("status", "a", "--json")
    assert done.code == 1
    status = done.json()
    assert not status["healthy"] and status["policy_error"] and status["ledger_error"]


def test_aegis_home_and_its_older_name(aegis):
    for variables, where in [
            ({"AEGIS_HOME": str(aegis.root / "x")}, "x"),
            ({"AEGIS_DIR": str(aegis.root / "y")}, "y"),
            ({"AEGIS_DIR": str(aegis.root / "y"), "AEGIS_HOME": str(aegis.root / "z")}, "z")]:
        aegis("init", "a", env=variables).ok()
        assert (aegis.root / where / "a/aegis.toml").exists()
    assert not aegis.state.exists()


def test_a_moved_state_directory_still_works(aegis):
    aegis("init", "a").ok()
    moved = aegis.root / "moved"
    os.rename(aegis.state, moved)
    shown = aegis("config", "show", "a", "--json", env={"AEGIS_HOME": str(moved)}).ok().json()
    assert shown["ledger_path"] == str(moved / "a/audit.db")


def test_ten_at_once_make_one(aegis):
    processes = [aegis.start("init", "a", "--policy", "project") for _ in range(10)]
    codes = sorted((p.communicate(), p.returncode)[1] for p in processes)
    assert codes == [0] + [1] * 9
    aegis("status", "a").ok()
    assert sorted(p.name for p in aegis.state.iterdir()) == ["a"], "nothing is left over"
