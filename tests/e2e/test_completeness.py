"""What strace sees a program do natively is in the ledger of the same program under `wrap`."""

import re

import pytest

import harness
import strace_log
from test_real_programs import C_PROJECT

MANY_FILES = """
import os, pathlib, shutil, tempfile
os.makedirs("a/b/c")
for i in range(40):
    pathlib.Path(f"a/b/f{i}").write_text("x" * i)
    os.replace(f"a/b/f{i}", f"a/b/c/g{i}")
os.link("a/b/c/g1", "hard"); os.symlink("hard", "soft"); os.chmod("soft", 0o600)
open("soft", "a").close(); open("hard", "r+").close(); os.truncate("hard", 3)
os.utime("soft", (1, 1)); os.mkfifo("fifo"); os.remove("fifo"); os.rename("soft", "softer")
d = os.open("a", os.O_RDONLY | os.O_DIRECTORY)
os.close(os.open("at", os.O_CREAT | os.O_WRONLY, dir_fd=d)); os.mkdir("dirat", dir_fd=d)
os.rename("at", "at2", src_dir_fd=d, dst_dir_fd=d); os.unlink("at2", dir_fd=d)
os.symlink("x", "linkat", dir_fd=d); os.rmdir("dirat", dir_fd=d)
os.listdir("a/b"); os.scandir("a").close(); shutil.copytree("a", "copy", symlinks=True)
os.chdir("a/b"); open("below", "w").close(); open("../above", "w").close(); os.chdir("../..")
pid = os.fork()
if pid == 0:
    os.chdir("copy"); open("of-child", "w").close(); os._exit(0)
os.waitpid(pid, 0)
open("copy/../dotted", "w").close(); open("a//double", "w").close()
with tempfile.NamedTemporaryFile(dir=".", prefix="tmp", suffix="name"): pass
shutil.rmtree("copy")
"""

SHELL = """
mkdir -p d/e; touch d/f; echo x > d/g; mv d/g d/h; ln d/h d/i; ln -s ../d/h d/e/s; cp d/e/s d/copy
chmod 600 d/copy; touch -d 2001-01-01 d/copy; truncate -s 100 d/h; cat d/e/s > /dev/null
echo more >> d/e/s; rm d/i; mkfifo p; rm p; cd d; : > inner; mv -f inner ../outer; cd ..; rmdir d/none
install -m 755 d/h d/tool; find d -name f -delete; rm -r d/e; ls -R d > listing
"""

PROGRAMS = {
    "git commit": (["git", "commit", "-q", "-a", "-m", "second"],
                   "git init -q; echo a > a; mkdir d; echo b > d/b; git add .; "
                   "git commit -q -m first; echo c > a; echo d > d/b"),
    "tar x": (["tar", "xf", "t.tar"],
              "mkdir -p t/u; for i in $(seq 50); do echo $i > t/u/$i; done; ln -s 1 t/u/s; "
              "ln t/u/2 t/u/h; chmod 700 t/u/3; tar cf t.tar t; rm -r t"),
    "make": (["make", "-j2"], ""),
    "python": ([harness.PYTHON, "-B", "many.py"], ""),
    "sh": (["sh", "script.sh"], ""),
}
FILES = {"make": C_PROJECT, "python": {"many.py": MANY_FILES}, "sh": {"script.sh": SHELL}}


def prepared(world, name):
    harness.empty(world.project)
    for file, text in FILES.get(name, {}).items():
        (world.project / file).write_text(text)
    world.native(["bash", "-c", PROGRAMS[name][1]]).ok()


def masked(path):
    """Names that are random or depend on a process."""
    path = re.sub(r"^/proc/\d+", "/proc/self", path)
    path = re.sub(r"/tmp/cc\w{6}(\.\w+)?", r"/tmp/cc*\1", path)
    path = re.sub(r"tmp_obj_\w+", "tmp_obj_*", path)
    path = re.sub(r"/GM\w{6}$", "/GM*", path)  # make's jobserver
    return re.sub(r"/tmp\w{8}name$", "/tmp*name", path)


@pytest.mark.parametrize("name", PROGRAMS)
def test_all_that_strace_sees_is_recorded(world, needs, name):
    argv = PROGRAMS[name][0]
    needs("strace", argv[0])
    prepared(world, name)
    log = world.root / "strace.log"
    world.native(["strace", "-f", "-y", "-qq", "-s", "4096", "-o", log, "-e",
                  f"trace={strace_log.TRACE}", *argv]).ok()
    expected = {(action, masked(path)) for action, path in
                strace_log.actions_of(log.read_text(), str(world.project))}
    assert len(expected) > 30, expected

    prepared(world, name)
    world.wrap(argv).ok()
    recorded = {(entry["action"], masked(entry["resource"])) for entry in world.decided("wrapped")}
    recorded |= {("read", path) for action, path in recorded if action in ("FileRead", "DirList")}
    missing = expected - recorded
    assert not missing, sorted(missing)
    world.verify("wrapped")


def test_the_record_is_no_longer_than_what_happened(world):
    """No entry of a change that the program did not ask for."""
    prepared(world, "sh")
    world.wrap(PROGRAMS["sh"][0]).ok()
    changes = [entry for entry in world.decided("wrapped")
               if entry["action"] in ("FileWrite", "FileDelete", "DirCreate")]
    outside = {entry["resource"] for entry in changes
               if not entry["resource"].startswith(str(world.project))}
    assert outside <= {"/dev/null", "/dev/tty"}, outside
