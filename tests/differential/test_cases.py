"""Our own cases: small programs that make system calls, natively and inside, with equal results."""

import os
import re
import stat
import subprocess

import compare
import known_differences
from conftest import HERE

SOURCES = sorted((HERE / "programs").glob("*.c"))
LONG_AGO = 1_500_000_000  # earlier times were set by a case, later ones are of now


def build(target):
    subprocess.run(["gcc", "-std=gnu2x", "-D_GNU_SOURCE", "-O1", "-Wall", "-Wextra", "-Werror",
                    "-Wno-nonnull", "-Wno-unused-result", "-pthread", "-o", target, *SOURCES,
                    "-lrt"], check=True)


def attributes(path):
    try:
        return {name: os.getxattr(path, name, follow_symlinks=False)
                for name in os.listxattr(path, follow_symlinks=False)}
    except OSError:
        return {}


def left_behind(root):
    """What the cases left, as it looks from outside: a line for each name."""
    found = {}
    for where, names, files in os.walk(root):
        for name in names + files:
            path = os.path.join(where, name)
            status = os.lstat(path)
            what = [stat.filemode(status.st_mode), status.st_uid, status.st_gid, status.st_nlink]
            if stat.S_ISLNK(status.st_mode):
                what.append(os.readlink(path)[:40].replace(str(root), "ROOT"))
            elif stat.S_ISREG(status.st_mode):
                what.append(status.st_size)
            if status.st_mtime < LONG_AGO:
                what.append(status.st_mtime_ns)
            what += sorted(attributes(path).items())
            shown = os.path.relpath(path, root).encode("utf-8", "backslashreplace").decode()
            found[f"left {shown}"] = repr(what)
    return found


def open_up(root):
    """Whoever is not root can't look into what a case closed."""
    for where, names, _ in os.walk(root):
        for name in names:
            path = os.path.join(where, name)
            if not os.path.islink(path) and not os.access(path, os.R_OK | os.X_OK):
                os.chmod(path, stat.S_IMODE(os.lstat(path).st_mode) | 0o500)


def run_all(world, launch, program):
    """Results, and what is left. The place has the same name each time: some results hold it."""
    place = world.project / "place"
    place.mkdir()
    done = launch([program, place]).ok()
    open_up(place)
    results = compare.parse(done.out.decode("utf-8", "backslashreplace")) | left_behind(place)
    place.rename(world.root / f"left-{len(os.listdir(world.root))}")
    return results


def test_cases(world, needs):
    needs("gcc")
    program = world.project / "cases"
    build(program)
    native = run_all(world, world.native, program)
    inside = run_all(world, lambda words: world.run(words, policy="permit-all"), program)
    compare.check("cases", native, inside, at_least=8000)
    ended = [name for name in native if name.endswith(": end")]
    assert len(ended) >= 220
    assert {native[name] for name in ended} == {"exited 0"}
    world.verify()


def test_the_comparison_finds_what_differs():
    native = compare.parse("a\t1\nb\t2\na\t3\nno tab\n")
    assert native == {"a": "1", "b": "2", "a #2": "3"}
    found = compare.differences(native, {"a": "1", "b": "other", "c": "new"})
    assert found == {"b": ("2", "other"), "a #2": ("3", None), "c": (None, "new")}


def test_the_list_is_held_to_what_differs(monkeypatch):
    entry = known_differences.Known("s", ("b", "a*"), "because")
    monkeypatch.setattr(known_differences, "KNOWN", [entry])
    assert compare.judge("s", {"b": ("1", "2"), "a: [x]": ("1", "2")}) == []
    [unknown, stale] = compare.judge("s", {"b": ("1", "2"), "c": ("1", "2")})
    monkeypatch.setattr(known_differences, "KNOWN", [known_differences.Known("s", ("b => 2",), "")])
    assert compare.judge("s", {"b": ("1", "2")}) == [] != compare.judge("s", {"b": ("1", "3")})
    assert unknown.startswith("differs: c") and "a*" in stale and "because" in stale


def test_each_known_difference_says_why():
    for entry in known_differences.KNOWN:
        assert entry.names and len(entry.why) > 20 and re.match(r"[A-Z`O]", entry.why), entry
        assert entry.who in ("all", "root", "user")
