"""Transcripts: what a user types and what is answered, as text files that are run.

    # A comment.
    $ aegis init work
    made configuration work in {*}/.aegis/work
    ...
    [0]

A line that begins with `$ ` is typed into one bash, `> ` continues it. What follows, up to the next
one, is what both outputs must say: `{*}` stands for any text within a line, a line `...` for any
lines, and a last line `[N]` for the exit code (default 0).
"""

import dataclasses
import re
import subprocess

PATIENCE = 120  # seconds until something counts as hung
MARK = "\0\0"


@dataclasses.dataclass
class Step:
    """A command and what must come of it."""

    line: int
    command: str
    expected: list
    code: int = 0


def parse(text):
    """The steps of a transcript."""
    steps = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("$ "):
            steps.append(Step(number, line[2:], []))
        elif line.startswith("> ") and steps and not steps[-1].expected:
            steps[-1].command += "\n" + line[2:]
        elif line.startswith("#"):
            continue
        elif steps:
            steps[-1].expected.append(line)
        else:
            assert not line, f"line {number} stands before any command"
    for step in steps:
        while step.expected and not step.expected[-1]:
            step.expected.pop()
        code = re.fullmatch(r"\[(\d+)\]", step.expected[-1]) if step.expected else None
        if code:
            step.expected.pop()
            step.code = int(code[1])
    return steps


def pattern(expected):
    """The regular expression of the lines of an answer."""
    out = ""
    for line in expected:
        if line == "...":
            out += r"(?:.*\n)*?"
        else:
            out += ".*".join(re.escape(part) for part in line.split("{*}")) + r"\n"
    return out


def run(steps, env, cwd):
    """Types all steps into one bash: the answer and exit code of each."""
    script = "".join(f"{{\n{step.command}\n}} 2>&1; printf '\\0%d\\0\\0' $?\n" for step in steps)
    done = subprocess.run(
        ["bash", "--norc", "-c", script], env=env, cwd=cwd, stdin=subprocess.DEVNULL,
        capture_output=True, timeout=PATIENCE, check=True)
    assert not done.stderr, done.stderr.decode("utf-8", "backslashreplace")
    answers = done.stdout.decode("utf-8").split(MARK)[:-1]
    return [(text, int(code)) for text, code in (answer.split("\0") for answer in answers)]


def check(text, env, cwd):
    """Runs a transcript; the first step that is answered otherwise fails."""
    steps = parse(text)
    for step, (answer, code) in zip(steps, run(steps, env, cwd), strict=True):
        place = f"line {step.line}: $ {step.command}\n"
        assert code == step.code, f"{place}exit code {code}, not {step.code}\n{answer}"
        assert re.fullmatch(pattern(step.expected), answer), (
            f"{place}answered\n{answer}\ninstead of\n" + "\n".join(step.expected))
