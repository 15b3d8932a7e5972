#!/usr/bin/python3
"""Measures whole programs under Aegis against native runs and bubblewrap.

Each round runs every variant once, in an order that changes from round to round, so that a slow
moment of the machine meets all of them. A figure is the median of the rounds' ratios to the native
run of the same round, with a bootstrap 95 % interval; a target passes when the interval reaches it.
Everything is made beforehand and run once before the clock starts: caches are warm for all.
"""

import argparse
import contextlib
import json
import os
import pathlib
import platform
import pwd
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import connect_figures
import decision_figures
import ledger_figures
import memory_figures
import network_figures
import network_world
import npm_figures
import open_figures
import report
import tool_workloads
import workloads
from figures import interval, result

ROOT = pathlib.Path(__file__).resolve().parent.parent
STARTUP_TARGET_MS = 8.0


def environment(home, aegis_home):
    return {"PATH": workloads.PATH, "HOME": str(home), "LANG": "C.UTF-8", "TERM": "dumb",
            "AEGIS_HOME": str(aegis_home)}


class Variants:
    """How a command is run natively, under bubblewrap and under Aegis."""

    def __init__(self, aegis, env, user=None):
        self.aegis, self.env = aegis, env
        self.ids = {} if user is None else {"user": user.pw_uid, "group": user.pw_gid,
                                            "extra_groups": []}

    def argv(self, variant, directory, command):
        directory = str(directory)
        if variant == "native":
            return command
        if variant == "bwrap":
            return ["bwrap", "--unshare-all", "--die-with-parent", "--ro-bind", "/", "/",
                    "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp",
                    "--bind", directory, directory, "--chdir", directory, "--", *command]
        level = ["--level", "writes"] if variant == "writes" else []
        return [self.aegis, "run", *level, "--policy", "project", "--dir", directory, "--",
                *command]

    def know_levels(self):
        """Whether this build has `--level`."""
        done = subprocess.run([self.aegis, "run", "--help"], env=self.env, capture_output=True,
                              text=True, stdin=subprocess.DEVNULL)
        return "--level" in done.stdout

    def seconds(self, variant, directory, command):
        argv = self.argv(variant, directory, command)
        start = time.perf_counter()
        done = subprocess.run(argv, cwd=directory, env=self.env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **self.ids)
        elapsed = time.perf_counter() - start
        if done.returncode:
            raise RuntimeError(f"{variant}: {' '.join(argv)} ended with {done.returncode}:\n"
                               f"{done.stderr.decode(errors='backslashreplace')}")
        return elapsed


def rounds_of(variants, names, count, directory, command, reset, check):
    """For each round the seconds of every variant; one round more runs first and is forgotten."""
    rounds = []
    for number in range(-1, count):
        order = list(names)
        random.Random(number).shuffle(order)
        times = {}
        for name in order:
            reset()
            times[name] = variants.seconds(name, directory, command)
            check()
        if number >= 0:
            rounds.append(times)
    return rounds


def ratio_results(workload, rounds):
    def ratios(name):
        return [times[name] / times["native"] for times in rounds]

    low, high = interval(ratios("bwrap"))
    yield {**result(workload.name, workload.title, "x", workload.target, ratios("aegis")),
           "native_seconds": statistics.median(times["native"] for times in rounds),
           "bwrap": {"median": statistics.median(ratios("bwrap")), "low": low, "high": high}}
    if "writes" in rounds[0]:
        yield result(workload.name + "w", "the same with --level writes", "x",
                     workload.writes_target, ratios("writes"))


def startup_result(variants, root, count):
    directory = pathlib.Path(root) / "startup"
    directory.mkdir()
    rounds = rounds_of(variants, ("bwrap", "aegis"), count, directory, ["/usr/bin/true"],
                       lambda: None, lambda: None)
    return {**result("startup", "aegis run -- true, beyond bwrap", "ms", STARTUP_TARGET_MS,
                     [(times["aegis"] - times["bwrap"]) * 1e3 for times in rounds]),
            "bwrap_ms": statistics.median(times["bwrap"] for times in rounds) * 1e3,
            "aegis_ms": statistics.median(times["aegis"] for times in rounds) * 1e3}


def run_module_benches(benches):
    for path in benches:
        print(f"\n{path.name}", flush=True)
        subprocess.run([path, "--benchmark_min_time=0.05"], check=True, stderr=subprocess.DEVNULL)


def machine():
    model = platform.machine()
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        model = next((row.split(":", 1)[1].strip() for row in info if row.startswith("model name")),
                     model)
    commit = subprocess.run(["git", "-c", "safe.directory=*", "rev-parse", "--short", "HEAD"],
                            cwd=ROOT, capture_output=True, text=True).stdout.strip()
    return {"cpu": model, "cpus": os.cpu_count(), "kernel": platform.release(), "commit": commit,
            "user": "root" if os.getuid() == 0 else "an ordinary user"}


class Bench:
    """Measures by name, in one place on the disk."""

    WORKLOADS = {kind.name: kind for kind in (*workloads.WORKLOADS, *tool_workloads.WORKLOADS)}
    OTHERS = ("startup", "open", "connect", "tls", "https", "npm_ci", "rss", "decision", "appends", "scale")

    def __init__(self, options, benches, work):
        self.options, self.benches, self.work = options, benches, work
        self.count = 3 if options.quick else 9
        self.left_out = []
        self.aegis = str(options.build / "bin" / "aegis")
        (work / "home").mkdir()
        self.variants = Variants(self.aegis, environment(work / "home", work / "aegis"))
        self.levels = self.variants.know_levels()

    def leave_out(self, what, why):
        self.left_out.append(f"{what}: {why}")
        print(f"left out: {what}: {why}", file=sys.stderr, flush=True)

    def results(self, name):
        if name in self.WORKLOADS:
            return self.workload(self.WORKLOADS[name](self.work))
        return getattr(self, name)()

    def workload(self, workload):
        variants = self.variants
        if workload.user is not None:
            variants = self.variants_of(workload)
            if variants is None:
                return
        names = ["native", "bwrap", "aegis"]
        if workload.writes_target is not None:
            if self.levels:
                names.append("writes")
            else:
                self.leave_out(workload.name + "w", "this build has no --level")
        workload.prepare()
        yield from ratio_results(workload, rounds_of(
            variants, names, self.count, workload.dir, workload.argv, workload.reset,
            workload.check))

    def variants_of(self, workload):
        """As another user, who needs a home there and a way to the program; None if that is not
        to be had."""
        try:
            user = pwd.getpwnam(workload.user)
        except KeyError:
            return self.leave_out(workload.name, f"there is no user {workload.user}")
        if os.getuid() != 0:
            return self.leave_out(workload.name, "only root can become another user")
        self.work.chmod(0o711)
        home = self.work / f"{workload.name}-home"
        home.mkdir()
        os.chown(home, user.pw_uid, user.pw_gid)
        variants = Variants(self.aegis, environment(home, home / "aegis"), user)
        if subprocess.run(["/usr/bin/test", "-x", self.aegis, "-a", "-w", home], cwd="/",
                          **variants.ids).returncode:
            return self.leave_out(workload.name, f"{workload.user} does not reach {self.aegis} and "
                                  f"{home}")
        return variants

    def startup(self):
        yield startup_result(self.variants, self.work, 15 if self.options.quick else 45)

    def open(self):
        return open_figures.OpenFigures(self.variants, self.work).results(self.count)

    @contextlib.contextmanager
    def world(self, name):
        """A small Internet in a directory of its own; None if it is not to be had here."""
        with contextlib.ExitStack() as stack:
            made = None
            try:
                made = stack.enter_context(network_world.World(self.work / f"{name}-world"))
            except network_world.Unavailable as error:
                self.leave_out(name, error)
            yield made

    def connect(self):
        with self.world("connect") as world:
            if world:
                yield from connect_figures.ConnectFigures(self.variants, world).results(self.count)

    def tls(self):
        with self.world("tls") as world:
            if world:
                yield from network_figures.NetworkFigures(self.variants, world).tls(self.count)

    def https(self):
        with self.world("https") as world:
            if world:
                yield from network_figures.NetworkFigures(self.variants, world).https(self.count)

    def npm_ci(self):
        with self.world("npm_ci") as world:
            if not world:
                return
            workload = npm_figures.NpmFromRegistry(self.work, world)
            workload.prepare()
            yield npm_figures.npm_result(workload, rounds_of(
                npm_figures.InWorld(self.variants, world), ("native", "aegis"), self.count,
                workload.dir, workload.argv, workload.reset, workload.check))

    def rss(self):
        rounds = 1 if self.options.quick else 3
        return memory_figures.MemoryFigures(self.variants, self.work).results(rounds)

    def decision(self):
        return decision_figures.DecisionFigures(self.benches).results(self.count)

    def appends(self):
        return self.ledger().appends(self.count)

    def scale(self):
        return self.ledger().scale(self.count)

    def ledger(self):
        entries = 1_000_000 if self.options.quick else 10_000_000
        return ledger_figures.LedgerFigures(self.benches, self.work, entries)


def measure(options, benches):
    results = []
    work = pathlib.Path(tempfile.mkdtemp(prefix="bench.", dir=options.work or options.build))
    try:
        bench = Bench(options, benches, work)
        for name in options.only or names():
            for one in bench.results(name):
                results.append(one)
                print(report.line(one), file=sys.stderr if options.json else sys.stdout,
                      flush=True)
    finally:
        if options.keep:
            print(f"kept {work}", file=sys.stderr)
        else:
            shutil.rmtree(work, ignore_errors=True)
    return {"machine": machine(), "rounds": bench.count, "results": results,
            "left_out": bench.left_out}


def names():
    return [*Bench.WORKLOADS, *Bench.OTHERS]


def chosen(text):
    """The names of --only, in the order in which they are measured."""
    wanted = text.split(",")
    for name in wanted:
        if name not in names():
            raise argparse.ArgumentTypeError(f"{name}: one of {', '.join(names())}")
    return [name for name in names() if name in wanted]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    parser.add_argument("--only", type=chosen, metavar="NAMES",
                        help=f"some of {','.join(names())} (default: all, and the modules' "
                        "benchmarks)")
    parser.add_argument("--work", type=pathlib.Path, metavar="DIR",
                        help="measure in a directory below DIR (default: the build)")
    parser.add_argument("--quick", action="store_true", help="3 rounds instead of 9")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("--markdown", action="store_true", help="a table for the README")
    parser.add_argument("--strict", action="store_true", help="exit 1 if a target is missed")
    parser.add_argument("--keep", action="store_true", help="keep the ledger of the runs")
    options = parser.parse_args()
    options.build = options.build.resolve()

    listed = options.build / "benches.txt"
    benches = [pathlib.Path(row) for row in listed.read_text().split()] if listed.is_file() else []
    if not options.only and not options.json:
        run_module_benches(benches)
        print()
    try:
        measured = measure(options, benches)
    except RuntimeError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(measured, indent=2))
    elif options.markdown:
        print("\n" + report.markdown(measured))
    info = measured["machine"]
    print(f"{info['cpu']}, {info['cpus']} processors, Linux {info['kernel']}, "
          f"commit {info['commit']}, as {info['user']}, {measured['rounds']} rounds",
          file=sys.stderr if options.json else sys.stdout)
    return 1 if options.strict and not all(one["pass"] for one in measured["results"]) else 0


if __name__ == "__main__":
    sys.exit(main())
