"""The witness of the real program, asked by a log that shares no code with it.

The log is reference.py, its signatures are those of `cryptography`; what the witness signs is
verified by Go's libraries.
"""

import concurrent.futures
import contextlib
import http.client
import signal
import subprocess

import pytest

import reference

LEAVES = [b"leaf %d" % i for i in range(300)]
FORKED = LEAVES[:100] + [b"other %d" % i for i in range(200)]
LOG = reference.Signer("log.example/1")


class Witness:
    """The program as a witness of LOG, over one kept connection."""

    def __init__(self, binary, root):
        keys = root / "logs"
        keys.write_text(LOG.verifier(), encoding="utf-8")
        self.process = subprocess.Popen(
            [binary, "audit", "witness", "--dir", str(root / "state"), "--name", "w.example/1",
             "--listen", "0", "--logs", str(keys)],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.address = self.process.stdout.readline().decode().strip().removeprefix("http://")
        self.key = self.process.stdout.readline().decode()
        self.connection = http.client.HTTPConnection(self.address, timeout=60)

    def close(self):
        self.connection.close()
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=60) == 0
        self.process.stdout.close()

    def post(self, body, connection=None):
        """Status, type and body of the answer."""
        connection = connection or self.connection
        connection.request("POST", "/add-checkpoint", body)
        answer = connection.getresponse()
        return answer.status, answer.headers["Content-Type"], answer.read()

    def add(self, old, leaves, **changes):
        return self.post(request(old, leaves, **changes))


def request(old, leaves, proof=None, signer=LOG, origin=None):
    note = reference.checkpoint(leaves, signer, origin=origin)
    if proof is None:
        proof = reference.consistency(old, leaves) if 0 < old < len(leaves) else b""
    return b"old %d\n" % old + proof + b"\n" + note


@pytest.fixture
def start(binary, tmp_path):
    """Starts a witness on the one state directory."""
    with contextlib.ExitStack() as stack:
        def begin():
            witness = Witness(binary, tmp_path)
            stack.callback(lambda: witness.process.poll() is None and witness.close())
            return witness
        yield begin


def accept(go, witness, tmp_path, leaves, answer):
    """The answer is a cosignature that Go's library verifies, together with the log's."""
    status, _, body = answer
    assert status == 200, answer
    (tmp_path / "keys").write_text(LOG.verifier() + witness.key, encoding="utf-8")
    (tmp_path / "note").write_bytes(reference.checkpoint(leaves, LOG) + body)
    go.accepts("checkpoint", tmp_path / "keys", tmp_path / "note")
    (tmp_path / "note").write_bytes(reference.checkpoint(leaves[:-1] + [b"x"], LOG) + body)
    go.refuses("checkpoint", tmp_path / "keys", tmp_path / "note")


def test_a_growing_log_is_cosigned(go, start, tmp_path):
    witness = start()
    old = 0
    for size in (1, 2, 3, 100, 128, 129, 300):
        accept(go, witness, tmp_path, LEAVES[:size], witness.add(old, LEAVES[:size]))
        old = size
    accept(go, witness, tmp_path, LEAVES, witness.add(300, LEAVES))


def test_each_refusal(start):
    witness = start()
    assert witness.add(0, LEAVES[:50])[0] == 200
    assert witness.post(b"")[0] == 400
    assert witness.add(60, LEAVES[:55], proof=b"")[0] == 400
    assert witness.post(b"old 50\n" + b"A" * 43 + b"=\n" * 64 + b"\n")[0] == 400
    stranger = reference.Signer("stranger.example")
    assert witness.add(50, LEAVES[:60], signer=stranger)[0] == 404
    assert witness.add(50, LEAVES[:60], signer=stranger, origin=LOG.name)[0] == 403
    assert witness.add(50, LEAVES[:60], signer=reference.Signer(LOG.name, kind=4))[0] == 403
    for old in (0, 49, 51):
        assert witness.add(old, LEAVES[:60]) == (409, "text/x.tlog.size", b"50\n")
    assert witness.add(10, LEAVES[:20]) == (409, "text/x.tlog.size", b"50\n")
    assert witness.add(50, LEAVES[:60], proof=b"")[0] == 422
    assert witness.add(50, LEAVES[:60], proof=reference.consistency(49, LEAVES[:60]))[0] == 422
    assert witness.add(50, LEAVES[:60])[0] == 200


def test_a_second_history_is_refused_across_restarts(go, start, tmp_path):
    witness = start()
    key = witness.key
    assert witness.add(0, LEAVES[:200])[0] == 200
    witness.close()
    witness = start()
    assert witness.key == key
    assert witness.add(200, FORKED[:200])[0] == 409
    assert witness.add(200, FORKED)[0] == 422
    assert witness.add(100, FORKED)[0] == 409
    accept(go, witness, tmp_path, LEAVES, witness.add(200, LEAVES))
    conflicts = list((tmp_path / "state").glob("*.conflict"))
    assert [path.read_bytes() for path in conflicts] == [reference.checkpoint(FORKED[:200], LOG)]


def test_a_killed_witness_forgets_nothing(start):
    old = 0
    for size in range(20, 200, 20):
        witness = start()
        assert witness.add(old, LEAVES[:size])[0] == 200
        witness.process.kill()
        witness.process.wait()
        old = size


def test_many_at_once_never_roll_it_back(start):
    witness = start()
    assert witness.add(0, LEAVES[:1])[0] == 200
    bodies = [request(old, LEAVES[:size]) for old in (1, 40, 80) for size in range(81, 121)]

    def submit(bodies):
        connection = http.client.HTTPConnection(witness.address, timeout=60)
        return [witness.post(body, connection) for body in bodies]

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = [a for part in pool.map(submit, [bodies[i::4] for i in range(4)]) for a in part]
    # One size followed the first; whatever came after it from another size was refused.
    assert [status for status, _, _ in answers].count(200) == 1
    sizes = {int(body) for status, _, body in answers if status == 409}
    assert len(sizes - {1}) == 1 and sizes - {1} <= set(range(81, 121))
