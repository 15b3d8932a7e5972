"""A world whose commands have a network: the hosts, names and servers of an OutsideWorld."""

import subprocess

import harness

RULE = ('permit(principal, action == Aegis::Action::"NetConnect", '
        'resource in Aegis::Resource::"{}");\n')


def rule(resource):
    annotation, _, host = resource.rpartition(" ")
    return f"{annotation} {RULE.format(host)}"


class ConnectedWorld(harness.World):
    """Like World; everything, Aegis too, runs inside the world outside, which is `out`."""

    def __init__(self, root, aegis, programs, out):
        super().__init__(root, aegis, programs)
        self.out = out
        self.env |= out.environment()

    def start(self, argv, **options):
        directory = options.pop("cwd", self.project)
        return super().start(self.out.words(argv, directory), **options)

    def rules(self, *resources, more=""):
        """A policy file: the template `project`, and permits for connections; "@opaque HOST:PORT"
        lets one pass unseen."""
        templates = [self.aegis("policy", "generate", name).ok().text
                     for name in ("project", "programs")]
        path = self.outside / "rules.cedar"
        path.write_text("\n".join(templates) + "".join(map(rule, resources)) + more)
        return path

    def run_with(self, resources, argv, data=None, **options):
        """A command under the template `project` and permits for these hosts."""
        return self.run(argv, data, policy=self.rules(*resources), **options)

    def start_with(self, resources, argv, **options):
        return self.start(self.run_words(argv, self.rules(*resources)),
                          **{"stdin": subprocess.PIPE, **options})

    # ---- The ledger

    def connections(self, decision=None):
        """What was decided about connections and names, in its order."""
        return [payload for payload in self.decided() if payload["action"] == "NetConnect"
                and decision in (None, payload["decision"])]

    def allowed(self):
        """Without the questions to DNS that came before them."""
        return [payload["resource"] for payload in self.connections("allow")
                if payload["context"].get("protocol") != "dns"]

    def refused(self):
        return [payload["resource"] for payload in self.connections("deny")]

    def ended(self):
        """The ends of connections, with what they carried: contexts by resource."""
        return {entry["payload"]["resource"]: entry["payload"]["context"]
                for entry in self.entries() if entry["event_type"] == "ACTION_FINISHED"
                and entry["payload"]["action"] == "NetConnect"}


def results(done):
    """What a program of ways says: results by its words."""
    return dict(line.split("\t") for line in done.text.splitlines() if "\t" in line)


def escaped(out):
    """Packets outside that carry the canary, or are neither TCP nor UDP."""
    return [packet for packet in out.packets()
            if packet["canary"] or packet.get("protocol") not in (6, 17)
            and packet.get("target") not in ("127.0.0.1", "::1", None)]
