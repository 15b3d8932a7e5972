"""aegis audit watch: entries as they come."""

import json
import select
import signal
import time

import pytest

pytestmark = pytest.mark.usefixtures("gate")


@pytest.fixture
def recorded(aegis):
    aegis("init", "a", "--policy", "project", "--dir", str(aegis.project)).ok()
    aegis("run", "--config", "a", "--tag", "one", "--", "true").ok()
    return aegis


def lines_until(process, enough):
    """Lines of a process that goes on, until `enough` says so of them."""
    lines = []
    deadline = time.monotonic() + 60
    while not enough(lines):
        assert time.monotonic() < deadline and process.poll() is None, lines
        if select.select([process.stdout], [], [], 1)[0]:
            lines.append(process.stdout.readline().decode())
    return lines


def stop(process, how=signal.SIGTERM):
    process.send_signal(how)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0 and err == b"", err
    return out.decode().splitlines(keepends=True)


def watch(aegis, *words):
    """A watch that has begun: it has shown the last entry."""
    process = aegis.start("audit", "watch", "a", "--last", "1", *words, bufsize=0)
    lines_until(process, len)
    return process


def ended(lines):
    return any("SESSION_ENDED" in line or "  ended  " in line for line in lines)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_each_entry_comes_once_and_in_order(recorded, how):
    process = recorded.start("audit", "watch", "a", "--json", "--last", "1000", bufsize=0)
    before = recorded("audit", "export", "a").ok().lines()
    seen = lines_until(process, lambda lines: len(lines) >= len(before))
    recorded("run", "--config", "a", "--", "sh", "-c", "for i in 1 2 3; do ls; echo $i > f$i; done").ok()
    seen += lines_until(process, ended)
    seen += stop(process, how)
    assert [json.loads(line) for line in seen] == recorded("audit", "export", "a").ok().lines("audit-watch")


def test_a_running_session_is_seen_while_it_runs(recorded):
    process = watch(recorded)
    run = recorded.start("run", "--config", "a", "--", "sh", "-c", "cat /etc/hostname; sleep 600", bufsize=0)
    lines_until(process, lambda lines: any("/etc/hostname" in line for line in lines))
    assert run.poll() is None
    run.send_signal(signal.SIGTERM)
    run.communicate(timeout=60)
    stop(process)


def test_only_what_matches_is_shown(recorded):
    filters = [["--decision", "deny"], ["--action", "FileWrite"], ["--path", "/etc/z*"]]
    watches = [recorded.start("audit", "watch", "a", *words, bufsize=0) for words in filters]
    everything = watch(recorded)
    recorded("run", "--config", "a", "--", "sh", "-c", "echo x > f; echo x > /etc/zz")
    lines_until(everything, ended)
    stop(everything)
    for words, process in zip(filters, watches, strict=True):
        lines_until(process, lambda lines: any("/etc/zz" in line for line in lines))
        stop(process)
        again = recorded("audit", "watch", "--help").ok().out
        assert words[0] in again


def test_one_session_alone(recorded):
    one = recorded.start("audit", "watch", "a", "--session", "one", "--last", "1000", "--json", bufsize=0)
    expected = recorded("audit", "query", "a", "--session", "one", "--json").ok().lines()
    seen = lines_until(one, lambda lines: len(lines) >= len(expected))
    everything = watch(recorded)
    recorded("run", "--config", "a", "--", "true").ok()
    lines_until(everything, ended)
    stop(everything)
    assert [json.loads(line) for line in seen + stop(one)] == expected


def test_it_ends_when_nobody_reads(recorded):
    process = watch(recorded)
    process.stdout.close()
    assert process.wait(timeout=60) == 0
    process.stderr.close()


def test_wrong_usage(recorded):
    recorded("audit", "watch", "a", "--action", "Nope").failed(2, "--action")
    recorded("audit", "watch", "a", "--decision", "maybe").failed(2, "--decision")
    recorded("audit", "watch", "a", "--path", b"\xff").failed(2, "--path")
    recorded("audit", "watch", "a", "--session", "none").failed(1, "no session none")
    recorded("audit", "watch", "none").failed(1, 'no configuration "none"')
