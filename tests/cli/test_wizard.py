"""`aegis init` without a name: questions on a terminal, as ever elsewhere."""

import os

import pytest
from pty_world import Terminal


def start(aegis, *words):
    return Terminal([aegis.binary, "init", *words], aegis.env, aegis.project)


def test_enter_makes_the_usual_configuration(aegis):
    with start(aegis) as terminal:
        terminal.expect("Name of the configuration [default]: ")
        terminal.type("\r")
        terminal.expect(f"[{aegis.project}]: ")
        terminal.type("\r")
        terminal.expect("1) project")
        terminal.expect("[project]: ")
        terminal.type("\r")
        terminal.expect(str(aegis.state / "default"))
        terminal.expect("[Y/n] ")
        assert not aegis.state.exists(), "nothing before the last answer"
        terminal.type("\r")
        code, shown = terminal.end()
    assert code == 0 and "next: aegis run --config default" in shown
    shown = aegis("config", "show", "default", "--json").ok().json()
    assert shown["dir"] == str(aegis.project) and shown["private_dirs"]


def test_answers_are_checked_one_by_one(aegis):
    aegis("init", "work").ok()
    with start(aegis, "--policy", "permit-all") as terminal:
        for answer in ("../x", "work", "second"):
            terminal.expect("Name of the configuration")
            terminal.type(answer + "\r")
        terminal.expect("Directory of the project")
        terminal.type("/nonexistent/x\r")
        terminal.expect("No such file")
        terminal.type("~\r")
        terminal.expect("[Y/n] ")
        terminal.type("y\r")
        code, shown = terminal.end()
    assert code == 0 and "exists already" in shown and "may hold letters" in shown
    assert aegis("config", "show", "second", "--json").ok().json()["dir"] == str(aegis.home)


@pytest.mark.parametrize("answered", [0, 1, 2, 3])
@pytest.mark.parametrize("key,code", [("\x04", 1), ("\x03", -2)])
def test_ending_it_leaves_nothing(aegis, answered, key, code):
    with start(aegis) as terminal:
        for question in ("configuration [", "project [", "policies [")[:answered]:
            terminal.expect(question)
            terminal.type("\r")
        terminal.expect(("configuration [", "project [", "policies [", "[Y/n] ")[answered])
        terminal.type(key)
        ended, shown = terminal.end()
    assert ended == code, shown
    assert not aegis.state.exists()
    if key == "\x04":
        assert "nothing was made" in shown


def test_elsewhere_nobody_is_asked(aegis):
    assert "made configuration default" in aegis("init").ok().out
    assert (aegis.state / "default/policies/default.cedar").exists()


def test_a_name_or_quiet_asks_nothing(aegis):
    for words in (["a"], ["--name", "b"], ["-q"]):
        with start(aegis, *words) as terminal:
            assert terminal.end()[0] == 0
    assert sorted(os.listdir(aegis.state)) == ["a", "b", "default"]
