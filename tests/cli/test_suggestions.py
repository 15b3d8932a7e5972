"""What was meant by a mistyped word, and both spellings of what has two."""

import re

import pytest


@pytest.mark.parametrize("words,meant", [
    (["stauts"], "aegis status"), (["audit", "qurey"], "aegis audit query"),
    (["confgi", "show"], "aegis config"), (["qurey"], None), (["verify"], "aegis audit verify"),
    (["log", "--lsat", "3"], "--last"), (["audit", "query", "--acton=FileRead"], "--action"),
    (["audit", "query", "--action", "FlieRead"], "FileRead"),
    (["audit", "query", "--decision", "dney"], "deny"),
    (["audit", "export", "--format", "jsnol"], "jsonl")])
def test_the_nearest_is_named(aegis, words, meant):
    done = aegis(*words).failed(2)
    found = re.search('did you mean "(.*?)"', done.err)
    assert (found.group(1) if found else None) == meant, done.err


def test_the_nearest_option_of_run_is_named(aegis):
    aegis("run", "--polciy", "project", "--", "true").failed(125, 'did you mean "--policy"')


def test_the_nearest_template_and_configuration_are_named(aegis):
    aegis("init", "work").ok()
    aegis("policy", "generate", "projetc").failed(1, 'did you mean "project"', "default-deny")
    aegis("init", "b", "--policy", "alow-read-only").failed(1, 'did you mean "allow-read-only"')
    aegis("log", "wrok").failed(1, 'no configuration "wrok"; did you mean "work"?')
    aegis("log", "zzzz").failed(1, 'no configuration "zzzz" (make it')


def test_choices_are_taken_in_any_case(aegis):
    aegis("init", "a").ok()
    for words in (["--decision", "Deny"], ["--action", "fileread"]):
        assert aegis("audit", "query", "a", *words).ok().out == ""
    assert aegis("audit", "export", "a", "--format", "JSON").ok().json() == []


@pytest.mark.parametrize("words", [
    ["run", "--config", "a", "--name", "b", "--", "true"],
    ["wrap", "--config", "a", "--name", "b", "--", "true"]])
def test_two_spellings_that_differ_are_refused(aegis, words):
    aegis(*words).failed(125, "differ", '"a"', '"b"')
    assert not aegis.state.exists()


def test_both_spellings_mean_the_same(aegis, gate):
    aegis("init", "a", "--policy", "permit-all").ok()
    for words in (["run", "--name", "a"], ["wrap", "--config", "a"], ["run", "--config", "a"]):
        aegis(*words, "--", "true").ok()
    assert len(aegis("audit", "sessions", "a", "--json").ok().json()) == 3
    both = [aegis("audit", "export", "a", option, "2").ok().out for option in ("--last", "--limit")]
    assert both[0] == both[1] and both[0].count("\n") == 2
    aegis("audit", "export", "a", "--last", "1", "--limit", "2").failed(2, "--limit")


def test_seatbelt_refuses_what_wrap_only_records(aegis, gate):
    words = ["--policy", "project", "--name", "x", "--", "touch", "/etc/aegis-no-such-file"]
    refused = aegis("wrap", "--seatbelt", *words)
    assert refused.code != 0 and "refused FileWrite" in refused.err, refused.err
    assert aegis("audit", "sessions", "x", "--json").ok().json()[0]["mode"] == "run"
    aegis("wrap", "--name", "y", "--", "true").ok()
    assert aegis("audit", "sessions", "y", "--json").ok().json()[0]["mode"] == "wrap"


def test_purge_takes_an_age(aegis, gate):
    aegis("init", "a", "--policy", "permit-all").ok()
    aegis("run", "--config", "a", "--", "true").ok()
    assert aegis("audit", "purge", "30d", "--config", "a", "--confirm", "--json").ok().json() == {
        "entries": 0, "erased": True}
    aegis("audit", "purge", "a", "--before", "30d", "--yes").ok()
    aegis("audit", "purge", "30d", "--config", "a", "--before", "2026-01-01").failed(2, "exclude")
    aegis("audit", "purge", "30d", "--session", "0").failed(2, "exclude")
    aegis("audit", "purge", "30y", "--confirm").failed(1, 'no configuration "30y"')
