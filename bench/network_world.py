"""A small Internet for the network's figures: one host with a name and a public-looking address, in
namespaces that nobody else is in, whose servers are tls_server.c.

    with World(directory) as world:
        subprocess.run(world.words(directory, ["curl", "--cacert", world.certificate,
                                               "https://" + NAME]))

The namespaces are made as those of the end-to-end tests are. The name stands in /etc/hosts, so that
neither side of a comparison waits for a name server.
"""

import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests/e2e"))

import outside_namespace  # pylint: disable=wrong-import-position

NAME, ADDRESS, ADDRESS6 = "bench.example", "45.67.113.10", "2a0f:db8::a"
CLOSING_PORT = 7  # of the server: accepts and closes
HOSTS = f"127.0.0.1 localhost\n{ADDRESS} {NAME}\n{ADDRESS6} {NAME}\n"


class Unavailable(Exception):
    """The machine has no such namespaces for this user."""


def compiled(source, directory, *libraries):
    program = directory / source.removesuffix(".c")
    subprocess.run(["gcc", "-O2", "-Wall", "-o", program, HERE / source, *libraries], check=True)
    return program


def make_certificate(path):
    """A key and a certificate that vouches for itself, in one file."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", f"/CN={NAME}",
                    "-addext", f"subjectAltName=DNS:{NAME}", "-keyout", path, "-out", path],
                   check=True, capture_output=True)
    return path


class World:
    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.root = self.directory / "files"  # served by their names
        self.certificate = self.directory / "certificate.pem"

    def __enter__(self):
        self.root.mkdir(parents=True)
        make_certificate(self.certificate)
        hosts = self.directory / "hosts"
        hosts.write_text(HOSTS)
        server = compiled("tls_server.c", self.directory, "-lssl", "-lcrypto", "-pthread")
        self._server = subprocess.Popen(
            [sys.executable, "-B", "-s", __file__, hosts, server, self.certificate, self.root],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self._with_user = self._server.stdout.readline() == "user\n"
        if self._server.stdout.readline() != "ready\n":
            self._server.kill()
            raise Unavailable(self._server.communicate()[1].strip().splitlines()[-1])
        return self

    def __exit__(self, *_):
        self._server.kill()
        self._server.communicate()

    def words(self, directory, argv):
        """Words that run a command in here, in a directory."""
        user = ["--user", "--preserve-credentials"] if self._with_user else []
        return ["/usr/bin/nsenter", "--target", str(self._server.pid), *user, "--mount", "--net",
                f"--wdns={directory}", "--", *map(str, argv)]


def become_server(hosts, *server):
    outside_namespace.die_with_parent()
    with_user = outside_namespace.enter()
    outside_namespace.keep_mounts_private()
    outside_namespace.bind(hosts, "/etc/hosts")
    outside_namespace.set_up_lo()
    outside_namespace.set_parameter("ipv4/ip_unprivileged_port_start", "0")
    for address in (ADDRESS, ADDRESS6):
        outside_namespace.add_address(address)
    print("user" if with_user else "root", flush=True)
    os.execv(server[0], server)


if __name__ == "__main__":
    become_server(*sys.argv[1:])
