"""policy lint."""

import pytest

LINTED = """
permit(principal, action == Aegis::Action::"FileRead", resource);
@id("net") permit(principal, action == Aegis::Action::"NetConnect", resource in Aegis::Resource::"/srv");
"""


def test_lint_names_what_is_odd(aegis):
    (aegis.project / "p.cedar").write_text(LINTED)
    done = aegis("policy", "lint", "p.cedar", "--json")
    assert done.code == 1
    report = done.json("policy-lint")
    found = {(finding["code"], finding["policy"]["id"], finding["severity"])
             for finding in report["findings"]}
    assert {("NEVER_MATCHES", "net", "error"), ("NO_ID", "p:1", "hint"),
            ("SECRET", "p:1", "warning")} <= found
    assert report["errors"] == 1 and report["warnings"] == 1
    text = aegis("policy", "lint", "p.cedar")
    assert text.code == 1 and "p.cedar:3: error NEVER_MATCHES net: " in text.out
    assert text.out.splitlines()[-1].startswith("2 rules: 1 error, 1 warning, ")


def test_wide_opaque_permits_are_named(aegis):
    (aegis.project / "p.cedar").write_text(
        '@id("ssh") @opaque permit(principal, action == Aegis::Action::"NetConnect", '
        'resource in Aegis::Resource::"*:22");')
    report = aegis("policy", "lint", "p.cedar", "--json").ok().json("policy-lint")
    assert [finding["code"] for finding in report["findings"]] == ["ANY_HOST", "OPAQUE_WIDE"]
    text = aegis("policy", "lint", "p.cedar").ok().out
    assert "p.cedar:1: warning OPAQUE_WIDE ssh: connections to whatever has such a name pass unseen by it: *:22" in text


@pytest.mark.parametrize("template", ["default-deny", "allow-read-only", "permit-all", "project"])
def test_templates_lint_without_errors(aegis, template):
    report = aegis("policy", "lint", template, "--json").ok().json("policy-lint")
    assert report["errors"] == 0
    assert aegis("policy", "lint", template, "--strict").code == (1 if report["warnings"] else 0)


def test_lint_of_a_configuration_and_wrong_usage(aegis):
    aegis("init", "work", "--policy", "project", "--dir", str(aegis.project)).ok()
    report = aegis("policy", "lint", "--config", "work", "--json").ok().json("policy-lint")
    assert {finding["code"] for finding in report["findings"]} <= {
        "WRITABLE_EXECUTABLE", "NO_SUCH_PLACE"}
    assert report["policy_digest"] == aegis(
        "policy", "test", "FileRead", "/x", "--config", "work", "--json").json()["policy_digest"]
    assert aegis("policy", "lint", "--config", "work", "--quiet").ok().out == ""
    aegis("policy", "lint", "x.cedar", "--config", "work").failed(2, "one of FILE and --config")
    aegis("policy", "lint", "none.cedar").failed(1, "none.cedar")
    aegis("policy", "lint", "--config", "none").failed(1, "aegis init none")
    (aegis.project / "bad.cedar").write_text("permit(")
    aegis("policy", "lint", "bad.cedar").failed(1, "bad.cedar:1:")
