"""Published ports: who comes to a port of the machine reaches the server inside."""

import contextlib
import pathlib
import re
import signal
import socket
import subprocess

import pytest

import harness

PORT = 3000  # of the server inside
LEADS = re.compile(rb"aegis: (?:warning: )?(\S+):(\d+) leads to port 3000 inside")


def words(world, ports, command, more=()):
    publish = [word for port in ports for word in ("--publish", port)]
    line = world.run_words(command)
    return line[:line.index("--")] + [*publish, *more] + line[line.index("--"):]


class Serving:
    """A run with a server inside, behind ports of the kernel's choice."""

    def __init__(self, world, *mode, ports=("0:3000",), more=()):
        command = world.python("published.py", *mode)
        self.world = world
        self.process = world.start(words(world, ports, command, more))
        self.ports = []
        while len(self.ports) < sum(":0:" in port or port.startswith("0:") for port in ports):
            line = self.process.stderr.readline()
            assert line, self.process.communicate()
            if found := LEADS.search(line):
                self.ports.append(int(found[2]))
        assert harness.line_of(self.process) == b"ready\n", self.process.communicate()

    @property
    def port(self):
        return self.ports[0]

    def connect(self, host="127.0.0.1", port=None):
        return socket.create_connection((host, port or self.port), timeout=30)

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return harness.finish(self.process)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


def everything(connection):
    said = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(65536):
            said += piece
    return said


def refused(host, port, family=socket.AF_INET):
    with socket.socket(family) as client:
        client.settimeout(30)
        return client.connect_ex((host, port)) != 0


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def record(world, kind, name="default"):
    return [entry["payload"] for entry in world.entries(name) if entry["event_type"] == kind][-1]


def test_a_client_outside_reaches_the_server_inside(world, needs):
    needs("curl")
    port = free_port()
    with Serving(world, "web", ports=(f"{port}:3000",)):
        got = subprocess.run(["curl", "-sS", "--noproxy", "*", f"http://127.0.0.1:{port}/"],
                             capture_output=True)
        assert got.returncode == 0 and len(got.stdout) == 7, got
        assert refused("127.0.0.2", port), "an address that was not given"
        assert refused("::1", port, socket.AF_INET6)
    assert refused("127.0.0.1", port), "nobody listens after the run"
    assert record(world, "SESSION_STARTED")["published_ports"] == [f"127.0.0.1:{port}:3000"]
    assert record(world, "SESSION_ENDED")["published_connections"] == 1
    session = world.entries()[-1]["session_id"]
    shown = world.aegis("audit", "session", session, "--json").ok().json()
    assert shown["published_ports"] == [f"127.0.0.1:{port}:3000"]
    assert shown["published_connections"] == 1
    assert f"127.0.0.1:{port}:3000 (1 connection)" in world.aegis("audit", "session", session).ok().text
    world.verify()


def test_without_it_nobody_reaches_the_server(world):
    """The control: the same server, and a port outside of the same number."""
    process = world.start(world.run_words(world.python("published.py", "web")))
    assert harness.line_of(process) == b"ready\n"
    assert refused("127.0.0.1", PORT) and refused("::1", PORT, socket.AF_INET6)
    process.send_signal(signal.SIGTERM)
    harness.finish(process)
    assert "published_ports" not in record(world, "SESSION_STARTED")
    assert "published_connections" not in record(world, "SESSION_ENDED")


@pytest.mark.parametrize("host", ("127.0.0.1", "::1", "0.0.0.0", "::"))
def test_both_families_on_both_sides(world, host):
    with Serving(world, "peer", host, ports=("0:3000", "[::1]:0:3000")) as run:
        for there, port in zip(("127.0.0.1", "::1"), run.ports):
            with run.connect(there, port) as client:
                inside = everything(client).decode().removeprefix("::ffff:")
                assert inside == ("::1" if host == "::1" else "127.0.0.1"), "as of a client inside"
            assert refused("::1" if there != "::1" else "127.0.0.1", port,
                           socket.AF_INET if there == "::1" else socket.AF_INET6)


def test_addresses_that_others_reach_are_announced(world):
    port = free_port()
    done = world.native(words(world, (f"0.0.0.0:{port}:3000",), ["true"])).ok()
    assert f"aegis: warning: 0.0.0.0:{port} leads to port 3000 inside, for whoever reaches" \
        in done.err_text
    done = world.native(words(world, (f"{port}:3000", f"127.0.0.9:{port}:3000"), ["true"])).ok()
    assert "leads" not in done.err_text


def test_each_run_has_its_own(world):
    with Serving(world, "web") as one, Serving(world, "web") as other:
        assert one.port != other.port
        answers = []
        for run in (one, other, one, other):
            with run.connect() as client:
                client.sendall(b"GET / HTTP/1.0\r\n\r\n")
                answers.append(everything(client))
        assert all(b"200 OK" in answer for answer in answers)


def test_a_port_that_is_taken_is_an_error(world):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = world.native(words(world, (f"{port}:3000",), ["touch", "ran"]))
        assert (done.code, done.text) == (125, "")
        assert f"aegis: publish 127.0.0.1:{port}: the port is taken" in done.err_text
        assert not (world.project / "ran").exists()
    assert world.native(words(world, (f"{port}:3000",), ["true"])).code == 0
    twice = world.native(words(world, (f"{port}:1", f"{port}:2"), ["true"]))
    assert twice.code == 125 and f"publish 127.0.0.1:{port}: it is there twice" in twice.err_text


@pytest.mark.user
def test_low_ports_need_rights(world):
    lowest = int(pathlib.Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    if lowest <= 81:
        pytest.skip("here anybody may have port 81")
    done = world.native(words(world, ("81:3000",), ["true"]))
    assert done.code == 125
    assert "publish 127.0.0.1:81: the port is one that only root may have" in done.err_text


def test_what_is_no_port_is_refused(world):
    for text in ("", "x", "8080:0", "8080:x", "localhost:1:2", "::1:1:2", "1:2/udp", "70000"):
        done = world.native(words(world, (text,), ["touch", "ran"]))
        assert done.code == 125 and f"aegis: --publish {text}" in done.err_text, done
    done = world.native(words(world, ("192.0.2.1:0:3000",), ["true"]))
    assert done.code == 125 and "this machine has no such address" in done.err_text
    done = world.wrap(["true"], more=("--publish", "8080:3000"))
    assert done.code == 125 and "--publish needs --seatbelt" in done.err_text
    assert not (world.project / "ran").exists()


def test_a_configuration_has_ports(world):
    port, more = free_port(), free_port()
    world.aegis("init", "work", "--policy", "project", "--dir", world.project).ok()
    toml = world.aegis_home / "work/aegis.toml"
    toml.write_text(toml.read_text() +
                    f'\n[[published_port]]\nhost_port = {port}\nport = 3000\naddress = "::1"\n')
    run = [world.aegis_binary, "run", "--config", "work"]
    world.native([*run, "--publish", f"{more}:80", "--", "true"]).ok()
    started = record(world, "SESSION_STARTED", "work")
    assert started["published_ports"] == [f"[::1]:{port}:3000", f"127.0.0.1:{more}:80"]
    wrapped = world.native([world.aegis_binary, "wrap", "--name", "work", "--", "true"]).ok()
    assert "published ports are left out" in wrapped.err_text
    assert "published_ports" not in record(world, "SESSION_STARTED", "work")
    toml.write_text(toml.read_text() + '\n[[published_port]]\nport = 0\n')
    done = world.native([*run, "--", "true"])
    assert done.code == 125 and '"published_port.port" must be from 1 to 65535' in done.err_text


def test_a_server_that_comes_later(world):
    with Serving(world, "first", "later") as run:
        for _ in range(3):
            with pytest.raises(ConnectionResetError), run.connect() as client:
                client.recv(1)
        (world.project / "now").touch()

        def welcomed():
            with contextlib.suppress(ConnectionResetError), run.connect() as client:
                return client.recv(100)
        assert harness.wait_until(welcomed, "the server listens") == b"220 welcome\r\n"
        run.end()
    assert record(world, "SESSION_ENDED")["published_connections"] >= 4


def test_the_server_may_speak_first(world):
    with Serving(world, "first") as run, run.connect() as client:
        assert client.recv(100) == b"220 welcome\r\n"


def test_each_direction_ends_for_itself(world):
    said = b"x" * 3_000_000
    with Serving(world, "echo") as run, run.connect() as client:
        client.sendall(said)
        client.shutdown(socket.SHUT_WR)
        assert everything(client) == said.upper()


def test_many_at_a_time(world):
    with Serving(world, "echo") as run, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(run.connect()) for _ in range(200)]
        for i, client in enumerate(clients):
            client.sendall(b"client %d" % i)
        for client in clients:
            client.shutdown(socket.SHUT_WR)
        assert [everything(client) for client in clients] == [b"CLIENT %d" % i for i in range(200)]
        run.end()
    assert record(world, "SESSION_ENDED")["published_connections"] == 200


def test_a_connection_ends_with_the_run(world):
    with Serving(world, "hold") as run, run.connect() as client:
        assert client.recv(4) == b"held"
        assert run.end().code == 128 + signal.SIGTERM
        assert everything(client) == b""
        assert refused("127.0.0.1", run.port)
    with Serving(world, "hold", ports=(f"{run.port}:3000",)):
        pass  # the port is free again at once


def test_a_closed_network_has_ports_all_the_same(world):
    with Serving(world, "first", more=("--no-network",)) as run, run.connect() as client:
        assert client.recv(100) == b"220 welcome\r\n"


def test_the_command_holds_no_listener(world):
    """The sockets outside are the proxy's alone."""
    listing = "import os; print(sorted(int(f) for f in os.listdir('/proc/self/fd'))[:-1])"
    plain = world.run([harness.PYTHON, "-c", listing]).ok().text
    assert world.native(words(world, ("0:3000",), [harness.PYTHON, "-c", listing])).ok().text == plain
