"""Each command as a new user would try it: transcripts/*.txt."""

import pathlib
import re

import pytest
import transcript

HERE = pathlib.Path(__file__).resolve().parent
FILES = sorted((HERE / "transcripts").glob("*.txt"))


def commands(aegis):
    """All commands, by the overviews."""
    names = re.findall(r"^  ([a-z][a-z -]*?[a-z])  ", aegis("--help").ok().out, re.MULTILINE)
    assert len(names) > 20
    return names


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_transcript(aegis, gate, file):
    tools = aegis.root / "bin"
    tools.mkdir()
    (tools / "aegis").symlink_to(aegis.binary)
    env = {**aegis.env, "PATH": f"{tools}:{aegis.env['PATH']}"}
    transcript.check(file.read_text(encoding="utf-8"), env, aegis.project)


def test_every_command_stands_in_a_transcript(aegis):
    typed = "\n".join(
        step.command for file in FILES for step in transcript.parse(file.read_text("utf-8")))
    missing = [name for name in commands(aegis) if not re.search(rf"\baegis {name}\b", typed)]
    assert not missing, f"no transcript shows {missing}"


def test_a_transcript_tells_what_differs(aegis):
    for text, said in (("$ echo a\nb\n", "answered\na"), ("$ false\n", "exit code 1"),
                       ("$ printf 'a\\nb\\n'\na\n", "answered")):
        with pytest.raises(AssertionError, match=said):
            transcript.check(text, aegis.env, aegis.project)
    transcript.check("# c\n$ x=1; echo a\na\n$ printf 'x\\ny\\n%s\\n' \"$x\"; exit_with() {\n"
                     "> return 3; }; exit_with\nx\n...\n1\n[3]\n", aegis.env, aegis.project)
