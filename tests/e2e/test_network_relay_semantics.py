"""A connection by name behaves as one that nobody relays, and its end is recorded as it was."""

import collections
import hashlib
import os
import shlex
import time

import pytest

from client_hellos import hello, names
from harness import PYTHON, finish, line_of
from outside_handlers import pattern
from outside_world import NOBODY
from relayed import GOOD, attempt, hear, request, utter, utter_inside
from test_network_semantics import NOBODY6, equal, with_room

LOST, CLOSED = "lost.example", 9
TIMED_OUT = 28  # of curl
MUCH = 64 << 20
CASES = ("blocking", "poll", "select", "before connecting", "in progress", "send timeout",
         "nobody listens", "dissolved", "errors", "epoll level", "epoll edge", "epoll once",
         "epoll edge once", "epoll thread", "epoll twice", "epoll duplicate", "epoll refused",
         "epoll blocking", "broken pipe", "linger", "receive timeout", "interrupted", "duplicates",
         "descriptor flags", "owner")


# ---- Calls

# A refusal of a socket that does not block takes two steps, and who looks between them sees more.
REFUSED_WITHOUT_WAITING = ("nobody listens: poll", "nobody listens: SO_ERROR",
                           "epoll refused: ")


RESOLVE = """
import os, socket, sys
family = socket.AF_INET6 if sys.argv[1] == "6" else socket.AF_INET
def place(word):
    host, _, port = word.partition("/")
    return f"{socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)[0][4][0]}/{port}"
os.execv(sys.argv[2], [sys.argv[2], *map(place, sys.argv[3:7]), *sys.argv[7:]])
"""


@pytest.mark.parametrize("family", ["4", "6"])
def test_answers_around_connect(connected, out, family):
    out.http(GOOD)
    out.resolves(LOST, A=[NOBODY], AAAA=[NOBODY6])
    connected.env["PING"] = request().decode()
    # Of a host without a way to it IPv6 says so while the connection is pending; the relay does not.
    cases = [case for case in CASES if family == "4" or case != "in progress"]
    words = [PYTHON, "-c", RESOLVE, family, connected.program("net_semantics.c"), f"{GOOD}/80",
             f"{GOOD}/{CLOSED}", f"{LOST}/80", f"{GOOD}/80", *cases]
    native = connected.start(words)  # both wait for what never comes
    inside = connected.start(connected.run_words(words, connected.rules(GOOD, LOST)))
    native, inside = finish(native).ok(), finish(inside)
    assert len(native.text.splitlines()) > 200 and "HTTP" in native.text
    equal(native, inside, REFUSED_WITHOUT_WAITING)
    assert connected.refused() == []


ERRORS = """
import errno, select, socket
def report(port, *steps):
    own = socket.socket(socket.AF_INET)
    own.setblocking(False)
    said = [errno.errorcode.get(own.connect_ex((HOST, port)), "ok")]
    for step in steps:
        said.append(step(own))
    print(port, *said)
def polled(own):
    poll = select.poll()
    poll.register(own, select.POLLIN | select.POLLOUT)
    return poll.poll(5000)[0][1]
def error(own):
    return errno.errorcode.get(own.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), "none")
def again(own):
    return errno.errorcode.get(own.connect_ex((HOST, 9)), "ok")
def received(own):
    try:
        return own.recv(1)
    except OSError as found:
        return errno.errorcode[found.errno]
HOST = "good.example"
report(9, polled, error, error, polled)
report(9, polled, again, again)
report(9, polled, received, received)
report(80, polled, error, again)
for word in ("blocking", "again"):
    print(word, errno.errorcode[socket.socket().connect_ex((HOST, 9))])
"""


def test_a_port_where_nobody_listens(connected, out):
    out.http(GOOD)
    words = [PYTHON, "-c", ERRORS]
    native = connected.native(words).ok()
    assert native.text.count("ECONNREFUSED") >= 5
    inside = connected.run_with([GOOD], words).ok()
    for before, after in zip(native.text.splitlines(), inside.text.splitlines(), strict=True):
        assert before == after or before.startswith("9 EINPROGRESS ")
    assert connected.refused() == []


def test_the_peer_is_the_address_that_was_asked_for(connected, out):
    out.http(GOOD)
    words = [PYTHON, "-c", "import socket\n"
             f"for found in socket.getaddrinfo('{GOOD}', 80, type=socket.SOCK_STREAM):\n"
             "  own = socket.socket(found[0])\n  own.connect(found[4])\n"
             "  print(own.getpeername() == found[4], own.getsockname()[1] > 0)"]
    native = connected.native(words).ok()
    assert native.text == "True True\n" * 2
    equal(native, connected.run_with([GOOD], words))


# ---- Ends of streams


CLOSE = ("Connection: close",)
SIZE = 5_000_000
PART = 100_000
EARLY = request("/early", method="PUT", more=[f"Content-Length: {2 * PART}"])
# Attempts of programs/utter.py against a server of outside_handlers.bulk.
STREAMS = {
    "our end first": [request(f"/bytes/{SIZE}", more=CLOSE), ("end",)],
    "our end first, kept alive": [request(f"/bytes/{SIZE}"), ("end",)],
    "their end first": [request(f"/until-close/{SIZE}"), ("pause", 0.5)],
    "their end first, while we send": [EARLY + bytes(PART), hear(b"early\n"), ("pause", 0.2),
                                       bytes(PART)],
    "HTTP/1.0": [request(f"/until-close/{SIZE}", version="1.0")],
    "nothing": [("end",)],
}


def test_ends_of_streams(connected, out):
    server = out.serve("bulk", GOOD, 80)
    attempts = [attempt(*steps, port=80, wait=3) for steps in STREAMS.values()]

    def essence(reports):
        # What nothing was said to may end by a reset.
        return {name: (hashlib.sha256(report["heard"]).hexdigest(), len(report["heard"]),
                       name == "nothing" or report["ended"])
                for name, report in zip(STREAMS, reports)}
    native = essence(utter(connected, connected.native, attempts))
    assert native["their end first"][1] > SIZE and native["our end first"][1] > SIZE
    seen = collections.Counter(record.get("digest") for record in server.records())
    server.forget()
    inside = essence(utter_inside(connected, [GOOD], attempts))
    assert inside == native
    assert collections.Counter(record.get("digest") for record in server.records()) == seen
    assert connected.refused() == []


def test_a_server_that_resets(connected, out):
    out.serve("bulk", GOOD, 80)
    attempts = [attempt(request(f"/reset/{size}"), port=80, wait=5) for size in (10, SIZE)]
    native = [report["ended"] for report in utter(connected, connected.native, attempts)]
    assert native == ["ECONNRESET"] * 2
    reports = utter_inside(connected, [GOOD], attempts)
    assert [report["ended"] for report in reports] == native
    assert connected.refused() == []


# ---- Much data, and many connections


def digest(pieces):
    found = hashlib.sha256()
    for piece in pieces:
        found.update(piece)
    return found.hexdigest()


@pytest.mark.parametrize("scheme", ["https", "http"])
def test_much_data_both_ways(connected, out, needs, scheme):
    needs("curl")
    pem = out.directory / "bulk.pem"
    pem.write_bytes(out.certificate(GOOD))
    out.serve("bulk", GOOD, 443, certificate=str(pem))
    out.serve("bulk", GOOD, 80)
    data = os.urandom(1 << 20) * (MUCH >> 20)
    (connected.project / "data").write_bytes(data)
    script = f"curl -sS {scheme}://{GOOD}/bytes/{MUCH} | sha256sum; " \
             f"curl -sS -T data -H Expect: {scheme}://{GOOD}/digest"
    inside = connected.run_with([GOOD], ["bash", "-c", script]).ok()
    assert inside.text == f"{digest(pattern(MUCH))}  -\n{digest([data])}"
    sent = [end["bytes_sent"] > MUCH for end in ends(connected)]
    received = [end["bytes_received"] > MUCH for end in ends(connected)]
    assert sorted(sent) == sorted(received) == [False, True]


def test_a_server_that_knows_no_expectations(connected, out, needs):
    """curl says `Expect: 100-continue` of large bodies, and sends them in the end though nobody has
    said 100. The relay waits for that: it must not be mistaken about what the server reads."""
    needs("curl")
    out.serve("bulk", GOOD, 80)
    (connected.project / "data").write_bytes(bytes(2_000_000))
    words = ["curl", "-sS", "--max-time", "5", "-T", "data", "-H", "Expect: 100-continue",
             f"http://{GOOD}/digest"]
    connected.native(words).ok()
    assert connected.run_with([GOOD], words).code == TIMED_OUT
    words[words.index("Expect: 100-continue")] = "Expect:"
    assert connected.run_with([GOOD], words).ok().text == connected.native(words).text


@pytest.mark.parametrize("port, count", [(80, 1000), (443, 1000)])
def test_many_connections(connected, out, port, count):
    server = out.https(GOOD) if port == 443 else out.http(GOOD)
    words = with_room(connected.python("many_requests.py", count, GOOD, port))
    inside = connected.run_with([GOOD], words)
    assert inside.text == f"{count} answered\n", inside
    assert len(server.records()) == len(ends(connected)) == count
    assert connected.allowed() == [f"{GOOD}:{port}"] * count and connected.refused() == []


# ---- Clients that keep connections


REQUESTS = 5
KEEPING = {
    "python": [PYTHON, "-c", "import http.client, sys\nfrom urllib.parse import urlsplit\n"
               "kind = {'http': http.client.HTTPConnection, 'https': http.client.HTTPSConnection}\n"
               "first = urlsplit(sys.argv[1])\nown = kind[first.scheme](first.netloc)\n"
               "for url in sys.argv[1:]:\n"
               "  own.request('GET', urlsplit(url).path)\n  print(own.getresponse().read())"],
    "requests": [PYTHON, "-c", "import requests, sys\nown = requests.Session()\n"
                 "own.verify = '/etc/ssl/certs/ca-certificates.crt'\n"
                 "for url in sys.argv[1:]:\n  print(own.get(url).text)"],
    "node": ["node", "-e", """
const urls = process.argv.slice(1);
const library = require(urls[0].split(':')[0]);
const agent = new library.Agent({ keepAlive: true, maxSockets: 1 });
const ask = () => urls.length && library.get(urls.shift(), { agent }, (response) => {
  response.on('data', (data) => process.stdout.write(data));
  response.on('end', () => setImmediate(ask));
});
ask();"""],
    "curl": ["curl", "-sS"],
}


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_clients_that_keep_connections(connected, out, needs, scheme):
    needs("node", "curl", "/usr/lib/go-1.19/bin/go")
    clients = [*KEEPING.values(), [connected.program("fetch.go")]]
    server = getattr(out, scheme)(GOOD)
    urls = [f"{scheme}://{GOOD}/{number}" for number in range(REQUESTS)]
    script = " && ".join(shlex.join([*words, *urls]) for words in clients)
    native = connected.native(["bash", "-c", script]).ok()
    kept = [len(one["requests"]) for one in server.records()]
    assert kept == [REQUESTS] * len(clients)
    inside = connected.run_with([GOOD], ["bash", "-c", script]).ok()
    assert inside.text == native.text
    assert [len(one["requests"]) for one in server.records()] == kept * 2
    assert connected.refused() == []
    assert len(connected.allowed()) == len(ends(connected)) == len(clients)


# ---- What is recorded


def ends(world):
    """Of each connection, in the order of the ends: with its resource."""
    return [entry["payload"]["context"] | {"resource": entry["payload"]["resource"]}
            for entry in world.entries() if entry["event_type"] == "ACTION_FINISHED"
            and entry["payload"]["action"] == "NetConnect"]


def test_ends_have_the_counts_of_the_connection(connected, out):
    out.serve("bulk", GOOD, 80)
    out.oracle(GOOD, 443)
    out.serve("bulk", GOOD, 8080)
    out.oracle(GOOD, 8443)
    body = bytes(200_000)
    put = request("/digest", method="PUT", more=[f"Content-Length: {len(body)}", *CLOSE], body=body)
    attempts = [
        attempt(request(f"/bytes/{SIZE}"), hear(pattern_end(SIZE)), port=80, wait=0),
        attempt(hello(names(GOOD.encode())) + body, port=443, wait=0.2),
        attempt(put, hear(b"\r\n\r\n"), port=8080),
        attempt(hello(), port=8443),
        attempt(port=CLOSED),
    ]
    native = utter(connected, connected.native, attempts)
    inside = utter_inside(connected, [GOOD], attempts)
    counts = {end["resource"]: (end["bytes_sent"], end["bytes_received"]) for end in ends(connected)}
    for told, report, found in zip(attempts, native, inside):
        sent, received = counts.pop(f"{GOOD}:{told['port']}")
        if told["port"] == 8443:  # refused: nothing was sent
            assert (sent, received) == (0, 0)
            continue
        assert found["heard"] == report["heard"] and found["sent"] == report["sent"]
        assert sent == report["sent"], told["port"]
        # The peer's end of stream may count as one byte.
        assert received - len(report["heard"]) in (0, 1), told["port"]
    assert counts == {}
    assert {entry["context"]["inspection"] for entry in connected.connections("allow")} == {"name"}
    assert set(connected.allowed()) == {f"{GOOD}:{told['port']}" for told in attempts}


def pattern_end(size):
    return b"".join(pattern(size))[-100:]


UNREAD = f"""
import socket, time
own = socket.create_connection(("{GOOD}", 80))
own.sendall({request("/bytes/200000")!r})
print(len(own.recv(10)), flush=True)
time.sleep(0.3)
own.close()
time.sleep(0.3)
"""


def test_who_leaves_unread_bytes_is_counted_too(connected, out):
    """Natively such a connection is reset as well."""
    out.http(GOOD)
    connected.run_with([f"@opaque {GOOD}"], [PYTHON, "-c", UNREAD]).ok()
    connected.run_with([GOOD], [PYTHON, "-c", UNREAD]).ok()
    opaque, relayed = ends(connected)
    assert opaque["bytes_sent"] == len(request("/bytes/200000"))
    assert opaque["bytes_received"] > 0
    assert relayed.get("bytes_sent") == opaque["bytes_sent"] and relayed.get("bytes_received")


OPEN = 20
HOLD = f"""
import os, signal, socket, sys
own = [socket.create_connection(("{GOOD}", 80)) for _ in range({OPEN})]
for one in own:
    one.sendall(b"GET /x HTTP/1.1\\r\\nHost: {GOOD}\\r\\n\\r\\n")
    answer = b""
    while b"/x" not in answer:
        answer += one.recv(1000)
if os.fork() == 0:
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.close(1), os.close(2)
    while True:
        signal.pause()
print("ready", flush=True)
sys.stdin.readline()
"""


def test_a_run_ends_with_connections_open(connected, out):
    """At once, though a process that is left over holds them; and their ends are recorded."""
    server = out.http(GOOD)
    process = connected.start_with([GOOD], [PYTHON, "-c", HOLD])
    assert line_of(process) == b"ready\n"
    assert len(server.records()) == OPEN
    began = time.monotonic()
    _, errors = process.communicate(b"\n", timeout=60)
    assert process.returncode == 0, errors
    assert time.monotonic() - began < 3
    assert [end["resource"] for end in ends(connected)] == [f"{GOOD}:80"] * OPEN
    assert all(end["bytes_sent"] > 0 and end["bytes_received"] > 0 for end in ends(connected))
    connected.verify()


def test_a_run_that_is_killed_ends_with_connections_open(connected, out):
    out.http(GOOD)
    process = connected.start_with([GOOD], [PYTHON, "-c", HOLD])
    assert line_of(process) == b"ready\n"
    began = time.monotonic()
    process.terminate()
    process.communicate(timeout=60)
    assert time.monotonic() - began < 3
    assert [end["resource"] for end in ends(connected)] == [f"{GOOD}:80"] * OPEN
    connected.verify()
