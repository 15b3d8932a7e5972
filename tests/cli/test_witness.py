"""`aegis audit witness`, and what commands say of the witnesses that are configured."""

import re
import signal
import socket
import urllib.error
import urllib.request

import pytest

LOG = "example.com/log+a4c3805a+Af0XJDhaoMdbZPt4zWAvodmR/ev3axPFjtcC6sg16fYY"


class Witness:
    """A witness that runs until the block is left."""

    def __init__(self, aegis, *words):
        self.process = aegis.start("audit", "witness", *words)

    def __enter__(self):
        self.url = self.process.stdout.readline().decode().strip()
        self.key = self.process.stdout.readline().decode().strip()
        assert self.url.startswith("http://127.0.0.1:"), self.process.stderr.read()
        return self

    def __exit__(self, *_):
        self.stop(signal.SIGKILL)

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out.decode(), err.decode()

    def ask(self, path, body=None):
        """The status and body of an answer."""
        request = urllib.request.Request(self.url + path, data=body)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


def test_it_serves_until_it_is_told_to_end(aegis):
    for how in (signal.SIGTERM, signal.SIGINT):
        words = ["--dir", "w", "--name", "w.example", "--listen", "0", "--log", LOG]
        with Witness(aegis, *words) as witness:
            status, text = witness.ask("/")
            assert status == 200 and witness.key in text and "example.com/log" in text
            assert "nothing cosigned yet" in text
            assert witness.ask("/add-checkpoint", b"rubbish")[0] == 400
            assert witness.ask("/nothing")[0] == 404
            code, _, err = witness.stop(how)
            assert code == 0, err
            assert "cosigns for 1 key of logs" in err


def test_its_key_is_made_once_and_is_its_own(aegis):
    aegis("audit", "witness", "--dir", "w", "--key").failed(1, "no key yet", "--name")
    assert not (aegis.project / "w/witness.key").exists()
    key = aegis("audit", "witness", "--dir", "w", "--name", "w.example", "--key").ok().out
    assert re.fullmatch(r"w\.example\+[0-9a-f]{8}\+B[A-Za-z0-9+/]{43}\n", key)
    assert aegis("audit", "witness", "--dir", "w", "--key").ok().out == key
    aegis("audit", "witness", "--dir", "w", "--name", "x", "--key").failed(1, '"w.example"')
    file = aegis.project / "w/witness.key"
    assert file.stat().st_mode & 0o7777 == 0o600
    assert (aegis.project / "w").stat().st_mode & 0o7777 == 0o700
    with Witness(aegis, "--dir", "w", "--listen", "localhost:0", "--log", LOG) as witness:
        assert witness.key == key.strip()
        aegis("audit", "witness", "--dir", "w", "--key").failed(1, "another witness works in")
    file.chmod(0o644)
    aegis("audit", "witness", "--dir", "w", "--key").failed(1, "unsafe")


def test_wrong_usage(aegis):
    witness = ["audit", "witness"]
    aegis(*witness).failed(2, "--dir")
    aegis(*witness, "--dir", "w").failed(2, "--listen")
    aegis(*witness, "--dir", "w", "--listen", "0").failed(2, "--log")
    aegis(*witness, "--dir", "w", "--listen", "host:x", "--log", LOG).failed(1, "no address")
    aegis(*witness, "--dir", "w", "--listen", "0", "--log", "x").failed(1, "--log", "verifier key")
    logs = aegis.project / "logs"
    logs.write_text(f"# one\n{LOG}\n\nrubbish\n", encoding="utf-8")
    aegis(*witness, "--dir", "w", "--listen", "0", "--logs", "logs").failed(1, "logs: line 4")
    aegis(*witness, "--dir", "w", "--listen", "0", "--logs", "none").failed(1, "none")
    assert not (aegis.project / "w").exists()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        aegis(*witness, "--dir", "w", "--name", "w", "--listen", port, "--log", LOG).failed(
            1, "listen on", port)


@pytest.mark.parametrize("word,text", [
    ("http://u:p@host", "user information"), ("http://", "no host"), ("ftp://x/y", "of URLs"),
    ("a\nb", "control character"), ("/", "directory"),
    ("", "--witness needs TARGET (Where checkpoints go too: an http(s):// URL, a file, or syslog)")])
def test_bad_targets_run_nothing(aegis, word, text):
    aegis("run", f"--witness={word}", "--", "touch", "ran").failed(125, "witness", text)
    aegis("wrap", f"--witness={word}", "--", "touch", "ran").failed(125, "witness", text)
    assert not (aegis.project / "ran").exists()


def test_an_empty_target_runs_nothing(aegis):
    aegis("run", "--witness", "", "--", "touch", "ran").failed(
        125, "it may be an http(s):// URL, a file, or syslog")
    assert not (aegis.project / "ran").exists()


def test_bad_keys_run_nothing(aegis):
    aegis("run", "--witness-key", "x", "--", "true").failed(125, "--witness-key", "verifier key")
    aegis("run", "--witness-key", LOG, "--", "true").failed(125, "the key of a log")


def test_the_configured_ones_are_checked_and_shown(aegis):
    aegis("init", "a").ok()
    file = aegis.state / "a/aegis.toml"
    plain = file.read_text(encoding="utf-8")

    def configure(text):
        file.write_text(plain + "\n[ledger.witness]\n" + text, encoding="utf-8")

    assert "ledger.witness" not in aegis("config", "show", "a").ok().out
    configure('targets = ["w", "~/w", "https://w.example/x/", "syslog"]\nrequired = true\n')
    shown = aegis("config", "show", "a").ok().out
    assert "\n[ledger.witness]\n" in shown and "\nrequired = true\n" in shown
    status = aegis("status", "a", "--json").ok().json("status")
    assert status["witnesses"] == [
        str(aegis.state / "a/w"), str(aegis.home / "w"), "https://w.example/x", "syslog"]
    assert "syslog" in aegis("status", "a").ok().out
    configure('target = "http://u@h"\n')
    status = aegis("status", "a", "--json")
    assert status.code == 1 and "user information" in status.json("status")["witness_error"]
    aegis("run", "--config", "a", "--", "true").failed(125, "aegis.toml", "user information")
    configure('targets = "syslog"\n')
    aegis("status", "a").failed(1, "aegis.toml", "must be an array of strings")
