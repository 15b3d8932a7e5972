"""`aegis config edit`: the editor works on a copy, and only what is valid takes its place."""

import os
import stat

import pytest
from pty_world import Terminal


@pytest.fixture
def edit(aegis):
    aegis("init", "a").ok()

    def run(script, *words):
        """Edits with a shell script, of which $1 is the file."""
        tool = aegis.root / "editor"
        tool.write_text("#!/bin/sh\n" + script + "\n")
        tool.chmod(0o755)
        return aegis("config", "edit", "a", *words, env={"VISUAL": str(tool)})
    return run


def files(aegis):
    return sorted(os.listdir(aegis.state / "a"))


def test_what_was_edited_is_in_force(aegis, edit):
    before = files(aegis)
    assert "changed" in edit("""echo 'env_pass = ["FOO"]' > "$1"; echo "$1" > "$0.file" """).ok().err
    assert aegis("config", "show", "a", "--json").ok().json()["env_pass"] == ["FOO"]
    path = aegis.state / "a/aegis.toml"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert files(aegis) == before
    copy = (aegis.root / "editor.file").read_text().strip()
    assert copy != str(path) and copy.startswith(str(aegis.state / "a")) and copy.endswith(".toml")


def test_no_change_is_no_error(aegis, edit):
    before = aegis.tree()
    assert "nothing was changed" in edit("true").ok().err
    assert aegis.tree() == before


@pytest.mark.parametrize("script,text", [
    ("echo 'nmae = 1' > \"$1\"", 'aegis.toml:1:1: unknown key "nmae" (did you mean "name"?)'),
    ("echo 'name = ' > \"$1\"", "aegis.toml:1:"),
    ("echo 'name = \"b\"' > \"$1\"", 'the directory is "a"'),
    ("printf '[ledger]\\nmask = [\"(\"]\\n' > \"$1\"", "mask"),
    ("printf '[ledger.witness]\\ntarget = \"http://\"\\n' > \"$1\"", "witness"),
    ("rm \"$1\"", "No such file"), ("exit 1", "exit code 1"),
    ("head -c 2000000 /dev/zero > \"$1\"", "larger than")])
def test_what_is_wrong_leaves_the_settings(aegis, edit, script, text):
    before = aegis.tree()
    edit(script).failed(1, text, "nothing was changed")
    assert aegis.tree() == before


def test_a_change_meanwhile_is_not_overwritten(aegis, edit):
    done = edit("echo '# mine' > \"$1\"; echo '# theirs' > \"$(dirname \"$1\")/aegis.toml\"")
    done.failed(1, "changed meanwhile")
    assert (aegis.state / "a/aegis.toml").read_text() == "# theirs\n"
    kept = done.err.split("lies in ")[1].split(";")[0].strip()
    with open(kept, encoding="utf-8") as file:
        assert file.read() == "# mine\n"


def test_a_broken_file_can_be_mended(aegis, edit):
    (aegis.state / "a/aegis.toml").write_text("broken = = =")
    aegis("status", "a").failed(1, "aegis.toml")
    edit("echo 'name = \"a\"' > \"$1\"").ok()
    aegis("status", "a").ok()


def test_on_a_terminal_it_is_edited_again(aegis):
    aegis("init", "a").ok()
    tool = aegis.root / "editor"
    tool.write_text('#!/bin/sh\nif grep -q oops "$1"; then echo "# good" > "$1"; '
                    'else echo "oops = 1" > "$1"; fi\n')
    tool.chmod(0o755)
    for answer, content in (("n", None), ("", "# good\n")):
        before = (aegis.state / "a/aegis.toml").read_text()
        with Terminal([aegis.binary, "config", "edit", "a"], {**aegis.env, "EDITOR": str(tool)},
                      aegis.project) as terminal:
            terminal.expect('unknown key "oops"')
            terminal.expect("edit again? [Y/n] ")
            terminal.type(answer + "\r")
            assert terminal.end()[0] == 0
        assert (aegis.state / "a/aegis.toml").read_text() == (content or before)


def test_no_configuration_no_editor(aegis):
    aegis("config", "edit", "none", env={"EDITOR": "touch ran"}).failed(1, 'no configuration "none"')
    assert not (aegis.project / "ran").exists()
