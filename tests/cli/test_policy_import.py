"""policy import: files from elsewhere come into a configuration as a whole, or not at all."""

import os
import stat
import subprocess

import pytest

FINE = '@id("{}") permit(principal, action == Aegis::Action::"FileRead", resource in ' \
       'Aegis::Resource::"@dir");\n'


@pytest.fixture
def work(aegis):
    aegis("init", "work", "--policy", "project").ok()
    return aegis.state / "work/policies"


def listed(aegis):
    return aegis("policy", "list", "work", "--json").ok().json("policy-list")


def test_a_file_is_added_and_told(aegis, work):
    (aegis.project / "own.cedar").write_text(FINE.format("own"))
    before = listed(aegis)
    done = aegis("policy", "import", "own.cedar", "--config", "work").ok()
    assert "permit" in done.out and "own" in done.out and "FileRead" in done.out
    after = listed(aegis)
    assert after["digest"] in done.out and after["digest"] != before["digest"]
    assert len(after["policies"]) == len(before["policies"]) + 1
    assert stat.S_IMODE((work / "own.cedar").stat().st_mode) == 0o600
    aegis("run", "--config", "work", "--", "true").ok()


def test_json_of_an_import(aegis, work):
    (aegis.project / "p.cedar").write_text("permit(principal, action, resource);")
    done = aegis("policy", "import", "p.cedar", "--config", "work", "--name", "wide.cedar", "--json").ok()
    document = done.json("policy-import")
    assert document["added"][0]["id"] == "wide:1" and document["digest"] == listed(aegis)["digest"]
    assert document["warnings"] == ['policy "wide:1" permits any action on everything']
    assert document["replaced"] == [] and (work / "wide.cedar").exists()


def test_standard_input(aegis, work):
    done = subprocess.run(
        [aegis.binary, "policy", "import", "-", "--name", "in.cedar", "--config", "work"],
        input=FINE.format("in"), env=aegis.env, cwd=aegis.project, capture_output=True, text=True,
        check=True)
    assert "permit" in done.stdout and (work / "in.cedar").read_text() == FINE.format("in")
    aegis("policy", "import", "-", "--config", "work").failed(1, "--name own.cedar")
    with open("/dev/zero", "rb") as endless:
        done = subprocess.run(
            [aegis.binary, "policy", "import", "-", "--name", "x.cedar", "--config", "work"],
            stdin=endless, env=aegis.env, cwd=aegis.project, capture_output=True, text=True)
    assert done.returncode == 1 and "standard input: larger than 1048576 bytes" in done.stderr


def test_an_existing_file_is_kept_unless_forced(aegis, work):
    source = aegis.project / "own.cedar"
    source.write_text(FINE.format("own"))
    aegis("policy", "import", "own.cedar", "--config", "work").ok()
    source.write_text(FINE.format("other"))
    aegis("policy", "import", "own.cedar", "--config", "work").failed(1, "exists already", "--force")
    assert (work / "own.cedar").read_text() == FINE.format("own")
    done = aegis("policy", "import", "own.cedar", "--config", "work", "--force", "--json").ok()
    assert done.json("policy-import")["replaced"] == ["own.cedar"]
    assert (work / "own.cedar").read_text() == FINE.format("other")


@pytest.mark.parametrize("text,said", [
    ("permit(", "own.cedar:1:"), (FINE.format("project.read"), "is taken by a policy of"),
    (FINE.format("a") * 2, "own.cedar:2:1: the id a is taken"), ("\xff", "own.cedar:1:1"),
    ("permit(principal == ?principal, action, resource);", "template"), ("(" * 5000, "own.cedar:1:65")])
def test_what_the_whole_set_refuses_changes_nothing(aegis, work, text, said):
    taken = listed(aegis)["policies"][0]["id"]
    (aegis.project / "own.cedar").write_bytes(text.replace("project.read", taken).encode("latin-1"))
    before = aegis.tree()
    aegis("policy", "import", "own.cedar", "--config", "work").failed(1, said)
    assert aegis.tree() == before


def test_a_directory_comes_as_a_whole_or_not_at_all(aegis, work):
    many = aegis.project / "many"
    many.mkdir()
    for name in ("a", "b", "c"):
        (many / f"{name}.cedar").write_text(FINE.format(name))
    (many / "README").write_text("no policy")
    (work / "keep.txt").write_text("mine")
    aegis("policy", "import", "many", "--config", "work").ok()
    assert {"a.cedar", "b.cedar", "c.cedar", "default.cedar", "programs.cedar", "keep.txt"} == set(
        os.listdir(work))
    (many / "d.cedar").write_text(FINE.format("d"))
    aegis("policy", "import", "many", "--config", "work").failed(1, "a.cedar exists already")
    assert not (work / "d.cedar").exists()
    aegis("policy", "import", "many", "--config", "work", "--force", "-q").ok()
    assert (work / "d.cedar").exists()
    (many / "e.cedar").write_text("permit(")
    before = aegis.tree()
    aegis("policy", "import", "many", "--config", "work", "--force").failed(1, "e.cedar:1:")
    aegis("policy", "import", "many", "--config", "work", "--name", "x.cedar").failed(1, "--name")
    assert aegis.tree() == before
    assert sorted(os.listdir(aegis.state / "work")) == sorted(
        {"aegis.toml", "audit.db", "checked", "journal", "policies", "sandbox"}
        | set(os.listdir(aegis.state / "work")) - {"policies.new"})


def test_links_lead_nowhere(aegis, work):
    secret = aegis.home / "secret"
    secret.write_text(FINE.format("secret"))
    many = aegis.project / "many"
    many.mkdir()
    (many / "a.cedar").symlink_to(secret)
    before = aegis.tree()
    aegis("policy", "import", "many", "--config", "work").failed(1, "a.cedar: a link")
    os.mkfifo(many / "b.cedar")
    (many / "a.cedar").unlink()
    aegis("policy", "import", "many", "--config", "work").failed(1, "not a regular file")
    assert aegis.tree() == before
    # A link where the file is to lie is replaced, and never written through.
    outside = aegis.home / "outside"
    outside.write_text(FINE.format("outside"))
    (work / "own.cedar").symlink_to(outside)
    (aegis.project / "own.cedar").write_text(FINE.format("own"))
    aegis("policy", "import", "own.cedar", "--config", "work").failed(1, "exists already")
    aegis("policy", "import", "own.cedar", "--config", "work", "--force").ok()
    assert outside.read_text() == FINE.format("outside") and not (work / "own.cedar").is_symlink()


def test_places_that_would_have_no_effect(aegis, work):
    (aegis.project / "own.cedar").write_text(FINE.format("own"))
    (aegis.project / "own.txt").write_text(FINE.format("own"))
    aegis("policy", "import", "own.txt", "--config", "work").failed(1, "is no name of a policy file")
    for name in ("../x.cedar", ".x.cedar", "x", "a/b.cedar"):
        aegis("policy", "import", "own.cedar", "--config", "work", "--name", name).failed(
            1, "is no name of a policy file")
    aegis("policy", "import", "own.cedar", "--config", "none").failed(1, 'no configuration "none"')
    aegis("policy", "import").failed(2, "which policies?")
    toml = aegis.state / "work/aegis.toml"
    toml.write_text(f'policy_paths = ["{aegis.project}/own.cedar"]\n')
    aegis("policy", "import", "own.cedar", "--config", "work").failed(1, "policy_paths has no")


def test_beside_default_deny_it_is_told_that_nothing_helps(aegis):
    aegis("init", "shut").ok()
    (aegis.project / "own.cedar").write_text(FINE.format("own"))
    done = aegis("policy", "import", "own.cedar", "--config", "shut").ok()
    assert "forbids everything" in done.err
