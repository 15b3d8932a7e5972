#!/usr/bin/python3
"""Measures whole programs under Aegis against native runs and bubblewrap.

Each round runs every variant once, in an order that changes from round to round, so that a slow
moment of the machine meets all of them. A figure is the median of the rounds' ratios to the native
run of the same round, with a bootstrap 95 % interval; a target passes when the interval reaches it.
Everything is made beforehand and run once before the clock starts: caches are warm for all.
"""

import argparse
import json
import os
import pathlib
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import decision_figures
import ledger_figures
import workloads

ROOT = pathlib.Path(__file__).resolve().parent.parent
STARTUP_TARGET_MS = 15.0


def environment(home, aegis_home):
    return {"PATH": workloads.PATH, "HOME": str(home), "LANG": "C.UTF-8", "TERM": "dumb",
            "AEGIS_HOME": str(aegis_home)}


class Variants:
    """How a command is run natively, under bubblewrap and under Aegis."""

    def __init__(self, aegis, env):
        self.aegis, self.env = aegis, env

    def argv(self, variant, directory, command):
        directory = str(directory)
        if variant == "native":
            return command
        if variant == "bwrap":
            return ["bwrap", "--unshare-all", "--die-with-parent", "--ro-bind", "/", "/",
                    "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp",
                    "--bind", directory, directory, "--chdir", directory, "--", *command]
        return [self.aegis, "run", "--policy", "project", "--dir", directory, "--", *command]

    def seconds(self, variant, directory, command):
        argv = self.argv(variant, directory, command)
        start = time.perf_counter()
        done = subprocess.run(argv, cwd=directory, env=self.env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        elapsed = time.perf_counter() - start
        if done.returncode:
            raise RuntimeError(f"{variant}: {' '.join(argv)} ended with {done.returncode}:\n"
                               f"{done.stderr.decode(errors='backslashreplace')}")
        return elapsed


def interval(values, rounds=4000):
    """A bootstrap 95 % interval of the median."""
    source = random.Random(7)
    medians = sorted(statistics.median(source.choices(values, k=len(values)))
                     for _ in range(rounds))
    return medians[int(rounds * 0.025)], medians[int(rounds * 0.975) - 1]


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


def ratio_result(workload, rounds):
    def against_native(name):
        values = [times[name] / times["native"] for times in rounds]
        low, high = interval(values)
        return {"median": statistics.median(values), "low": low, "high": high}

    aegis = against_native("aegis")
    return {"name": workload.name, "title": workload.title, "unit": "x", "target": workload.target,
            **aegis, "pass": aegis["low"] <= workload.target,
            "native_seconds": statistics.median(times["native"] for times in rounds),
            "bwrap": against_native("bwrap")}


def startup_result(variants, root, count):
    directory = pathlib.Path(root) / "startup"
    directory.mkdir()
    rounds = rounds_of(variants, ("bwrap", "aegis"), count, directory, ["/usr/bin/true"],
                       lambda: None, lambda: None)
    differences = [(times["aegis"] - times["bwrap"]) * 1e3 for times in rounds]
    low, high = interval(differences)
    return {"name": "startup", "title": "aegis run -- true, beyond bwrap", "unit": "ms",
            "target": STARTUP_TARGET_MS, "median": statistics.median(differences), "low": low,
            "high": high, "pass": low <= STARTUP_TARGET_MS,
            "bwrap_ms": statistics.median(times["bwrap"] for times in rounds) * 1e3,
            "aegis_ms": statistics.median(times["aegis"] for times in rounds) * 1e3}


def run_module_benches(benches):
    for path in benches:
        print(f"\n{path.name}", flush=True)
        subprocess.run([path, "--benchmark_min_time=0.05"], check=True, stderr=subprocess.DEVNULL)


UNITS = {"x": "", "ms": " ms", "us": " µs", "MiB": " MiB", "/s": "/s"}


def target(result):
    """What is asked for, e.g. "≤ 5 µs"; a result with `at_least` must reach it from below."""
    sign = "≥" if result.get("at_least") else "≤"
    return f"{sign} {result['target']:,.10g}{UNITS[result['unit']]}"


def number(value):
    return f"{value:,.0f}" if value >= 1000 else f"{value:.2f}"


def line(result):
    unit = UNITS[result["unit"]]
    bwrap = f"   bwrap {result['bwrap']['median']:.2f}" if "bwrap" in result else ""
    return (f"{result['name']:<8} {result['title']:<48} target {target(result):<12} "
            f"measured {number(result['median'])}{unit} "
            f"[{number(result['low'])}, {number(result['high'])}]  "
            f"{'pass' if result['pass'] else 'MISS'}{bwrap}")


def markdown(report):
    rows = ["| | workload | target | Aegis | 95 % interval | bubblewrap |",
            "| --- | --- | --- | --- | --- | --- |"]
    for result in report["results"]:
        bwrap = f"{result['bwrap']['median']:.2f}" if "bwrap" in result else ""
        rows.append(f"| {result['name']} | {result['title']} | {target(result)} | "
                    f"{number(result['median'])}{UNITS[result['unit']]} | "
                    f"{number(result['low'])} to {number(result['high'])} | {bwrap} |")
    return "\n".join(rows)


def machine():
    model = platform.machine()
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        model = next((row.split(":", 1)[1].strip() for row in info if row.startswith("model name")),
                     model)
    commit = subprocess.run(["git", "-c", "safe.directory=*", "rev-parse", "--short", "HEAD"],
                            cwd=ROOT, capture_output=True, text=True).stdout.strip()
    return {"cpu": model, "cpus": os.cpu_count(), "kernel": platform.release(), "commit": commit}


def measure(options, benches):
    wanted = set(options.only.split(",")) if options.only else None
    count = 3 if options.quick else 9
    results = []
    work = pathlib.Path(tempfile.mkdtemp(prefix="bench.", dir=options.build))
    try:
        (work / "home").mkdir()
        variants = Variants(str(options.build / "bin" / "aegis"),
                            environment(work / "home", work / "aegis"))

        def keep(result):
            results.append(result)
            print(line(result), file=sys.stderr if options.json else sys.stdout, flush=True)

        for kind in workloads.WORKLOADS:
            if wanted is None or kind.name in wanted:
                workload = kind(work)
                workload.prepare()
                keep(ratio_result(workload, rounds_of(
                    variants, ("native", "bwrap", "aegis"), count, workload.dir, workload.argv,
                    workload.reset, workload.check)))
        if wanted is None or "startup" in wanted:
            keep(startup_result(variants, work, 15 if options.quick else 45))
        if wanted is None or "decision" in wanted:
            for result in decision_figures.DecisionFigures(benches, interval).results(count):
                keep(result)
        for name in ("appends", "scale"):
            if wanted is None or name in wanted:
                entries = 1_000_000 if options.quick else 10_000_000
                ledger = ledger_figures.LedgerFigures(benches, work, interval, entries)
                for result in getattr(ledger, name)(count):
                    keep(result)
    finally:
        if options.keep:
            print(f"kept {work}", file=sys.stderr)
        else:
            shutil.rmtree(work, ignore_errors=True)
    return {"machine": machine(), "rounds": count, "results": results}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    parser.add_argument("--only", help="names, with commas: w1,w2,w3,w4,w5,startup,decision,"
                        "appends,scale")
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
        report = measure(options, benches)
    except RuntimeError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(report, indent=2))
    elif options.markdown:
        print("\n" + markdown(report))
    info = report["machine"]
    print(f"{info['cpu']}, {info['cpus']} processors, Linux {info['kernel']}, "
          f"commit {info['commit']}, {report['rounds']} rounds",
          file=sys.stderr if options.json else sys.stdout)
    return 1 if options.strict and not all(r["pass"] for r in report["results"]) else 0


if __name__ == "__main__":
    sys.exit(main())
