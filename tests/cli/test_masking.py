"""[ledger] mask: patterns of one's own, what they keep out of the ledger, and wrong ones."""

import pathlib

import pytest

SECRET = "ACME-12345678"
OTHER = "ACME-1234"  # the pattern wants eight digits


def configure(aegis, mask, policy="project"):
    aegis("init", "a", "--policy", policy).ok()
    file = aegis.state / "a/aegis.toml"
    file.write_text(file.read_text(encoding="utf-8") + f"\n[ledger]\nmask = {mask}\n",
                    encoding="utf-8")


def stored(aegis):
    """All bytes that lie below the state directory, but for the settings."""
    return b"\n".join(path.read_bytes() for path in pathlib.Path(aegis.state).rglob("*")
                      if path.is_file() and path.name != "aegis.toml")


@pytest.mark.usefixtures("gate")
@pytest.mark.parametrize("verb", [["run", "--config"], ["wrap", "--name"]])
def test_what_an_own_pattern_finds_is_nowhere_in_the_ledger(aegis, verb):
    configure(aegis, '["ACME-[0-9]{8}", "pin=([0-9]+)"]')
    script = f"/bin/echo {SECRET} {OTHER} pin=777123 > /dev/null; /bin/echo x-{SECRET} > /dev/null"
    aegis(*verb, "a", "--tag", f"try {SECRET}", "--", "sh", "-c", script, SECRET, OTHER).ok()
    assert SECRET.encode() not in stored(aegis) and b"777123" not in stored(aegis)
    assert OTHER.encode() in stored(aegis), "what no pattern finds stays"
    queried = aegis("audit", "query", "a", "--json").ok().out
    assert SECRET not in queried and OTHER in queried and "pin=[masked]" in queried
    assert SECRET not in aegis("log", "a", "--last", "1000").ok().out
    assert aegis("audit", "query", "a", "--search", SECRET).ok().out == ""
    (session,) = aegis("audit", "sessions", "a", "--json").ok().json()
    assert session["tag"] == "try [masked]"
    aegis("audit", "verify", "a").ok()


@pytest.mark.usefixtures("gate")
def test_without_the_pattern_it_is_there(aegis):
    configure(aegis, "[]")
    aegis("run", "--config", "a", "--", "sh", "-c", ":", SECRET).ok()
    assert SECRET in aegis("audit", "query", "a", "--json").ok().out


@pytest.mark.usefixtures("gate")
def test_bytes_beside_a_secret_do_not_hide_it(aegis):
    configure(aegis, r"""['\bACME-[0-9]{8}']""")
    for before in (b"\xff", b"\xc3", b"\\"):
        words = [b"run", b"--config", b"a", b"--", b"sh", b"-c", b":", before + SECRET.encode()]
        aegis(*words).ok()
    assert SECRET.encode() not in stored(aegis)


@pytest.mark.parametrize("pattern,why", [
    ("a[", "missing ]"), ("", "it is empty"), ("a*", "matches the empty text"),
    (r"\b", "matches the empty text"), ("a(?=b)", "invalid perl operator"),
    ("(.{1000}){1000}", "invalid repetition size"), (".{1000}", "too large")])
def test_wrong_patterns_run_nothing(aegis, pattern, why):
    configure(aegis, f"['fine', '{pattern}']")
    before = aegis.tree()
    for words in (["run", "--config"], ["wrap", "--name"]):
        aegis(*words, "a", "--", "touch", "ran").failed(125, "aegis.toml", f'"{pattern}"', why)
    assert aegis.tree() == before and not (aegis.project / "ran").exists()
    status = aegis("status", "a", "--json")
    assert status.code == 1 and why in status.json()["mask_error"]
    assert not status.json()["healthy"]
    shown = aegis("status", "a")
    assert shown.code == 1 and "masking        unusable" in shown.out and why in shown.out


def test_patterns_are_checked_and_shown(aegis):
    configure(aegis, '["ACME-[0-9]{8}", "b+"]')
    shown = aegis("config", "show", "a").ok().out
    assert '\n[ledger]\nmask = ["ACME-[0-9]{8}", "b+"]\n' in shown
    shown = aegis("config", "show", "a", "--json").ok().json()
    assert shown["ledger"]["mask"] == ["ACME-[0-9]{8}", "b+"]
    status = aegis("status", "a", "--json").ok().json()
    assert status["masks"] == 2 and status["mask_error"] is None
    assert "known forms of secrets, and 2 patterns" in aegis("status", "a").ok().out


def test_without_patterns_nothing_is_said(aegis):
    aegis("init", "a").ok()
    assert "masking" not in aegis("status", "a").ok().out
    assert aegis("status", "a", "--json").ok().json()["masks"] == 0
    assert "mask" not in aegis("config", "show", "a").ok().out
