"""What one connection to a permitted host costs, native and under Aegis, with ordered records and
with durable ones, which wait for the disk; to an address, where the program gets the kernel's own
socket, and to a name, where the proxy stands between; by a call that waits, and by one that does
not. The peer accepts and closes; by address it is on the machine's own loopback."""

import collections
import os
import pathlib
import random
import statistics
import subprocess
import time

import network_world
from figures import result

CONNECTS = 1000
ORDERED_TARGET_US = 120.0
POLICY = f"""permit(principal, action in [Aegis::Action::"File", Aegis::Action::"Process"],
       resource);
permit(principal, action == Aegis::Action::"NetConnect", resource)
when {{
  resource in [Aegis::Resource::"127.0.0.1:{network_world.CLOSING_PORT}",
               Aegis::Resource::"{network_world.NAME}:{network_world.CLOSING_PORT}"]
}};
"""

Way = collections.namedtuple("Way", "name title host mode records target")
ADDRESS, NAME = "127.0.0.1", network_world.NAME
WAYS = (
    Way("connect-ordered", "connect, ordered records", ADDRESS, "wait", "ordered",
        ORDERED_TARGET_US),
    Way("connect-durable", "connect, durable records", ADDRESS, "wait", "durable",
        ORDERED_TARGET_US),
    Way("connect-poll", "non-blocking connect, ordered records", ADDRESS, "poll", "ordered", None),
    Way("connect-name", "connect by name, ordered records", NAME, "wait", "ordered", None),
    Way("connect-name-poll", "non-blocking connect by name, ordered records", NAME, "poll",
        "ordered", None),
)


class ConnectFigures:
    def __init__(self, variants, world):
        self.variants, self.world = variants, world
        self.dir = world.directory / "project"
        self.dir.mkdir()
        self.program = network_world.compiled("connect_latency.c", self.dir)
        for name in ("ordered", "durable"):
            home = pathlib.Path(variants.env["AEGIS_HOME"]) / f"connect-{name}"
            (home / "policies").mkdir(parents=True)
            (home / "aegis.toml").write_text(f'[ledger]\nnetwork = "{name}"\n')
            (home / "policies/connect.cedar").write_text(POLICY)

    def sync_us(self):
        """p50 of what one sync of a small append takes here, to space that the file has already, as
        in the ledger's journal: where a file grows, the sync is of its inode as well."""
        times = []
        with open(self.dir / "synced", "wb", buffering=0) as file:
            os.posix_fallocate(file.fileno(), 0, 1 << 20)
            os.fsync(file.fileno())
            for _ in range(200):
                file.write(b"x" * 512)
                start = time.perf_counter()
                os.fdatasync(file.fileno())
                times.append((time.perf_counter() - start) * 1e6)
        return statistics.median(times)

    def p50_us(self, mode, host, records=None):
        """Natively, where there are no records."""
        command = [self.program, mode, host, network_world.CLOSING_PORT, CONNECTS]
        if records:
            command = [self.variants.aegis, "run", "--config", f"connect-{records}", "--dir",
                       self.dir, "--", *command]
        done = subprocess.run(self.world.words(self.dir, command), env=self.variants.env,
                              text=True, capture_output=True, timeout=300)
        if done.returncode:
            raise RuntimeError(f"{command} ended with {done.returncode}:\n{done.stderr}")
        return int(done.stdout.split()[0]) / 1000

    def round(self, number):
        measures = {way.name: (way.mode, way.host, way.records) for way in WAYS}
        for way in WAYS:
            measures[way.mode, way.host] = (way.mode, way.host)
        order = list(measures)
        random.Random(number).shuffle(order)
        figures = {}
        for name in order:
            figures[name] = self.p50_us(*measures[name])
            if name == "connect-durable":  # at once: the disk's speed changes
                figures["sync"] = self.sync_us()
        return figures

    def results(self, count):
        rounds = [self.round(number) for number in range(count)]
        for way in WAYS:
            durable = way.records == "durable"
            native = statistics.median(figures[way.mode, way.host] for figures in rounds)
            more = [figures[way.name] - figures[way.mode, way.host] -
                    (figures["sync"] if durable else 0) for figures in rounds]
            beyond = ", beyond one sync of the disk" if durable else ""
            yield {**result(way.name, f"{way.title}, p50 beyond native ({native:.1f} µs){beyond}",
                            "us", way.target, more), "native_us": native}
