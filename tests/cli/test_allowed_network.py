"""[[allowed_network]] of aegis.toml: permits like those of the policies."""

NETWORK = """
[[allowed_network]]
host = "API.Example.com"
port = 443
protocol = "Https"

[[allowed_network]]
host = "10.0.0.0/8"
"""


def allow(aegis, text=NETWORK):
    """A configuration with the template `project` and this in its aegis.toml."""
    aegis("init", "work", "--policy", "project", "--dir", str(aegis.project)).ok()
    toml = aegis.state / "work/aegis.toml"
    toml.write_text(toml.read_text() + text)
    return toml


def test_it_is_one_of_the_policies(aegis):
    toml = allow(aegis)
    listed = aegis("policy", "list", "work", "--json").ok().json("policy-list")
    mine = [p for p in listed["policies"] if p["id"].startswith("allowed_network.")]
    lines = toml.read_text().splitlines()
    assert [p["id"] for p in mine] == ["allowed_network.1", "allowed_network.2"]
    assert {p["file"] for p in mine} == {str(toml)}
    assert [lines[p["line"] - 1] for p in mine] == ["[[allowed_network]]"] * 2
    status = aegis("status", "work", "--json").ok().json()
    assert listed["digest"] in str(status), "the same set"


def test_connections_are_permitted_by_it(aegis):
    allow(aegis)
    asked = lambda *words: aegis("policy", "explain", "NetConnect", *words, "--config", "work",
                                 "--json").ok().json("policy-explain")
    api = asked("api.example.com:443")
    assert api["decision"] == "allow" and [p["id"] for p in api["permits"]] == ["allowed_network.1"]
    assert 'context.protocol == "tcp"' in aegis(
        "policy", "explain", "NetConnect", "api.example.com:443", "--config", "work").ok().out
    assert asked("api.example.com:80")["decision"] == "deny"
    assert asked("api.example.com:443", "--protocol", "udp")["decision"] == "deny"
    assert asked("10.1.2.3:5432")["decision"] == "allow"
    assert asked("11.1.2.3:5432")["decision"] == "deny"
    assert asked("10.1.2.3:5432", "--no-network")["reason"] == "NETWORK_CLOSED"
    (aegis.state / "work/policies/no.cedar").write_text(
        '@id("no") forbid(principal, action, resource in Aegis::Resource::"10.9.0.0/16");')
    assert asked("10.9.2.3:1")["reason"] == "POLICY_FORBID", "a forbid wins"
    assert asked("10.8.2.3:1")["decision"] == "allow"


def test_what_no_connection_has_is_refused(aegis):
    toml = allow(aegis, '\n[[allowed_network]]\nhost = "10.0.0.1/8"\n')
    aegis("policy", "list", "work").failed(1, f"{toml}:", '"allowed_network.host"',
                                           "is no range of addresses")


def test_a_run_records_it_and_edits_keep_it(aegis, gate):
    allow(aegis)
    policies = aegis.state / "work/policies"
    aegis("run", "--config", "work", "--", "true").ok()
    digest = aegis("policy", "list", "work", "--json").ok().json()["digest"]
    shown = aegis("audit", "policy-history", "--config", "work", "--show", digest).ok().out
    assert "allowed_network.2" in shown
    (policies / "more.cedar").write_text("// nothing\n")
    process = aegis.start("run", "--config", "work", "--", "sh", "-c", "echo up >&2; sleep 5")
    while b"up" not in process.stderr.readline():
        pass
    (policies / "more.cedar").write_text("// edited\n")
    process.communicate(timeout=60)
    now = aegis("policy", "list", "work", "--json").ok().json()["digest"]
    history = aegis("audit", "policy-history", "--config", "work").ok().out
    assert now[:8] in history, "the edit came into force with all there is"


def test_a_bare_protocol_is_opaque(aegis):
    allow(aegis, """
[[allowed_network]]
host = "db.example.com"
protocol = "Tcp"

[[allowed_network]]
host = "web.example.com"
protocol = "Tcp"
opaque = false

[[allowed_network]]
host = "any.example.com"

[[allowed_network]]
host = "forge.example.com"
port = 22
opaque = true
""")
    asked = lambda peer: aegis("policy", "explain", "NetConnect", peer, "--config", "work",
                               "--json").ok().json("policy-explain")
    assert [asked(f"{host}.example.com:22")["inspection"] for host in
            ("db", "web", "any", "forge")] == ["none", "name", "name", "none"]
    assert asked("forge.example.com:22")["permits"][0]["text"].startswith(
        '@id("allowed_network.4") @opaque permit(')


def test_opaque_is_true_or_false(aegis):
    allow(aegis, '\n[[allowed_network]]\nhost = "a"\nopaque = "yes"\n')
    aegis("policy", "list", "work").failed(1, '"allowed_network.opaque" must be true or false')
