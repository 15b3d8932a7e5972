"""A permitted name opens no other one on its address, and no other protocol (E38).

Two names share an address, and one of them is permitted. Each attempt runs natively first, where the
server hears what it is about; inside, the server hears nothing of it, and the entry says why.
"""

import collections

import pytest

from client_hellos import (ENCRYPTED_HELLO, ENCRYPTED_NAME, PADDING, SSL_2, extension, hello,
                           message, names, records)
from connected import results
from harness import PYTHON
from relayed import (EVIL, GOOD, MORE_TIME, attempt, hear, request, share_address, utter,
                     utter_inside, why)
from test_network_attacks import HANDED_ON, KEPT, SECOND, TCP, UDP

OTHER, UNKNOWN, MALFORMED = "NAME_MISMATCH", "NAME_UNKNOWN", "MALFORMED"
ALERT = b"\x15\3\3\0\2\2"  # of TLS, fatal
OURS, THEIRS = names(GOOD.encode()), names(EVIL.encode())


@pytest.fixture
def silent(out):
    """Keeps what it hears, under both names."""
    server = out.oracle(GOOD, 443)
    share_address(out)
    return server


def heard(server):
    return collections.Counter(server.data())


def refused_each(world, server, table, resource, answer):
    """Attempts by their names: (first bytes, reason, what is noted or None). Each one arrives
    natively; inside nothing does, the client is told, and the entry has the reason."""
    attempts = [attempt(said, port=server.port) for said, _, _ in table.values()]
    utter(world, world.native, attempts)
    assert heard(server) == collections.Counter(said for said, _, _ in table.values())
    server.forget()
    reports = utter_inside(world, [GOOD], attempts)
    assert not b"".join(server.data()), server.data()
    answers = dict(zip(table, (report["heard"] for report in reports)))
    assert not {name: told for name, told in answers.items() if not answer(name, told)}
    found = collections.Counter((one, reason) for one, reason, _ in why(world))
    assert found == collections.Counter((resource, reason) for _, reason, _ in table.values())
    noted = {seen for _, _, seen in why(world)}
    assert {seen for _, _, seen in table.values() if seen} <= noted, noted
    assert world.allowed() == [resource] * len(table)


def permitted_each(world, server, table, resource):
    """Attempts by their names: steps of bytes and pauses. They arrive as they do natively."""
    attempts = [attempt(*steps, port=server.port) for steps in table.values()]
    utter(world, world.native, attempts)
    natively = heard(server)
    assert natively.total() == len(table)
    server.forget()
    reports = utter_inside(world, [GOOD], attempts)
    assert heard(server) == natively
    assert {(report["ended"], report["heard"]) for report in reports} == {("end", b"")}
    assert world.refused() == [] and world.allowed() == [resource] * len(table)
    assert {entry["context"]["inspection"] for entry in world.connections("allow")} == {"name"}


# ---- TLS


REFUSED_HELLOS = {
    "another name": (hello(THEIRS), OTHER, EVIL),
    "a name below": (hello(names(b"www.good.example")), OTHER, "www.good.example"),
    "a name that begins alike": (hello(names(b"good.example.evil.example")), OTHER,
                                 "good.example.evil.example"),
    "another name in records of 1 byte": (hello(THEIRS, size=1), OTHER, EVIL),
    "another name behind much": (hello(extension(PADDING, bytes(9000)), THEIRS), OTHER, EVIL),
    "no name": (hello(), UNKNOWN, None),
    "an empty name": (hello(names(b"")), MALFORMED, None),
    "a dot at the end": (hello(names(b"good.example.")), MALFORMED, None),
    "NUL": (hello(names(b"good.example\0.evil.example")), MALFORMED, None),
    "a NUL at the end": (hello(names(b"good.example\0")), MALFORMED, None),
    "two names": (hello(names(GOOD.encode(), EVIL.encode())), MALFORMED, None),
    "two extensions": (hello(OURS, THEIRS), MALFORMED, None),
    "a name of another type": (hello(names(GOOD.encode(), kind=1)), MALFORMED, None),
    "bytes after the names": (hello(extension(0, OURS[4:] + b"\0")), MALFORMED, None),
    "an encrypted hello": (hello(OURS, extension(ENCRYPTED_HELLO, b"\0" + bytes(64))), UNKNOWN,
                           None),
    "an encrypted name": (hello(OURS, extension(ENCRYPTED_NAME, bytes(64))), UNKNOWN, None),
    "a second hello in its record": (records(message(OURS) + message(THEIRS)), MALFORMED, None),
    "SSL 3": (hello(OURS, version=0x0300), MALFORMED, None),
    "an empty record": (b"\x16\3\1\0\0" + hello(OURS), MALFORMED, None),
    "no hello": (records(b"\2" + message(OURS)[1:]), MALFORMED, None),
}


def test_first_messages_of_tls_that_are_not_for_the_host(connected, silent):
    refused_each(connected, silent, REFUSED_HELLOS, f"{GOOD}:443",
                 lambda _, told: told.startswith(ALERT) and len(told) == 7)


def test_an_address_is_no_server_name(connected, silent):
    for address in (silent.address, f"[{silent.address6}]"):
        utter_inside(connected, [GOOD], [attempt(hello(names(address.encode())))])
    assert not b"".join(silent.data())
    assert {reason for _, reason, _ in why(connected)} <= {OTHER, MALFORMED}
    assert len(why(connected)) == 2


def in_pieces(data, size):
    """Steps: each piece a segment of its own."""
    for at in range(0, len(data), size):
        yield data[at:at + size]
        yield ("pause", 0.005)


PERMITTED_HELLOS = {
    "the name": [hello(OURS)],
    "upper case": [hello(names(b"GOOD.Example"))],
    "records of 1 byte": [hello(OURS, size=1)],
    "records of 3 bytes in segments of 7": [*in_pieces(hello(OURS, size=3), 7)],
    "segments of 1 byte": [*in_pieces(hello(OURS), 1)],
    "the name behind much": [hello(extension(PADDING, bytes(9000)), OURS)],
    "more behind it": [hello(OURS) + b"\x17\3\3\0\4more", ("pause", 0.2), b"\x17\3\3\0\4last"],
}


def test_first_messages_of_tls_for_the_host(connected, silent):
    permitted_each(connected, silent, PERMITTED_HELLOS, f"{GOOD}:443")


def test_both_names_where_both_are_permitted(connected, silent):
    """Each by its own connection, and neither by the other's."""
    pairs = [(GOOD, OURS), (EVIL, THEIRS), (GOOD, THEIRS), (EVIL, OURS)]
    utter_inside(connected, [GOOD, EVIL],
                 [attempt(hello(name), host=host) for host, name in pairs])
    assert heard(silent) == collections.Counter([hello(OURS), hello(THEIRS), b"", b""])
    assert sorted(why(connected)) == [(f"{EVIL}:443", OTHER, GOOD), (f"{GOOD}:443", OTHER, EVIL)]


def test_a_server_of_both_names(connected, out, needs):
    """A real client and a real server: the request for the other host, through the permitted one."""
    needs("curl")
    server = out.https(GOOD)
    share_address(out)
    fronted = ["curl", "-sSk", "--connect-to", f"{EVIL}:443:{GOOD}:443", f"https://{EVIL}/secret"]
    assert connected.native(fronted).ok().text.endswith("/secret\n")
    assert [one["host"] for one in server.requests()] == [EVIL]
    server.forget()
    done = connected.run_with([GOOD], fronted)
    assert done.code == 35 and "unrecognized name" in done.err_text  # of curl: TLS failed
    assert server.requests() == []
    assert why(connected) == [(f"{GOOD}:443", OTHER, EVIL)]
    assert connected.run_with([GOOD], ["curl", "-sS", f"https://{GOOD}/x"]).ok().text
    assert [one["host"] for one in server.requests()] == [GOOD]


# ---- HTTP: one request


def post(*more, body=b"0\r\n\r\n"):
    return request(method="POST", more=more, body=body)


REFUSED_REQUESTS = {
    "another host": (request(host=EVIL), OTHER, EVIL),
    "another port": (request(host=f"{GOOD}:81"), OTHER, f"{GOOD}:81"),
    "a name below": (request(host="www.good.example"), OTHER, "www.good.example"),
    "a target of another host": (request(f"http://{EVIL}/"), MALFORMED, None),
    "both of another host": (request(f"http://{EVIL}/", EVIL), OTHER, EVIL),
    "a target with a user": (request(f"http://{GOOD}@{EVIL}/"), MALFORMED, None),
    "a target without a host": (request(f"//{EVIL}/", host=None), MALFORMED, None),
    "no host": (request(host=None), MALFORMED, None),
    "an empty host": (request(host=" "), MALFORMED, None),
    "two hosts": (request(more=[f"Host: {EVIL}"]), MALFORMED, None),
    "two hosts in one": (request(host=f"{GOOD}, {EVIL}"), MALFORMED, None),
    "a user of a host": (request(host=f"{GOOD}@{EVIL}"), MALFORMED, None),
    "a dot at the end": (request(host=GOOD + "."), MALFORMED, None),
    "a host in a folded line": (request(host=f"{GOOD}\r\n {EVIL}"), MALFORMED, None),
    "a folded line": (request(more=["X: 1", f"\tHost: {EVIL}"]), MALFORMED, None),
    "a space before the colon": (request(more=[f"Host : {EVIL}"]), MALFORMED, None),
    "a bare line feed": (request(more=[f"X: 1\nHost: {EVIL}"]), MALFORMED, None),
    "a bare carriage return": (request(more=[f"X: 1\rHost: {EVIL}"]), MALFORMED, None),
    "NUL": (request(host=f"{GOOD}\0{EVIL}"), MALFORMED, None),
    "Host that is removed on the way": (request(more=["Connection: Host"]), MALFORMED, None),
    "HTTP/0.9": (b"GET /\r\n\r\n", MALFORMED, None),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9), MALFORMED, None),
    "CONNECT": (request(f"{EVIL}:443", f"{EVIL}:443", method="CONNECT"), MALFORMED, None),
    "CONNECT to the host": (request(f"{GOOD}:80", f"{GOOD}:80", method="CONNECT"), MALFORMED, None),
    "h2c": (request(more=["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c",
                          "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA"]), MALFORMED, None),
    "h2c among others": (request(more=["Connection: Upgrade", "Upgrade: websocket, h2c"]),
                         MALFORMED, None),
    "TLS inside": (request(more=["Connection: Upgrade", "Upgrade: TLS/1.0"]), MALFORMED, None),
    "length and chunks": (post("Content-Length: 5", "Transfer-Encoding: chunked"), MALFORMED, None),
    "chunks and length": (post("Transfer-Encoding: chunked", "Content-Length: 5"), MALFORMED, None),
    "two lengths": (post("Content-Length: 5", "Content-Length: 50"), MALFORMED, None),
    "two lengths in one": (post("Content-Length: 5, 50"), MALFORMED, None),
    "a length with a sign": (post("Content-Length: +5"), MALFORMED, None),
    "a length in hexadecimal": (post("Content-Length: 0x5"), MALFORMED, None),
    "a length below zero": (post("Content-Length: -5"), MALFORMED, None),
    "no coding that is known": (post("Transfer-Encoding: xchunked"), MALFORMED, None),
    "a coding twice": (post("Transfer-Encoding: chunked", "Transfer-Encoding: identity"),
                       MALFORMED, None),
    "two codings": (post("Transfer-Encoding: chunked, identity"), MALFORMED, None),
    "a coding behind a control byte": (post("Transfer-Encoding: \vchunked"), MALFORMED, None),
    "a coding in a name with a space": (post("Transfer-Encoding : chunked"), MALFORMED, None),
    "chunks of HTTP/1.0": (request(method="POST", version="1.0",
                                   more=["Transfer-Encoding: chunked"], body=b"0\r\n\r\n"),
                           MALFORMED, None),
}


def is_refusal(told, reason):
    status = b"HTTP/1.1 403 " if reason == OTHER else b"HTTP/1.1 400 "
    return told.startswith(status) and b"Aegis refused" in told and GOOD.encode() in told


def test_requests_that_are_not_for_the_host(connected, out):
    server = out.oracle(GOOD, 80)
    refused_each(connected, server, REFUSED_REQUESTS, f"{GOOD}:80",
                 lambda name, told: is_refusal(told, REFUSED_REQUESTS[name][1]))


PERMITTED_REQUESTS = {
    "the host": [request()],
    "upper case": [request(host="GOOD.Example")],
    "its port": [request(host=f"{GOOD}:80")],
    "a target of the host": [request(f"http://{GOOD}/x")],
    "HTTP/1.0": [request(version="1.0")],
    "OPTIONS *": [request("*", method="OPTIONS")],
    "bytes alone": [*in_pieces(request("/bytes-alone"), 1)],
    "a length": [post("Content-Length: 5", body=b"12345")],
    "chunks": [post("Transfer-Encoding: chunked", body=b"5\r\n12345\r\n0\r\n\r\n")],
    "a request as a body": [post(f"Content-Length: {len(request(host=EVIL))}",
                                 body=request(host=EVIL))],
    "many at once": [request("/1") + request("/2") + request("/3")],
}


def test_requests_for_the_host(connected, out):
    permitted_each(connected, out.oracle(GOOD, 80), PERMITTED_REQUESTS, f"{GOOD}:80")


# ---- HTTP: what follows the first request


CLOSE = "Connection: close"
UPGRADE = ["Connection: Upgrade", "Upgrade: anything"]
HELLO = f"hello from {GOOD}/first\n".encode()
THEIR_SECRET = request("/secret", EVIL, more=[CLOSE])
LARGE = 3_000_000
# What is said first, whether its answer is awaited, what comes then and the reason.
SECOND_REQUESTS = {
    "kept alive": (request("/first"), True, THEIR_SECRET, OTHER),
    "at once": (request("/first"), False, THEIR_SECRET, OTHER),
    "at once, and one behind": (request("/first"), False, THEIR_SECRET + request("/third"), OTHER),
    "behind a body": (post("Content-Length: 5", body=b"hello"), False, THEIR_SECRET, OTHER),
    "after an upgrade that is none": (request("/first", more=UPGRADE), True, THEIR_SECRET, OTHER),
    "at once after an upgrade": (request("/first", more=UPGRADE), False, THEIR_SECRET, OTHER),
    "behind a large answer": (request(f"/bytes/{LARGE}"), False, THEIR_SECRET, OTHER),
    "kept alive, of two hosts": (request("/first"), True,
                                 request("/secret", EVIL, more=[f"Host: {GOOD}", CLOSE]), MALFORMED),
    "at once, of two hosts": (request("/first"), False,
                              request("/secret", EVIL, more=[f"Host: {GOOD}", CLOSE]), MALFORMED),
    "at once, h2c": (request("/first"), False,
                     request("/secret", EVIL, more=["Upgrade: h2c", CLOSE]), MALFORMED),
}


def second_attempt(first, awaited, second):
    steps = [first, hear(HELLO), second] if awaited else [first + second]
    return attempt(*steps, port=80, wait=3)


def what_is_wrong(name, report, native):
    """The first request is answered in full, and then the second one is refused. What can't be read
    ends the connection at once, an answer under way with it."""
    if name.startswith("at once") and SECOND_REQUESTS[name][3] == MALFORMED:
        return None if report["ended"] == "ECONNRESET" or report["heard"] else report["ended"]
    answer, _, refusal = report["heard"].partition(b"HTTP/1.1 4")
    if not answer.startswith(b"HTTP/1.1 200 ") or not native["heard"].startswith(answer):
        return "no answer to the first request"
    if len(answer) < (LARGE if "large" in name else len(HELLO)):
        return "half an answer to the first request"
    if not is_refusal(b"HTTP/1.1 4" + refusal, SECOND_REQUESTS[name][3]):
        return "the second one is not refused"
    return None if report["ended"] == "end" else report["ended"]


def test_a_second_request_for_another_host(connected, out):
    server = out.http(GOOD)
    asked = [second_attempt(*words) for *words, _ in SECOND_REQUESTS.values()]
    native = utter(connected, connected.native, asked)
    targets = [one["target"] for one in server.requests()]
    assert targets.count("/secret") == len(asked)
    server.forget()
    reports = utter_inside(connected, [GOOD], asked)
    assert len(server.requests()) == len(asked)
    assert "/secret" not in [one["target"] for one in server.requests()]
    wrong = {name: what_is_wrong(name, *both)
             for name, *both in zip(SECOND_REQUESTS, reports, native)}
    assert not {name: what for name, what in wrong.items() if what}
    found = collections.Counter((resource, reason) for resource, reason, _ in why(connected))
    assert found == collections.Counter(
        (f"{GOOD}:80", reason) for *_, reason in SECOND_REQUESTS.values())
    assert connected.allowed() == [f"{GOOD}:80"] * len(asked)


def test_a_long_row_of_requests(connected, out):
    """More of them at once than the relay holds, and the last one is for another host."""
    server = out.http(GOOD)
    count = 200
    row = b"".join(request(f"/{number}") for number in range(count))
    asked = [attempt(row + THEIR_SECRET, port=80, wait=MORE_TIME)]
    native, = utter(connected, connected.native, asked)
    assert len(server.requests()) == count + 1
    server.forget()
    report, = utter_inside(connected, [GOOD], asked)
    assert [one["target"] for one in server.requests()] == [f"/{one}" for one in range(count)]
    answers, _, refusal = report["heard"].partition(b"HTTP/1.1 403 ")
    assert native["heard"].startswith(answers) and answers.count(b"200 OK") == count
    assert is_refusal(b"HTTP/1.1 403 " + refusal, OTHER)


REFUSALS = 8
LEAVE = f"""
import os, socket, sys, time
for _ in range(int(sys.argv[1])):
    own = socket.create_connection(("{GOOD}", 80))
    own.sendall({THEIR_SECRET!r})
    if sys.argv[2] == "told":
        own.recv(100)
    own.close()
time.sleep(float(sys.argv[3]))
os._exit(0)
"""


@pytest.mark.parametrize("how", ["told", "not told"])
def test_a_refusal_is_recorded_however_soon_the_client_leaves(connected, out, how):
    server = out.oracle(GOOD, 80)
    connected.run_with([GOOD], [PYTHON, "-c", LEAVE, 5 * REFUSALS, how, 1]).ok()
    assert not b"".join(server.data())
    assert len(connected.allowed()) == len(why(connected)) == 5 * REFUSALS


def test_a_refusal_at_the_end_of_a_run_is_recorded(connected, out):
    """Who is refused and ends the run at once leaves an entry nevertheless."""
    server = out.oracle(GOOD, 80)
    for _ in range(REFUSALS):
        connected.run_with([GOOD], [PYTHON, "-c", LEAVE, 1, "told", 0]).ok()
    assert not b"".join(server.data())
    assert len(connected.allowed()) == len(why(connected)) == REFUSALS


def test_a_second_request_for_the_host(connected, out):
    server = out.http(GOOD)
    asked = [second_attempt(first, awaited, request("/again", more=[CLOSE]))
             for first, awaited, _, _ in SECOND_REQUESTS.values()]
    native = [one["heard"] for one in utter(connected, connected.native, asked)]
    requests = len(server.requests())
    assert requests == 2 * len(asked)
    reports = utter_inside(connected, [GOOD], asked)
    assert [one["heard"] for one in reports] == native
    assert len(server.requests()) == 2 * requests and connected.refused() == []


WEB_SOCKET = request("/chat", more=["Connection: Upgrade", "Upgrade: websocket",
                                    "Sec-WebSocket-Version: 13",
                                    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="])
FRAME = b"\x81\x85\1\2\3\4" + bytes(a ^ b for a, b in zip(b"frame", b"\1\2\3\4\1"))


def test_web_sockets(connected, out):
    """What is agreed upon with the permitted host passes, both ways."""
    server = out.serve("web-socket", GOOD, 80)
    steps = [WEB_SOCKET, hear(b"\r\n\r\n"), FRAME, hear(FRAME), bytes(100_000), hear(bytes(100_000))]
    native, = utter(connected, connected.native, [attempt(*steps, port=80)])
    assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in native["heard"]  # RFC 6455, section 1.3
    report, = utter_inside(connected, [GOOD], [attempt(*steps, port=80)])
    assert report["heard"] == native["heard"] and report["ended"] == "end"
    assert server.data() == [FRAME + bytes(100_000)] * 2
    # Nothing that comes before it is agreed upon is taken for a frame, nor for a request.
    utter_inside(connected, [GOOD], [attempt(WEB_SOCKET.replace(GOOD.encode(), EVIL.encode()) +
                                             FRAME, port=80)])
    assert server.data()[2:] == [b""] and why(connected) == [(f"{GOOD}:80", OTHER, EVIL)]


# ---- Other ways to say something


BY_NAME = f"""
import os, socket, sys
found = [[one[4][0] for one in socket.getaddrinfo("{GOOD}", 443, family, socket.SOCK_STREAM)][0]
         for family in (socket.AF_INET, socket.AF_INET6)]
words = [f"{{way}}={{address}}/443" for way in sys.argv[2:] for address in found]
os.execv(sys.argv[1], [sys.argv[1], *words])
"""


@pytest.mark.parametrize("program, ways", [
    ("knock.c", [way for way in TCP if way != "mptcp"] + list(UDP)),
    ("knock.c", SECOND), ("handed_on.c", HANDED_ON), ("handed_on.c", KEPT)],
    ids=["calls", "dissolved", "handed on", "kept"])
def test_no_call_says_anything_that_is_not_judged(connected, silent, program, ways):
    """Neither TLS nor HTTP: the server hears nothing, whatever carries it."""
    words = [PYTHON, "-c", BY_NAME, connected.program(program), *ways]
    connected.native(words).ok()
    assert len([data for data in silent.data() if data]) >= len(ways)
    silent.forget()
    said = results(connected.run_with([GOOD], words))
    assert len(said) == 2 * len(ways), said
    assert not b"".join(silent.data())
    assert {resource for resource, _, _ in why(connected)} <= {f"{GOOD}:443"}


# ---- Other protocols


def spoken(out):
    """Servers by what they do first, and what a client says there."""
    return {
        "the server speaks": (out.serve("greet", "greet.example", 25), []),
        "SSH": (out.echo("ssh.example", 22), [b"SSH-2.0-OpenSSH_9.2\r\n"]),
        "PostgreSQL": (out.echo("db.example", 5432), [b"\0\0\0\x08\4\xd2\x16\x2f"]),
        "SSL 2": (out.echo("old.example", 443), [SSL_2]),
        "4 bytes": (out.echo("few.example", 7), [b"ABCD"]),
        "half a hello": (out.echo("half.example", 443), [hello(OURS)[:50]]),
        "half a request": (out.echo("request.example", 80), [b"OPTIONS"]),
    }


def by_name(servers, wait):
    return [attempt(*steps, host=server.name, port=server.port, wait=wait)
            for server, steps in servers.values()]


WAITING = ("4 bytes", "half a hello", "half a request")


def test_other_protocols_by_name(connected, out):
    servers = spoken(out)
    native = dict(zip(servers, utter(connected, connected.native, by_name(servers, 1))))
    assert all(report["heard"] for report in native.values())
    for server, _ in servers.values():
        server.forget()
    rules = [server.name for server, _ in servers.values()]
    told = dict(zip(servers, utter_inside(connected, rules, by_name(servers, MORE_TIME))))
    assert not any(server.records()[0].get("bytes") for server, _ in servers.values())
    for name, report in told.items():
        assert report["ended"] != "silence" and report["seconds"] < (8 if name in WAITING else 2), \
            (name, report)
        assert report["heard"].startswith(ALERT) or "hello" not in name
        assert report["heard"] == b"" or "hello" in name, (name, report)
    found = {resource: reason for resource, reason, _ in why(connected)}
    assert found == {f"{server.name}:{server.port}": UNKNOWN for server, _ in servers.values()}
    assert len(why(connected)) == len(servers) == len(connected.allowed())


def test_other_protocols_by_opaque_rules(connected, out):
    servers = spoken(out)
    native = utter(connected, connected.native, by_name(servers, 1))
    rules = [f"@opaque {server.name}" for server, _ in servers.values()]
    reports = utter_inside(connected, rules, by_name(servers, 1))
    assert [one["heard"] for one in reports] == [one["heard"] for one in native]
    assert connected.refused() == [] and len(connected.allowed()) == len(servers)
    assert {entry["context"]["inspection"] for entry in connected.connections("allow")} == {"none"}


def test_what_ends_before_it_says_its_host(connected, out):
    """The server does not get it, and the record says so."""
    server = out.oracle(GOOD)
    words = [b"ABCD", hello(OURS)[:50], b"GET / HTTP/1.1\r\nHost: evil"]
    ended = [attempt(said, ("end",)) for said in words]
    utter(connected, connected.native, ended)
    assert heard(server) == collections.Counter(words)
    server.forget()
    reports = utter_inside(connected, [GOOD], ended)
    assert "silence" not in {report["ended"] for report in reports}
    assert not b"".join(server.data())
    assert len(why(connected)) == len(words)
    assert {reason for _, reason, _ in why(connected)} <= {UNKNOWN, MALFORMED}


def test_who_says_nothing_is_not_hurried(connected, out):
    """A connection that is made ahead of its use stays, and is judged when it is used."""
    server = out.http(GOOD)
    report, = utter_inside(connected, [GOOD], [attempt(("pause", 4), request("/late"), port=80)])
    assert b"/late" in report["heard"] and len(server.requests()) == 1
    assert connected.refused() == []
