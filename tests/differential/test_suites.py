"""Published test suites, run natively and inside: each of their tests ends in the same way.

What they need is made by make_tools.py, into the directory that AEGIS_DIFFERENTIAL_TOOLS names.
"""

import os
import pathlib
import re
import shutil

import pytest

import compare
import harness
import make_tools
from conftest import HERE

GO_RESULT = re.compile(r"^\s*--- (PASS|FAIL|SKIP): (\S+)", re.M)
PJDFSTEST_RESULT = re.compile(r"^(\S+::\S+)\s+(ok|FAILED|skipped|expected failure)", re.M)


def inside(world):
    return lambda words, **options: world.run(words, policy="permit-all", **options)


@pytest.fixture
def tool(world, lacking):
    """Copies a program into the project."""
    def copy(name):
        tools = os.environ.get("AEGIS_DIFFERENTIAL_TOOLS", "build/differential")
        source = pathlib.Path(tools) / name
        if not source.exists():
            lacking(f"{name} (tests/differential/make_tools.py)")
        return shutil.copy(source, world.project / name)
    return copy


# ---- CPython's own tests

def test_cpython(world, lacking):
    if not pathlib.Path("/usr/lib/python3.11/test/test_os.py").exists():
        lacking("libpython3.11-testsuite")
    program = world.project / "python_cases.py"
    shutil.copy(HERE / "programs/python_cases.py", program)
    words = [harness.PYTHON, "-B", "-s", program]
    place = world.project / "place"
    place.mkdir()
    results = [compare.parse(launch([*words, str(place)]).ok().text)
               for launch in (world.native, inside(world))]
    compare.check("cpython", *results, at_least=2000)


# ---- pjdfstest

PJDFSTEST = """
[features]
posix_fallocate = {}
rename_ctime = {}
utime_now = {}
utimensat = {}
[settings]
naptime = 0.02
allow_remount = false
[dummy_auth]
entries = [["nobody", "nogroup"], ["daemon", "daemon"]]
"""


def test_pjdfstest(world, tool):
    settings = world.project / "pjdfstest.toml"
    settings.write_text(PJDFSTEST, encoding="ascii")
    place = world.project / "place"
    place.mkdir()
    words = [tool("pjdfstest"), "-c", settings, "-p", place]
    # It exits 1 when a test fails, as some do inside, as root.
    results = [dict(PJDFSTEST_RESULT.findall(launch(words).text))
               for launch in (world.native, inside(world))]
    compare.check("pjdfstest", *results, at_least=390)


# ---- Go's standard library

def run_go(world, launch, package, program):
    """The results of a package's tests, which find their data in the working directory."""
    done = launch([program, "-test.short", "-test.v"], cwd=make_tools.GO_SOURCE / package,
                  env=world.env | {"TMPDIR": str(world.project),
                                   "GOROOT": str(make_tools.GO.parents[1]),
                                   "PATH": f"{make_tools.GO.parent}:{world.env['PATH']}"})
    found = {f"{package} {name}": outcome for outcome, name in GO_RESULT.findall(done.text)}
    return found | {f"{package} exit": str(done.code)}


def test_go(world, lacking, tool):
    if not make_tools.GO_SOURCE.is_dir():
        lacking("golang-1.19-src")
    programs = {package: tool(make_tools.go_program(package))
                for package in make_tools.GO_PACKAGES}
    results = []
    for launch in (world.native, inside(world)):
        found = {}
        for package, program in programs.items():
            found |= run_go(world, launch, package, program)
        results.append(found)
    compare.check("go", *results, at_least=400)
