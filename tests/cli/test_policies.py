"""policy validate, list, generate."""

import os

import pytest

TEMPLATES = ["default-deny", "allow-read-only", "permit-all", "project", "net-anthropic", "net-git",
             "net-openai", "net-registries"]


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
    rows = listed["policies"]
    assert {row["effect"] for row in rows} == {"permit", "forbid"}
    files = [os.path.basename(row["file"]) for row in listed["files"]]
    assert files == ["default.cedar", "programs.cedar"]
    assert {os.path.basename(row["file"]) for row in rows} == set(files)
    text = aegis("policy", "list", "--config", "a").ok().out.splitlines()
    assert len(text) == len(rows) + 1 and text[-1].endswith(listed["digest"])


def test_list_says_what_a_policy_is(aegis):
    (aegis.project / "own.cedar").write_text(
        '@id("a\\n\\u{1b}[2J") @ask permit(principal == Aegis::Agent::"other", action in '
        '[Aegis::Action::"FileRead", Aegis::Action::"DirList"], resource);\n\n'
        '@reason("why") forbid(principal, action, resource);\n'
        '@id("ssh") @opaque permit(principal, action == Aegis::Action::"NetConnect", resource);')
    aegis("init", "a", "--policy", "own.cedar").ok()
    listed = aegis("policy", "list", "a", "--json").ok().json("policy-list")
    first, second, third = listed["policies"]
    assert [policy["opaque"] for policy in listed["policies"]] == [False, False, True]
    assert (first["id"], first["ask"], first["actions"], first["applies"], first["line"]) == (
        "a\n\x1b[2J", True, ["FileRead", "DirList"], False, 1)
    assert (second["ask"], len(second["actions"]), second["line"], second["reason"]) == (
        False, 9, 3, "why")
    text = aegis("policy", "list", "a").ok().out
    assert text.startswith("ask     a\\u{a}\\u{1b}[2J  FileRead, DirList  ") and "\x1b" not in text
    assert "default.cedar:3  why" in text and "any action" in text and "(for another agent)" in text
    assert "default.cedar:4  (opaque)" in text and text.count("(opaque)") == 1
    other = aegis("policy", "list", "a", "--json").ok().json()["digest"]
    policy = aegis.state / "a/policies/default.cedar"
    policy.write_text(policy.read_text() + "\n")
    assert aegis("policy", "list", "a", "--json").ok().json()["digest"] != other


def test_validate_in_json(aegis):
    (aegis.project / "set").mkdir()
    (aegis.project / "set/a.cedar").write_text("permit(principal, action, resource);")
    for words in (["set"], ["--path", "set"], ["--path=set"], ["set/a.cedar"]):
        document = aegis("policy", "validate", *words, "--json").ok().json("policy-validate")
        assert document["valid"] and document["policies"][0]["id"] == "a:1"
    (aegis.project / "set/b:1.cedar").write_text("permit(principal,\n action, resource) when { 1 };")
    done = aegis("policy", "validate", "set", "--json")
    assert done.code == 1 and done.err == ""
    error = done.json("policy-validate")["error"]
    assert (error["file"], error["line"], error["column"]) == ("set/b:1.cedar", 2, 27)
    assert error["message"] and "set/b" not in error["message"]
    for missing in ("none.cedar", "/dev/null", "\x1b.cedar"):
        done = aegis("policy", "validate", missing, "--json")
        error = done.json("policy-validate")["error"]
        assert done.code == 1 and error["line"] is None and error["column"] is None
        assert error["file"] == missing and "\x1b" not in done.out
    aegis("policy", "validate", "set", "--path", "other").failed(1, "set", "other")
    aegis("policy", "validate").failed(2, "which file?")


def test_unknown_template(aegis):
    aegis("policy", "generate", "nope").failed(1, "nope", "default-deny")
    aegis("policy", "generate").failed(2)
    aegis("init", "a", "--policy", "nope").failed(1, "nope", "project")
    assert not aegis.state.exists()
