"""Figures of the ledger, from its module's benchmarks: one process of them is a round, in which the
figures that are held against each other are measured one after the other."""

import json
import os
import subprocess

from figures import result


class LedgerFigures:
    """Runs ledger_bench in `work`, on the disk that is measured."""

    def __init__(self, benches, work, entries):
        self.program = next((path for path in benches if path.name == "ledger_bench"), None)
        if self.program is None:
            raise RuntimeError("ledger_bench is not built")
        self.work, self.entries = work, entries
        self.env = {**os.environ, "AEGIS_BENCH_ENTRIES": str(entries),
                    "AEGIS_BENCH_LEDGER": str(work / "ledger")}

    def round(self, pattern):
        done = subprocess.run([self.program, f"--benchmark_filter=^({pattern})(/|$)",
                               "--benchmark_format=json"], cwd=self.work, env=self.env,
                              stdout=subprocess.PIPE, check=True)
        return {row["name"].split("/")[0]: row for row in json.loads(done.stdout)["benchmarks"]}

    def appends(self, count):
        rounds = [self.round("AppendOrdered|DiskSync|AppendDurable|AppendDurableByThreads|"
                             "CommitPerEntry") for _ in range(count)]
        yield result("append", "append to the journal, p50", "us", 3.0,
                     [r["AppendOrdered"]["p50_us"] for r in rounds])
        yield result("durable", "a durable append beyond the disk's sync, p50", "us", 100.0,
                     [r["AppendDurable"]["p50_us"] - r["DiskSync"]["p50_us"] for r in rounds])
        yield result("group", "64 threads' durable appends / commits one by one", "x", 10.0,
                     [r["AppendDurableByThreads"]["items_per_second"] /
                      r["CommitPerEntry"]["items_per_second"] for r in rounds], at_least=True)

    def scale(self, count):
        many = f"{self.entries // 1_000_000} million entries"
        self.round("LastEntries")  # makes the ledger
        rounds = [self.round("ProveAnEntry|DrainIntoAnEmptyLedger|DrainIntoThisLedger")
                  for _ in range(count)]
        yield result("flat", f"storing entries behind {many} / first ones", "x", 1.1,
                     [r["DrainIntoThisLedger"]["real_time"] /
                      r["DrainIntoAnEmptyLedger"]["real_time"] for r in rounds])
        yield result("proof", f"proof of one of {many}", "ms", 5.0,
                     [r["ProveAnEntry"]["real_time"] for r in rounds])
        queries = self.round("RareText|AbsentText|AbsentTextOfCommonPieces|AbsentShortText|"
                             "CommonText|RarePath|AbsentPath|OneSession|DenialsOfOneSession|"
                             "TimeRange|FirstDenials|LastDenials|DenialsOfAnAgent|AnAgent|"
                             "AnAbsentAgent|AnAbsentAction|LastEntries|PageInTheMiddle")
        slowest = max(queries.values(), key=lambda row: row["real_time"])
        yield result("query", f"the slowest query of {many}", "ms", 100.0,
                     [slowest["real_time"]])
        verified = [self.round("VerifyAll")["VerifyAll"] for _ in range(min(count, 3))]
        yield result("verify", f"verification of {many}, two threads", "/s", 600_000,
                     [row["items_per_second"] for row in verified], at_least=True)
        yield result("memory", "memory for that", "MiB", 200.0,
                     [row["peak_mib"] for row in verified])
