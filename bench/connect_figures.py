"""What one connection to a permitted host costs, native and under Aegis, with ordered records and
with durable ones, which wait for the disk. The peer is a listener on the machine's own loopback."""

import os
import pathlib
import random
import socket
import statistics
import subprocess
import threading
import time

from figures import result

SOURCE = pathlib.Path(__file__).with_name("connect_latency.c")
CONNECTS = 1000
ORDERED_TARGET_US = 120.0
POLICY = """permit(principal, action in [Aegis::Action::"File", Aegis::Action::"Process"], resource);
permit(principal, action == Aegis::Action::"NetConnect", resource in Aegis::Resource::"127.0.0.1:%d");
"""


class Listener:
    """Accepts and closes."""

    def __enter__(self):
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=4096)
        threading.Thread(target=self._serve, daemon=True).start()
        return self.socket.getsockname()[1]

    def _serve(self):
        try:
            while True:
                self.socket.accept()[0].close()
        except OSError:
            pass

    def __exit__(self, *_):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


class ConnectFigures:
    def __init__(self, variants, root):
        self.variants = variants
        self.dir = pathlib.Path(root) / "connect"
        self.dir.mkdir(parents=True)
        self.program = self.dir / "connect_latency"
        subprocess.run(["gcc", "-O2", "-Wall", "-o", self.program, SOURCE], check=True)
        for name in ("ordered", "durable"):
            home = pathlib.Path(variants.env["AEGIS_HOME"]) / f"connect-{name}"
            (home / "policies").mkdir(parents=True)
            (home / "aegis.toml").write_text(f'[ledger]\nnetwork = "{name}"\n')

    def sync_us(self):
        """p50 of what one sync of a small append takes here."""
        times = []
        with open(self.dir / "synced", "wb", buffering=0) as file:
            for _ in range(200):
                file.write(b"x" * 512)
                start = time.perf_counter()
                os.fdatasync(file.fileno())
                times.append((time.perf_counter() - start) * 1e6)
        return statistics.median(times)

    def measure(self, variant, port):
        """p50 and p99 in µs."""
        command = [str(self.program), str(port), str(CONNECTS)]
        if variant != "native":
            policy = pathlib.Path(self.variants.env["AEGIS_HOME"]) / f"connect-{variant}" / \
                "policies" / "connect.cedar"
            policy.write_text(POLICY % port)
            command = [self.variants.aegis, "run", "--config", f"connect-{variant}", "--dir",
                       str(self.dir), "--", *command]
        done = subprocess.run(command, cwd=self.dir, env=self.variants.env, text=True,
                              capture_output=True, timeout=300)
        if done.returncode:
            raise RuntimeError(f"{command} ended with {done.returncode}:\n{done.stderr}")
        return [int(word) / 1000 for word in done.stdout.split()]

    def results(self, count):
        rounds = []
        with Listener() as port:
            for number in range(count):
                order = ["native", "ordered", "durable"]
                random.Random(number).shuffle(order)
                figures = {name: self.measure(name, port) for name in order}
                rounds.append({**figures, "sync": self.sync_us()})
        native = statistics.median(figures["native"][0] for figures in rounds)
        for name in ("ordered", "durable"):
            sync = (lambda figures: figures["sync"]) if name == "durable" else (lambda figures: 0)
            more = [figures[name][0] - figures["native"][0] - sync(figures) for figures in rounds]
            beyond = ", beyond one sync of the disk" if name == "durable" else ""
            yield {**result(f"connect-{name}", f"connect, {name} records, p50 beyond native "
                            f"({native:.1f} µs){beyond}", "us", ORDERED_TARGET_US, more),
                   "native_us": native}
