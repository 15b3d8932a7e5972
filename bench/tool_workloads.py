"""Workloads of package managers and builds. What they need from outside is fetched once, in
`prepare`, by the caller's own settings of npm and pip; what is timed works offline."""

import json
import pathlib
import shutil
import subprocess

from workloads import Workload

BASE = pathlib.Path(__file__).resolve().parent.parent / "src/base"


def _fetch(argv, cwd):
    done = subprocess.run(argv, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, argv))} ended with {done.returncode}:\n"
                           f"{done.stderr}")


class Fresh(Workload):
    """Each run works in a directory of its own; none is removed meanwhile (as in Untar)."""

    def prepare(self):
        super().prepare()
        self.runs = 0

    def reset(self):
        self.runs += 1
        self.out = self.dir / f"out{self.runs}"
        self.out.mkdir()


class Npm(Fresh):
    name, title, target = "w6", "npm ci of 290 packages, warm cache", 1.25

    PACKAGE = {"name": "bench", "version": "1.0.0", "private": True,
               "dependencies": {"express": "4.21.2"},
               "devDependencies": {"eslint": "8.57.1", "mocha": "10.8.2", "typescript": "5.7.3",
                                   "webpack": "5.97.1"}}
    OPTIONS = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--cache")

    def prepare(self):
        super().prepare()
        first = self.dir / "first"
        first.mkdir()
        (first / "package.json").write_text(json.dumps(self.PACKAGE))
        options = [*self.OPTIONS, str(self.dir / "cache")]
        _fetch(["npm", "install", "--package-lock-only", *options], first)
        _fetch(["npm", "ci", *options], first)

    def reset(self):
        super().reset()
        for name in ("package.json", "package-lock.json"):
            shutil.copy(self.dir / "first" / name, self.out)
        self.argv[:] = ["/usr/bin/npm", "ci", "--offline", *self.OPTIONS, str(self.dir / "cache"),
                        "--prefix", self.out.name]

    def check(self):
        if not (self.out / "node_modules/webpack/package.json").is_file():
            raise RuntimeError("npm installed nothing")


class Pip(Fresh):
    name, title, target = "w7", "pip install of 24 wheels from a directory", 1.2

    REQUIREMENTS = ("flask==3.1.0", "requests==2.32.3", "rich==13.9.4", "pyyaml==6.0.2",
                    "sqlalchemy==2.0.36", "pydantic==2.10.4", "lxml==5.3.0")

    def prepare(self):
        super().prepare()
        _fetch(["/usr/bin/python3", "-m", "venv", "tool"], self.dir)
        _fetch(["tool/bin/python", "-m", "pip", "download", "-q", "--only-binary", ":all:", "-d",
                "wheelhouse", *self.REQUIREMENTS], self.dir)

    def reset(self):
        super().reset()
        _fetch(["/usr/bin/python3", "-m", "venv", "--without-pip", self.out], self.dir)
        self.argv[:] = [str(self.dir / "tool/bin/python"), "-m", "pip", "--python",
                        str(self.out / "bin/python"), "install", "-q", "--no-index",
                        "--no-cache-dir", "--disable-pip-version-check", "--find-links",
                        "wheelhouse", *self.REQUIREMENTS]

    def check(self):
        packages = next(self.out.glob("lib/python3*/site-packages"))
        if not (packages / "pydantic_core").is_dir():
            raise RuntimeError("pip installed nothing")


class Ninja(Fresh):
    name, title, target = "w8", "ninja: this project's src/base and its tests", 1.15

    RULES = """rule cxx
  command = g++ -std=c++23 -O2 -I. -MD -MF $out.d -c $in -o $out
  deps = gcc
  depfile = $out.d
rule link
  command = g++ -o $out $in -lgtest_main -lgtest
"""

    def prepare(self):
        super().prepare()
        shutil.copytree(BASE, self.dir / "base")
        sources = sorted(path.name for path in BASE.glob("*.cc"))
        objects = [name.removesuffix("cc") + "o" for name in sources]
        rows = [f"build {made}: cxx base/{name}\n" for name, made in zip(sources, objects)]
        self.ninja = self.RULES + "".join(rows) + f"build base_test: link {' '.join(objects)}\n"

    def reset(self):
        super().reset()
        (self.out / "build.ninja").write_text(self.ninja)
        (self.out / "base").symlink_to("../base")
        self.argv[:] = ["/usr/bin/ninja", "-C", self.out.name]

    def check(self):
        if not (self.out / "base_test").is_file():
            raise RuntimeError("ninja built no program")


WORKLOADS = (Npm, Pip, Ninja)
