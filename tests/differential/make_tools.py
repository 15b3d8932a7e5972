#!/usr/bin/env python3
"""Makes the programs of the published suites: make_tools.py DIRECTORY

pjdfstest comes from crates.io, the tests of Go's standard library from Debian's golang-1.19-src.
What is there already is kept.
"""

import os
import pathlib
import shutil
import subprocess
import sys

PJDFSTEST = "0.2.2"
GO = pathlib.Path("/usr/lib/go-1.19/bin/go")
GO_SOURCE = pathlib.Path("/usr/share/go-1.19/src")
GO_PACKAGES = ("os", "os/exec", "os/signal", "path/filepath", "io/ioutil", "io/fs", "syscall")


def go_program(package):
    return package.replace("/", "_") + ".test"


def make_pjdfstest(directory):
    target = directory / "pjdfstest"
    if target.exists():
        return
    home = os.environ.get("CARGO_HOME") or os.path.expanduser("~/.cargo")
    made = directory / "cargo"
    subprocess.run(
        ["cargo", "install", "pjdfstest", "--version", PJDFSTEST, "--locked", "--quiet", "--root",
         made, "--target-dir", made / "target"],
        env={**os.environ, "PATH": f"{os.environ['PATH']}:{home}/bin"}, check=True)
    shutil.move(made / "bin/pjdfstest", target)
    shutil.rmtree(made)


def make_go_tests(directory):
    for package in GO_PACKAGES:
        target = directory / go_program(package)
        if not target.exists():
            subprocess.run([GO, "test", "-c", "-o", target, package], cwd="/", check=True,
                           env={**os.environ, "GO111MODULE": "off", "GOTOOLCHAIN": "local",
                                "CGO_ENABLED": "0"})


def main():
    directory = pathlib.Path(sys.argv[1]).absolute()
    directory.mkdir(parents=True, exist_ok=True)
    failed = 0
    for make in (make_go_tests, make_pjdfstest):
        try:
            make(directory)
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"make_tools: {make.__name__}: {error}", file=sys.stderr)
            failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main())
