"""policy explain."""

import pytest

POLICIES = """
@id("read") permit(principal, action == Aegis::Action::"FileRead", resource in Aegis::Resource::"@dir");
@id("spawn") permit(principal, action == Aegis::Action::"ProcessSpawn", resource in Aegis::Resource::"/usr");
@id("keys") @reason("keys stay here")
forbid(
  principal,
  action,
  resource in Aegis::Resource::"@dir/keys"
);
"""


@pytest.fixture
def mine(aegis):
    (aegis.project / "mine.cedar").write_text(POLICIES)
    return lambda *words: aegis("policy", "explain", *words, "--policy", "mine.cedar")


def test_what_permits_and_what_forbids(aegis, mine):
    allowed = mine("FileRead", "@dir/x", "--json").ok().json("policy-explain")
    assert allowed["decision"] == "allow" and [p["id"] for p in allowed["permits"]] == ["read"]
    assert allowed["rules"] == [] and allowed["remedy"] == "" and allowed["exception"] is None
    denied = mine("FileRead", "keys/a", "--json").ok().json("policy-explain")
    assert denied["reason"] == "POLICY_FORBID" and denied["resource"] == f"{aegis.project}/keys/a"
    assert [p["id"] for p in denied["forbids"]] == ["keys"]
    assert [p["id"] for p in denied["permits"]] == ["read"], "it would be permitted but for that"
    assert denied["forbids"][0]["line"] == 4 and denied["forbids"][0]["text"].startswith('@id("keys")')
    text = mine("FileRead", "keys/a").ok().out
    assert "Forbidden by:\n  forbid  keys  mine.cedar:4  (keys stay here)" in text
    assert "So: no permit helps while it is forbidden; narrow what forbids it." in text


def test_the_exception_can_be_pasted(aegis, mine):
    exception = mine("FileRead", "keys/a", "--json").ok().json()["exception"]
    narrowed = POLICIES.rstrip()[:-1] + "\n" + exception + ";\n"
    (aegis.project / "mine.cedar").write_text(narrowed)
    assert mine("FileRead", "keys/a", "--json").ok().json()["decision"] == "allow"
    assert mine("FileRead", "keys/b", "--json").ok().json()["decision"] == "deny"


def test_the_rule_can_be_pasted_and_says_what_it_opens(aegis, mine):
    (aegis.project / "out").mkdir()
    for name in "abcde":
        (aegis.project / "out" / name).write_text("")
    denied = mine("FileWrite", "out/a", "--json").ok().json("policy-explain")
    assert denied["reason"] == "NO_PERMIT"
    assert denied["nearest"][0]["id"] == "read" and "FileRead here" in denied["nearest"][0]["why"]
    one, wider = denied["rules"]
    assert one["place"] is None and one["below"] is None
    assert wider["place"] == f"{aegis.project}/out"
    assert wider["below"] == {"count": 5, "more": False, "examples": ["a", "b", "c"]}
    for rule, others in ((one, "deny"), (wider, "allow")):
        (aegis.project / "mine.cedar").write_text(POLICIES + rule["text"])
        assert mine("FileWrite", "out/a", "--json").ok().json()["decision"] == "allow"
        assert mine("FileWrite", "out/b", "--json").ok().json()["decision"] == others
        assert mine("FileWrite", "x", "--json").ok().json()["decision"] == "deny"
    (aegis.project / "mine.cedar").write_text(POLICIES)
    inside = mine("FileWrite", "x", "--json").ok().json("policy-explain")["rules"][1]
    assert [p["id"] for p in inside["forbids"]] == ["keys"], "which still holds in there"
    text = mine("FileWrite", "x").ok().out
    assert "This would permit it:\n  permit(principal, action == " in text
    assert "still forbidden in parts: forbid  keys" in text


def test_what_no_policy_can_permit(aegis, mine):
    closed = mine("NetConnect", "github.com:443", "--no-network", "--json").ok().json("policy-explain")
    assert closed["reason"] == "NETWORK_CLOSED" and "network is closed" in closed["remedy"]
    assert closed["rules"] == []
    opened = mine("NetConnect", "github.com:443", "--json").ok().json()
    assert any("a forge" in line for line in opened["rules"][0]["opens"])
    state = mine("FileRead", str(aegis.state / "x"), "--json").ok().json("policy-explain")
    assert state["reason"] == "AEGIS_STATE" and "no policy can permit it" in state["remedy"]


OPAQUE = """
@id("web") permit(principal, action == Aegis::Action::"NetConnect", resource in Aegis::Resource::"*.example.com");
@id("ssh") @opaque permit(principal, action == Aegis::Action::"NetConnect", resource in Aegis::Resource::"*.example.com:22");
@id("lan") @opaque permit(principal, action == Aegis::Action::"NetConnect", resource in Aegis::Resource::"10.0.0.0/8");
"""


def test_what_is_looked_at_of_a_connection(aegis):
    (aegis.project / "mine.cedar").write_text(OPAQUE)
    ask = lambda command, *words: aegis("policy", command, "NetConnect", *words, "--policy", "mine.cedar")
    for command in ("explain", "test"):
        checked = ask(command, "a.example.com:443")
        assert "\n  the name is checked: TLS by SNI, HTTP by Host\n" in checked.ok().out
        opaque = ask(command, "a.example.com:22")
        assert "\n  opaque: can carry anything\n" in opaque.ok().out
        for words, said in ((("a.example.com:443",), "name"), (("a.example.com:22",), "none"),
                            (("10.1.1.1:22",), None), (("a.example.com", "--protocol", "dns"), None),
                            (("a.example.com:22", "--protocol", "udp"), None),
                            (("elsewhere:22",), None), (("a.example.com:22", "--no-network"), None)):
            answer = ask(command, *words, "--json")
            assert answer.json(f"policy-{command}")["inspection"] == said, words
    read = aegis("policy", "explain", "FileRead", "/x", "--policy", "project", "--json").ok()
    assert read.json("policy-explain")["inspection"] is None


def test_what_was_denied_last(aegis, gate):
    aegis("init", "work", "--policy", "project", "--dir", str(aegis.project)).ok()
    aegis("policy", "explain", "--last-denied", "--config", "work").failed(1, "nothing was denied")
    (aegis.project / ".env").write_text("x")
    assert aegis("run", "--config", "work", "--", "cat", ".env").code == 1
    denied = aegis("policy", "explain", "--last-denied", "--config", "work", "--json").ok().json(
        "policy-explain")
    assert (denied["action"], denied["resource"]) == ("FileRead", f"{aegis.project}/.env")
    assert [p["id"] for p in denied["forbids"]] == ["project.secret.env-files"]
    entry = denied["entry"]
    assert (entry["decision"], entry["reason"]) == ("deny", "POLICY_FORBID")
    assert entry["policies_changed"] is False and denied["given"] is None
    text = aegis("policy", "explain", "--last-denied", "--config", "work").ok().out
    assert f"entry {entry['session_id']}:{entry['seq']}" in text and "are others" not in text

    (aegis.state / "work/policies/more.cedar").write_text(
        'permit(principal, action == Aegis::Action::"ToolCall", resource);')
    name = f"{entry['session_id'][:13]}:{entry['seq']}"
    again = aegis("policy", "explain", "--entry", name, "--config", "work", "--json").ok().json(
        "policy-explain")
    assert again["entry"]["policies_changed"] is True
    assert "the policies are others than then" in aegis(
        "policy", "explain", "--entry", name, "--config", "work").ok().out
    for bad, said in ((f"{entry['session_id']}:0", "is no decision"), ("x:1", "x"),
                      (f"{entry['session_id']}:999", "has no entry"), ("nothing", "SESSION:SEQ"),
                      (f"{entry['session_id']}:", "SESSION:SEQ")):
        aegis("policy", "explain", "--entry", bad, "--config", "work").failed(1, said)


def test_explain_wrong_usage(aegis):
    aegis("policy", "explain").failed(2, "which ACTION and RESOURCE")
    aegis("policy", "explain", "FileRead").failed(2, "which ACTION and RESOURCE")
    aegis("policy", "explain", "--last-denied", "--entry", "x:1").failed(2, "one of")
    aegis("policy", "explain", "--last-denied", "--policy", "project").failed(2, "say by themselves")
    aegis("policy", "explain", "FileRead", "/x", "--entry", "x:1").failed(2, "say by themselves")
    aegis("policy", "explain", "FileRed", "/x", "--policy", "project").failed(1, "FileRead")
    aegis("policy", "explain", "--last-denied", "--config", "none").failed(1, "aegis init none")


def test_explain_shows_hostile_names_harmlessly(aegis):
    (aegis.project / "p.cedar").write_text(
        '@id("\x1b[2J") forbid(principal, action, resource); // \u202e\n')
    done = aegis("policy", "explain", "FileRead", "x\x1b[31m\u202e\n", "--policy", "p.cedar").ok()
    assert "\x1b" not in done.out and "\u202e" not in done.out
