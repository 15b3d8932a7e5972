"""aegis status: size and growth of the ledger, and retention."""

import re

import pytest


def status(aegis):
    return aegis("status", "a", "--json").ok().json("status")


def test_a_fresh_ledger_has_not_grown(aegis):
    aegis("init", "a").ok()
    now = status(aegis)
    assert now["size_bytes"] >= (aegis.state / "a/audit.db").stat().st_size > 0
    assert now["entries_last_7_days"] == 0 and now["bytes_per_day"] == 0
    text = aegis("status", "a").ok().out
    assert re.search(r"^size +[0-9.]+ KiB; in the last 7 days 0 entries, about 0 bytes a day$", text,
                     re.M), text


@pytest.mark.usefixtures("gate")
def test_what_is_recorded_today_is_growth(aegis):
    aegis("init", "a", "--policy", "project").ok()
    aegis("run", "--config", "a", "--", "sh", "-c", "for i in 1 2 3 4 5; do : > f$i; done").ok()
    now = status(aegis)
    assert now["entries_last_7_days"] == now["entries"] > 5
    assert now["bytes_per_day"] == now["size_bytes"], "all of it is of one day"
    assert re.search(rf"^size .* {now['entries']} entries, about [0-9.]+ KiB a day$",
                     aegis("status", "a").ok().out, re.M)


@pytest.mark.usefixtures("gate")
def test_undrained_journals_count_by_their_size(aegis):
    aegis("init", "a", "--policy", "project").ok()
    before = status(aegis)["size_bytes"]
    (aegis.state / "a/journal/0.journal").write_bytes(b"x" * 100_000)
    done = aegis("status", "a", "--json")
    assert done.json("status")["size_bytes"] >= before + 100_000


def test_retention_is_said(aegis):
    aegis("init", "a").ok()
    assert status(aegis)["max_age_days"] is None
    assert re.search(r"^retention +none, nothing is erased$", aegis("status", "a").ok().out, re.M)
    with open(aegis.state / "a/aegis.toml", "a", encoding="utf-8") as file:
        file.write("\n[retention]\nmax_age_days = 90\n")
    assert status(aegis)["max_age_days"] == 90
    assert re.search(r"^retention +content of entries older than 90 days is erased$",
                     aegis("status", "a").ok().out, re.M)


def test_a_broken_ledger_has_no_size(aegis):
    aegis("init", "a").ok()
    (aegis.state / "a/audit.db").write_bytes(b"no database")
    done = aegis("status", "a", "--json")
    assert done.code == 1 and done.json("status")["size_bytes"] is None
