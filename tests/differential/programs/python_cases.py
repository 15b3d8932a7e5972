"""Runs modules of CPython's own test suite: one line "module.Class.test outcome" for each test.

Each module runs in a process of its own. What CPython calls resources (network, large files, much
time) is off; so are the tests that SLOW names.
"""

import os
import signal
import subprocess
import sys
import tempfile
import unittest

MODULES = (
    "test_dbm_dumb", "test_fcntl", "test_file", "test_filecmp", "test_fileinput", "test_fileio",
    "test_fork1", "test_genericpath", "test_glob", "test_mailbox", "test_mmap", "test_openpty",
    "test_os", "test_pathlib", "test_popen", "test_posix", "test_posixpath", "test_pty",
    "test_shutil", "test_signal", "test_stat", "test_subprocess", "test_tarfile", "test_tempfile",
)
# Of seconds each, and not about files or processes; "NoPoll" repeats what stands before it.
SLOW = ("test_itimer_virtual", "test_itimer_prof", "test_stress", "test_wakeup_fd",
        "test_siginterrupt", "test_without_siginterrupt", "test_check_output_timeout",
        "test_communicate_timeout", "stdout_close", "fork_wait.ForkWait", "NoPoll")
PATIENCE = 120


class Lines(unittest.TestResult):
    """Prints a line when a test is over: the worst of what was said of it and its subtests."""

    def startTest(self, test):
        super().startTest(test)
        self.outcome = "ok"

    def stopTest(self, test):
        super().stopTest(test)
        print(f"\n\0{test.id()}\t{self.outcome}", flush=True)

    def addError(self, test, error):
        super().addError(test, error)
        self.outcome = "failed"
        if isinstance(test, unittest.suite._ErrorHolder):
            print(f"\n\0{test.id()}\tfailed", flush=True)

    addFailure = addError

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        self.outcome = "failed" if error is not None else self.outcome

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.outcome = "skipped"
        if not isinstance(test, unittest.TestCase):
            print(f"\n\0{test.id()}\tskipped", flush=True)


def tests_of(suite):
    for one in suite:
        if isinstance(one, unittest.TestSuite):
            yield from tests_of(one)
        elif not any(word in one.id() for word in SLOW):
            yield one


def run_module(name):
    from test import support
    support.use_resources = []
    module = __import__(f"test.{name}", fromlist=["*"])
    loaded = unittest.defaultTestLoader.loadTestsFromModule(module)
    kept = {id(one) for one in tests_of(loaded)}

    def prune(suite):
        suite._tests = [one for one in suite._tests
                        if isinstance(one, unittest.TestSuite) or id(one) in kept]
        for one in suite._tests:
            if isinstance(one, unittest.TestSuite):
                prune(one)

    prune(loaded)
    loaded.run(Lines())


def main(directory, modules):
    for name in modules:
        with tempfile.TemporaryDirectory(dir=directory, ignore_cleanup_errors=True) as place:
            process = subprocess.Popen(
                [sys.executable, "-B", "-s", os.path.abspath(__file__), "--module", name],
                cwd=place, env={**os.environ, "TMPDIR": place}, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
            try:
                said = process.communicate(timeout=PATIENCE)[0]
                how = f"exit {process.returncode}"
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                said, how = process.communicate()[0], "hung"
            for line in said.decode("utf-8", "replace").splitlines():
                if line.startswith("\0test."):
                    print(line[len("\0test."):])
                elif line.startswith("\0"):
                    print(line[1:])
            print(f"{name}.end\t{how}", flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "--module":
        run_module(sys.argv[2])
    else:
        main(sys.argv[1], sys.argv[2:] or MODULES)
