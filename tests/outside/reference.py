"""A ledger made without Aegis, to test the verifiers with.

It follows the definitions of RFC 6962, RFC 8032 and the C2SP formats literally (recursively, with
slices of lists), where the verifiers compute from the bottom up: an error would have to be made
twice. Its JSON is Python's own; the entries have nothing in them that RFC 8785 writes differently.
"""

import base64
import copy
import dataclasses
import hashlib
import json
import pathlib

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

TILE = 256


def dump(value):
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def encode(data):
    return base64.b64encode(data).decode()


# --- entries ---


def seal(entry):
    """Gives an entry its hash."""
    entry.pop("hash", None)
    entry["hash"] = hashlib.sha256(dump(entry)).hexdigest()
    return entry


def make_session(name, length):
    """A chain of entries of one session."""
    entries = []
    for seq in range(length):
        entry = {
            "event_type": "ACTION_DECIDED" if seq else "SESSION_STARTED",
            "payload": {"action": "FileRead", "resource": f"/a b/{seq}\n\"€😀\x1f\\", "n": -seq},
            "seq": seq, "session_id": name, "tenant_id": "local",
            "ts_unix_ms": 1700000000000 + seq, "user_id": "käthe"}
        if seq:
            entry["prev_hash"] = encode(bytes.fromhex(entries[-1]["hash"]))
        entries.append(seal(entry))
    return entries


def erase(entry):
    kept = ("hash", "prev_hash", "seq", "session_id", "tenant_id")
    return {"erased": True, **{name: entry[name] for name in kept if name in entry}}


def make_entries():
    """Three sessions that took turns, 300 entries, two of them erased."""
    sessions = [make_session("a.1", 170), make_session("b", 90), make_session("c-", 40)]
    entries = []
    while any(sessions):
        for session in sessions:
            entries += session[:7]
            del session[:7]
    erased = ("c-", 0), ("a.1", 5)
    return [erase(e) if (e["session_id"], e["seq"]) in erased else e for e in entries]


def leaf_of(entry):
    return dump({name: entry[name] for name in ("hash", "seq", "session_id", "tenant_id")})


# --- RFC 6962, section 2.1 ---


def sha256(data):
    return hashlib.sha256(data).digest()


def split(size):
    """The largest power of two smaller than size."""
    return 1 << ((size - 1).bit_length() - 1)


def tree_hash(leaves):
    if not leaves:
        return sha256(b"")
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0])
    k = split(len(leaves))
    return sha256(b"\1" + tree_hash(leaves[:k]) + tree_hash(leaves[k:]))


def inclusion_path(index, leaves):
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if index < k:
        return inclusion_path(index, leaves[:k]) + [tree_hash(leaves[k:])]
    return inclusion_path(index - k, leaves[k:]) + [tree_hash(leaves[:k])]


def consistency_path(size, leaves, whole=True):
    if size == len(leaves):
        return [] if whole else [tree_hash(leaves)]
    k = split(len(leaves))
    if size <= k:
        return consistency_path(size, leaves[:k], whole) + [tree_hash(leaves[k:])]
    return consistency_path(size - k, leaves[k:], False) + [tree_hash(leaves[:k])]


# --- C2SP: notes, checkpoints, proofs, tiles ---


class Signer:
    """A key of a log (type 1), or of a witness (type 4)."""

    def __init__(self, name, kind=1):
        self.name = name
        self.kind = kind
        self.private = Ed25519PrivateKey.from_private_bytes(sha256(name.encode()))
        public = self.private.public_key().public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.material = bytes([kind]) + public
        self.identity = sha256(name.encode() + b"\n" + self.material)[:4]

    def verifier(self):
        return f"{self.name}+{self.identity.hex()}+{encode(self.material)}\n"

    def line(self, text, time=1700000000):
        stamp = b"" if self.kind == 1 else time.to_bytes(8, "big")
        header = b"" if self.kind == 1 else f"cosignature/v1\ntime {time}\n".encode()
        signature = stamp + self.private.sign(header + text)
        return f"— {self.name} {encode(self.identity + signature)}\n".encode()


def checkpoint(leaves, log, *others, origin=None):
    text = f"{origin or log.name}\n{len(leaves)}\n{encode(tree_hash(leaves))}\n".encode()
    return text + b"\n" + b"".join(signer.line(text) for signer in (log, *others))


def proof(index, leaves, note):
    path = "".join(encode(node) + "\n" for node in inclusion_path(index, leaves))
    return f"c2sp.org/tlog-proof@v1\nindex {index}\n{path}\n".encode() + note


def consistency(size, leaves):
    return "".join(encode(node) + "\n" for node in consistency_path(size, leaves)).encode()


def tile_name(number, width):
    digits = f"{number:03d}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    parts = [digits[at:at + 3] for at in range(0, len(digits), 3)]
    path = "/".join([f"x{part}" for part in parts[:-1]] + parts[-1:])
    return path if width == TILE else f"{path}.p/{width}"


def write_tiles(directory, leaves, note):
    def write(name, content):
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    write("checkpoint", note)
    for start in range(0, len(leaves), TILE):
        bundle = leaves[start:start + TILE]
        write("tile/entries/" + tile_name(start // TILE, len(bundle)),
              b"".join(len(leaf).to_bytes(2, "big") + leaf for leaf in bundle))
    level, span = 0, 1
    while len(leaves) >= span:
        hashes = [tree_hash(leaves[at:at + span])
                  for at in range(0, len(leaves) // span * span, span)]
        for start in range(0, len(hashes), TILE):
            tile = hashes[start:start + TILE]
            write(f"tile/{level}/{tile_name(start // TILE, len(tile))}", b"".join(tile))
        level, span = level + 1, span * TILE


# --- what a ledger shows of itself ---


@dataclasses.dataclass
class Artefacts:
    """Files that whoever has a ledger can hand to a stranger."""

    root: pathlib.Path
    keys: pathlib.Path
    export: pathlib.Path
    older: pathlib.Path  # two checkpoints
    newer: pathlib.Path
    growth: pathlib.Path  # the consistency proof between them
    tiles: pathlib.Path  # of the newer checkpoint
    proofs: dict  # index to file, in the newer checkpoint's tree

    @classmethod
    def below(cls, root, indexes):
        proofs = {index: root / f"{index}.tlog-proof" for index in indexes}
        return cls(root, root / "keys", root / "export.jsonl", root / "older", root / "newer",
                   root / "growth", root / "tiles", proofs)

    def moved(self, root):
        """The same files in a copy of the directory."""
        paths = {field.name: root / getattr(self, field.name).name
                 for field in dataclasses.fields(self) if field.name not in ("root", "proofs")}
        proofs = {index: root / path.name for index, path in self.proofs.items()}
        return Artefacts(root=root, proofs=proofs, **paths)

    def entries(self):
        return [json.loads(line) for line in self.export.read_bytes().splitlines()]

    def leaf(self, index):
        """A file with the leaf of an entry, made from the export."""
        path = self.root / f"{index}.leaf"
        path.write_bytes(leaf_of(self.entries()[index]))
        return path


LOG = Signer("aegis.example/ledger")
WITNESS = Signer("witness.example/w", kind=4)


def make_artefacts(root):
    entries = make_entries()
    leaves = [leaf_of(entry) for entry in entries]
    made = Artefacts.below(root, (0, 7, 255, 256, 296))
    made.keys.write_text(LOG.verifier() + WITNESS.verifier())
    made.export.write_bytes(b"".join(dump(entry) + b"\n" for entry in entries))
    covered = leaves[:297]  # what comes after has no checkpoint yet
    newer = checkpoint(covered, LOG, WITNESS, Signer("stranger.example"))
    made.older.write_bytes(checkpoint(leaves[:129], LOG))
    made.newer.write_bytes(newer)
    made.growth.write_bytes(consistency(129, covered))
    for index, path in made.proofs.items():
        path.write_bytes(proof(index, covered, newer))
    write_tiles(made.tiles, covered, newer)
    return made


def forge(entries, index, change):
    """Entries of which one was changed and all that the forger can recompute was: the hash of each
    later entry of the session, and its link."""
    entries = copy.deepcopy(entries)
    session = [e for e in entries if e["session_id"] == entries[index]["session_id"]]
    change(entries[index])
    for before, entry in zip([None, *session], session):
        if entry["seq"] >= entries[index]["seq"] and "erased" not in entry:
            if before is not None:
                entry["prev_hash"] = encode(bytes.fromhex(before["hash"]))
            seal(entry)
    return entries
