"""The workloads of run_bench.py: what is made beforehand, and what is timed."""

import os
import pathlib
import random
import shutil
import subprocess
import tarfile

PATH = "/usr/bin:/bin"


def _run(argv, cwd, env=None):
    subprocess.run(argv, cwd=cwd, check=True, stdout=subprocess.DEVNULL,
                   env={"PATH": PATH, "HOME": str(cwd), **(env or {})})


class Workload:
    """One workload: `prepare` once, `reset` before each timed run, `argv` in `dir` is timed."""

    name = ""
    title = ""
    target = 0.0
    writes_target = None  # with --level writes; None: not measured
    user = None           # who runs it, if not the caller

    def __init__(self, root):
        self.dir = pathlib.Path(root) / self.name
        self.argv = []

    def prepare(self):
        self.dir.mkdir(parents=True)

    def reset(self):
        pass

    def check(self):
        """Raises if the run did not do its work."""


class Git(Workload):
    name, title, target = "w1", "git status + git log --stat, 3,000 files", 1.9
    writes_target = 1.2

    def prepare(self):
        super().prepare()
        env = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER")
               for what, value in (("NAME", "Bench"), ("EMAIL", "bench@example.com"),
                                   ("DATE", "2024-01-01T00:00:00Z"))}
        source = random.Random(1)
        _run(["git", "init", "-q", "-b", "main"], self.dir)
        _run(["git", "config", "gc.auto", "0"], self.dir)
        files = [self.dir / f"d{i // 50:02}" / f"f{i:04}.txt" for i in range(3000)]
        for file in files:
            file.parent.mkdir(exist_ok=True)
            file.write_text("".join(f"{source.random()}\n" for _ in range(20)))
        self._commit(env, "first")
        for number in range(20):
            for file in source.sample(files, 20):
                file.write_text(file.read_text() + f"{source.random()}\n")
            self._commit(env, f"change {number}")
        self.argv = ["/bin/sh", "-c", "git status && git --no-pager log --stat"]

    def _commit(self, env, message):
        _run(["git", "add", "."], self.dir)
        _run(["git", "commit", "-q", "-m", message], self.dir, env)


class Read(Workload):
    name, title, target = "w2", "open and read 19,000 small files", 3.3
    writes_target = 1.25

    SCRIPT = """import os, sys
count = 0
for directory in sorted(os.listdir("data")):
    for name in sorted(os.listdir("data/" + directory)):
        with open("data/" + directory + "/" + name, "rb") as file:
            count += len(file.read()) > 0
sys.exit(count != 19000)
"""

    def prepare(self):
        super().prepare()
        for directory in range(190):
            at = self.dir / "data" / f"{directory:03}"
            at.mkdir(parents=True)
            for number in range(100):
                (at / f"{number:02}.txt").write_text(f"{directory}/{number}\n" * 20)
        (self.dir / "read.py").write_text(self.SCRIPT)
        self.argv = ["/usr/bin/python3", "read.py"]


class Make(Workload):
    name, title, target = "w3", "make -j2 of 20 C files", 1.2
    writes_target = 1.08

    def prepare(self):
        super().prepare()
        for number in range(20):
            functions = "\n".join(
                f"int f{number}_{i}(int n) {{ int s = {i}; for (int k = 0; k < n; ++k) "
                f"s += printf(\"%d\", k * {i} + (int)strlen(\"{i}\")); return s; }}"
                for i in range(40))
            (self.dir / f"m{number}.c").write_text(
                f"#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n{functions}\n")
        (self.dir / "main.c").write_text("int main(void) { return 0; }\n")
        (self.dir / "Makefile").write_text(
            "objects := main.o $(patsubst %,m%.o,$(shell seq 0 19))\n"
            "prog: $(objects)\n\tgcc -o $@ $(objects)\n%.o: %.c\n\tgcc -O2 -c -o $@ $<\n")
        self.argv = ["/usr/bin/make", "-j2"]

    def reset(self):
        for file in (*self.dir.glob("*.o"), self.dir / "prog"):
            file.unlink(missing_ok=True)

    def check(self):
        if not (self.dir / "prog").is_file():
            raise RuntimeError("make built no program")


class Spawn(Workload):
    name, title, target = "w4", "python3 -c pass, 50 times", 1.15
    writes_target = 1.06

    def prepare(self):
        super().prepare()
        self.argv = ["/bin/sh", "-ec", "i=0; while [ $i -lt 50 ]; do "
                     "/usr/bin/python3 -c pass; i=$((i+1)); done"]


class Untar(Workload):
    name, title, target = "w5", "tar x of 5,000 small files", 2.1
    writes_target = 2.0

    def prepare(self):
        super().prepare()
        source = self.dir / "source"
        for number in range(5000):
            at = source / f"d{number // 100:02}"
            at.mkdir(parents=True, exist_ok=True)
            (at / f"f{number:04}").write_text(f"{number}\n" * 50)
        with tarfile.open(self.dir / "files.tar", "w") as archive:
            archive.add(source, "source")
        self.out = self.dir / "out0"

    def reset(self):
        # Each run unpacks into a place of its own and nothing is removed meanwhile: for half a
        # minute ext4 steps over each inode that was freed, one by one, whenever it looks for one.
        self.out = self.dir / f"out{int(self.out.name[3:]) + 1}"
        self.out.mkdir()
        self.argv[:] = ["/usr/bin/tar", "xf", "files.tar", "-C", self.out.name]

    def check(self):
        found = sum(len(files) for _, _, files in os.walk(self.out))
        if found != 5000:
            raise RuntimeError(f"tar made {found} files")


class UntarAsUser(Untar):
    """What root does beyond a user's tar: it gives each file its owner."""

    name, title = "w5u", "the same as an ordinary user"
    writes_target = None
    user = "aegis-test"

    def reset(self):
        super().reset()
        shutil.chown(self.out, self.user, self.user)


WORKLOADS = (Git, Read, Make, Spawn, Untar, UntarAsUser)
