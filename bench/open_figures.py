"""What one open costs, native and under Aegis, by where its two sides run.

- open: as the scheduler places them.
- open-1: the whole run has one CPU (taskset), which agent, supervisor and launcher share.
- open-2: the agent sets its own affinity to one CPU, after which Aegis moves nobody any more, and the
  supervisor is pinned to another one from outside: each open crosses between CPUs.
"""

import os
import pathlib
import random
import statistics
import subprocess

import supervisor
from figures import result

SOURCE = pathlib.Path(__file__).with_name("open_latency.c")
FILES = 1000
OPENS = 20_000


class Placement:
    """How a run is started, and what is pinned when it is ready."""

    def __init__(self, name, title, prefix=(), agent_cpu=-1, supervisor_cpu=None):
        self.name, self.title, self.prefix = name, title, list(prefix)
        self.agent_cpu, self.supervisor_cpu = agent_cpu, supervisor_cpu


def placements():
    cpus = sorted(os.sched_getaffinity(0))
    yield Placement("open", "as scheduled")
    yield Placement("open-1", "on one CPU", ["/usr/bin/taskset", "-c", str(cpus[0])])
    if len(cpus) > 1:
        yield Placement("open-2", "across CPUs", [], cpus[1], cpus[0])


class OpenFigures:
    def __init__(self, variants, root):
        self.variants = variants
        self.dir = pathlib.Path(root) / "open"
        data = self.dir / "data"
        data.mkdir(parents=True)
        for number in range(FILES):
            (data / str(number)).write_text(f"{number}\n")
        self.program = self.dir / "open_latency"
        subprocess.run(["gcc", "-O2", "-Wall", "-o", self.program, SOURCE], check=True)

    def measure(self, variant, placement):
        """p50 and p99 in µs."""
        command = [str(self.program), "data", str(OPENS), str(FILES), str(placement.agent_cpu)]
        argv = placement.prefix + self.variants.argv(variant, self.dir, command)
        process = subprocess.Popen(argv, cwd=self.dir, env=self.variants.env, text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        try:
            if process.stdout.readline() != "ready\n":
                raise RuntimeError(f"{argv} did not start:\n{process.communicate()[1]}")
            if variant != "native" and placement.supervisor_cpu is not None:
                supervisor.pin(supervisor.supervisor_of(process.pid), placement.supervisor_cpu)
            out, err = process.communicate("go\n", timeout=300)
        except BaseException:
            process.kill()
            raise
        if process.returncode:
            raise RuntimeError(f"{argv} ended with {process.returncode}:\n{err}")
        return [int(word) / 1000 for word in out.split()]

    def results(self, count):
        for placement in placements():
            rounds = []
            for number in range(count):
                order = ["native", "aegis"]
                random.Random(number).shuffle(order)
                rounds.append({name: self.measure(name, placement) for name in order})
            for index, what in enumerate(("p50", "p99")):
                native = [figures["native"][index] for figures in rounds]
                yield {**result(placement.name, f"open {placement.title}, {what} "
                                f"(native {statistics.median(native):.2f} µs)", "us", None,
                                [figures["aegis"][index] for figures in rounds]),
                       "native_us": statistics.median(native)}
