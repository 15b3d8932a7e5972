"""Figures of decisions, from the policy module's benchmarks: uncached evaluation over subtree rules
beside each other (wide) and ten on the way to each file (deep), beside the plain authorizer in the
same round."""

import json
import statistics
import subprocess

from figures import result

TARGETS_US = {10: 10.0, 100: 10.0, 1000: 20.0, 10000: 40.0}
LOAD_TARGET_MS = 1000.0


class DecisionFigures:
    def __init__(self, benches):
        self.program = next((path for path in benches if path.name == "policy_bench"), None)
        if self.program is None:
            raise RuntimeError("policy_bench is not built")

    def round(self):
        done = subprocess.run([self.program, "--benchmark_min_time=0.05", "--benchmark_format=json",
                               "--benchmark_filter=^(Evaluate|Load)(Subtrees|Plainly)/"],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
        return {row["name"]: row for row in json.loads(done.stdout)["benchmarks"]}

    def results(self, count):
        rounds = [self.round() for _ in range(count)]

        def p50(name):
            return [figures[name]["p50_us"] for figures in rounds]

        for shape in ("Wide", "Deep"):
            for policies, target in TARGETS_US.items():
                plain = statistics.median(p50(f"EvaluatePlainly/{shape}/{policies}"))
                yield result("decision", f"{policies:,} {shape.lower()} rules, p50 "
                             f"(plain Cedar {plain:,.0f} µs)", "us", target,
                             p50(f"EvaluateSubtrees/{shape}/{policies}"))
        for shape in ("Wide", "Deep"):
            yield result("load", f"loading {max(TARGETS_US):,} {shape.lower()} rules", "ms",
                         LOAD_TARGET_MS,
                         [figures[f"LoadSubtrees/{shape}/real_time"]["real_time"]
                          for figures in rounds])
