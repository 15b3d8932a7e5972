"""The network under `run` is closed: nothing reaches a listener outside, each attempt is recorded."""

import contextlib
import socket

from harness import attempts
from network import InetListener, UnixListener


def test_nothing_leaves_and_everything_is_recorded(world):
    with contextlib.ExitStack() as stack:
        def listen(*arguments):
            return stack.enter_context(InetListener(*arguments))
        tcp = listen(socket.AF_INET, socket.SOCK_STREAM)
        tcp6 = listen(socket.AF_INET6, socket.SOCK_STREAM)
        udp = listen(socket.AF_INET, socket.SOCK_DGRAM)
        udp6 = listen(socket.AF_INET6, socket.SOCK_DGRAM)
        tries = {
            f"127.0.0.1:{tcp.port}": ("inet", "AF_INET", "SOCK_STREAM", "127.0.0.1", tcp.port),
            f"[::1]:{tcp6.port}": ("inet", "AF_INET6", "SOCK_STREAM", "::1", tcp6.port),
            f"127.0.0.1:{udp.port}": ("udp", "AF_INET", "sendto", "127.0.0.1", udp.port),
            f"[::1]:{udp6.port}": ("udp", "AF_INET6", "sendmsg", "::1", udp6.port),
            "192.0.2.7:443": ("inet", "AF_INET", "SOCK_STREAM", "192.0.2.7", 443),
            "[2001:db8::7]:443": ("inet", "AF_INET6", "SOCK_STREAM", "2001:db8::7", 443),
            "169.254.169.254:80": ("inet", "AF_INET", "SOCK_STREAM", "169.254.169.254", 80),
            "192.0.2.8:53": ("udp", "AF_INET", "sendmsg", "192.0.2.8", 53),
            "192.0.2.9:123": ("inet", "AF_INET", "SOCK_DGRAM", "192.0.2.9", 123),
        }
        everything = [*tries.values(), ("fast_open", "127.0.0.1", tcp.port),
                      ("udp", "AF_INET", "sendmsg", "127.0.0.1", udp.port),
                      ("inet", "AF_INET6", "SOCK_STREAM", "::ffff:127.0.0.1", tcp.port)]
        listeners = (tcp, tcp6, udp, udp6)
        native = attempts(world, world.native, [one for one in everything if "192" not in str(one)
                                                and "169" not in str(one) and "db8" not in str(one)])
        assert native == ["ok"] * len(native), native
        reached = [listener.settled() for listener in listeners]
        assert all(count > 0 for count in reached), reached
        got = attempts(world, world.run, everything)
        assert [listener.settled() for listener in listeners] == reached
    assert got == ["EACCES"] * len(got), dict(zip(map(str, everything), got))
    denials = {entry["resource"]: entry for entry in world.denials()
               if entry["action"] == "NetConnect"}
    for resource, one in tries.items():
        context = denials[resource]["context"]
        assert (context["host"], context["port"]) == (one[-2], one[-1]), denials[resource]
        assert denials[resource]["reason"] in ("NETWORK_CLOSED", "NO_PERMIT", "POLICY_FORBID")


def test_no_policy_opens_it_in_this_version(world):
    with InetListener(socket.AF_INET, socket.SOCK_STREAM) as tcp:
        done = world.run(world.python("attempt.py",
                                      f'["inet","AF_INET","SOCK_STREAM","127.0.0.1",{tcp.port}]'),
                         policy="permit-all")
        assert done.json() == ["EACCES"] and tcp.settled() == 0
        assert world.denials()[-1]["reason"] == "NETWORK_CLOSED"


def test_names_do_not_resolve(world):
    assert attempts(world, world.run, [("resolve", "example.invalid"), ("resolve", "example.com")]) \
        == ["EACCES"] * 2


def test_odd_sockets(world, is_root):
    """Families and types that could carry data past the gate, and those that programs need."""
    refused = [(40, 1, 0), (17, 3, 0), (38, 5, 0), (29, 3, 1), (31, 3, 1), (44, 3, 0), (2, 3, 1),
               (2, 1, 132)]  # vsock packet alg can bluetooth xdp raw-icmp sctp
    got = attempts(world, world.run, [("odd_socket", *one) for one in refused])
    assert "ok" not in got, dict(zip(refused, got))


def test_unix_sockets_made_outside_and_inside(world):
    places = {"home": world.home / "s", "project": world.project / "s", "outside": world.outside / "s"}
    abstract = f"@aegis-e2e-{world.root.name}"
    with contextlib.ExitStack() as stack:
        listeners = {name: stack.enter_context(UnixListener(path)) for name, path in places.items()}
        listeners["abstract"] = stack.enter_context(UnixListener("\0" + abstract[1:]))
        (world.project / "link").symlink_to(places["home"])
        tries = [("unix", "../s"), ("unix", "s"), ("unix", "../../outside/s"), ("unix", abstract),
                 ("unix", "link"), ("unix", "/proc/self/cwd/s"), ("unix", "./../project/s")]
        native = attempts(world, world.native, tries)
        assert native == ["ok"] * len(tries), native
        reached = {name: listener.settled() for name, listener in listeners.items()}
        assert all(reached.values()), reached
        got = attempts(world, world.run, tries)
        assert {name: listener.settled() for name, listener in listeners.items()} == reached
    # In an empty network namespace the abstract name does not exist.
    assert all(result in ("EACCES", "ECONNREFUSED") for result in got), got
    assert got.count("ECONNREFUSED") <= 1
    denied = {entry["resource"] for entry in world.denials() if entry["action"] == "NetConnect"}
    assert {f"unix:{path}" for path in places.values()} | {f"unix:{abstract}"} <= denied, denied
    assert attempts(world, world.run, [("unix_own", "own"), ("unix_own", world.project / "own2"),
                                       ("pair",)]) == ["hello"] * 3


def test_wrap_keeps_the_network_and_records(world):
    with InetListener(socket.AF_INET, socket.SOCK_STREAM) as tcp, \
            InetListener(socket.AF_INET, socket.SOCK_DGRAM) as udp, \
            UnixListener(world.home / "s") as unix:
        tries = [("inet", "AF_INET", "SOCK_STREAM", "127.0.0.1", tcp.port),
                 ("udp", "AF_INET", "sendto", "127.0.0.1", udp.port),
                 ("udp", "AF_INET", "sendmsg", "127.0.0.1", udp.port),
                 ("unix", "../s"), ("unix_own", "own"), ("unix_own", "@own"), ("pair",)]
        got = attempts(world, world.wrap, tries)
        assert got == ["ok"] * 4 + ["hello"] * 3, got
        assert (tcp.settled(), udp.settled(), unix.settled()) == (1, 2, 1)
    recorded = {entry["resource"]: entry for entry in world.decided("wrapped")
                if entry["action"] == "NetConnect"}
    assert recorded[f"127.0.0.1:{tcp.port}"]["decision"] == "allow"
    assert recorded[f"127.0.0.1:{udp.port}"]["context"]["port"] == udp.port
    assert f"unix:{world.home}/s" in recorded


def test_wrap_records_what_would_be_refused(world):
    with InetListener(socket.AF_INET, socket.SOCK_STREAM) as tcp:
        words = world.python("attempt.py",
                             f'["inet","AF_INET","SOCK_STREAM","127.0.0.1",{tcp.port}]')
        done = world.wrap(words, name="judged", more=("--policy", "project"))
        assert done.json() == ["ok"] and tcp.settled() == 1
    entry = [entry for entry in world.denials("judged") if entry["action"] == "NetConnect"][-1]
    assert entry["context"]["enforced"] is False
