#!/usr/bin/env python3
"""Recomputes a ledger's export with nothing of Aegis, from docs/ledger-format.md alone.

usage: verify_export.py EXPORT [--keys FILE --checkpoint FILE [--proof FILE]...
                                [--consistency OLD_CHECKPOINT HASHES]...]

EXPORT is what `aegis audit export NAME --format jsonl` wrote: the whole ledger, an envelope a line.
Every hash and every session's chain is recomputed; with a checkpoint, the tree over all entries.
KEYS are verifier keys, one a line: the log's, and those of witnesses, each of which must have
cosigned every checkpoint but the old ones.

One finding a line on stdout. Exit 0: verified; 1: there are findings; 2: wrong usage, no such file.
"""

import argparse
import base64
import binascii
import collections
import dataclasses
import hashlib
import json
import math
import re
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

MAX_DEPTH = 64
MAX_EXACT = 2**53
ED25519, COSIGNATURE = 1, 4  # types of keys in signed notes


class Invalid(Exception):
    """What was read is not what the format says."""


# --- canonical JSON (RFC 8785) ---


def number_text(value):
    """A double as ECMAScript's Number.prototype.toString writes it."""
    if not math.isfinite(value):
        raise Invalid("a number beyond a double's range")
    if value == 0:
        return "0"
    # Python's repr has the digits that ECMAScript demands: the fewest that give the number back.
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = whole + fraction
    point = len(whole) + int(exponent or 0) - (len(digits) - len(digits.lstrip("0")))
    digits = digits.strip("0")
    count = len(digits)
    sign = "-" if value < 0 else ""
    if count <= point <= 21:
        return sign + digits + "0" * (point - count)
    if 0 < point <= 21:
        return sign + digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return sign + "0." + "0" * -point + digits
    tail = "." + digits[1:] if count > 1 else ""
    return f"{sign}{digits[0]}{tail}e{point - 1:+d}"


SHORT_ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r",
                 "\t": "\\t"}


def string_text(text):
    return '"' + re.sub(r'[\x00-\x1f"\\]', lambda match: SHORT_ESCAPES.get(
        match[0], f"\\u{ord(match[0]):04x}"), text) + '"'


def canonical_text(value, depth=0):
    if isinstance(value, (dict, list)) and depth == MAX_DEPTH:
        raise Invalid("nested too deep")
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return "{" + ",".join(f"{string_text(name)}:{canonical_text(value[name], depth + 1)}"
                              for name in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(canonical_text(item, depth + 1) for item in value) + "]"
    if isinstance(value, str):
        return string_text(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return number_text(float(value))


def canonical(value):
    try:
        return canonical_text(value).encode()
    except UnicodeEncodeError:
        raise Invalid("a lone surrogate") from None


def unique_members(pairs):
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Invalid("an object with a name twice")
    return members


def no_constant(name):
    raise Invalid(f"{name} is no JSON")


def parse_canonical(line):
    """The value of a line that is canonical to the byte."""
    try:
        value = json.loads(line.decode(), object_pairs_hook=unique_members, parse_int=float,
                           parse_constant=no_constant)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"no JSON: {error}") from None
    if canonical(value) != line:
        raise Invalid("not in canonical form")
    return value


# --- entries ---


def bounded_text(size):
    return lambda value: isinstance(value, str) and len(value.encode()) <= size


def whole_number(low):
    return lambda value: (isinstance(value, float) and value.is_integer()
                          and low <= value <= MAX_EXACT)


def matching(pattern):
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


IDENTITY = {
    "tenant_id": bounded_text(256),
    "session_id": matching(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}"),
    "seq": whole_number(0),
    "hash": matching("[0-9a-f]{64}"),
}
ENVELOPE = {
    **IDENTITY,
    "user_id": bounded_text(256),
    "ts_unix_ms": whole_number(-MAX_EXACT),
    "event_type": lambda value: bounded_text(256)(value) and value != "",
    "payload": lambda value: isinstance(value, dict),
}
ERASED = {**IDENTITY, "erased": lambda value: value is True}


def check_members(entry):
    if not isinstance(entry, dict):
        raise Invalid("not an object")
    members = dict(ERASED if "erased" in entry else ENVELOPE)
    if entry.get("seq") != 0:
        members["prev_hash"] = matching("[A-Za-z0-9+/]{43}=")
    for name in sorted(members.keys() ^ entry.keys()):
        raise Invalid(f"{name} is " + ("missing" if name in members else "not a member here"))
    for name, is_right in members.items():
        if not is_right(entry[name]):
            raise Invalid(f"{name} is of a wrong form")


@dataclasses.dataclass
class Chain:
    """A session, as far as it was read."""

    tenant: str
    user: str = None  # unknown while only erased entries were seen
    length: int = 0
    head: str = None  # as prev_hash writes it


class Ledger:
    """All sessions of an export."""

    def __init__(self):
        self.chains = {}
        self.entries = 0
        self.erased = 0

    def add(self, line):
        """Checks the next entry and returns the bytes of its leaf."""
        entry = parse_canonical(line)
        check_members(entry)
        self.entries += 1
        if "erased" in entry:
            self.erased += 1
        else:
            content = {name: value for name, value in entry.items() if name != "hash"}
            if hashlib.sha256(canonical(content)).hexdigest() != entry["hash"]:
                raise Invalid("the hash is not that of the entry")
        self.link(entry)
        return leaf_of(entry)

    def link(self, entry):
        chain = self.chains.setdefault(entry["session_id"], Chain(entry["tenant_id"]))
        expected, before = chain.length, chain.head
        chain.length = int(entry["seq"]) + 1
        chain.head = base64.b64encode(bytes.fromhex(entry["hash"])).decode()
        if entry["seq"] != expected:
            raise Invalid(f"seq {int(entry['seq'])} where {expected} belongs")
        if entry.get("prev_hash") != before:
            raise Invalid("prev_hash is not the hash of the entry before it")
        if chain.user is None:
            chain.user = entry.get("user_id")
        if (entry["tenant_id"], entry.get("user_id", chain.user)) != (chain.tenant, chain.user):
            raise Invalid("the tenant or the user changes within the session")


def leaf_of(entry):
    return canonical({name: entry[name] for name in ("hash", "seq", "session_id", "tenant_id")})


# --- the tree (RFC 6962) ---


def leaf_hash(leaf):
    return hashlib.sha256(b"\0" + leaf).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


class Tree:
    """A tree that grows leaf by leaf, kept as the roots of its full subtrees, greatest first."""

    def __init__(self):
        self.size = 0
        self.peaks = []

    def add(self, node):
        self.size += 1
        for _ in range((self.size & -self.size).bit_length() - 1):
            node = node_hash(self.peaks.pop(), node)
        self.peaks.append(node)

    def root(self):
        if not self.peaks:
            return hashlib.sha256(b"").digest()
        root = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            root = node_hash(peak, root)
        return root


def root_of_inclusion(index, size, node, path):
    """The root that an inclusion proof leads to (RFC 9162, section 2.1.3.2)."""
    if not 0 <= index < size:
        raise Invalid(f"index {index} is not in a tree of {size}")
    last = size - 1
    for sibling in path:
        if last == 0:
            raise Invalid("the proof is too long")
        if index % 2 or index == last:
            node = node_hash(sibling, node)
            while index % 2 == 0 and index:
                index, last = index // 2, last // 2
        else:
            node = node_hash(node, sibling)
        index, last = index // 2, last // 2
    if last:
        raise Invalid("the proof is too short")
    return node


def roots_of_consistency(old_size, size, old_root, path):
    """The two roots that a consistency proof leads to (RFC 9162, section 2.1.4.2)."""
    if old_size & (old_size - 1) == 0:
        path = [old_root, *path]
    if not path:
        raise Invalid("the proof is empty")
    index, last = old_size - 1, size - 1
    while index % 2:
        index, last = index // 2, last // 2
    old, new = path[0], path[0]
    for node in path[1:]:
        if last == 0:
            raise Invalid("the proof is too long")
        if index % 2 or index == last:
            old, new = node_hash(node, old), node_hash(node, new)
            while index % 2 == 0 and index:
                index, last = index // 2, last // 2
        else:
            new = node_hash(new, node)
        index, last = index // 2, last // 2
    if last:
        raise Invalid("the proof is too short")
    return old, new


def check_consistency(old, new, path):
    if old.origin != new.origin:
        raise Invalid("the two checkpoints are of two logs")
    if old.size > new.size:
        raise Invalid("the old checkpoint is of the greater tree")
    if old.size in (0, new.size):
        if path or (old.size == new.size and old.root != new.root):
            raise Invalid("hashes where none are needed, or two roots for one size")
    elif roots_of_consistency(old.size, new.size, old.root, path) != (old.root, new.root):
        raise Invalid("the hashes do not lead to the two roots")


# --- signed notes, checkpoints, proofs (C2SP) ---


def decode(text, size=None):
    try:
        data = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise Invalid(f"{text!r} is no base64") from None
    if base64.b64encode(data).decode() != text or size not in (None, len(data)):
        raise Invalid(f"{text!r} is no base64 of {size or 'any number of'} bytes")
    return data


def decimal(text):
    if re.fullmatch("0|[1-9][0-9]{0,18}", text) is None:
        raise Invalid(f"{text!r} is no decimal number")
    return int(text)


@dataclasses.dataclass(frozen=True)
class Key:
    """A verifier key: NAME+HASH+BASE64, the last of a type byte and the public key."""

    name: str
    identity: bytes
    kind: int
    public: Ed25519PublicKey

    @classmethod
    def parse(cls, text):
        name, _, rest = text.partition("+")
        identity, _, encoded = rest.partition("+")
        material = decode(encoded, 33)
        if material[0] not in (ED25519, COSIGNATURE):
            raise Invalid(f"{text!r} has an unknown type of key")
        expected = hashlib.sha256(name.encode() + b"\n" + material).digest()[:4]
        if not name or identity != expected.hex():
            raise Invalid(f"{text!r} has a wrong hash")
        return cls(name, expected, material[0], Ed25519PublicKey.from_public_bytes(material[1:]))

    def verify(self, text, signature):
        message = text
        if self.kind == COSIGNATURE:
            if len(signature) != 72:
                raise Invalid(f"the cosignature of {self.name} has a wrong length")
            time = int.from_bytes(signature[:8], "big")
            message, signature = f"cosignature/v1\ntime {time}\n".encode() + text, signature[8:]
        try:
            self.public.verify(signature, message)
        except InvalidSignature:
            raise Invalid(f"the signature of {self.name} is wrong") from None


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    origin: str
    size: int
    root: bytes


def signatures_of(lines):
    for line in lines.split(b"\n"):
        try:
            dash, name, encoded = line.decode().split(" ")
        except ValueError:
            raise Invalid("a signature line of a wrong form") from None
        signature = decode(encoded)
        if dash != "—" or len(signature) < 5:
            raise Invalid("a signature line of a wrong form")
        yield name, signature[:4], signature[4:]


def signers_of(text, lines, keys):
    """The keys among ours that signed. A wrong signature of one of them spoils the note."""
    found = []
    for name, identity, signature in signatures_of(lines):
        for key in keys:
            if (key.name, key.identity) == (name, identity):
                key.verify(text, signature)
                found.append(key)
    return found


def open_checkpoint(note, keys, cosigned=True):
    text, blank, lines = note.rpartition(b"\n\n")
    if not blank or not lines.endswith(b"\n") or re.search(rb"[\x00-\x09\x0b-\x1f]", note):
        raise Invalid("not a signed note")
    text += b"\n"
    found = signers_of(text, lines[:-1], keys)
    body = text.decode().split("\n")[:-1]
    if len(body) < 3 or "" in body:
        raise Invalid("not the body of a checkpoint")
    if not any(key.kind == ED25519 and key.name == body[0] for key in found):
        raise Invalid(f"no signature of a log named {body[0]}")
    for key in keys:
        if cosigned and key.kind == COSIGNATURE and key not in found:
            raise Invalid(f"no cosignature of {key.name}")
    return Checkpoint(body[0], decimal(body[1]), decode(body[2], 32))


@dataclasses.dataclass(frozen=True)
class Proof:
    index: int
    path: list
    checkpoint: Checkpoint


def open_proof(data, keys):
    head, blank, note = data.partition(b"\n\n")
    lines = head.decode().split("\n")
    if not blank or lines.pop(0) != "c2sp.org/tlog-proof@v1":
        raise Invalid("not a tlog-proof")
    if lines and lines[0].startswith("extra "):
        decode(lines.pop(0)[6:])
    if not lines or not lines[0].startswith("index "):
        raise Invalid("no index")
    return Proof(decimal(lines[0][6:]), [decode(line, 32) for line in lines[1:]],
                 open_checkpoint(note, keys))


# --- the whole ---


class Verifier:
    """What was claimed of an export, and what was found."""

    def __init__(self):
        self.findings = 0
        self.claims = []  # (what, Checkpoint)
        self.proofs = []  # (file, Proof)

    def finding(self, where, what):
        self.findings += 1
        text = f"finding: {where}: {what}"
        print("".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text))

    def attempt(self, where, action, *arguments):
        """The action's result, or None and a finding."""
        try:
            return action(*arguments)
        except (Invalid, UnicodeDecodeError) as error:
            self.finding(where, error)
            return None

    def claim(self, where, checkpoint):
        if checkpoint is not None:
            self.claims.append((where, checkpoint))
        return checkpoint

    def add_proof(self, path, keys):
        proof = self.attempt(path, open_proof, read(path), keys)
        if proof is not None:
            self.proofs.append((path, proof))
            self.claim(path, proof.checkpoint)

    def add_consistency(self, old_path, hashes_path, newest, keys):
        old = self.claim(old_path, self.attempt(old_path, open_checkpoint, read(old_path), keys,
                                                False))
        path = self.attempt(hashes_path, lambda: [
            decode(line, 32) for line in read(hashes_path).decode().splitlines()])
        if None not in (old, newest, path):
            self.attempt(hashes_path, check_consistency, old, newest, path)

    def read_export(self, path):
        """Checks each line; returns the ledger, the roots at the claimed sizes, and the leaf hashes
        at the proofs' indexes."""
        ledger, tree = Ledger(), Tree()
        sizes = {checkpoint.size for _, checkpoint in self.claims}
        indexes = {proof.index for _, proof in self.proofs}
        roots, leaves = {0: tree.root()}, {}
        with open(path, "rb") as export:
            for number, line in enumerate(export):
                where = f"{path}:{number + 1}"
                if not line.endswith(b"\n"):
                    self.finding(where, "a line without its end")
                leaf = self.attempt(where, ledger.add, line.removesuffix(b"\n"))
                node = leaf_hash(leaf or b"")
                tree.add(node)
                if number in indexes:
                    leaves[number] = node
                if tree.size in sizes:
                    roots[tree.size] = tree.root()
        return ledger, roots, leaves

    def check_claims(self, roots, leaves):
        for where, checkpoint in self.claims:
            if checkpoint.size not in roots:
                self.finding(where, f"{checkpoint.size} entries are claimed, the export has fewer")
            elif roots[checkpoint.size] != checkpoint.root:
                self.finding(where, f"the first {checkpoint.size} entries have another root")
        for where, proof in self.proofs:
            self.attempt(where, check_proof, proof, leaves)


def check_proof(proof, leaves):
    if proof.index not in leaves:
        raise Invalid(f"the export has no entry {proof.index}")
    root = root_of_inclusion(proof.index, proof.checkpoint.size, leaves[proof.index], proof.path)
    if root != proof.checkpoint.root:
        raise Invalid(f"entry {proof.index} is not in the tree")


def read(path):
    with open(path, "rb") as file:
        return file.read()


def options_of(words):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("export")
    parser.add_argument("--keys")
    parser.add_argument("--checkpoint")
    parser.add_argument("--proof", action="append", default=[])
    parser.add_argument("--consistency", nargs=2, action="append", default=[],
                        metavar=("OLD_CHECKPOINT", "HASHES"))
    options = parser.parse_args(words)
    if (options.checkpoint or options.proof) and not options.keys:
        parser.error("a checkpoint proves nothing without --keys")
    if options.consistency and not options.checkpoint:
        parser.error("--consistency needs --checkpoint")
    return options


def summary(ledger, newest):
    text = f"verified: {ledger.entries} entries of {len(ledger.chains)} sessions"
    text += f", {ledger.erased} of them erased" if ledger.erased else ""
    if newest is None:
        return text + "; no checkpoint was given that says that they are all"
    return (f"{text}; {newest.origin} signed the first {newest.size}, "
            f"{ledger.entries - newest.size} are newer")


def main(words):
    options = options_of(words)
    verifier = Verifier()
    newest = None
    try:
        keys = verifier.attempt(options.keys, lambda: [
            Key.parse(line) for line in read(options.keys).decode().split()]) \
            if options.keys else []
        if keys is None:
            return 1
        if options.checkpoint:
            newest = verifier.claim(options.checkpoint, verifier.attempt(
                options.checkpoint, open_checkpoint, read(options.checkpoint), keys))
        for path in options.proof:
            verifier.add_proof(path, keys)
        for old, hashes in options.consistency:
            verifier.add_consistency(old, hashes, newest, keys)
        ledger, roots, leaves = verifier.read_export(options.export)
    except OSError as error:
        print(error, file=sys.stderr)
        return 2
    verifier.check_claims(roots, leaves)
    if verifier.findings:
        return 1
    print(summary(ledger, newest))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
