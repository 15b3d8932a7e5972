"""A world outside for the network tests: hosts, names and servers that only these tests can reach.

    with OutsideWorld(directory) as out:
        api, evil = out.https("api.example.com"), out.oracle("evil.example")
        out.run(["curl", "https://api.example.com/"])      # natively, or under Aegis
        assert not evil.records()

It is a network namespace with addresses that look public on its lo, a DNS server, and a mount
namespace whose /etc/resolv.conf, /etc/hosts and authorities are its own. Ports are those of real
servers, as nobody else is there. Commands enter it through nsenter, as the user of the tests.
"""

import functools
import itertools
import json
import os
import pathlib
import subprocess

import harness
import outside_certificates

HERE = pathlib.Path(__file__).resolve().parent
RESOLVER = "127.0.0.53"
FOREIGN_RESOLVER = "45.67.113.53"  # somebody's own: not in resolv.conf
PRIVATE = "10.77.0.5"
METADATA = "169.254.169.254"
NOBODY = "45.67.113.254"  # packets to it are sent and lost
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"


@functools.cache
def authority():
    """One for all worlds of a session."""
    return outside_certificates.Authority()


class Unavailable(Exception):
    """The machine has no such namespaces for this user."""


class Server:
    """A server outside, and what it saw."""

    def __init__(self, out, number, name, addresses, port):
        self._out, self._number = out, number
        self.name, self.addresses, self.port = name, addresses, port

    @property
    def address(self):
        return self.addresses[0]

    @property
    def address6(self):
        return self.addresses[1]

    def records(self):
        """Every connection and datagram that arrived before this call."""
        return self._out.ask("records", self._number)

    def requests(self):
        return [request for record in self.records() for request in record.get("requests", [])]

    def data(self):
        return [bytes.fromhex(record["data"]) for record in self.records()]

    def forget(self):
        self._out.ask("forget", self._number)


class OutsideWorld:
    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.hosts = {}
        self._numbers = itertools.count(10)
        self._helper = None
        self._with_user = False
        self._started = []

    # ---- Life

    def __enter__(self):
        self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._helper = subprocess.Popen(
            [harness.PYTHON, "-B", "-s", str(HERE / "outside_servers.py"),
             json.dumps(self._files())],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            try:
                self._with_user = self._reply()["user"]
            except RuntimeError as error:
                raise Unavailable(str(error)) from error
            for address in (PRIVATE, METADATA, FOREIGN_RESOLVER):
                self.ask("address", address)
            self.ask("dns_at", FOREIGN_RESOLVER)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in reversed(self._started):
            with process:  # closes its pipes
                process.kill()
        self._helper.stdin.close()
        try:
            self._helper.wait(10)
        except subprocess.TimeoutExpired:
            self._helper.kill()
            self._helper.wait()
        self._helper.stdout.close()

    @property
    def home(self):
        """Of the user, as /etc/passwd in here has it: for servers that look there."""
        return self.directory / "home"

    def _passwd(self):
        lines = pathlib.Path("/etc/passwd").read_text(encoding="utf-8").splitlines()
        words = [line.split(":") for line in lines]
        for entry in words:
            if len(entry) == 7 and entry[2] == str(os.getuid()):
                entry[5], entry[6] = str(self.home), "/bin/sh"
        return "".join(":".join(entry) + "\n" for entry in words).encode()

    def _files(self):
        """What the mount namespace shows in the place of the machine's own."""
        texts = {
            "/etc/passwd": self._passwd(),
            "/etc/resolv.conf": f"nameserver {RESOLVER}\noptions timeout:2 attempts:2\n".encode(),
            "/etc/hosts": b"127.0.0.1 localhost\n::1 localhost ip6-localhost\n"
                          b"45.67.113.9 in-hosts.example\n",
            "/etc/nsswitch.conf": b"passwd: files\ngroup: files\nshadow: files\n"
                                  b"hosts: files dns\nnetworks: files\nprotocols: files\n"
                                  b"services: files\n",
            AUTHORITIES: authority().pem(),
        }
        files = {}
        for target, text in texts.items():
            if os.path.exists(target):
                files[target] = str(self.directory / target.strip("/").replace("/", "-"))
                pathlib.Path(files[target]).write_bytes(text)
                os.chmod(files[target], 0o644)
        return files

    def _reply(self):
        line = harness.line_of(self._helper)
        reply = json.loads(line) if line else {"error": "the servers' process has ended"}
        if "error" in reply:
            raise RuntimeError(reply["error"])
        return reply["ok"]

    def ask(self, name, *arguments):
        self._helper.stdin.write(json.dumps([name, arguments]) + "\n")
        self._helper.stdin.flush()
        return self._reply()

    # ---- Commands

    def words(self, argv, directory=None):
        """Words that run a command in here."""
        user = ["--user", "--preserve-credentials"] if self._with_user else []
        return ["nsenter", "--target", str(self._helper.pid), *user, "--mount", "--net",
                f"--wdns={directory or self.directory}", "--", *map(str, argv)]

    def environment(self):
        """What makes programs trust the authority that do not ask the system."""
        return {"SSL_CERT_FILE": AUTHORITIES, "NODE_EXTRA_CA_CERTS": AUTHORITIES}

    def start(self, argv, directory=None, **options):
        """A process that ends with this world at the latest."""
        process = subprocess.Popen(self.words(argv, directory), **{
            "stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE,
            **options})
        self._started.append(process)
        return process

    def run(self, argv, data=None, directory=None, **options):
        if data is not None:
            options["stdin"] = subprocess.PIPE
        return harness.finish(self.start(argv, directory, **options), data)

    # ---- Hosts and names

    def host(self, name):
        """The addresses of a name: one of each family."""
        if name not in self.hosts:
            number = next(self._numbers)
            self.hosts[name] = [f"45.67.113.{number}", f"2a0f:db8::{number:x}"]
            for address in self.hosts[name]:
                self.ask("address", address)
            self.resolves(name, A=self.hosts[name][:1], AAAA=self.hosts[name][1:])
        return self.hosts[name]

    def resolves(self, name, sequence=None, ttl=60, **answers):
        """From now on: A=[...], AAAA=[...], CNAME=[...], TXT=[...]; or one such after the other."""
        self.ask("dns_set", name, sequence if sequence is not None else answers, ttl)

    def queries(self):
        """Every question to any DNS server outside: name, type, server, transport, wire."""
        return self.ask("dns_queries")

    def asked(self):
        return [query.get("name") for query in self.queries()]

    # ---- Servers

    def serve(self, kind, name, port, addresses=None, **options):
        addresses = addresses or self.host(name)
        options["name"] = name
        number = self.ask("serve", kind, addresses, port, options)
        return Server(self, number, name, addresses, port)

    def oracle(self, name, port=443):
        """Says nothing, and keeps every connection, datagram and byte."""
        return self.serve("oracle", name, port, transports=["tcp", "udp"])

    def oracle_at(self, address, port):
        """The same at an address without a name; loopback is that of the host."""
        if address not in ("127.0.0.1", "::1", PRIVATE, METADATA, FOREIGN_RESOLVER):
            self.ask("address", address)
        return self.serve("oracle", address, port, [address], transports=["tcp", "udp"])

    def echo(self, name, port=7):
        return self.serve("echo", name, port, transports=["tcp", "udp"])

    def http(self, name, port=80, **options):
        return self.serve("http", name, port, **options)

    @staticmethod
    def certificate(name):
        """A key and a certificate that clients in here trust."""
        return authority().issue(name)

    def https(self, name, port=443, **options):
        path = self.directory / f"{name}.pem"
        path.write_bytes(self.certificate(name))
        return self.serve("https", name, port, certificate=str(path), **options)

    def ssh(self, name, port=22):
        """A server of ssh and the words of a client that may log in as the user of the tests."""
        key, host_key = self.directory / "client-key", self.directory / "host-key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        subprocess.run(["dropbearkey", "-t", "ed25519", "-f", host_key], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        allowed = self.home / ".ssh/authorized_keys"
        allowed.parent.mkdir(mode=0o700, exist_ok=True)
        allowed.write_bytes(key.with_suffix(".pub").read_bytes())
        allowed.chmod(0o600)
        self.host(name)
        self.start(["dropbear", "-F", "-E", "-s", "-m", "-r", host_key, "-p", port,
                    "-P", self.directory / "dropbear.pid"],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        listening = f"tcp 00000000:{port:04X}"
        harness.wait_until(lambda: listening in self.listening(), "dropbear serves")
        return key

    # ---- Oracles for everything

    def tap(self):
        """From now on, sees every packet that is sent here."""
        self.ask("tap")

    def packets(self):
        return self.ask("packets")

    def listening(self):
        """What listens here, the servers' own included."""
        return set(self.ask("listening"))

    def watch_listeners(self):
        self.ask("watch")

    def new_listeners(self):
        """What came up since, even if it is gone again."""
        return self.ask("watched")
