"""policy validate, list, generate."""

import os

import pytest

TEMPLATES = ["default-deny", "allow-read-only", "permit-all", "project"]


@pytest.mark.parametrize("template", TEMPLATES)
def test_templates_validate(aegis, template):
    text = aegis("policy", "generate", "--template", template).ok().out
    assert text == aegis("policy", "generate", template).ok().out
    document = aegis("policy", "generate", template, "--json").ok().json("policy-generate")
    assert document == {"template": template, "text": text}
    (aegis.project / "p.cedar").write_text(text)
    assert "valid" in aegis("policy", "validate", "--path", "p.cedar").ok().out
    assert aegis("policy", "validate", "p.cedar", "--json").ok().json()["valid"] is True


def test_the_reference_example_validates(aegis):
    (aegis.project / "p.cedar").write_text("""// Allow reading files and listing directories
permit(
    principal,
    action == Aegis::Action::"FileRead",
    resource
);

permit(
    principal,
    action == Aegis::Action::"DirList",
    resource
);

// Deny everything else (implicit -- Aegis is default-deny)
""")
    assert "2 policies" in aegis("policy", "validate", "p.cedar").ok().out


@pytest.mark.parametrize("text", [
    "permit(", "permit(principal, action, resource) when { resource.nope };",
    'permit(principal, action == Aegis::Action::"NoSuch", resource);', "\x00", "(" * 100_000,
    "@id(\"a\") permit(principal, action, resource); @id(\"a\") permit(principal, action, resource);",
    "permit(principal == ?principal, action, resource);"])
def test_broken_policies_are_one_line_that_names_the_file(aegis, text):
    (aegis.project / "p.cedar").write_text(text)
    aegis("policy", "validate", "p.cedar").failed(1, "p.cedar")


def test_missing_and_odd_files(aegis):
    aegis("policy", "validate", "none.cedar").failed(1, "none.cedar", "No such file")
    aegis("policy", "validate", ".").failed(1, "no policy")
    aegis("policy", "validate", "/dev/null").failed(1, "/dev/null")
    (aegis.project / "bytes.cedar").write_bytes(b"\xff\xfe")
    aegis("policy", "validate", "bytes.cedar").failed(1, "bytes.cedar")
    os.symlink("loop", aegis.project / "loop")
    aegis("policy", "validate", "loop").failed(1, "loop")
    hostile = "x\n\x1b[2J\u202e.cedar"
    done = aegis("policy", "validate", hostile).failed(1)
    assert "\x1b" not in done.err and "\u202e" not in done.err


def test_list_names_every_policy(aegis):
    aegis("init", "a", "--policy", "project").ok()
    listed = aegis("policy", "list", "a", "--json").ok().json("policy-list")
    assert {"id", "effect", "file", "reason"} == set(listed[0])
    assert {row["effect"] for row in listed} == {"permit", "forbid"}
    assert {os.path.basename(row["file"]) for row in listed} == {"default.cedar", "programs.cedar"}
    text = aegis("policy", "list", "--config", "a").ok().out
    assert len(text.splitlines()) == len(listed)


def test_unknown_template(aegis):
    aegis("policy", "generate", "nope").failed(1, "nope", "default-deny")
    aegis("policy", "generate").failed(2)
    aegis("init", "a", "--policy", "nope").failed(1, "nope", "project")
    assert not aegis.state.exists()
