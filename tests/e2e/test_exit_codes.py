"""Exit codes, signals, and the command's standard descriptors."""

import os
import signal
import subprocess

import pytest

import harness


def test_all_exit_codes_of_a_shell(world):
    """A sample of single runs, and all 256 within one run."""
    for code in (0, 1, 2, 77, 124, 125, 126, 127, 128, 130, 200, 255):
        assert world.run(["sh", "-c", f"exit {code}"]).code == code
    script = "for i in $(seq 0 255); do sh -c \"exit $i\"; [ $? = $i ] || echo bad $i; done"
    done = world.run(["bash", "-c", script])
    assert (done.code, done.text) == (0, ""), done


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGKILL,
                                    signal.SIGSEGV, signal.SIGABRT, signal.SIGPIPE, signal.SIGUSR1])
def test_death_by_signal_is_128_plus_n(world, number):
    done = world.run(["sh", "-c", f"kill -{int(number)} $$"])
    assert done.code == 128 + number, done


def test_what_cannot_be_executed(world):
    (world.project / "plain").write_text("not a program\n")
    (world.project / "broken").write_text("#!/no/such/interpreter\n")
    (world.project / "broken").chmod(0o755)
    (world.project / "garbage").write_bytes(b"\x7fELF garbage")
    (world.project / "garbage").chmod(0o755)
    assert world.run(["./nowhere"]).code == 127
    assert world.run(["no-such-program"]).code == 127
    assert world.run(["./plain"]).code == 126
    assert world.run(["."]).code == 126
    assert world.run(["./garbage"]).code == 126
    assert world.run(["./broken"]).code in (126, 127)  # as shells, which differ here
    for words in (["./nowhere"], ["./plain"]):
        lines = world.run(words).err_text.splitlines()
        assert len(lines) == 1 and lines[0].startswith("aegis:"), lines


def test_command_line_errors_run_nothing(world):
    marker = world.project / "ran"
    for words in (["run", "--policy", "no-such-policy", "--", "touch", marker],
                  ["run", "--no-such-option", "--", "touch", marker],
                  ["run", "--config", "no-such-configuration", "--", "touch", marker],
                  ["run", "--dir", world.root / "missing", "--", "touch", marker],
                  ["run"], ["wrap"], ["run", "--"]):
        done = world.aegis(*words)
        assert done.code == 125, (words, done)
        assert done.err_text.startswith("aegis:"), done
        assert not marker.exists()


def test_stdin_and_stdout_as_pipes_files_and_closed(world):
    given = world.project / "given"
    given.write_bytes(b"from a file\n")
    with open(given, "rb") as data, open(world.project / "taken", "wb") as taken:
        process = world.start(world.run_words(["cat"]), stdin=data, stdout=taken)
        assert harness.finish(process).code == 0
    assert (world.project / "taken").read_bytes() == b"from a file\n"
    assert world.run(["cat"], b"from a pipe").out == b"from a pipe"

    words = " ".join(str(word) for word in world.run_words([]))
    for redirection, script in (("<&-", "cat; echo code $?"), (">&-", "echo lost; echo $? >&2"),
                                ("2>&-", "echo kept; ls /nowhere; echo $?"),
                                ("<&- >&- 2>&-", "echo x > made; exit 5")):
        under = world.native(["bash", "-c", f"{words} sh -c '{script}' {redirection}; echo $?"])
        assert under.code == 0
        if "made" in script:
            assert under.text == "5\n" and (world.project / "made").read_text() == "x\n"
        if "kept" in script:
            assert under.text.startswith("kept\n2\n"), under


def test_within_a_pipeline(world):
    words = " ".join(str(word) for word in world.run_words([]))
    done = world.native(["bash", "-c", f"seq 5000 | {words} cat | wc -l; "
                                       f"{words} seq 1000000 | head -1; echo ${{PIPESTATUS[0]}}"])
    native = world.native(["bash", "-c", "seq 1000000 | head -1; echo ${PIPESTATUS[0]}"])
    assert done.text == "5000\n" + native.text, done
    assert native.text == "1\n141\n"


def test_working_directory_environment_and_umask(world):
    below = world.project / "below"
    below.mkdir()
    environment = dict(world.env, PLAIN="kept\nas it is", EMPTY="", TOKENISH="kept too")
    script = "pwd; umask; printf '%s|%s|%s\\n' \"$PLAIN\" \"$EMPTY\" \"$TOKENISH\"; : > file"
    done = harness.finish(world.start(world.run_words(["sh", "-c", script]), cwd=below,
                                      env=environment, preexec_fn=lambda: os.umask(0o077)))
    assert done.text == f"{below}\n0077\nkept\nas it is||kept too\n", done
    assert (below / "file").stat().st_mode & 0o777 == 0o600


def test_credentials_are_withheld_by_run_and_kept_by_wrap(world):
    environment = dict(world.env, GITHUB_TOKEN="canary-1", AWS_SECRET_ACCESS_KEY="canary-2",
                       OPENAI_API_KEY="canary-3", DB_PASSWORD="canary-4", PATHLIKE="canary-5")
    done = world.run(["env"], env=environment).ok()
    assert "canary-5" in done.text
    for number, name in enumerate(("GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "OPENAI_API_KEY",
                                   "DB_PASSWORD"), 1):
        assert f"canary-{number}" not in done.text + done.err_text
        assert name in done.err_text
    done = world.wrap(["env"], env=environment).ok()
    assert all(f"canary-{number}" in done.text for number in range(1, 6)), done
    world.verify()


def test_only_three_descriptors_are_inherited(world):
    with open(world.outside / "open", "wb") as extra, open("/dev/null", "rb") as other:
        fds = (extra.fileno(), other.fileno())
        for words in (world.run_words(["ls", "/proc/self/fd"]),
                      world.wrap_words(["ls", "/proc/self/fd"])):
            process = world.start(words, pass_fds=fds)
            assert harness.finish(process).ok().text.split() == ["0", "1", "2", "3"]  # 3: ls' own


def test_background_children_die_with_the_run(world):
    for launch in (world.run_words, world.wrap_words):
        mark = f"aegis-e2e-{os.getpid()}-{launch.__name__}"
        script = ("setsid sleep 1000 & (trap '' HUP TERM; nohup setsid sh -c 'sleep 1001; :' &) ; "
                  "sleep 1002 & disown; echo started")
        done = harness.finish(world.start(launch(["bash", "-c", script]),
                                          env=dict(world.env, MARK=mark)))
        assert done.text == "started\n"
        assert harness.marked_processes(mark) == []


def test_signals_to_aegis_reach_the_command(world):
    script = ("trap 'echo got term; exit 9' TERM; trap 'echo got usr1' USR1; echo ready; "
              "while :; do sleep 0.05; done")
    for launch in (world.run_words, world.wrap_words):
        process = world.start(launch(["bash", "-c", script]))
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGUSR1)
        assert process.stdout.readline() == b"got usr1\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == b"got term\n"
        assert process.wait(harness.PATIENCE) == 9
        process.stderr.close()
        process.stdout.close()


def test_nested_run_is_refused_or_works_but_never_hangs(world):
    done = world.run([world.aegis_binary, "run", "--", "true"])
    assert done.code in (0, 125, 126, 127), done
    assert subprocess.run(["true"], check=False).returncode == 0


MANY = """
import os, resource
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
ready, made = os.pipe()
held, go = os.pipe()
children = []
for i in range(700):
    child = os.fork()
    if child == 0:
        os.close(go)
        try:
            os.mkdir(f"d{i}"); os.chdir(f"d{i}"); open("f", "w").close()
            os.write(made, b"1")
        except OSError as error:
            os.write(made, b"0")
        os.read(held, 1)
        os._exit(0)
    children.append(child)
told = b""
while len(told) < len(children):
    told += os.read(ready, 4096)
os.close(go)
for child in children:
    os.waitpid(child, 0)
print(told.count(b"1"), told.count(b"0"))
"""


def test_more_processes_than_the_supervisor_may_have_files(world):
    """Each with a working directory of its own, all alive at once."""
    import resource
    limit = (resource.RLIMIT_NOFILE, (512, 512))
    process = world.start(world.run_words([harness.PYTHON, "-c", MANY]),
                          preexec_fn=lambda: resource.setrlimit(*limit))
    done = harness.finish(process).ok()
    assert done.text == "700 0\n", done
    written = {entry["resource"] for entry in world.decided() if entry["action"] == "FileWrite"}
    assert {f"{world.project}/d{i}/f" for i in range(700)} <= written
    assert world.denials() == []


def test_descriptors_that_are_none(world):
    """EBADF, and nothing to record: no file was named."""
    script = ("import os\nfor call in (lambda: os.open('x', 0, dir_fd=999), lambda: os.mkdir('x', dir_fd=999),"
              "\n    lambda: os.fchmod(999, 0), lambda: os.unlink('x', dir_fd=999), lambda: os.open('x', 0, dir_fd=0)):"
              "\n    try: call()\n    except OSError as error: print(error.errno)\n")
    native = world.native([harness.PYTHON, "-c", script]).ok()
    for launch in (world.run, world.wrap):
        assert launch([harness.PYTHON, "-c", script]).ok().text == native.text
    assert world.denials() == [] and world.denials("wrapped") == []
