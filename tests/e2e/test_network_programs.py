"""Real programs reach what a rule permits as they do natively, and fail at once elsewhere.

Each client runs a script for a host: natively, inside with a rule for that host, and inside for a
host without one. Then loopback: programs inside reach each other, and the host's by a rule.
"""

import dataclasses
import re
import time

import pytest

from harness import line_of

AT_ONCE = 30  # seconds: starting included, waiting for answers not
PERMITTED, OTHER = "api.example.com", "evil.example"
NO_NAME = r"[Nn]ame or service not known|ENOTFOUND|[Cc]ould not resolve|no such host|" \
          r"unable to resolve"
NO_WAY = r"[Pp]ermission denied|EACCES"
NODE_ERRORS = "process.on('uncaughtException', e => { console.error(String(e.cause || e)); " \
              "process.exit(1) }); "


@dataclasses.dataclass
class Client:
    name: str
    script: str  # of bash; {host} is where it goes
    programs: tuple = ()
    port: int = 443
    message: str = NO_NAME
    address: str = NO_WAY  # what it says of a refused address; empty: it has no words for that


CLIENTS = (
    Client("curl", "curl -sS --max-time 20 https://{host}/x", ("curl",)),
    Client("curl-post", "echo text | curl -sS --data-binary @- https://{host}/x", ("curl",)),
    Client("curl-http", "curl -sS http://{host}/x http://{host}/y", ("curl",), 80, address=""),
    Client("wget", "wget -nv --tries=1 -O - https://{host}/x", ("wget",)),
    Client("node-fetch", "node -e \"" + NODE_ERRORS +
           "fetch('https://{host}/x').then(r => r.text()).then(t => console.log(t))\"", ("node",)),
    Client("node-https", "node -e \"" + NODE_ERRORS +
           "require('https').get('https://{host}/x', r => r.pipe(process.stdout))\"", ("node",)),
    Client("python-urllib", "/usr/bin/python3 -c \"import urllib.request as u; "
           "print(u.urlopen('https://{host}/x', timeout=20).read())\""),
    Client("python-http", "/usr/bin/python3 -c \"import http.client as h; "
           "c = h.HTTPSConnection('{host}'); c.request('GET', '/x'); print(c.getresponse().read()); "
           "c.request('POST', '/y', b'body'); print(c.getresponse().read())\""),
    Client("python-asyncio", "/usr/bin/python3 -c \"\nimport asyncio\nasync def main():\n"
           "  r, w = await asyncio.open_connection('{host}', 443, ssl=True)\n"
           "  w.write(b'GET /x HTTP/1.1\\r\\nHost: {host}\\r\\nConnection: close\\r\\n\\r\\n')\n"
           "  print(await r.read())\nasyncio.run(main())\""),
    Client("python-requests", "/usr/bin/python3 -c \"import requests; s = requests.Session(); "
           "s.verify = '/etc/ssl/certs/ca-certificates.crt'; "
           "print(*(s.get(f'https://{host}/{n}', timeout=20).text for n in range(3)))\""),
    Client("go", "./fetch https://{host}/x"),
    Client("go-http", "./fetch http://{host}/x", port=80),
    Client("perl", "perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new("
           "PeerAddr => \"{host}:80\", Timeout => 20) or die \"$@\"; "
           "print $s \"GET /x HTTP/1.0\\r\\nHost: {host}\\r\\nConnection: close\\r\\n\\r\\n\"; print <$s>'", ("perl",), 80, NO_NAME + "|Bad hostname|Invalid argument"),
    Client("perl-ip", "perl -MIO::Socket::IP -e 'my $s = IO::Socket::IP->new(PeerHost => \"{host}\", "
           "PeerPort => 80, Type => 1) or die \"$@\"; "
           "print $s \"GET /x HTTP/1.0\\r\\nHost: {host}\\r\\nConnection: close\\r\\n\\r\\n\"; print <$s>'",
           ("perl",), 80),
    Client("bash", "exec 3<>/dev/tcp/{host}/80 && "
           "printf 'GET /x HTTP/1.0\\r\\nHost: {host}\\r\\nConnection: close\\r\\n\\r\\n' >&3 && cat <&3", port=80),
)


@pytest.fixture
def servers(out):
    return {name: (out.https(name), out.http(name)) for name in (PERMITTED, OTHER)}


def script_of(client, host):
    return ["bash", "-c", client.script.replace("{host}", host)]


def prepare(world, client, needs):
    needs(*client.programs)
    if client.name.startswith("go"):
        needs("/usr/lib/go-1.19/bin/go")
        world.program("fetch.go")


def requests_to(servers, name):
    return [request for server in servers[name] for request in server.requests()]


def refused_at_once(world, rules, argv, message):
    began = time.monotonic()
    done = world.run_with(rules, argv)
    assert time.monotonic() - began < AT_ONCE, done
    assert done.code != 0, done
    assert re.search(message, done.err_text + done.text), done
    assert "refused NetConnect" in done.err_text, done
    return done


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_clients(connected, servers, needs, client):
    prepare(connected, client, needs)
    native = connected.native(script_of(client, PERMITTED)).ok()
    seen = requests_to(servers, PERMITTED)
    assert seen and native.text
    rule = f"{PERMITTED}:{client.port}"
    inside = connected.run_with([rule], script_of(client, PERMITTED)).ok()
    assert inside.text == native.text
    assert requests_to(servers, PERMITTED) == seen * 2
    assert set(connected.allowed()) == {rule} and connected.refused() == []
    ended = connected.ended()[rule]
    assert ended["bytes_sent"] > 0 and ended["bytes_received"] > 0
    assert 0 <= ended["duration_ms"] < 60000
    connected.native(script_of(client, OTHER)).ok()
    before = [server.records() for server in servers[OTHER]]
    refused_at_once(connected, [rule], script_of(client, OTHER), client.message)
    assert [server.records() for server in servers[OTHER]] == before
    assert OTHER in {entry["context"]["host"] for entry in connected.connections("deny")}


@pytest.mark.parametrize("client", [one for one in CLIENTS if one.port == 80],
                         ids=lambda client: client.name)
def test_clients_that_name_an_address(connected, servers, needs, client):
    prepare(connected, client, needs)
    address = servers[OTHER][1].address
    connected.native(script_of(client, address)).ok()
    before = servers[OTHER][1].records()
    refused_at_once(connected, [f"{PERMITTED}:80"], script_of(client, address), client.address)
    assert servers[OTHER][1].records() == before
    assert set(connected.refused()) == {f"{address}:80"}
    permitted = connected.run_with([f"{address}:80"], script_of(client, address)).ok()
    assert permitted.text and len(servers[OTHER][1].requests()) >= 2


def test_a_redirection_leads_to_no_other_host(connected, servers, needs):
    needs("curl")
    words = ["curl", "-sSL", f"https://{PERMITTED}/redirect?to=https://{OTHER}/"]
    connected.native(words).ok()
    assert requests_to(servers, OTHER)
    before = requests_to(servers, OTHER)
    refused_at_once(connected, [PERMITTED], words, NO_NAME)
    assert requests_to(servers, OTHER) == before


def test_much_data_both_ways(connected, servers, needs):
    """More than any buffer holds; and the record says how much it was."""
    needs("curl")
    size = 50_000_000
    (connected.project / "data").write_bytes(b"y" * 20_000_000)
    script = f"curl -sS https://{PERMITTED}/bytes/{size} | sha256sum; " \
             f"curl -sS -T data http://{PERMITTED}/up -H Expect: | sha256sum"
    native = connected.native(["bash", "-c", script]).ok()
    inside = connected.run_with([PERMITTED], ["bash", "-c", script]).ok()
    assert inside.text == native.text
    ends = connected.ended()
    assert size <= ends[f"{PERMITTED}:443"]["bytes_received"] < size * 1.1
    assert ends[f"{PERMITTED}:80"]["bytes_sent"] > 20_000_000
    assert ends[f"{PERMITTED}:80"]["bytes_received"] > 20_000_000


H2_SERVER = """
const h2 = require('http2'), fs = require('fs'), pem = fs.readFileSync(process.argv[1]);
h2.createSecureServer({ key: pem, cert: pem }, (request, response) =>
  response.end(`${request.httpVersion} ${request.url} ${request.headers[':authority']}`))
  .listen(443, process.argv[2], () => console.log('serves'));
"""
H2_CLIENT = """
const session = require('http2').connect(`https://${process.argv[1]}`);
session.on('error', (error) => { console.error(error.code); process.exit(1); });
const paths = ['/a', '/b', '/c'], texts = {};
let left = paths.length;
for (const path of paths) {
  const stream = session.request({ ':path': path });
  stream.setEncoding('utf8');
  texts[path] = '';
  stream.on('data', (data) => { texts[path] += data; });
  stream.on('end', () => {
    left -= 1;
    if (left === 0) { console.log(JSON.stringify(texts)); session.close(); }
  });
  stream.end();
}
"""


def test_node_http2(connected, out, needs):
    needs("node")
    oracle = out.https(OTHER)
    pem = out.directory / "h2.pem"
    pem.write_bytes(out.certificate("h2.example"))
    server = out.start(["node", "-e", H2_SERVER, pem, out.host("h2.example")[0]])
    assert line_of(server) == b"serves\n"
    out.resolves("h2.example", A=out.host("h2.example")[:1])
    words = ["node", "-e", H2_CLIENT, "h2.example"]
    native = connected.native(words).ok()
    assert "2.0 /c h2.example" in native.text
    assert connected.run_with(["h2.example:443"], words).ok().text == native.text
    assert connected.allowed().count("h2.example:443") == 1
    refused_at_once(connected, ["h2.example:443"], [*words[:-1], OTHER], "ENOTFOUND")
    assert oracle.records() == []


# ---- git


def repository(world, directory):
    """A bare repository that plain HTTP can serve."""
    script = f"""git init -q work && cd work && for i in $(seq 30); do echo $i > f$i; done &&
        git add . && git commit -q -m all && git clone -q --bare . {directory}/repo.git &&
        git -C {directory}/repo.git update-server-info && cd .. && rm -rf work"""
    world.native(["bash", "-c", script]).ok()


def test_git_over_https(connected, out, needs):
    needs("git")
    served = out.directory / "git"
    served.mkdir()
    repository(connected, served)
    git, evil = out.https("git.example.com", root=str(served)), out.https(OTHER, root=str(served))

    def script(host):
        return ["bash", "-c", f"rm -rf c && git clone -q https://{host}/repo.git c && cd c && "
                              "git fsck && git log --format=%s && ls | wc -l"]
    native = connected.native(script("git.example.com")).ok()
    assert "all" in native.text and git.requests()
    inside = connected.run_with(["git.example.com:443"], script("git.example.com")).ok()
    assert inside.text == native.text
    assert connected.refused() == []
    connected.native(script(OTHER)).ok()
    before = evil.records()
    done = refused_at_once(connected, ["git.example.com:443"], script(OTHER), NO_NAME)
    assert done.code == 128 and evil.records() == before


def test_git_over_ssh(connected, out, needs):
    needs("git", "ssh", "ssh-keygen", "dropbear", "dropbearkey")
    served = out.directory / "git"
    served.mkdir()
    repository(connected, served)
    key = out.ssh("ssh.example.com")
    (connected.project / "key").write_bytes(key.read_bytes())
    (connected.project / "key").chmod(0o600)
    evil = out.oracle(OTHER, 2222)
    connected.env["GIT_SSH_COMMAND"] = (
        f"ssh -F none -i {connected.project}/key -o IdentitiesOnly=yes -o BatchMode=yes "
        f"-o UserKnownHostsFile={connected.project}/known -o GlobalKnownHostsFile=/dev/null "
        "-o StrictHostKeyChecking=accept-new -o LogLevel=ERROR -o ConnectTimeout=20")

    def script(host):
        return ["bash", "-c", f"rm -rf c; git clone -q ssh://{host}{served}/repo.git c && cd c && "
                              "git log --format=%s && echo x > new && git add . && "
                              "git commit -q -m pushed && git push -q origin HEAD:$RANDOM && "
                              "echo done"]
    native = connected.native(script("ssh.example.com")).ok()
    assert native.text == "all\ndone\n"
    inside = connected.run_with(["@opaque ssh.example.com:22"], script("ssh.example.com")).ok()
    assert inside.text == native.text
    assert set(connected.allowed()) == {"ssh.example.com:22"}
    assert connected.native(["ssh-keyscan", "-T", "1", "-p", "2222", OTHER]).text == ""
    assert evil.records()
    evil.forget()
    refused_at_once(connected, ["ssh.example.com:22"], script(f"{OTHER}:2222"),
                    "Could not resolve hostname")
    assert evil.records() == []


# ---- Loopback


SERVE = "/usr/bin/python3 -c \"\nimport http.server as h, socket, sys\n" \
        "class Server(h.ThreadingHTTPServer):\n  address_family = socket.{family}\n" \
        "class Handler(h.BaseHTTPRequestHandler):\n" \
        "  def do_GET(self):\n    self.send_response(200)\n    self.end_headers()\n" \
        "    self.wfile.write(b'inside\\n')\n  def log_message(self, *_): pass\n" \
        "Server(('{address}', 8080), Handler).serve_forever()\" & server=$!; " \
        "until curl -s --max-time 5 http://{host}:8080/ > reply && grep -q inside reply; " \
        "do sleep 0.1; kill -0 $server || exit 9; done; cat reply; kill $server; wait $server; true"
LOOPBACK = {
    "127.0.0.1": ("AF_INET", "127.0.0.1", "127.0.0.1"),
    "127.0.0.2": ("AF_INET", "127.0.0.2", "127.0.0.2"),
    "::1": ("AF_INET6", "::1", "[::1]"),
    "localhost": ("AF_INET", "localhost", "localhost"),
    "any": ("AF_INET", "0.0.0.0", "127.0.0.1"),
    "any for any": ("AF_INET", "0.0.0.0", "0.0.0.0"),
    "any 6": ("AF_INET6", "::", "localhost"),
}


@pytest.mark.parametrize("name", LOOPBACK)
def test_programs_inside_reach_each_other(connected, out, needs, name):
    """Freely: no rule, no record of what a server inside answers."""
    needs("curl")
    family, address, host = LOOPBACK[name]
    words = ["bash", "-c", SERVE.format(family=family, address=address, host=host)]
    native = connected.native(words).ok()
    assert native.text == "inside\n"
    out.watch_listeners()
    inside = connected.run_with(["good.example"], words).ok()
    assert inside.text == native.text
    assert out.new_listeners() == [] and connected.allowed() == []


INSIDE = {
    "udp": "import socket\na = socket.socket(2, 2); b = socket.socket(2, 2)\n"
           "a.bind(('127.0.0.1', 0))\n"
           "b.sendto(b'x', a.getsockname()); print(a.recvfrom(9)[0]); b.connect(a.getsockname())\n"
           "b.send(b'y'); d, p = a.recvfrom(9); a.sendto(d, p); print(b.recv(9))",
    "pairs": "import socket, threading\ns = socket.create_server(('127.0.0.1', 0), backlog=300)\n"
             "c = [socket.create_connection(s.getsockname()) for _ in range(200)]\n"
             "p = [s.accept()[0] for _ in c]\n[one.sendall(b'z') for one in c]\n"
             "print(sum(one.recv(1) == b'z' for one in p))\n"
             "print(c[0].getpeername() == s.getsockname(), p[0].getpeername()[0])",
    "asyncio": "import asyncio\nasync def serve(r, w):\n  w.write(await r.readline()); w.close()\n"
               "async def main():\n  s = await asyncio.start_server(serve, '127.0.0.1', 0)\n"
               "  port = s.sockets[0].getsockname()[1]\n"
               "  r, w = await asyncio.open_connection('localhost', port)\n  w.write(b'line\\n')\n"
               "  print(await r.read())\nasyncio.run(main())",
    "multiprocessing": "from multiprocessing.connection import Listener, Client\nimport threading\n"
                       "l = Listener(('127.0.0.1', 0), authkey=b'k')\n"
                       "t = threading.Thread(target=lambda: print(l.accept().recv()))\nt.start()\n"
                       "Client(l.address, authkey=b'k').send({'a': 1}); t.join()",
    "interfaces": "import socket\nprint(socket.if_nameindex())\n"
                  "print(socket.getaddrinfo('localhost', 80, socket.AF_INET)[0][4])\n"
                  "print(socket.gethostbyname('localhost'))",
}


@pytest.mark.parametrize("name", INSIDE)
def test_sockets_inside(connected, name):
    words = ["/usr/bin/python3", "-c", INSIDE[name]]
    native = connected.native(words).ok()
    inside = connected.run_with(["good.example"], words).ok()
    assert inside.text == native.text
    # A name may stand for both loopback addresses: where nobody listens, the host's is meant.
    hosts = {entry["context"]["host"] for entry in connected.connections()}
    assert connected.allowed() == [] and hosts <= {"127.0.0.1", "::1"}


def host_service(out, port=8080):
    """A service of the host on its loopback."""
    return out.serve("http", "the host", port, ["127.0.0.1"])


def test_the_host_s_loopback_needs_a_rule(connected, out, needs):
    needs("curl")
    service = host_service(out)
    for host in ("127.0.0.1", "localhost"):
        words = ["curl", "-4sS", f"http://{host}:8080/x"]
        native = connected.native(words).ok()
        refused_at_once(connected, ["good.example"], words, "onnect")
        assert len(service.requests()) == 1
        permitted = connected.run_with(["127.0.0.1:8080"], words).ok()
        assert permitted.text == native.text
        assert len(service.requests()) == 2
        service.forget()
    assert set(connected.refused()) >= {"127.0.0.1:8080"}
    assert set(connected.allowed()) == {"127.0.0.1:8080"}


def test_a_refused_loopback_looks_like_nobody_listening(connected, out):
    service = host_service(out)
    words = ["/usr/bin/python3", "-c", "import socket\n"
             "try: socket.create_connection(('127.0.0.1', 8080))\nexcept OSError as e: print(e.errno)"]
    assert connected.native(words).ok().text == ""
    service.forget()
    assert connected.run_with(["127.0.0.1:8081"], words).ok().text == "111\n"
    assert service.records() == []


def test_a_listener_inside_wins(connected, out, needs):
    """Even where a rule opens the host's; when it is gone, the rule counts again."""
    needs("curl")
    service = host_service(out)
    script = SERVE.format(family="AF_INET", address="127.0.0.1", host="127.0.0.1")
    done = connected.run_with(["127.0.0.1:8080"], ["bash", "-c", script]).ok()
    assert done.text == "inside\n"
    again = script + "; curl -sS http://127.0.0.1:8080/after"
    done = connected.run_with(["127.0.0.1:8080"], ["bash", "-c", again]).ok()
    assert done.text == "inside\nhello from the host/after\n"
    assert "/after" in {request["target"] for request in service.requests()}
