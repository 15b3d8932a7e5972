"""A ledger is verified by programs that have nothing of Aegis, and each damage is refused."""

import base64
import hashlib
import json
import pathlib
import random
import shutil
import struct

import pytest

import reference
import verify_export

VECTORS = pathlib.Path(__file__).resolve().parents[1] / "vectors"


def flip(path, at):
    """Changes one bit of the byte at a position, or of the last with -1."""
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def replace(path, old, new):
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new, 1))


def rewrite_export(made, entries):
    made.export.write_bytes(b"".join(reference.dump(entry) + b"\n" for entry in entries))


# --- as it is ---


def test_both_accept_what_is_genuine(outside, made):
    said = outside.python.accepts(*outside.export_words(made))
    assert f"verified: {len(made.entries())} entries" in said
    for words in outside.go_words(made):
        outside.go.accepts(*words)


def test_both_see_the_same_tree(outside, made):
    root, size = (made.newer.read_text(encoding="utf-8").split("\n")[at] for at in (2, 1))
    leaves = [reference.leaf_of(entry) for entry in made.entries()[:int(size)]]
    assert base64.b64encode(reference.tree_hash(leaves)).decode() == root
    assert f"{size} entries, root {root}" in outside.go.accepts(
        "checkpoint", made.keys, made.newer)


def test_an_export_alone_is_verified_as_such(outside, made):
    assert "no checkpoint was given" in outside.python.accepts(made.export)
    assert outside.python.run(made.export, "--checkpoint", made.newer).returncode == 2
    assert outside.python.run(made.root / "nothing").returncode == 2
    assert outside.go.run("checkpoint", made.keys).returncode == 2


def test_a_large_ledger_whose_key_was_rotated(outside, large, tmp_path):
    made = large.made.moved(shutil.copytree(large.made.root, tmp_path / "made"))
    assert "verified: 70" in outside.python.accepts(*outside.export_words(made))
    for words in outside.go_words(made):
        outside.go.accepts(*words)
    assert (made.tiles / "tile/2/000.p/1").stat().st_size == 32
    first, second = made.keys.read_text(encoding="utf-8").splitlines()
    for known, refused in ((first, made.newer), (second, made.older)):
        made.keys.write_text(known + "\n", encoding="utf-8")
        outside.go.refuses("checkpoint", made.keys, refused)
    flip(made.tiles / "tile/2/000.p/1", 0)
    made.keys.write_text(second + "\n", encoding="utf-8")
    outside.go.refuses("tiles", made.keys, made.tiles)


def test_a_key_is_endorsed_by_the_one_before(large):
    """As docs/ledger-format.md says."""
    first, second = (verify_export.Key.parse(key["verifier"]) for key in large.keys)
    size = large.made.older.read_text(encoding="utf-8").split("\n")[1]
    text, lines = large.keys[1]["endorsement"].encode().rsplit(b"\n\n", 1)
    text += b"\n"
    assert text.decode() == \
        f"aegis-ledger-key/v1\n{first.name}\n{size}\n{large.keys[1]['verifier']}\n"
    assert verify_export.signers_of(text, lines.rstrip(b"\n"), [first, second]) == [first]


# --- the export ---


def test_no_byte_of_the_export_can_change(outside, made):
    original = made.export.read_bytes()
    chosen = random.Random(1).sample(range(len(original)), 25)
    for at in (0, *chosen, len(original) - 1):
        flip(made.export, at)
        outside.python.refuses(*outside.export_words(made))
        made.export.write_bytes(original)
    outside.python.accepts(*outside.export_words(made))


def test_lines_can_not_be_dropped_swapped_or_repeated(outside, made):
    lines = made.export.read_bytes().splitlines(keepends=True)
    size = int(made.newer.read_text(encoding="utf-8").split("\n")[1])
    damaged = [
        lines[1:], lines[:3] + lines[4:], lines[:4] + lines[3:], lines[:size - 1],
        lines[:1] + [lines[2], lines[1]] + lines[3:], lines[:5] + [b"\n"] + lines[5:],
        lines[:-1] + [lines[-1].rstrip(b"\n")], lines[:5] + [b" " + lines[5]] + lines[6:]]
    for kept in damaged:
        made.export.write_bytes(b"".join(kept))
        outside.python.refuses(*outside.export_words(made))


def test_sessions_can_not_change_places(outside, made):
    entries = made.entries()
    entries.sort(key=lambda entry: entry["session_id"], reverse=True)
    rewrite_export(made, entries)
    outside.python.accepts(made.export)  # each chain is whole
    outside.python.refuses(*outside.export_words(made))


def test_a_forged_chain_has_another_root(outside, made):
    entries = made.entries()
    with_erased = {entry["session_id"] for entry in entries if "erased" in entry}
    index = next(i for i, e in enumerate(entries) if e["session_id"] not in with_erased)
    rewrite_export(made, reference.forge(entries, index, lambda e: e["payload"].update(x=1)))
    outside.python.accepts(made.export)  # every hash and link is right
    assert "have another root" in outside.python.refuses(*outside.export_words(made))


def test_an_erased_entry_keeps_its_place(outside, made):
    entries = made.entries()
    entries[1] = reference.erase(entries[1])
    rewrite_export(made, entries)
    assert "erased" in outside.python.accepts(*outside.export_words(made))
    for change in ({"hash": "0" * 64}, {"tenant_id": "x"}, {"erased": False}, {"payload": {}},
                   {"seq": entries[1]["seq"] + 1}):
        rewrite_export(made, [*entries[:1], {**entries[1], **change}, *entries[2:]])
        outside.python.refuses(*outside.export_words(made))


@pytest.mark.parametrize("line", [
    b"", b"1", b"[]", b"{}", b"{", b"nul", b'{"a":NaN}', b'{"a":1e999}', b'{"a":1,"a":1}', b"\xff",
    b'"\\ud800"', b"[" * 100, b"[" * 100000])
def test_hostile_lines_are_findings(python, tmp_path, line):
    (tmp_path / "export").write_bytes(line + b"\n")
    python.refuses(tmp_path / "export")


@pytest.mark.parametrize("change", [
    {"seq": 0.5}, {"seq": -1}, {"seq": "0"}, {"seq": True}, {"event_type": ""},
    {"session_id": ".a"}, {"session_id": "a/b"}, {"user_id": "u" * 257}, {"payload": []},
    {"ts_unix_ms": 2**60}, {"prev_hash": "A" * 43 + "="}, {"more": 1}, {"tenant_id": None}])
def test_entries_of_a_wrong_form_are_findings(python, tmp_path, change):
    entry = reference.make_session("s", 1)[0]
    (tmp_path / "export").write_bytes(reference.dump(entry) + b"\n")
    python.accepts(tmp_path / "export")
    changed = reference.seal({**entry, **change})
    (tmp_path / "export").write_bytes(reference.dump(changed) + b"\n")
    python.refuses(tmp_path / "export")


# --- checkpoints ---


def damaged_notes(note):
    """The same checkpoint, each time with one thing wrong."""
    text, _, lines = note.rpartition(b"\n\n")
    origin, size, root = text.split(b"\n")
    first, *others = lines.splitlines(keepends=True)
    name, signature = first.split(b" ")[1:]
    turned = b"B" if signature[40:41] == b"A" else b"A"

    def with_body(*body):
        return b"\n".join(body) + b"\n\n" + lines

    yield with_body(origin, str(int(size) + 1).encode(), root)
    yield with_body(origin, b"0" + size, root)
    yield with_body(origin, size, base64.b64encode(bytes(32)))
    yield with_body(origin + b"x", size, root)
    yield with_body(origin, size, root, b"extension")
    yield with_body(origin, size)
    yield text + b"\n\n" + b"".join(others)
    yield text + b"\n\n" + first.replace(signature, signature[:40] + turned + signature[41:])
    yield text + b"\n\n" + first.replace(name, b"somebody")
    yield text + b"\n\n" + first.replace("—".encode(), b"-")
    yield note[:-1]
    yield text + b"\n"
    yield b"\x01" + note
    yield b""


def test_no_part_of_a_checkpoint_can_change(outside, made):
    original = made.newer.read_bytes()
    for note in damaged_notes(original):
        made.newer.write_bytes(note)
        outside.go.refuses("checkpoint", made.keys, made.newer)
        outside.python.refuses(made.export, "--keys", made.keys, "--checkpoint", made.newer)


def test_somebody_else_s_key_verifies_nothing(outside, made):
    for key in (reference.Signer("other"), reference.Signer(reference.LOG.name + "2")):
        made.keys.write_text(key.verifier(), encoding="utf-8")
        outside.go.refuses("checkpoint", made.keys, made.newer)
        outside.python.refuses(*outside.export_words(made))
    key = reference.LOG.verifier()
    for text in ("", "x", key.replace("ledger+", "ledgers+"), key.replace("+A", "+B")):
        made.keys.write_text(text, encoding="utf-8")
        outside.go.refuses("checkpoint", made.keys, made.newer)
        outside.python.refuses(*outside.export_words(made))


def test_a_signed_note_of_another_origin_is_no_checkpoint_of_the_log(outside, made):
    leaves = [reference.leaf_of(entry) for entry in made.entries()]
    made.keys.write_text(reference.LOG.verifier(), encoding="utf-8")
    made.newer.write_bytes(reference.checkpoint(leaves, reference.LOG))
    outside.go.accepts("checkpoint", made.keys, made.newer)
    made.newer.write_bytes(reference.checkpoint(leaves, reference.LOG, origin="other.example"))
    outside.go.refuses("checkpoint", made.keys, made.newer)
    outside.python.refuses(made.export, "--keys", made.keys, "--checkpoint", made.newer)


def test_a_witness_that_is_named_must_have_cosigned(outside, made):
    leaves = [reference.leaf_of(entry) for entry in made.entries()]
    log, witness = reference.LOG, reference.WITNESS
    stamp = reference.checkpoint(leaves, log, witness)
    wrong = reference.checkpoint(leaves[:-1], log, witness).splitlines(keepends=True)[-1]
    made.keys.write_text(log.verifier() + witness.verifier(), encoding="utf-8")
    words = [made.export, "--keys", made.keys, "--checkpoint", made.newer]
    for note, good in ((stamp, True), (reference.checkpoint(leaves, log), False),
                       (reference.checkpoint(leaves, witness, origin=log.name), False),
                       (reference.checkpoint(leaves, log) + wrong, False)):
        made.newer.write_bytes(note)
        (outside.go.accepts if good else outside.go.refuses)("checkpoint", made.keys, made.newer)
        (outside.python.accepts if good else outside.python.refuses)(*words)


# --- proofs ---


def damaged_proofs(text):
    head, _, note = text.partition("\n\n")
    first, index, *path = head.split("\n")

    def joined(*lines):
        return "\n".join(lines) + "\n\n" + note

    number = int(index.split(" ")[1])
    zeros = base64.b64encode(bytes(32)).decode()
    yield joined(first, f"index {number ^ 1}", *path)
    yield joined(first, f"index {number + 100000}", *path)
    yield joined(first, f"index 0{number}", *path)
    yield joined(first, "index -1", *path)
    yield joined(first, index, *path[1:])
    yield joined(first, index, *path[:-1])
    yield joined(first, index, *path, zeros)
    yield joined(first, index, zeros, *path[1:])
    yield joined(first, index, *reversed(path))
    yield joined(first, index, path[0][:-2] + "==", *path[1:])
    yield joined(first, *path)
    yield joined(first + "x", index, *path)
    yield head + "\n"
    yield joined(first, index, *path).replace(note.split("\n")[2], zeros)


def test_no_part_of_a_proof_can_change(outside, made):
    for index, path in list(made.proofs.items())[::2]:
        original = path.read_text(encoding="utf-8")
        leaf = made.leaf(index)
        for text in damaged_proofs(original):
            path.write_text(text, encoding="utf-8")
            outside.go.refuses("inclusion", made.keys, path, leaf)
            outside.python.refuses(*outside.export_words(made))
        path.write_text(original.replace("\nindex", "\nextra AAAA\nindex"), encoding="utf-8")
        outside.go.accepts("inclusion", made.keys, path, leaf)
        outside.python.accepts(*outside.export_words(made))
        path.write_text(original, encoding="utf-8")


def test_a_proof_is_for_one_leaf(outside, made):
    indexes = list(made.proofs)
    for index, other in zip(indexes, indexes[1:]):
        outside.go.refuses("inclusion", made.keys, made.proofs[index], made.leaf(other))
    leaf = made.leaf(indexes[0])
    flip(leaf, -1)
    outside.go.refuses("inclusion", made.keys, made.proofs[indexes[0]], leaf)


def test_no_part_of_a_consistency_proof_can_change(outside, made):
    lines = made.growth.read_text(encoding="ascii").splitlines()
    zeros = base64.b64encode(bytes(32)).decode()
    for damaged in (lines[1:], lines[:-1], [*lines, zeros], [zeros, *lines[1:]], lines[::-1], [],
                    [*lines, ""], ["x", *lines[1:]], [lines[0][:-1], *lines[1:]]):
        made.growth.write_text("".join(line + "\n" for line in damaged), encoding="ascii")
        outside.go.refuses("consistency", made.keys, made.older, made.newer, made.growth)
        outside.python.refuses(*outside.export_words(made))


def test_a_shrunk_or_another_tree_is_not_consistent(outside, made):
    outside.go.refuses("consistency", made.keys, made.newer, made.older, made.growth)
    outside.go.refuses("consistency", made.keys, made.older, made.older, made.growth)
    leaves = [reference.leaf_of(entry) for entry in made.entries()]
    made.keys.write_text(reference.LOG.verifier(), encoding="utf-8")
    made.newer.write_bytes(reference.checkpoint(leaves[:200], reference.LOG))
    words = [made.export, "--keys", made.keys, "--checkpoint", made.newer,
             "--consistency", made.older, made.growth]
    for old, path in ((leaves[:99], reference.consistency(99, leaves[:200])), (leaves[:200], b""),
                      ([], b""), (leaves[:128], reference.consistency(128, leaves[:200]))):
        made.growth.write_bytes(path)
        made.older.write_bytes(reference.checkpoint(old, reference.LOG))
        outside.go.accepts("consistency", made.keys, made.older, made.newer, made.growth)
        outside.python.accepts(*words)
        if old:
            made.older.write_bytes(reference.checkpoint([b"x", *old[1:]], reference.LOG))
            outside.go.refuses("consistency", made.keys, made.older, made.newer, made.growth)
            outside.python.refuses(*words)


# --- tiles ---


def test_no_byte_of_the_tiles_can_change(go, made):
    for path in sorted(p for p in made.tiles.rglob("*") if p.is_file()):
        original = path.read_bytes()
        if path.name != "checkpoint":  # has a test of its own
            for at in (0, 1, len(original) // 2, len(original) - 1):
                flip(path, at)
                go.refuses("tiles", made.keys, made.tiles)
                path.write_bytes(original)
        for content in (original[:-1], original + b"\0", b""):
            path.write_bytes(content)
            go.refuses("tiles", made.keys, made.tiles)
        path.unlink()
        go.refuses("tiles", made.keys, made.tiles)
        path.write_bytes(original)
    go.accepts("tiles", made.keys, made.tiles)


def test_tiles_have_nothing_more_but_older_partial_ones(go, made):
    older = made.tiles / "tile/0/000.p"
    older.mkdir(parents=True, exist_ok=True)
    (older / "5").write_bytes((made.tiles / "tile/0/000").read_bytes()[:5 * 32])
    go.accepts("tiles", made.keys, made.tiles)
    flip(older / "5", 7)
    go.refuses("tiles", made.keys, made.tiles)
    (older / "5").unlink()
    for name in ("tile/0/999", "tile/9/000", "tile/notes", "tile/0/0", "tile/-1/000",
                 "tile/64/000"):
        path = made.tiles / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(bytes(256 * 32))
        go.refuses("tiles", made.keys, made.tiles)
        path.unlink()


def test_tiles_of_another_ledger_are_refused(go, made, tmp_path):
    leaves = [reference.leaf_of(entry) for entry in made.entries()[:-1]]
    reference.write_tiles(tmp_path / "other", leaves, made.newer.read_bytes())
    go.refuses("tiles", made.keys, tmp_path / "other")


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 511, 512, 70000])
def test_tiles_of_every_shape(go, tmp_path, size):
    leaves = [b"entry %d" % i for i in range(size)]
    (tmp_path / "keys").write_text(reference.LOG.verifier(), encoding="utf-8")
    note = reference.checkpoint(leaves, reference.LOG)
    reference.write_tiles(tmp_path / "tiles", leaves, note)
    assert f"{size} entries" in go.accepts("tiles", tmp_path / "keys", tmp_path / "tiles")
    if size == 70000:  # the example of the specification
        tiles = tmp_path / "tiles/tile"
        assert len([p for p in tiles.glob("0/**/*") if p.is_file()]) == 274
        assert (tiles / "0/273.p/112").is_file() and (tiles / "1/001.p/17").is_file()
        assert (tiles / "1/000").is_file() and (tiles / "2/000.p/1").is_file()


# --- the two implementations of the arithmetic, with each other ---


def test_every_small_tree(tmp_path):
    leaves = [bytes([i]) for i in range(40)]
    nodes = [verify_export.leaf_hash(leaf) for leaf in leaves]
    tree = verify_export.Tree()
    roots = [tree.root()]
    for size in range(1, len(leaves) + 1):
        tree.add(nodes[size - 1])
        roots.append(tree.root())
        assert roots[size] == reference.tree_hash(leaves[:size])
        for index in range(size):
            path = reference.inclusion_path(index, leaves[:size])
            assert verify_export.root_of_inclusion(index, size, nodes[index], path) == roots[size]
        for old in range(1, size):
            path = reference.consistency_path(old, leaves[:size])
            assert verify_export.roots_of_consistency(old, size, roots[old], path) == (
                roots[old], roots[size])
            with pytest.raises(verify_export.Invalid):
                verify_export.roots_of_consistency(old, size, roots[old], [*path, bytes(32)])


# --- RFC 8785, as verify_export.py has it ---


def test_published_canonical_forms():
    for path in sorted((VECTORS / "jcs").glob("*.in.json")):
        value = json.loads(path.read_bytes(), parse_int=float)
        out = path.with_name(path.name.replace(".in.", ".out."))
        assert verify_export.canonical(value) == out.read_bytes()


def es6_numbers():
    """The doubles of the published number file, as 64 bits; see tests/vectors/README.md."""
    for line in (VECTORS / "jcs/numbers.txt").read_text(encoding="ascii").split():
        yield int(line, 16)
    yield from range(0x0010000000000000, 0x0010000000000000 + 2000)
    block = bytes(32)
    while True:
        block = hashlib.sha256(block).digest()
        for bits in struct.unpack("<4Q", block):
            if bits << 1 & (1 << 64) - 1 and bits >> 52 & 0x7FF != 0x7FF:
                yield bits


def test_published_numbers():
    digest = hashlib.sha256()
    for _, bits in zip(range(100000), es6_numbers()):
        value = struct.unpack("<d", struct.pack("<Q", bits))[0]
        digest.update(f"{bits:x},{verify_export.number_text(value)}\n".encode())
    assert digest.hexdigest() == (
        "22776e6d4b49fa294a0d0f349268e5c28808fe7e0cb2bcbe28f63894e494d4c7")


# --- the vectors ---


def test_vectors_are_what_the_formats_say(outside, tmp_path):
    ledger = VECTORS / "ledger"
    leaves = [reference.leaf_of(json.loads(line))
              for line in (ledger / "session.jsonl").read_bytes().splitlines()]
    log, witness = reference.LOG, reference.WITNESS
    note = reference.checkpoint(leaves, log, witness)
    made = {"keys": (log.verifier() + witness.verifier()).encode(), "checkpoint": note,
            "older.checkpoint": reference.checkpoint(leaves[:3], log),
            "consistency": reference.consistency(3, leaves),
            "2.tlog-proof": reference.proof(2, leaves, note)}
    for name, content in made.items():
        assert (ledger / f"session.{name}").read_bytes() == content, name
    keys, newer, older, growth, proof = (ledger / f"session.{name}" for name in made)
    outside.python.accepts(ledger / "session.jsonl", "--keys", keys, "--checkpoint", newer,
                           "--consistency", older, growth, "--proof", proof)
    (tmp_path / "leaf").write_bytes(leaves[2])
    outside.go.accepts("inclusion", keys, proof, tmp_path / "leaf")
    outside.go.accepts("consistency", keys, older, newer, growth)
