"""Completion in the shells themselves: bash, zsh and fish."""

import os
import shlex
import shutil
import subprocess

import pytest
from pty_world import Terminal


def need(shell):
    if shutil.which(shell) is None:
        if os.environ.get("AEGIS_REQUIRE_ALL") == "1":
            pytest.fail(f"AEGIS_REQUIRE_ALL=1, and there is no {shell}", pytrace=False)
        pytest.skip(f"no {shell}")


class Shells:
    """A world with an `aegis` on PATH, two configurations and some files, and shells in it."""

    def __init__(self, aegis):
        self.aegis = aegis
        tools = aegis.root / "bin"
        tools.mkdir()
        (tools / "aegis").symlink_to(aegis.binary)
        self.env = {**aegis.env, "PATH": f"{tools}:/usr/bin:/bin", "TERM": "dumb"}
        for name in ("work", "other"):
            aegis("init", name).ok()
        (aegis.project / "mine.cedar").write_text("")
        (aegis.project / "my dir").mkdir()
        self.scripts = {}
        for shell in ("bash", "zsh", "fish"):
            self.scripts[shell] = aegis.root / f"aegis.{shell}"
            self.scripts[shell].write_text(aegis("completions", shell).ok().out)

    def run(self, *argv):
        done = subprocess.run(argv, env=self.env, cwd=self.aegis.project, capture_output=True,
                              text=True, timeout=120, stdin=subprocess.DEVNULL)
        assert done.stderr == "", done.stderr
        return [line for line in done.stdout.splitlines() if line]

    def bash(self, words, library=""):
        """`words`: as bash parts the line, the last one under the cursor."""
        script = (f"{library}\nsource {shlex.quote(str(self.scripts['bash']))}\n"
                  f"COMP_WORDS=({' '.join(shlex.quote(w) for w in words)})\n"
                  "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_LINE=\"${COMP_WORDS[*]}\"\n"
                  "COMP_POINT=${#COMP_LINE}\ncompopt() { :; }\n"
                  "_aegis aegis \"${COMP_WORDS[-1]}\" x\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n")
        return self.run("bash", "--norc", "-c", script)

    def fish(self, line):
        script = f"source {shlex.quote(str(self.scripts['fish']))}; complete -C {shlex.quote(line)}"
        return [row.split("\t")[0] for row in self.run("fish", "--no-config", "-c", script)]

    def zsh(self, line):
        """Types the line and Tab into a zsh on a terminal; what the line is then."""
        start = self.aegis.root / "zdot"
        start.mkdir(exist_ok=True)
        (start / ".zshrc").write_text(
            "PS1='READY '\nunsetopt zle_bracketed_paste 2>/dev/null; unset zle_bracketed_paste\n"
            "autoload -Uz compinit && compinit -u -D\n"
            f"source {shlex.quote(str(self.scripts['zsh']))}\n"
            "show() { print -r -- $'\\n'\"<$BUFFER>\"; BUFFER=''; zle accept-line }\n"
            "zle -N show\nbindkey '^X' show\nsetopt no_beep no_list_beep\nzstyle ':completion:*' menu no\n")
        with Terminal(["zsh", "-i"], {**self.env, "ZDOTDIR": str(start)},
                      self.aegis.project) as terminal:
            terminal.expect("READY ")
            terminal.type(line + "\t\x18")
            terminal.expect("<")
            terminal.expect(">")
            shown = terminal.seen[:terminal.at].decode("utf-8", "replace")
            return shown.rsplit("<", 1)[1][:-1]


@pytest.fixture
def shells(aegis):
    return Shells(aegis)


def test_bash(shells):
    need("bash")
    bash = shells.bash
    assert bash(["aegis", "pol"]) == ["policy"]
    assert bash(["aegis", "audit", "ver"]) == ["verify"]
    assert bash(["aegis", "log", "--la"]) == ["--last"]
    assert bash(["aegis", "log", ""]) == ["other", "work"]
    assert bash(["aegis", "log", "--config", "w"]) == ["work"]
    assert bash(["aegis", "log", "--config", "=", "w"]) == ["work"]
    assert bash(["aegis", "log", "--config", "="]) == ["other", "work"]
    assert bash(["aegis", "audit", "query", "--decision", "d"]) == ["deny"]
    assert bash(["aegis", "policy", "validate", "mi"]) == ["mine.cedar"]
    assert bash(["aegis", "init", "--dir", "m"]) == ["my dir"]
    assert set(bash(["aegis", "run", "--policy", ""])) >= {"project", "mine.cedar"}
    assert bash(["aegis", "run", "--policy", "=", "mi"]) == ["mine.cedar"]
    assert "--" in bash(["aegis", "run", ""])
    assert bash(["aegis", "nope", ""]) == []


def test_bash_completes_the_inner_command(shells):
    need("bash")
    assert "aegis" in shells.bash(["aegis", "run", "--", "aegi"])
    assert shells.bash(["aegis", "run", "--tag", "x", "--", "cat", "min"]) == ["mine.cedar"]
    library = "/usr/share/bash-completion/bash_completion"
    if os.path.exists(library):
        assert shells.bash(["aegis", "run", "--", "aegis", "pol"], f"source {library}") == ["policy"]


def test_fish(shells):
    need("fish")
    fish = shells.fish
    assert fish("aegis pol") == ["policy"]
    assert fish("aegis audit ver") == ["verify"]
    assert fish("aegis log --la") == ["--last"]
    assert fish("aegis log ") == ["other", "work"]
    assert fish("aegis log --config w") == ["work"]
    assert fish("aegis log --config=w") == ["--config=work"]
    assert fish("aegis audit query --decision d") == ["deny"]
    assert fish("aegis policy validate mi") == ["mine.cedar"]
    assert fish("aegis init --dir m") == ["my dir/"]
    assert {"project", "mine.cedar"} <= set(fish("aegis run --policy "))
    assert "aegis" in fish("aegis run -- aegi")
    assert fish("aegis run --tag x -- aegis pol") == ["policy"]
    assert fish("aegis run -- cat min") == ["mine.cedar"]


def test_zsh(shells):
    need("zsh")
    zsh = shells.zsh
    assert zsh("aegis pol") == "aegis policy "
    assert zsh("aegis audit ver") == "aegis audit verify "
    assert zsh("aegis log --la") == "aegis log --last "
    assert zsh("aegis log w") == "aegis log work "
    assert zsh("aegis log --config=w") == "aegis log --config=work "
    assert zsh("aegis policy validate mi") == "aegis policy validate mine.cedar "
    assert zsh("aegis run -- cat mi") == "aegis run -- cat mine.cedar "
    assert zsh("aegis run --tag x -- aegis pol") == "aegis run --tag x -- aegis policy "


def test_sessions_are_offered(shells, gate):
    aegis = shells.aegis
    aegis("wrap", "--name", "work", "--", "true", "a\tb\x1b[31m").ok()
    session = aegis("audit", "sessions", "work", "--json").ok().json()[0]["session_id"]
    assert shells.bash(["aegis", "audit", "session", "--config", "work", ""]) == [session]
    lines = aegis("__complete", "audit", "session", "--config", "work", "").ok().out
    assert lines.startswith(session + "\t") and "\x1b" not in lines and lines.count("\n") == 1


def test_the_hidden_stage_never_fails(aegis):
    for words in ([], [""], ["--"], ["a\x1b", ""], ["log", "--config", "../x", "--"],
                  ["audit", "session", "--config", "none", ""], ["log", "\udcff", ""]):
        done = aegis("__complete", *(os.fsencode(word) for word in words)).ok()
        assert done.err == "" and "\x1b" not in done.out
    broken = {"AEGIS_HOME": "/dev/null"}
    assert aegis("__complete", "log", "", env=broken).ok().out == ""
    assert not aegis.state.exists()


def test_which_shell(aegis):
    aegis("completions").failed(2, "which shell? bash, zsh or fish")
    aegis("completions", "csh").failed(2, "SHELL is bash, zsh or fish")
    assert aegis("completions", "--shell", "Bash").ok().out == aegis("completions", "bash").ok().out


def test_bash_script_is_clean(aegis):
    need("shellcheck")
    script = aegis.root / "aegis.bash"
    script.write_text(aegis("completions", "bash").ok().out)
    done = subprocess.run(["shellcheck", "-s", "bash", str(script)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
