"""policy diff: what two sets answer differently, by their rules and on what was recorded."""

import pytest

READ = '@id("{}") permit(principal, action == Aegis::Action::"FileRead", resource in ' \
       'Aegis::Resource::"{}");\n'


def write(aegis, name, text):
    (aegis.project / name).write_text(text)


def diff(aegis, *words, code=1):
    return aegis("policy", "diff", *words, "--json").ended(code).json("policy-diff")


def test_rules_and_places(aegis):
    write(aegis, "a.cedar", READ.format("r", "/srv") + READ.format("gone", "/opt"))
    write(aegis, "b.cedar", READ.format("r", "/srv/app") + READ.format("new", "/opt"))
    document = diff(aegis, "a.cedar", "b.cedar")
    assert [(row["change"], row["id"]) for row in document["rules"]] == [
        ("removed", "gone"), ("changed", "r"), ("added", "new")]
    first, second = document["differences"]
    assert first == {
        "actions": ["FileRead"], "place": "/srv", "subtree": True, "groups": [],
        "exception": False, "a": {"answer": "permit", "policies": ["r"]},
        "b": {"answer": "none", "policies": []}}
    assert second["place"] == "/srv/app" and second["exception"]
    assert not document["equal"] and document["dependences"] == [] and "recorded" not in document
    text = aegis("policy", "diff", "a.cedar", "b.cedar").ended(1).out
    assert "permit -> none    /srv/**  FileRead" in text
    assert "both permit       /srv/app/**" in text


def test_equal_sets(aegis):
    write(aegis, "a.cedar", READ.format("r", "/srv"))
    write(aegis, "b.cedar", READ.format("other", "/srv"))
    assert aegis("policy", "diff", "a.cedar", "a.cedar").ok().out == "no difference\n"
    assert "no difference in what is answered\n" in aegis("policy", "diff", "a.cedar", "b.cedar").ok().out
    assert diff(aegis, "project", "project", code=0)["equal"]


def test_templates_and_configurations(aegis):
    aegis("init", "work", "--policy", "project").ok()
    assert diff(aegis, "work", "project", code=0)["equal"]
    wider = diff(aegis, "work", "permit-all")
    secret = [row for row in wider["differences"]
              if row["place"] == f"{aegis.home}/.ssh" and "FileRead" in row["actions"]]
    assert secret and secret[0]["a"]["answer"] == "forbid" and secret[0]["b"]["answer"] == "permit"
    assert any(row["groups"] for row in wider["differences"])
    shut = diff(aegis, "project", "default-deny")
    assert {row["b"]["answer"] for row in shut["differences"]} == {"forbid"}


def test_long_answers_end_where_one_can_read_them(aegis):
    short = aegis("policy", "diff", "project", "permit-all").ended(1).out
    assert "more (see --all)" in short
    whole = aegis("policy", "diff", "project", "permit-all", "--all").ended(1).out
    assert "more (see --all)" not in whole and len(whole) > len(short)


def test_what_answers_depend_on_is_named(aegis):
    write(aegis, "a.cedar", READ.format("r", "/srv").replace(
        ");\n", ') when { context has exe && context.exe == "/bin/x" };\n'))
    write(aegis, "b.cedar", READ.format("r", "/srv"))
    assert diff(aegis, "a.cedar", "b.cedar")["dependences"] == [
        {"action": "FileRead", "on": ["context.exe"]}]
    assert "FileRead may also depend on context.exe" in \
        aegis("policy", "diff", "a.cedar", "b.cedar").ended(1).out


def test_recorded_sessions(aegis, gate):
    aegis("init", "work", "--policy", "project").ok()
    (aegis.project / "note").write_text("x")
    for _ in range(2):
        aegis("run", "--config", "work", "--", "cat", "note").ok()
    write(aegis, "strict.cedar", aegis("policy", "generate", "project").out
          + aegis("policy", "generate", "programs").out
          + 'forbid(principal, action, resource in Aegis::Resource::"@dir/note");')
    recorded = diff(aegis, "work", "strict.cedar", "--sessions", "5")["recorded"]
    assert len(recorded["sessions"]) == 2 and recorded["actions"] > recorded["distinct"] > 0
    assert recorded["differing"] == [
        {"action": "FileRead", "resource": f"{aegis.project}/note", "a": "permit", "b": "forbid",
         "count": 2}]
    one = diff(aegis, "work", "strict.cedar", "--session", recorded["sessions"][0])
    assert one["recorded"]["differing"][0]["count"] == 1
    text = aegis("policy", "diff", "work", "strict.cedar", "--sessions", "1").ended(1).out
    assert "1 session, " in text and "1 answered differently" in text


def test_policies_that_were_in_force(aegis, gate):
    aegis("init", "work", "--policy", "project").ok()
    aegis("run", "--config", "work", "--", "true").ok()
    digest = aegis("audit", "policy-history", "work", "--json").ok().json(
        "audit-policy-history")[0]["digest"]
    assert aegis("policy", "diff", digest[:8], "--config", "work").ok().out == "no difference\n"
    (aegis.state / "work/policies/more.cedar").write_text(READ.format("more", "/srv"))
    document = diff(aegis, digest[:8], "--config", "work")
    assert document["a"]["digest"] == digest and document["b"]["name"] == "work"
    assert [row["id"] for row in document["rules"]] == ["more"]
    assert document["differences"][0]["place"] == "/srv"


def test_recorded_names_are_shown_harmlessly(aegis, gate):
    aegis("init", "work", "--policy", "project").ok()
    aegis("run", "--config", "work", "--", "touch", "a\x1b[2Jb").ok()
    text = aegis("policy", "diff", "work", "default-deny", "--sessions", "1", "--all").ended(1).out
    assert "\x1b" not in text and "[2Jb" in text


@pytest.mark.parametrize("words,said", [
    ((), "which two?"),
    (("project", "none"), 'no policy template or file "none"'),
    (("project",), 'no configuration "default"'),
    (("project", "permit-all", "--session", "1", "--sessions", "1"), "exclude each other"),
    (("project", "permit-all", "--sessions", "1"), 'no configuration "default"'),
    (("project", "permit-all", "--sessions", "0"), "--sessions")])
def test_trouble_is_no_difference(aegis, words, said):
    aegis("policy", "diff", *words).failed(2, said)


def test_a_broken_side(aegis):
    write(aegis, "a.cedar", "permit(")
    aegis("policy", "diff", "project", "a.cedar").failed(2, "a.cedar:1:")
    aegis("init", "work", "--policy", "project").ok()
    aegis("policy", "diff", "work", "project", "--session", "ffff").failed(2, "ffff")
    aegis("policy", "diff", "abcd", "--config", "work").failed(2, "no policies abcd are stored here")


def test_too_much_to_compare(aegis):
    many = "".join(READ.format(f"p{i}", f"/p{i}") + READ.format(f"g{i}", f"*/g{i}")
                   for i in range(2000))
    write(aegis, "a.cedar", many)
    aegis("policy", "diff", "a.cedar", "permit-all").failed(2, "name too much to be compared")
