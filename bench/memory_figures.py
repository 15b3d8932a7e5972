"""What the supervisor holds in memory after an agent has created and read 100,000 files.

Held against the target is the peak of the memory that belongs to the process alone (RssAnon +
RssShmem), sampled through the whole run. Pages of files that it has mapped (RssFile: the program
itself, libraries, and the journal, which the kernel may write back and drop at any time) are shown
beside it, and so is VmHWM, the peak of all of it together. The launcher, which stores the journal,
is shown as well.
"""

import pathlib
import subprocess
import threading

import supervisor
from figures import result

FILES = 100_000
TARGET_MIB = 30.0

SCRIPT = """import os, sys
print("ready", flush=True)
sys.stdin.readline()
os.mkdir("data")
for number in range(int(sys.argv[1])):
    at = f"data/{number // 100}"
    if number % 100 == 0:
        os.mkdir(at)
    name = f"{at}/{number}"
    with open(name, "w") as file:
        file.write(name)
    with open(name) as file:
        assert file.read() == name
print("done", flush=True)
sys.stdin.readline()
"""


class Peaks:
    """The greatest memory of two processes' own, sampled on a thread until `last` is called."""

    def __init__(self, pids):
        self.own = dict.fromkeys(pids, 0.0)
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.over.wait(0.05):
            self.sample()

    def sample(self):
        now = {pid: supervisor.memory_mib(pid) for pid in self.own}
        for pid, fields in now.items():
            self.own[pid] = max(self.own[pid], fields["RssAnon"] + fields["RssShmem"])
        return now

    def last(self):
        self.over.set()
        self.thread.join()
        return self.sample()


class MemoryFigures:
    def __init__(self, variants, root):
        self.variants, self.root = variants, pathlib.Path(root)

    def round(self, number):
        """The peak of own memory and the fields at the end, of launcher and supervisor."""
        directory = self.root / f"memory{number}"
        directory.mkdir()
        argv = self.variants.argv("aegis", directory,
                                  ["/usr/bin/python3", "-c", SCRIPT, str(FILES)])
        process = subprocess.Popen(argv, cwd=directory, env=self.variants.env, text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        try:
            return self.follow(process)
        finally:
            process.kill()
            process.communicate()

    def follow(self, process):
        def expect(word):
            if process.stdout.readline() != word + "\n":
                raise RuntimeError(f"the run did not get {word}:\n{process.communicate()[1]}")

        def go_on():
            process.stdin.write("go\n")
            process.stdin.flush()

        expect("ready")
        pids = {"launcher": process.pid, "supervisor": supervisor.supervisor_of(process.pid)}
        peaks = Peaks(pids.values())
        go_on()
        expect("done")
        last = peaks.last()
        go_on()
        if process.wait(timeout=120):
            raise RuntimeError(f"the run ended with {process.returncode}")
        return {who: {"own": peaks.own[pid], **last[pid]} for who, pid in pids.items()}

    def results(self, count):
        rounds = [self.round(number) for number in range(min(count, 3))]

        def values(who, field):
            return [figures[who][field] for figures in rounds]

        for who, target in (("supervisor", TARGET_MIB), ("launcher", None)):
            beside = ", ".join(f"{field} {max(values(who, field)):.0f}"
                               for field in ("RssFile", "VmHWM"))
            yield {**result("rss", f"{who}'s own memory, {FILES:,} files "
                            f"({beside})", "MiB", target, values(who, "own")),
                   "fields": [figures[who] for figures in rounds]}
