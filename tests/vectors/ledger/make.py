#!/usr/bin/python3
"""Makes session.journal and session.jsonl from docs/ledger-format.md alone, with Python's json and
hashlib: python3 tests/vectors/ledger/make.py [DIRECTORY]"""

import base64
import hashlib
import json
import pathlib
import struct
import sys

SESSION = "018bcfe5-6800-7000-8000-000000000001"
TENANT, USER = "local", "tester"
STARTED_MS = 1700000000000
HEADER_SIZE = 4096

EVENTS = [
    ("SESSION_STARTED", {"argv": ["make", "-j2"], "command": "make", "config": "default",
                         "dir": "/srv/app", "mode": "run", "tag": "nightly"}),
    ("ACTION_DECIDED", {"action": "FileRead", "context": {"exe": "/usr/bin/make", "pid": 7},
                        "decision": "allow", "policies": ["p"], "reason": "POLICY_PERMIT",
                        "resource": "/srv/app/Makefile"}),
    ("ACTION_DECIDED", {"action": "FileWrite",
                        "context": {"enforced": False, "exe": "/usr/bin/make", "pid": 7},
                        "decision": "deny", "policies": [], "reason": "NO_PERMIT",
                        "resource": "/etc/\"odd\"\n\\xff name € \U0001f600"}),
    ("SESSION_ENDED", {"actions": 2, "denials": 1, "exit_code": 2}),
]


def canonical(value):
    """RFC 8785, for values whose names are ASCII and whose numbers are small integers."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def entries():
    previous = None
    for seq, (event_type, payload) in enumerate(EVENTS):
        envelope = {"event_type": event_type, "payload": payload, "seq": seq,
                    "session_id": SESSION, "tenant_id": TENANT, "ts_unix_ms": STARTED_MS + seq,
                    "user_id": USER}
        if previous is not None:
            envelope["prev_hash"] = base64.b64encode(previous).decode()
        text = canonical(envelope).encode()
        previous = hashlib.sha256(text).digest()
        yield envelope, text, previous


def header(committed):
    ids = [name.encode() for name in (TENANT, USER, SESSION)]
    lengths = struct.pack("<HHHH", *map(len, ids), 0)
    before = struct.pack("<8sII", b"AEGISJNL", 2, HEADER_SIZE)
    changing = struct.pack("<QQQQII", committed, HEADER_SIZE, HEADER_SIZE, HEADER_SIZE, 0, 0)
    after = struct.pack("<q16s", STARTED_MS, bytes(16)) + lengths
    names = b"".join(ids)
    names = names.ljust(HEADER_SIZE - 32 - len(before + changing + after), b"\0")
    digest = hashlib.sha256(before + bytes(len(changing)) + after + bytes(32) + names).digest()
    return before + changing + after + digest + names


def main():
    directory = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)
    records, lines = b"", ""
    for envelope, text, digest in entries():
        records += struct.pack("<I", len(text)) + text + digest
        lines += canonical(envelope | {"hash": digest.hex()}) + "\n"
    journal = header(HEADER_SIZE + len(records)) + records
    (directory / "session.journal").write_bytes(journal)
    (directory / "session.jsonl").write_text(lines, encoding="utf-8")


main()
