"""Who asks to be told what changes in a directory is judged as who lists it."""

import os

import pytest

import harness

WATCH = """
import ctypes, errno, os, sys
libc = ctypes.CDLL(None, use_errno=True)
queue = libc.inotify_init1(0)
for path in sys.argv[1:]:
    watch = libc.inotify_add_watch(queue, os.fsencode(path), 0x100)
    print("ok" if watch > 0 else errno.errorcode[ctypes.get_errno()])
"""

# fanotify_init(FAN_REPORT_FID), then marks: a directory, the same without a path, a link itself,
# what is no queue; and all are flushed. FAN_CREATE; FAN_ADD, FAN_FLUSH; ONLYDIR, DONT_FOLLOW.
FANOTIFY = """
import ctypes, errno, os, sys
libc = ctypes.CDLL(None, use_errno=True)
def outcome(result):
    return "ok" if result >= 0 else errno.errorcode[ctypes.get_errno()]
def mark(queue, flags, mask, directory, path):
    return outcome(libc.fanotify_mark(queue, flags, ctypes.c_uint64(mask), directory, path))
queue = libc.fanotify_init(0x200, 0)
print(outcome(queue))
if queue >= 0:
    here = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
    os.symlink("nowhere", "link")
    print(mark(queue, 1, 0x100, -100, b"d"), mark(queue, 1, 0x2, here, None),
          mark(queue, 1 | 4, 0x2, here, b"link"), mark(queue, 1 | 8, 0x2, -100, b"f"),
          mark(queue, 1, 0x2, -100, b"missing"), mark(queue, 1 | 0x10, 0x2, -100, b"d"),
          mark(here, 1, 0x2, -100, b"d"), mark(queue, 1, 0x2, -100, None))
    os.close(os.open("d/made", os.O_CREAT | os.O_WRONLY))
    print(len(os.read(queue, 4096)) > 24, mark(queue, 2, 0x100, -100, b"d"),
          mark(queue, 0x80, 0, -100, None))
"""

NODE = """
const fs = require('fs');
const watcher = fs.watch('watched', (event, name) => { console.log(name); watcher.close(); });
setTimeout(() => fs.writeFileSync('watched/new', 'x'), 50);
setTimeout(() => process.exit(1), 60000).unref();
"""

TAIL = """
echo one > log; tail -n +1 -f log --pid=$$ > seen & tail=$!
for i in $(seq 600); do grep -q one seen && break; sleep 0.05; done
echo two >> log; for i in $(seq 600); do grep -q two seen && break; sleep 0.05; done
kill $tail; cat seen
"""


@pytest.mark.parametrize("mode", ["run", "wrap"])
def test_watches_as_natively(world, mode):
    words = world.python("watches.py")
    native = world.native(words).ok()
    gated = (world.wrap(words) if mode == "wrap" else world.run(words, policy="permit-all")).ok()
    assert native.text.count("\n") > 240 and "new" in native.text
    differences = [pair for pair in zip(native.text.splitlines(), gated.text.splitlines())
                   if pair[0] != pair[1]]
    assert not differences, differences[:20]


def test_a_denied_directory_is_not_watched(world):
    """Neither by its name nor by another; and nothing of it is told."""
    secret, shown = world.home / "secret", world.project / "shown"
    for path in (secret, shown):
        path.mkdir()
    policy = world.root / "p.cedar"
    policy.write_text(
        '@id("all") permit(principal, action, resource);\n'
        '@id("no-list") forbid(principal, action == Aegis::Action::"DirList",'
        f' resource in Aegis::Resource::"{secret}");\n')
    (world.project / "alias").symlink_to(secret)
    words = [harness.PYTHON, "-c", WATCH, str(secret), "alias", f"/proc/self/root{secret}", "shown"]
    done = world.run(words, policy=policy).ok()
    assert done.text.split() == ["EACCES", "EACCES", "EACCES", "ok"], done.text
    denials = [(entry["action"], entry["resource"], entry["policies"]) for entry in world.denials()]
    assert denials == [("DirList", str(secret), ["no-list"])] * 3
    allowed = [entry for entry in world.decided() if entry["resource"] == str(shown)]
    assert [(entry["action"], entry["decision"]) for entry in allowed] == [("DirList", "allow")]


@pytest.mark.parametrize("mode", ["run", "wrap"])
def test_state_is_not_watched(world, mode):
    done = getattr(world, mode)([harness.PYTHON, "-c", WATCH, str(world.aegis_home), "."])
    assert done.text.split() == ["EACCES", "ok"], done


def test_what_programs_watch_is_recorded(world, needs):
    needs("tail", "node")
    (world.project / "watched").mkdir()
    done = world.run(["sh", "-c", TAIL]).ok()
    assert done.text == "one\ntwo\n"
    done = world.run(["node", "-e", NODE]).ok()
    assert done.text == "new\n"
    world.run([harness.PYTHON, "-c", WATCH, "watched"]).ok()
    listed = [entry["resource"] for entry in world.decided() if entry["action"] == "DirList"]
    assert str(world.project / "log") in listed
    assert listed.count(str(world.project / "watched")) == 2
    world.verify()


def test_fanotify(world):
    """Natively as an ordinary user would have it: run refuses it, wrap records what it marks."""
    (world.project / "d").mkdir()
    (world.project / "f").write_text("text")
    words = [harness.PYTHON, "-I", "-c", FANOTIFY]  # -I: python itself does not list "."
    assert world.run(words).text.split() == ["EPERM"]
    done = world.wrap(words).ok()
    assert done.text.split() == ["ok", "ok", "ok", "ok", "ENOTDIR", "ENOENT", "EPERM", "EINVAL",
                                 "EBADF", "True", "ok", "ok"], done.text
    marked = [os.path.relpath(entry["resource"], world.project)
              for entry in world.decided("wrapped") if entry["action"] == "DirList"]
    assert [name for name in marked if not name.startswith("..")] == [
        ".", "d", ".", "link", "f", "missing", "d", "d"], marked
