"""policy compile: the walls that a policy makes, and that a run has just those."""

import json
import pathlib
import re
import shutil

import pytest

VECTORS = pathlib.Path(__file__).resolve().parents[1] / "vectors/seatbelt"
TEMPLATES = ["default-deny", "allow-read-only", "permit-all", "project"]
TARGETS = {"plan": {"namespaces", "root", "mounts", "proc_mounts", "masked", "landlock", "seccomp"},
           "mounts": {"root", "mounts", "proc_mounts", "masked"},
           "landlock": {"landlock"},
           "seatbelt": {"home", "profile", "notes"}}
HEAD = {"target", "config", "dir", "policies", "digest"}


@pytest.mark.parametrize("template", TEMPLATES)
def test_json_of_each_target_is_valid(aegis, template):
    for target, members in TARGETS.items():
        document = aegis("policy", "compile", template, "--target", target, "--json").ok().json(
            "policy-compile")
        assert set(document) == HEAD | members
        assert aegis("policy", "compile", template, "--target", target).ok().out
    assert not aegis.state.exists(), "looking changes nothing"


def compiled(aegis, *words):
    return aegis("policy", "compile", *words, "--json").ok().json("policy-compile")


def test_the_default_target_is_the_plan(aegis):
    assert compiled(aegis, "project") == compiled(aegis, "project", "--target", "plan")


def test_project_hides_secrets_and_shows_the_project(aegis):
    (aegis.home / ".ssh").mkdir()
    (aegis.home / "shown").mkdir()
    plan = compiled(aegis, "project")
    assert plan["root"] == "composed" and plan["dir"] == str(aegis.project)
    assert str(aegis.home / ".ssh") in plan["masked"]
    assert str(aegis.home / "shown") not in plan["masked"], "the twin"
    binds = {m["target"] for m in plan["mounts"] if m["kind"] == "bind"}
    assert {"/usr", str(aegis.project), str(aegis.home)} <= binds | {str(aegis.home)}
    rules = {rule["path"] for rule in plan["landlock"]["rules"]}
    assert {"/usr", str(aegis.project)} <= rules and str(aegis.home) not in rules
    assert "read_dir" in plan["landlock"]["handled_files"]


def test_names_are_shown_harmlessly(aegis):
    hostile = aegis.root / "a\x1b[2J\u202e"
    hostile.mkdir()
    (aegis.project / "p.cedar").write_text('permit(principal, action, resource in Aegis::Resource::"@dir");')
    done = aegis("policy", "compile", "p.cedar", "--dir", str(hostile)).ok()
    assert "\x1b" not in done.out and "\u202e" not in done.out and "\\u{1b}" in done.out
    assert compiled(aegis, "p.cedar", "--dir", str(hostile))["dir"] == str(hostile)


def test_wrong_words(aegis):
    aegis("policy", "compile", "project", "--target", "doors").failed(2, "--target is plan", "doors")
    aegis("policy", "compile", "none").failed(1, "no policy template or file", "none")
    aegis("policy", "compile", "--config", "none").failed(1, "aegis init none")
    aegis("policy", "compile").failed(1, "aegis init default")
    (aegis.project / "broken.cedar").write_text("permit(")
    aegis("policy", "compile", "broken.cedar").failed(1, "broken.cedar:1:")
    aegis("init", "a").ok()
    aegis("policy", "compile", "--config", "a", "--dir", str(aegis.state)).failed(1, "AEGIS_HOME")
    aegis("policy", "compile", "project", "--home", "/Users/me").failed(2, "--home is for --target seatbelt")
    for option in ("--home", "--dir"):
        for odd in ("here", "/a/../b", "/a//b", "/a/"):
            seatbelt(aegis, "project", option, odd).failed(1, option)


def test_configuration_says_policy_project_and_private_directories(aegis):
    aegis("init", "a", "--policy", "project", "--dir", str(aegis.project)).ok()
    plan = compiled(aegis, "--config", "a")
    assert plan["config"] == "a" and plan["dir"] == str(aegis.project)
    assert "/tmp" in {m["target"] for m in plan["mounts"] if m["kind"] == "tmpfs"}
    other = compiled(aegis, "--config", "a", "allow-read-only")
    assert other["digest"] != plan["digest"]
    assert "/tmp" not in {m["target"] for m in other["mounts"] if m["kind"] == "tmpfs"}


def seatbelt(aegis, policy, *words):
    return aegis("policy", "compile", policy, "--target", "seatbelt", *words)


@pytest.mark.parametrize("example", sorted(VECTORS.glob("*.sb")), ids=lambda path: path.stem)
def test_seatbelt_profiles_are_the_written_ones(aegis, example):
    policy = example.with_suffix(".cedar")
    done = seatbelt(aegis, str(policy) if policy.exists() else example.stem,
                    "--home", "/Users/me", "--dir", "/Users/me/app").ok()
    assert done.out == example.read_text(encoding="utf-8")


def test_every_seatbelt_policy_has_its_profile():
    assert {path.stem for path in VECTORS.glob("*.cedar")} < {p.stem for p in VECTORS.glob("*.sb")}


def test_seatbelt_is_for_another_machine_or_this_one(aegis):
    (aegis.project / "p.cedar").write_text(
        'permit(principal, action == Aegis::Action::"FileRead", resource in Aegis::Resource::"~/x");')
    assert '(subpath "/Users/me/x")' in seatbelt(aegis, "p.cedar", "--home", "/Users/me").ok().out
    here = seatbelt(aegis, "p.cedar").ok().out
    assert f'(subpath "{aegis.home}/x")' in here and f'(subpath "{aegis.state}")' in here
    document = seatbelt(aegis, "p.cedar", "--json").ok().json("policy-compile")
    assert document["profile"] == here and document["notes"] == []


def mounted(text):
    """Where the lines of a mountinfo are mounted."""
    octal = re.compile(r"\\([0-7]{3})")
    return [octal.sub(lambda m: chr(int(m[1], 8)), line.split()[4]) for line in text.splitlines()]


@pytest.mark.parametrize("template", ["project", "allow-read-only"])
def test_a_run_has_the_mounts_that_are_shown(aegis, gate, template):
    (aegis.home / ".ssh").mkdir()
    aegis("init", "a", "--policy", template).ok()
    plan = compiled(aegis, "--config", "a")
    inside = mounted(aegis("run", "--config", "a", "-q", "--", "cat", "/proc/self/mountinfo").ok().out)
    kinds = {"bind", "tmpfs", "mask", "devpts"}
    wanted = {m["target"] for m in plan["mounts"] if m["kind"] in kinds and not m["optional"]}
    assert wanted <= set(inside), wanted - set(inside)
    if plan["root"] == "composed":
        roots = wanted | {"/proc"}
        extra = [place for place in inside if place != "/" and not any(
            place == root or place.startswith(root + "/") for root in roots)]
        assert not extra, "nothing else is mounted"
    for path in plan["masked"]:
        assert path in inside


def test_a_run_has_the_landlock_that_is_shown(aegis, gate):
    """What is executable by the rules starts; the same file elsewhere does not."""
    policy = aegis.root / "p.cedar"
    programs = aegis("policy", "generate", "programs").ok().out
    policy.write_text(programs + 'permit(principal, action == Aegis::Action::"ProcessSpawn", '
                      'resource in Aegis::Resource::"/usr");'
                      'permit(principal, action, resource in Aegis::Resource::"@dir/yes");'
                      'permit(principal, action == Aegis::Action::"FileRead", '
                      'resource in Aegis::Resource::"@dir");')
    rules = {rule["path"] for rule in compiled(aegis, str(policy))["landlock"]["rules"]}
    assert {"/usr", f"{aegis.project}/yes"} <= rules and str(aegis.project) not in rules
    for name in ("yes", "no"):
        (aegis.project / name).mkdir()
        shutil.copy("/usr/bin/true", aegis.project / name / "t")
    aegis("run", "--policy", str(policy), "--", "sh", "-c", "yes/t").ok()
    assert aegis("run", "--policy", str(policy), "--", "sh", "-c", "no/t").code == 126


def test_json_is_one_document(aegis):
    assert json.loads(aegis("policy", "compile", "permit-all", "--json").ok().out)["root"] == "host"
