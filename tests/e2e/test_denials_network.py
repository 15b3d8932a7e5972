"""Without a rule nothing under `run` reaches a listener outside, and each attempt is recorded."""

import contextlib
import pathlib
import shutil
import socket
import tempfile

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
            "192.0.2.7:443": ("inet", "AF_INET", "SOCK_STREAM", "192.0.2.7", 443),
            "[2001:db8::7]:443": ("inet", "AF_INET6", "SOCK_STREAM", "2001:db8::7", 443),
            "169.254.169.254:80": ("inet", "AF_INET", "SOCK_STREAM", "169.254.169.254", 80),
            "192.0.2.8:53": ("udp", "AF_INET", "sendmsg", "192.0.2.8", 53),
            "192.0.2.9:123": ("inet", "AF_INET", "SOCK_DGRAM", "192.0.2.9", 123),
        }
        # Datagrams to a loopback address stay in the run's own network.
        own = [("udp", "AF_INET", "sendto", "127.0.0.1", udp.port),
               ("udp", "AF_INET6", "sendmsg", "::1", udp6.port),
               ("udp", "AF_INET", "sendmsg", "127.0.0.1", udp.port)]
        everything = [*tries.values(), *own, ("fast_open", "127.0.0.1", tcp.port),
                      ("inet", "AF_INET6", "SOCK_STREAM", "::ffff:127.0.0.1", tcp.port)]
        listeners = (tcp, tcp6, udp, udp6)
        native = attempts(world, world.native, [one for one in everything if "192" not in str(one)
                                                and "169" not in str(one) and "db8" not in str(one)])
        assert native == ["ok"] * len(native), native
        reached = [listener.settled() for listener in listeners]
        assert all(count > 0 for count in reached), reached
        got = attempts(world, world.run, everything)
        assert [listener.settled() for listener in listeners] == reached
    answers = dict(zip(everything, got))
    for one in everything:
        loopback = one[-2] in ("127.0.0.1", "::1", "::ffff:127.0.0.1") and one[0] == "inet"
        expected = "ok" if one in own else "ECONNREFUSED" if loopback else "EACCES"
        assert answers[one] == expected, (one, answers)
    denials = {entry["resource"]: entry for entry in world.denials()
               if entry["action"] == "NetConnect"}
    for resource, one in tries.items():
        context = denials[resource]["context"]
        assert (context["host"], context["port"]) == (one[-2], one[-1]), denials[resource]
        assert denials[resource]["reason"] in ("NO_PERMIT", "POLICY_FORBID")


def test_no_policy_opens_it_with_no_network(world):
    with InetListener(socket.AF_INET, socket.SOCK_STREAM) as tcp:
        words = world.python("attempt.py",
                             f'["inet","AF_INET","SOCK_STREAM","127.0.0.1",{tcp.port}]')
        closed = world.run_words(words, "permit-all")
        closed.insert(closed.index("--"), "--no-network")
        done = world.native(closed)
        assert done.json() == ["ECONNREFUSED"] and tcp.settled() == 0
        assert world.denials()[-1]["reason"] == "NETWORK_CLOSED"
        assert world.run(words, policy="permit-all").json() == ["ok"] and tcp.settled() == 1


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


def test_a_rule_opens_the_unix_socket_that_it_names(world):
    """In the project, and where the run's own /tmp hides it; the one beside it stays closed."""
    hidden = pathlib.Path(tempfile.mkdtemp(prefix="aegis-e2e-", dir="/tmp"))
    places = [world.project / "s", hidden / "s", world.project / "other"]
    policy = world.root / "sockets.cedar"
    policy.write_text("".join(
        f'permit(principal, action == Aegis::Action::"NetConnect", '
        f'resource == Aegis::Resource::"unix:{place}");\n' for place in places[:2]) +
        'permit(principal, action in [Aegis::Action::"File", Aegis::Action::"Process"], resource);\n')
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, hidden)
        listeners = [stack.enter_context(UnixListener(place)) for place in places]
        tries = [("unix", str(place)) for place in places]
        got = attempts(world, lambda words: world.run(words, policy=policy), tries)
        assert got == ["ok", "ok", "EACCES"], got
        assert [listener.settled() for listener in listeners] == [1, 1, 0]
    assert {entry["resource"] for entry in world.decided() if entry["action"] == "NetConnect"
            and entry["decision"] == "allow"} == {f"unix:{place}" for place in places[:2]}


def test_no_other_socket_of_the_host_comes_under_a_name_of_a_rule(world):
    """Neither renamed nor linked; a socket of the run's own may be."""
    places = [world.project / "permitted", world.project / "secret"]
    policy = world.root / "sockets.cedar"
    policy.write_text(
        f'permit(principal, action == Aegis::Action::"NetConnect", '
        f'resource == Aegis::Resource::"unix:{places[0]}");\n'
        'permit(principal, action in [Aegis::Action::"File", Aegis::Action::"Process"], resource);\n')
    script = ("import os, socket\n"
              "def said(call, *words):\n"
              "    try: call(*words); return 'ok'\n"
              "    except OSError as error: return os.strerror(error.errno)\n"
              "own = socket.socket(socket.AF_UNIX); own.bind('own')\n"
              "print(said(os.rename, 'own', 'own2'), said(os.link, 'own2', 'own3'))\n"
              "os.unlink('permitted')\n"
              "print(said(os.link, 'secret', 'permitted'), said(os.rename, 'secret', 'permitted'))\n")
    with UnixListener(places[0]), UnixListener(places[1]) as secret:
        done = world.run(["/usr/bin/python3", "-c", script], policy=policy).ok()
        assert done.text == "ok ok\nPermission denied Permission denied\n"
        assert secret.settled() == 0
    assert {entry["reason"] for entry in world.denials()} == {"PINNED_PATH"}


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
