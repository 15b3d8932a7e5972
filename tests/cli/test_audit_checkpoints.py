"""audit checkpoint, prove, tiles, keys and verify: what a ledger shows to those who do not trust it."""

import base64
import hashlib
import os
import shutil
import sqlite3
import stat

import pytest

pytestmark = pytest.mark.usefixtures("gate")


@pytest.fixture
def recorded(aegis):
    """Two sessions, each of which ended with a checkpoint."""
    init(aegis, "a")
    aegis("run", "--config", "a", "--", "sh", "-c", "echo x > f").ok()
    aegis("run", "--config", "a", "--", "sh", "-c", "cat f; cat f").ok()
    return aegis


def init(aegis, name):
    aegis("init", name, "--policy", "project", "--dir", str(aegis.project)).ok()


def run(aegis, name="a"):
    return aegis("run", "--config", name, "--", "true").ok()


def out(aegis, *words):
    return aegis("audit", *words).ok().out


def kept(aegis, text, name="kept"):
    path = aegis.root / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def size_of(checkpoint):
    return int(checkpoint.split("\n")[1])


def root_of(checkpoint):
    return base64.b64decode(checkpoint.split("\n")[2])


def database(aegis, sql, name="a"):
    with sqlite3.connect(aegis.state / name / "audit.db") as connection:
        rows = connection.execute(sql).fetchall()
    connection.close()
    return rows


def leaf_hashes(aegis):
    hashes = []
    for entry in aegis("audit", "export", "a", "--format", "jsonl").ok().lines():
        leaf = (f'{{"hash":"{entry["hash"]}","seq":{entry["seq"]},'
                f'"session_id":"{entry["session_id"]}","tenant_id":"{entry["tenant_id"]}"}}')
        hashes.append(hashlib.sha256(b"\0" + leaf.encode()).digest())
    return hashes


def root_over(hashes):
    if len(hashes) == 1:
        return hashes[0]
    left = 1 << ((len(hashes) - 1).bit_length() - 1)
    return hashlib.sha256(b"\1" + root_over(hashes[:left]) + root_over(hashes[left:])).digest()


def climb(index, size, leaf, path):
    """The root to which a proof of inclusion leads: RFC 9162, section 2.1.3.2."""
    last = size - 1
    for node in path:
        if index & 1 or index == last:
            leaf = hashlib.sha256(b"\1" + node + leaf).digest()
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            leaf = hashlib.sha256(b"\1" + leaf + node).digest()
        index, last = index >> 1, last >> 1
    return leaf if last == 0 else None


# --- checkpoint ---


def test_a_checkpoint_covers_all_entries(recorded):
    checkpoint = out(recorded, "checkpoint", "a")
    origin, size, _root, blank, signature = checkpoint.rstrip("\n").split("\n")
    assert origin.startswith("localhost/aegis/a/") and blank == ""
    assert signature.startswith(f"— {origin} ")
    hashes = leaf_hashes(recorded)
    assert int(size) == len(hashes) and root_of(checkpoint) == root_over(hashes)
    assert out(recorded, "checkpoint", "--config", "a") == checkpoint
    key = out(recorded, "checkpoint", "a", "--key")
    assert key.startswith(origin + "+") and len(key.splitlines()) == 1


def test_each_run_ends_with_a_checkpoint(recorded):
    noted = (recorded.state / "a/checkpoint").read_text(encoding="utf-8")
    assert database(recorded, "SELECT note FROM checkpoints ORDER BY size DESC")[0][0] == noted
    assert out(recorded, "checkpoint", "a") == noted
    run(recorded)
    assert size_of((recorded.state / "a/checkpoint").read_text(encoding="utf-8")) > size_of(noted)
    report = recorded("audit", "verify", "a", "--json").ok().json("audit-verify")
    assert report["signed_entries"] == report["entries"] and report["checkpoints"] == 4
    assert report["witnessed"] is None
    assert "signed up to entry" in out(recorded, "verify", "a")


def test_a_fresh_configuration_has_the_empty_tree(aegis):
    init(aegis, "a")
    checkpoint = out(aegis, "checkpoint", "a")
    assert size_of(checkpoint) == 0 and root_of(checkpoint) == hashlib.sha256().digest()
    assert "valid" in out(aegis, "verify", "a")
    run(aegis)
    aegis("audit", "verify", "a", "--checkpoint", kept(aegis, checkpoint)).ok()


# --- verify ---


def test_verify_against_what_was_kept(recorded):
    older = kept(recorded, out(recorded, "checkpoint", "a"), "older")
    run(recorded)
    newer = kept(recorded, out(recorded, "checkpoint", "a"), "newer")
    recorded("audit", "verify", "a", "--checkpoint", older, "--checkpoint", newer).ok()
    recorded("audit", "verify", "--checkpoint", older, "a").ok()
    init(recorded, "b")
    run(recorded, "b")
    foreign = kept(recorded, out(recorded, "checkpoint", "b"), "foreign")
    done = recorded("audit", "verify", "a", "--checkpoint", older, "--checkpoint", foreign)
    assert done.code == 1 and "another log" in done.out and foreign in done.out
    for text in ("", "x", out(recorded, "checkpoint", "a").replace("\n\n", "\n")):
        done = recorded("audit", "verify", "a", "--checkpoint", kept(recorded, text, "bad"))
        assert done.code == 1 and "holds no checkpoint of this ledger" in done.err and done.out == ""
    recorded("audit", "verify", "a", "--checkpoint", str(recorded.root / "nothing")).failed(
        1, "nothing")


def test_verify_against_what_a_witness_file_kept(recorded):
    file = recorded.root / "witness"
    recorded("run", "--config", "a", "--witness", str(file), "--", "true").ok()
    recorded("run", "--config", "a", "--witness", str(file), "--", "true").ok()
    assert file.read_bytes().count(b"\f") >= 2
    recorded("audit", "verify", "a", "--checkpoint", str(file)).ok()
    # Of another ledger.
    init(recorded, "b")
    run(recorded, "b")
    assert recorded("audit", "verify", "b", "--checkpoint", str(file)).code == 1
    # Of a longer one than this.
    shutil.rmtree(recorded.state / "a")
    init(recorded, "a")
    run(recorded, "a")
    assert recorded("audit", "verify", "a", "--checkpoint", str(file)).code == 1


def test_a_rewritten_history_is_found_by_what_was_kept(recorded):
    """All entries exchanged for others: right by itself, signed by a key of its own."""
    checkpoint = kept(recorded, out(recorded, "checkpoint", "a"))
    key = out(recorded, "checkpoint", "a", "--key").strip()
    recorded("audit", "verify", "a", "--checkpoint", checkpoint, "--key", key).ok()
    init(recorded, "b")
    for _ in range(3):
        run(recorded, "b")
    for name in ("audit.db", "checkpoint", "ledger.key"):
        shutil.copy(recorded.state / "b" / name, recorded.state / "a" / name)
    recorded("audit", "verify", "a").ok()
    assert recorded("audit", "verify", "a", "--checkpoint", checkpoint).code == 1
    done = recorded("audit", "verify", "a", "--key", key)
    assert done.code == 1 and "key is another" in done.out


def test_verify_with_wrong_keys(recorded):
    key = out(recorded, "checkpoint", "a", "--key").strip()
    recorded("audit", "verify", "a", "--key", key).ok()
    for other in ("", "x", key[:-4] + "AAAA", key + "x", key.replace("localhost", "localhosd")):
        done = recorded("audit", "verify", "a", "--key", key, "--key", other)
        assert done.code == 1 and f'--key: "{other}" is no verifier key' in done.err, done


def test_verify_reads_alike_on_any_number_of_threads(recorded):
    reports = [recorded("audit", "verify", "a", "--json", "--threads", n).ok().out
               for n in ("1", "2", "5", "1000000")]
    assert len(set(reports)) == 1
    for wrong in ("0", "-1", "x", ""):
        recorded("audit", "verify", "a", "--threads", wrong).failed(2)


# --- prove ---


def test_entries_are_proved_by_index_seq_and_hash(recorded):
    checkpoint = out(recorded, "checkpoint", "a")
    hashes = leaf_hashes(recorded)
    entries = recorded("audit", "export", "a", "--format", "jsonl").ok().lines()
    for index in (0, 1, len(entries) // 2, len(entries) - 1):
        proof = out(recorded, "prove", "a", "--index", str(index))
        head, _, note = proof.partition("\n\n")
        first, place, *path = head.split("\n")
        assert (first, place, note) == ("c2sp.org/tlog-proof@v1", f"index {index}", checkpoint)
        path = [base64.b64decode(line) for line in path]
        assert climb(index, len(hashes), hashes[index], path) == root_of(checkpoint)
        entry = entries[index]
        whole = f"{entry['session_id']}:{entry['seq']}"
        for name in (whole, entry["hash"]):
            assert out(recorded, "prove", "a", "--entry", name) == proof
    others = [e["session_id"] for e in entries if e["session_id"] != entries[0]["session_id"]]
    mine = entries[0]["session_id"]
    prefix = next(mine[:n] for n in range(1, 40) if not any(o.startswith(mine[:n]) for o in others))
    assert out(recorded, "prove", "a", "--entry", f"{prefix}:0") == \
        out(recorded, "prove", "a", "--index", "0")


@pytest.mark.parametrize("words", [
    [], ["--index", "0", "--entry", "x:0"], ["--index", "-1"], ["--index", "x"],
    ["--index", "0", "--consistency", "f"], ["--index", "99999999999999999999"], ["--nope"]])
def test_what_to_prove_is_one_thing(recorded, words):
    recorded("audit", "prove", "a", *words).failed(2)


def test_what_is_not_there_is_not_proved(recorded):
    for words in (["--index", "99999"], ["--index", "9223372036854775807"], ["--entry", "x"],
                  ["--entry", "nobody:0"], ["--entry", "0" * 64], ["--entry", ":0"],
                  ["--consistency", str(recorded.root / "nothing")]):
        done = recorded("audit", "prove", "a", *words).failed(1)
        assert done.out == ""


def test_a_damaged_ledger_gives_no_proof(recorded):
    out(recorded, "prove", "a", "--index", "0")
    database(recorded, "UPDATE entries SET hash = zeroblob(32) WHERE id = 2")
    done = recorded("audit", "prove", "a", "--index", "0").failed(1, "audit verify")
    assert done.out == ""


def test_growth_is_proved(recorded):
    older = out(recorded, "checkpoint", "a")
    path = kept(recorded, older)
    assert out(recorded, "prove", "a", "--consistency", path) == ""
    run(recorded)
    lines = out(recorded, "prove", "a", "--consistency", path).splitlines()
    assert lines and all(len(base64.b64decode(line, validate=True)) == 32 for line in lines)
    init(recorded, "b")
    run(recorded, "b")
    recorded("audit", "prove", "b", "--consistency", path).failed(1, "another log")
    swapped = older.replace(older.split("\n")[2], base64.b64encode(bytes(32)).decode())
    recorded("audit", "prove", "a", "--consistency", kept(recorded, swapped)).failed(
        1, "does not extend")
    larger = older.replace(f"\n{size_of(older)}\n", "\n100000\n")
    recorded("audit", "prove", "a", "--consistency", kept(recorded, larger)).failed(1, "larger")
    recorded("audit", "prove", "a", "--consistency", kept(recorded, "x")).failed(1)


# --- tiles ---


def test_tiles_are_added_to(recorded):
    where = recorded.root / "www/log"
    done = recorded("audit", "tiles", "a", "--out", str(where)).ok()
    size = size_of(out(recorded, "checkpoint", "a"))
    assert f"3 files written, for a tree of {size} entries" in done.err

    def files():
        return {str(p.relative_to(where)): (p.read_bytes(), p.stat().st_ino)
                for p in where.rglob("*") if p.is_file()}
    before = files()
    assert set(before) == {"checkpoint", f"tile/0/000.p/{size}", f"tile/entries/000.p/{size}"}
    hashes = leaf_hashes(recorded)
    assert before[f"tile/0/000.p/{size}"][0] == b"".join(hashes)
    loop = "i=0; while [ $i -lt 300 ]; do echo $i > f$i; i=$((i+1)); done"
    recorded("run", "--config", "a", "--", "sh", "-c", loop).ok()
    recorded("audit", "tiles", "a", "--out", str(where)).ok()
    after = files()
    assert {"tile/0/000", "tile/entries/000", "tile/0/001.p/" +
            str(size_of(out(recorded, "checkpoint", "a")) - 256)} <= set(after)
    for name, content in before.items():
        assert name == "checkpoint" or after[name] == content, f"{name} was written again"
    recorded("audit", "tiles", "a", "--out", str(where)).ok()
    again = files()
    assert {name for name in again if again[name] != after[name]} == {"checkpoint"}
    assert stat.S_IMODE((where / "checkpoint").stat().st_mode) & 0o444


def test_tiles_of_another_tree_stay(recorded):
    where = recorded.root / "www"
    recorded("audit", "tiles", "a", "--out", str(where)).ok()
    before = (where / "checkpoint").read_bytes()
    init(recorded, "b")
    run(recorded, "b")
    recorded("audit", "tiles", "b", "--out", str(where)).failed(1, "another log")
    larger = before.replace(b"\n%d\n" % size_of(before.decode()), b"\n100000\n")
    for text in (larger, b"x", b""):
        (where / "checkpoint").write_bytes(text)
        recorded("audit", "tiles", "a", "--out", str(where)).failed(1, "checkpoint")
        assert (where / "checkpoint").read_bytes() == text


def test_where_tiles_go_is_said(recorded):
    recorded("audit", "tiles", "a").failed(2, "--out")
    recorded("audit", "tiles", "a", "--out", "").failed(2)
    recorded("audit", "tiles", "a", "--out", str(recorded.project / "f" / "x")).failed(1)


# --- keys ---


def test_a_key_hands_over_to_the_next(recorded):
    first = out(recorded, "keys", "a").splitlines()
    assert first == [out(recorded, "checkpoint", "a", "--key").strip()]
    older = kept(recorded, out(recorded, "checkpoint", "a"))
    secret = (recorded.state / "a/ledger.key").read_bytes()
    keys = out(recorded, "keys", "a", "--rotate").splitlines()
    assert keys[:1] == first and len(keys) == 2
    assert (recorded.state / "a/ledger.key").read_bytes() != secret
    assert stat.S_IMODE((recorded.state / "a/ledger.key").stat().st_mode) == 0o600
    assert out(recorded, "checkpoint", "a", "--key").strip() == keys[1]
    assert out(recorded, "checkpoint", "a") == (recorded.root / "kept").read_text(encoding="utf-8")
    run(recorded)
    newer = kept(recorded, out(recorded, "checkpoint", "a"), "newer")
    for key in keys:
        recorded("audit", "verify", "a", "--checkpoint", older, "--checkpoint", newer,
                 "--key", key).ok()
    as_json = recorded("audit", "keys", "a", "--json").ok().json("audit-keys")
    assert [k["verifier"] for k in as_json] == keys
    assert [k["role"] for k in as_json] == ["log", "log"] and as_json[0]["endorsement"] == ""
    name = keys[0].split("+")[0]
    body, _, signature = as_json[1]["endorsement"].rpartition("\n\n")
    size = size_of((recorded.root / "kept").read_text(encoding="utf-8"))
    assert body == f"aegis-ledger-key/v1\n{name}\n{size}\n{keys[1]}"
    assert signature.startswith(f"— {name} ")


def test_the_secret_is_shown_nowhere(recorded):
    secret = (recorded.state / "a/ledger.key").read_text(encoding="utf-8").strip().split("+")[-1]
    for words in (["checkpoint", "a"], ["checkpoint", "a", "--key"], ["keys", "a", "--json"],
                  ["export", "a"], ["verify", "a", "--json"]):
        done = recorded("audit", *words).ok()
        assert secret not in done.out + done.err
    (recorded.state / "a/ledger.key").write_text("PRIVATE+KEY+x" + secret, encoding="utf-8")
    database(recorded, "DELETE FROM checkpoints")
    assert secret not in recorded("audit", "checkpoint", "a").failed(1, "ledger.key").err


@pytest.mark.parametrize("spoil", [
    lambda path: path.chmod(0o644), lambda path: path.write_text("x"), lambda path: path.unlink(),
    lambda path: (path.rename(f"{path}2"), path.symlink_to(f"{path}2"))])
def test_a_key_that_cannot_sign_stops_no_run(recorded, spoil):
    spoil(recorded.state / "a/ledger.key")
    done = run(recorded)
    assert "no checkpoint was made" in done.err
    recorded("audit", "checkpoint", "a").failed(1, "ledger.key")
    recorded("audit", "verify", "a").ok()
    assert out(recorded, "keys", "a") and out(recorded, "checkpoint", "a", "--key")


# --- a ledger that is not what it was ---


def test_an_older_copy_is_not_gone_on_with(recorded):
    ledger = recorded.state / "a/audit.db"
    old = ledger.read_bytes()
    run(recorded)
    newest = kept(recorded, out(recorded, "checkpoint", "a"))
    ledger.write_bytes(old)
    noted = (recorded.state / "a/checkpoint").read_bytes()
    done = recorded("run", "--config", "a", "--", "true")
    assert done.code == 125 and "rolled back" in done.err and "aegis audit verify" in done.err
    for words in (["checkpoint", "a"], ["prove", "a", "--index", "0"], ["keys", "a", "--rotate"],
                  ["tiles", "a", "--out", str(recorded.root / "www")]):
        recorded("audit", *words).failed(1, "rolled back")
    assert ledger.read_bytes() == old
    assert (recorded.state / "a/checkpoint").read_bytes() == noted
    done = recorded("audit", "verify", "a")
    assert done.code == 1 and "rolled back" in done.out
    (recorded.state / "a/checkpoint").unlink()  # without it only what was kept tells
    recorded("audit", "verify", "a").ok()
    done = recorded("audit", "verify", "a", "--checkpoint", newest)
    assert done.code == 1 and "truncated" in done.out


def test_an_emptied_ledger_is_not_gone_on_with(recorded):
    for path in (recorded.state / "a").glob("audit.db*"):
        path.unlink()
    done = recorded("run", "--config", "a", "--", "true")
    assert done.code == 125 and "move audit.db, checkpoint and ledger.key" in done.err
    for name in ("audit.db", "checkpoint", "ledger.key"):  # as it says
        (recorded.state / "a" / name).rename(recorded.state / "a" / f"{name}.old")
    run(recorded)
    recorded("audit", "verify", "a").ok()


def test_an_edited_ledger_is_not_gone_on_with(recorded):
    database(recorded, "UPDATE tree SET nodes = zeroblob(length(nodes))")
    done = recorded("run", "--config", "a", "--", "true")
    assert done.code == 125 and "does not extend" in done.err
    assert recorded("audit", "verify", "a").code == 1


# --- who may read, but not write ---


if os.geteuid() != 0:  # root may write everywhere

    def test_reading_needs_no_writing(recorded):
        checkpoint = kept(recorded, out(recorded, "checkpoint", "a"))
        keys = out(recorded, "keys", "a")
        directory = recorded.state / "a"
        try:
            for path in directory.iterdir():
                path.chmod(0o500 if path.is_dir() else 0o400)
            (directory / "ledger.key").chmod(0)
            directory.chmod(0o500)
            recorded("audit", "verify", "a", "--checkpoint", checkpoint, "--key", keys.strip()).ok()
            assert out(recorded, "keys", "a") == keys
            assert out(recorded, "checkpoint", "a", "--key") == keys
            assert out(recorded, "checkpoint", "a") == (recorded.root / "kept").read_text("utf-8")
            assert out(recorded, "prove", "a", "--index", "0")
            recorded("audit", "tiles", "a", "--out", str(recorded.root / "www")).ok()
            recorded("audit", "keys", "a", "--rotate").failed(1, "ledger.key")
            (directory / "checkpoint").chmod(0)
            recorded("audit", "verify", "a").ok()
        finally:
            directory.chmod(0o700)
