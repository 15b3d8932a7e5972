"""A permitted connection behaves as one that nobody judges: equal answers natively and inside."""

import json

import pytest

from outside_world import NOBODY

NOBODY6 = "2a0f:db8:dead::1"
MANY = 1000
# What is known to differ (docs/network.md): a socket that processes share before one of them connects
# it, the own address of a socket whose connection was refused, and ports that it was bound to, which
# are of the run's own network.
DIFFERING = ("forked: ", "nobody listens: own\t", "bound port: port\t", "IPv4 SO_REUSEPORT\t",
             "IPv6 SO_REUSEPORT\t")


@pytest.fixture
def echo(out):
    return out.echo("echo.example")


def equal(native, inside, differing_too=()):
    """Line by line, so that a failure shows what differs and nothing else."""
    assert inside.code == native.code, inside
    left_out = DIFFERING + differing_too
    before, after = ([line for line in one.text.splitlines() if not line.startswith(left_out)]
                     for one in (native, inside))
    differing = [pair for pair in zip(before, after) if pair[0] != pair[1]]
    assert not differing, "\n".join(map(str, differing))
    assert after == before


def permitting(world, *addresses):
    """Any port: what the tests connect to includes ports that nobody serves."""
    return world.rules(*addresses)


@pytest.mark.parametrize("family", [0, 1], ids=["IPv4", "IPv6"])
def test_answers_around_connect(connected, out, echo, family):
    greet = out.serve("greet", "greet.example", 79)
    lost = (NOBODY, NOBODY6)[family]
    address = echo.addresses[family]
    words = [connected.program("net_semantics.c"), f"{address}/7", f"{address}/9", f"{lost}/7",
             f"{greet.addresses[family]}/79"]
    native = connected.native(words).ok()
    assert len(native.text.splitlines()) > 250 and "killed" not in native.text
    policy = permitting(connected, address, lost, greet.addresses[family])
    equal(native, connected.run(words, policy=policy))
    assert connected.refused() == []


def test_answers_around_a_mapped_address(connected, out, echo):
    """An IPv6 socket to an IPv4 peer."""
    greet = out.serve("greet", "greet.example", 79)
    peers = [f"::ffff:{echo.address}/7", f"::ffff:{echo.address}/9", f"::ffff:{NOBODY}/7",
             f"::ffff:{greet.address}/79"]
    words = [connected.program("net_semantics.c"), *peers, "blocking", "poll", "epoll edge",
             "nobody listens", "bound port", "duplicates", "dissolved"]
    native = connected.native(words).ok()
    policy = permitting(connected, echo.address, greet.address, NOBODY)
    equal(native, connected.run(words, policy=policy))


def test_options_that_are_set_before_connecting(connected, echo):
    words = [connected.program("net_options.c"), *(f"{address}/7" for address in echo.addresses)]
    native = connected.native(words).ok()
    equal(native, connected.run(words, policy=permitting(connected, *echo.addresses)))


NAMES_AFTER = """
import json, socket, sys
found = socket.getaddrinfo("echo.example", 7, type=socket.SOCK_STREAM)
for family, kind, protocol, _, address in found:
    with socket.socket(family, kind, protocol) as own:
        own.connect(address)
        own.sendall(b"ping")
        print(json.dumps([own.recv(4).decode(), own.getpeername()[:2] == address[:2],
                          own.getsockname()[1] > 0]))
print(json.dumps(socket.create_connection(("echo.example", 7)).getpeername()[1]))
"""


def test_a_peer_by_its_name_has_the_address_that_was_asked_for(connected, echo):
    words = ["/usr/bin/python3", "-c", NAMES_AFTER]
    native = connected.native(words).ok()
    *both, port = [json.loads(line) for line in native.text.splitlines()]
    assert both == [["ping", True, True]] * 2 and port == 7
    equal(native, connected.run_with([f"@opaque {echo.name}:7"], words))
    assert connected.refused() == []
    assert set(connected.allowed()) == {"echo.example:7"}


# ---- Many at once


def with_room(argv):
    return ["bash", "-c", 'ulimit -n 4096; exec "$@"', "bash", *argv]


def many(connected, echo, argv, last):
    """All get through, natively and inside; each is recorded, and its end."""
    native = connected.native(with_room(argv)).ok()
    assert native.text == last
    records = len(echo.records())
    assert records == MANY
    inside = connected.run(with_room(argv), policy=permitting(connected, *echo.addresses))
    assert (inside.code, inside.text) == (0, last), inside
    assert len(echo.records()) == 2 * MANY
    assert len(connected.allowed()) == MANY and connected.refused() == []
    ends = [entry for entry in connected.entries() if entry["event_type"] == "ACTION_FINISHED"
            and entry["payload"]["action"] == "NetConnect"]
    assert len(ends) == MANY


def test_many_connections_that_epoll_knows_before(connected, echo):
    many(connected, echo, [connected.program("net_many.c"), MANY, f"{echo.address}/7"],
         f"{MANY} started, {MANY} answered\n")


def test_many_connections_by_asio(connected, echo, needs):
    needs("g++")
    many(connected, echo, [connected.program("asio_many.cc"), MANY, echo.address6, 7],
         f"{MANY} answered\n")


def test_many_connections_by_node(connected, echo, needs):
    needs("node")
    many(connected, echo, ["node", connected.program("many.js", name="many.js"), MANY,
                           echo.address, 7], f"{MANY} answered\n")


def test_many_connections_by_go(connected, echo, needs):
    needs("/usr/lib/go-1.19/bin/go")
    many(connected, echo, [connected.program("many.go"), MANY, f"{echo.address}:7"],
         f"{MANY} answered\n")
