"""Policies that nobody vouches for: files made to exhaust or confuse whoever reads them."""

import os
import pathlib
import re
import signal
import time

import pytest

FINE = "permit(principal, action, resource);"
PATIENCE = 60  # seconds until something counts as hung


def when(condition):
    return f"permit(principal, action, resource) when {{ {condition} }};\n"


def costly(policies):
    """A text within all limits that keeps the validator busy."""
    return when("[1" + ",1" * 500 + "].contains(1)") * policies


BOMBS = {
    "brackets": (when("(" * 5000 + "true" + ")" * 5000), "1:107: brackets nested deeper"),
    "lists": (when("[" * 5000), "1:107: brackets nested deeper"),
    "records": (when("{a:" * 5000), "1:"),
    "bangs": (when("!" * 100_000 + "true"), "1:1041: more than 1000 operators"),
    "few bangs": (when("!" * 900 + "true"), "1:"),
    "minus": (when("1 == " + "-" * 900 + "1"), "1:49: "),
    "ifs": (when("if true then true else " * 4000 + "true"), "more than 1000 operators"),
    "ors": (when(" || ".join(["true"] * 50_000)), "more than 1000 operators"),
    "commas": (when("[1" + ",1" * 5000 + "].contains(1)"), "a list of more than 512"),
    "open string": ('\n  @id("' + "\\u{1F600}" * 50_000, "2:7: a string that is never closed"),
    "bad escape": ('\n@id("' + "\\q" * 50 + '") ' + FINE, "2:"),
    "many policies": (FINE * 10_001, f"1:{10_000 * len(FINE) + 1}: more than 10000 policies"),
    "recursion": (when("context.a.b" + ".c" * 400), "1:"),
    "slot": ("permit(principal == ?principal, action, resource);", "1:1: policy without @id is a template"),
    "slot in": ('@id("s") permit(principal, action, resource in ?resource);', "template"),
    "utf8": (b"permit(\n  \xff principal, action, resource);", "2:3: not valid UTF-8"),
    "overlong utf8": (b'@id("\xc0\xaf") permit(principal, action, resource);', "1:6: not valid UTF-8"),
    "nul": ("permit(principal,\n\0 action, resource);", "2:1: a NUL byte"),
    "nul in a string": ('@id("a\0b")' + FINE, "1:7: a NUL byte"),
    "byte order mark": ("\ufeff" + FINE, "1:1: "),
    "utf16": (FINE.encode("utf-16"), "1:1: not valid UTF-8"),
    "twins": ('@id("a")' + FINE + '\n@id("a")' + FINE, "2:1: the id a is taken"),
    "hostile id twice": (('@id("\\n\\u{1b}[2J")' + FINE) * 2, "is taken"),
    "too large": ("//" + "x" * (1 << 20), "larger than 1048576 bytes"),
    "semicolons": (";" * 100_000, "1:1: "),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_bombs_are_one_line_with_file_line_and_column(aegis, bomb):
    content, text = BOMBS[bomb]
    (aegis.project / "p.cedar").write_bytes(
        content if isinstance(content, bytes) else content.encode())
    done = aegis("policy", "validate", "p.cedar").failed(1, "p.cedar", text)
    assert bomb == "too large" or re.search(r"p\.cedar:\d+:\d+: ", done.err)
    assert len(done.err) < 1000 and "\x1b" not in done.err


@pytest.mark.parametrize("text,policies", [
    ("", 0), ("// nothing\n", 0), (FINE, 1), ("// a\r\npermit(\r\n principal, action, resource);\r\n", 1),
    (when("(" * 60 + "true" + ")" * 60), 1), (when("!!!true"), 1), (when("1 == ---1"), 1),
    (when(" || ".join(["context.pid == 1"] * 240)), 1), (FINE * 10_000, 10_000),
    ('@id("a\\n\\u{1b}[2J") ' + FINE, 1), ("// " + "\u202e([{" * 10_000 + "\n" + FINE, 1)])
def test_what_is_within_the_limits_is_accepted(aegis, text, policies):
    (aegis.project / "p.cedar").write_bytes(text.encode())
    done = aegis("policy", "validate", "p.cedar", "--json").ok()
    assert len(done.json()["policies"]) == policies and "\x1b" not in done.out


def test_odd_files(aegis):
    here = aegis.project
    os.mkfifo(here / "fifo.cedar")
    (here / "dir.cedar").mkdir()
    with open(here / "sparse.cedar", "wb") as sparse:
        sparse.truncate(1 << 40)
    os.symlink("/dev/zero", here / "endless.cedar")
    for name, text in (("fifo.cedar", "not a regular file"), ("dir.cedar", "no policy"),
                       ("sparse.cedar", "larger than 1048576 bytes"),
                       ("endless.cedar", "not a regular file"), ("/dev/tty", "/dev/tty"),
                       ("/proc/self/mem", "/proc/self/mem"), (".", "not a regular file")):
        if name == ".":
            for other in ("sparse.cedar", "endless.cedar"):
                (here / other).unlink()
            (here / "dir.cedar").rmdir()
        aegis("policy", "validate", name).failed(1, text)


def test_many_files_together_are_bounded(aegis):
    many = aegis.project / "many"
    many.mkdir()
    for number in range(17):
        (many / f"{number:02}.cedar").write_text("//" + "x" * ((1 << 20) - 10))
    aegis("policy", "validate", "many").failed(1, "16.cedar", "larger than 16777216 bytes")


def test_every_door_refuses_a_bomb(aegis):
    bomb = aegis.project / "bomb.cedar"
    bomb.write_text(when("!" * 100_000 + "true"))
    where = "bomb.cedar:1:1041: more than 1000 operators"
    aegis("init", "a", "--policy", "bomb.cedar").failed(1, where)
    aegis("wrap", "--policy", "bomb.cedar", "--", "true").failed(125, where)
    assert not aegis.state.exists() or not list(aegis.state.iterdir())
    aegis("init", "a", "--policy", "project").ok()
    aegis("run", "--config", "a", "--policy", "bomb.cedar", "--", "true").failed(125, where)
    bomb.rename(aegis.state / "a/policies/bomb.cedar")
    aegis("run", "--config", "a", "--", "true").failed(125, where)
    aegis("policy", "list", "a").failed(1, where)
    done = aegis("status", "a", "--json")
    assert done.code == 1 and where in done.out


def test_what_takes_too_much_memory_takes_only_the_check_down(aegis):
    # Each is an error of its own to the parser, with a copy of the text.
    (aegis.project / "p.cedar").write_text('@id("' + "\\q" * 50_000 + '") ' + FINE)
    aegis("policy", "validate", "p.cedar").failed(1, "p.cedar: too costly to check: the check died")


def child_of(pid):
    """The check that a command has started, once it has limited itself; None if it has ended."""
    for _ in range(PATIENCE * 100):
        try:
            children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            for child in children:
                limits = pathlib.Path(f"/proc/{child}/limits").read_text()
                if re.search(r"Max open files +0 +0", limits):
                    return int(child), limits
        except (FileNotFoundError, ProcessLookupError):
            return None
        time.sleep(0.01)
    raise AssertionError("no check was started")


def test_the_check_is_limited_and_dies_with_its_parent(aegis):
    (aegis.project / "p.cedar").write_text(costly(900))
    process = aegis.start("policy", "validate", "p.cedar")
    try:
        child, limits = child_of(process.pid)
        for limit in (r"Max cpu time +20 +21", r"Max core file size +0 +0", r"Max file size +0 +0",
                      r"Max address space +1610612736 +1610612736", r"Max stack size +2097152 "):
            assert re.search(limit, limits), limits
        os.kill(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)
        for _ in range(PATIENCE * 100):
            if not pathlib.Path(f"/proc/{child}/stat").exists() or (
                    pathlib.Path(f"/proc/{child}/stat").read_text().split(") ")[1][0] == "Z"):
                break
            time.sleep(0.01)
        else:
            raise AssertionError("the check outlived its parent")
    finally:
        process.kill()
        process.communicate()


def test_a_killed_check_is_an_error(aegis):
    (aegis.project / "p.cedar").write_text(costly(900))
    process = aegis.start("policy", "validate", "p.cedar")
    child, _ = child_of(process.pid)
    os.kill(child, signal.SIGKILL)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert err.decode().startswith("aegis: p.cedar: too costly to check: the check died (Killed)")


def test_an_accepted_set_is_remembered_and_an_edited_one_is_not(aegis, gate):
    aegis("init", "a", "--policy", "project").ok()
    checked = aegis.state / "a/checked"
    aegis("policy", "list", "a").ok()
    assert not checked.exists(), "what is built in needs no check"
    own = aegis.state / "a/policies/own.cedar"
    own.write_text(f'@id("own") {FINE}')
    aegis("run", "--config", "a", "--", "true").ok()
    first = checked.read_text()
    assert re.fullmatch(r"[0-9a-f]{64}\n", first) and checked.stat().st_mode & 0o777 == 0o600
    before = checked.stat()
    aegis("run", "--config", "a", "--", "true").ok()
    assert checked.stat().st_ino == before.st_ino, "not written again"
    own.write_text(f'@id("owner") {FINE}')
    aegis("policy", "list", "a").ok()
    assert checked.read_text().startswith(first) and checked.read_text() != first
    own.write_text("permit(")
    kept = checked.read_text()
    aegis("policy", "list", "a").failed(1, "own.cedar:1:")
    assert checked.read_text() == kept
    own.write_text(f'@id("own") {FINE}')
    checked.write_text("x" * 100_000)
    aegis("policy", "list", "a").ok()
    assert checked.read_text() == first
    checked.unlink()
    checked.mkdir()
    aegis("policy", "list", "a").ok()
