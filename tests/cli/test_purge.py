"""aegis audit purge and [retention]: what entries say goes, and everything still verifies."""

import pytest

pytestmark = pytest.mark.usefixtures("gate")


@pytest.fixture
def recorded(aegis):
    """Two sessions."""
    aegis("init", "a", "--policy", "project", "--dir", str(aegis.project)).ok()
    for word in ("one", "two"):
        aegis("run", "--config", "a", "--tag", word, "--", "true").ok()
    return aegis


def sessions(aegis):
    return aegis("audit", "sessions", "a", "--json").ok().json("audit-sessions")


def verified(aegis):
    report = aegis("audit", "verify", "a", "--json").ok().json("audit-verify")
    assert report["valid"]
    return report


def test_a_session_is_erased_and_verifies(recorded):
    first = sessions(recorded)[0]["session_id"]
    assert "would be erased" in recorded("audit", "purge", "a", "--session", first,
                                         "--dry-run").ok().out
    assert verified(recorded)["erased"] == 0
    recorded("audit", "purge", "a", "--session", first, "--yes").ok()
    assert verified(recorded)["erased"] > 0
    recorded("audit", "export", "a").ok().lines("audit-export")
    exported = recorded("audit", "export", "a").ok().out
    assert '"tag":"one"' not in exported and '"tag":"two"' in exported
    assert '"erased":true' in exported and "CONTENT_ERASED" in exported
    assert recorded("run", "--config", "a", "--", "true").ok()
    verified(recorded)


def test_what_a_run_left_beside_the_ledger_goes_too(recorded):
    journals = recorded.state / "a" / "journal"
    (left,) = journals.iterdir()  # the first one went with the second run
    last = sessions(recorded)[-1]["session_id"]
    assert left.name == last + ".journal.done"
    recorded("audit", "purge", "a", "--session", last, "--yes").ok()
    assert not list(journals.iterdir())


def test_nothing_is_erased_without_a_word(recorded):
    first = sessions(recorded)[0]["session_id"]
    recorded("audit", "purge", "a", "--session", first).failed(2, "--yes")
    recorded("audit", "purge", "a").failed(1, "max_age_days")
    recorded("audit", "purge", "a", "--before", "yesterday", "--yes").failed(1, "--before")
    recorded("audit", "purge", "a", "--session", "none", "--yes").failed(1, "no session")
    assert verified(recorded)["erased"] == 0


def test_old_entries_go_and_young_ones_stay(recorded):
    assert "0 entries" in recorded("audit", "purge", "a", "--before", "2020-01-01",
                                   "--yes").ok().out
    done = recorded("audit", "purge", "a", "--before", "2999-01-01", "--yes",
                    "--json").ok().json("audit-purge")
    assert done["erased"] and done["entries"] > 4
    assert verified(recorded)["erased"] == done["entries"]


def test_retention_is_read_from_the_configuration(recorded):
    settings = recorded.state / "a" / "aegis.toml"
    text = settings.read_text()
    settings.write_text(text + "\n[retention]\nmax_age_days = 3\n")
    recorded("run", "--config", "a", "--", "true").ok()
    assert "0 entries" in recorded("audit", "purge", "a").ok().out
    settings.write_text(text + "\n[retention]\nmax_age_days = 0\n")
    assert recorded("run", "--config", "a", "--", "true").code != 0
