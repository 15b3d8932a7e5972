"""What TLS costs through a permitted connection: by the kernel's own socket, where a rule says
@opaque, and through the proxy, which reads the name in the handshake and then passes bytes on."""

import random
import statistics
import subprocess

import network_world
from figures import result

BYTES = 1 << 30
REQUESTS = 1000
DIRECT_TARGET, RELAYED_TARGET = 0.95, 0.5  # of the native throughput
HTTPS_TARGET = 1.5                         # times the native seconds
PERMIT = (f'permit(principal, action == Aegis::Action::"NetConnect", '
          f'resource in Aegis::Resource::"{network_world.NAME}");\n')


def policy_with_network(variants, path, opaque=False):
    """A policy file: the template `project`, and a permit for the host of the World."""
    made = [subprocess.run([variants.aegis, "policy", "generate", name], env=variants.env,
                           check=True, capture_output=True, text=True).stdout
            for name in ("project", "programs")]
    path.write_text("\n".join([*made, ("@opaque " if opaque else "") + PERMIT]))
    return path


class NetworkFigures:
    def __init__(self, variants, world):
        self.variants, self.world = variants, world
        self.dir = world.directory / "project"
        self.dir.mkdir()
        self.client = network_world.compiled("tls_client.c", self.dir, "-lssl", "-lcrypto")
        self.certificate = self.dir / "certificate.pem"
        self.certificate.write_bytes(world.certificate.read_bytes())
        self.policies = {"relayed": policy_with_network(variants, world.directory / "name.cedar"),
                         "direct": policy_with_network(variants, world.directory / "opaque.cedar",
                                                       opaque=True)}

    def seconds(self, variant, mode, count):
        """As the client has measured it."""
        command = [self.client, mode, network_world.NAME, self.certificate, str(count)]
        if variant != "native":
            command = [self.variants.aegis, "run", "--policy", self.policies[variant], "--dir",
                       self.dir, "--", *command]
        done = subprocess.run(self.world.words(self.dir, command), env=self.variants.env,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=300)
        if done.returncode:
            raise RuntimeError(f"{command} ended with {done.returncode}:\n{done.stderr}")
        return int(done.stdout) / 1e9

    def rounds(self, count, variants, mode, amount):
        """The seconds of each variant, by round; the first round warms up."""
        rounds = []
        for number in range(-1, count):
            order = list(variants)
            random.Random(number).shuffle(order)
            rounds.append({name: self.seconds(name, mode, amount) for name in order})
        return rounds[1:]

    def tls(self, count):
        rounds = self.rounds(count, ("native", "direct", "relayed"), "bytes", BYTES)
        native = statistics.median(times["native"] for times in rounds)
        speed = BYTES / (1 << 20) / native
        for name, what, target in (("direct", "the kernel's own socket", DIRECT_TARGET),
                                   ("relayed", "through the proxy", RELAYED_TARGET)):
            yield {**result(f"tls-{name}", f"1 GiB over TLS, {what}, throughput / native "
                            f"({speed:,.0f} MiB/s)", "x", target,
                            [times["native"] / times[name] for times in rounds], at_least=True),
                   "native_seconds": native}

    def https(self, count):
        for name, mode, what, target in (
                ("https", "requests", "on connections of their own", HTTPS_TARGET),
                ("https-kept", "kept", "on one connection", None)):
            rounds = self.rounds(count, ("native", "relayed"), mode, REQUESTS)
            native = statistics.median(times["native"] for times in rounds)
            each = native / REQUESTS * 1e6
            yield {**result(name, f"{REQUESTS:,} HTTPS requests {what} (native {each:,.0f} µs "
                            "each)", "x", target,
                            [times["relayed"] / times["native"] for times in rounds]),
                   "native_seconds": native}
