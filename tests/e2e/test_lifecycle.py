"""Processes from their first to their last moment: each is in the ledger with its parent, its image
and its end, and no image runs that was not judged."""

import errno
import json
import os
import shutil
import subprocess

import pytest

import harness

SWAPS = 600
ROUNDS = 10
SOAK_SWAPS, SOAK_RUNS = 5_000, 20

# What the static wall lets through and the decision alone refuses.
NO_BAD_PROGRAMS = """
@id("all") permit(principal, action, resource);
@id("no.bad") forbid(principal, action == Aegis::Action::"ProcessSpawn",
                     resource in Aegis::Resource::"@dir/bad");
"""
NO_BAD_ARGUMENT = """
@id("all") permit(principal, action, resource);
@id("no.evil") forbid(principal, action == Aegis::Action::"ProcessSpawn",
                      resource == Aegis::Resource::"/usr/bin/echo")
when { context has argv && context.argv.contains("evil") };
"""


class Life:
    """One process as the ledger tells it."""

    def __init__(self, parent, image):
        self.parent = parent
        self.images = [image] if image else []
        self.end = None


def lives(entries):
    """Every process of a session by its id; asserts that the story of each is whole."""
    known = {}
    for entry in entries:
        payload = entry["payload"]
        if entry["event_type"] == "PROCESS_STARTED":
            parent = known[payload["parent"]]
            assert payload["image"] == parent.images[-1] and parent.end is None
            assert payload["pid"] not in known or known[payload["pid"]].end is not None
            known[payload["pid"]] = Life(payload["parent"], payload["image"])
        elif entry["event_type"] == "ACTION_FINISHED" and payload["action"] == "ProcessSpawn":
            context = payload["context"]
            life = known.setdefault(context["pid"], Life(0, ""))
            assert life.parent == context.get("parent", 0)
            assert context.get("exe", "") == (life.images[-1] if life.images else "")
            life.images.append(payload["resource"])
        elif entry["event_type"] == "ACTION_FINISHED" and payload["action"] == "ProcessExit":
            context = payload["context"]
            life = known[context["pid"]]
            assert life.end is None and life.images[-1] == payload["resource"]
            life.end = -context["signal"] if "signal" in context else context["exit_code"]
        elif entry["event_type"] == "ACTION_DECIDED":
            assert known.get(payload["context"]["pid"], Life(0, "")).end is None
    assert all(life.end is not None for life in known.values())
    return known


@pytest.mark.parametrize("command", ["run", "wrap"])
def test_every_process_has_a_beginning_and_an_end(world, command):
    words = world.python("family.py")
    expected = world.native(words).json()
    assert expected["untraced"] > 0
    done = world.run(words) if command == "run" else world.wrap(words)
    report = done.json()
    assert report.pop("untraced") == -errno.EPERM
    assert report == {key: value for key, value in expected.items() if key != "untraced"}
    known = lives(world.entries("default" if command == "run" else "wrapped"))
    ends = sorted(life.end for life in known.values())
    # The command; exit; signal; three generations; sh; sh; the thread's process; clone.
    assert ends == sorted([0, 3, -9, 8, 8, 7, 4, 127, 0, 5]), ends
    chains = {tuple(life.images) for life in known.values()}
    python = next(iter(known.values())).images[-1]
    assert (python,) in chains and (python, "/usr/bin/true") in chains
    assert (python, "/usr/bin/dash") in chains


def test_what_did_not_begin_is_not_told_as_begun(world):
    """An execve that the kernel refuses after it was permitted."""
    broken = world.project / "broken"
    broken.write_bytes(b"\x7fELF and no more")
    broken.chmod(0o755)
    world.run(["sh", "-c", "./broken 2>/dev/null; cat /dev/null"])
    begun = {entry["payload"]["resource"] for entry in world.entries()
             if entry["event_type"] == "ACTION_FINISHED" and
             entry["payload"]["action"] == "ProcessSpawn"}
    permitted = {payload["resource"] for payload in world.decided()
                 if payload["action"] == "ProcessSpawn" and payload["decision"] == "allow"}
    assert str(broken) in permitted and str(broken) not in begun
    assert any(name.endswith("/cat") for name in begun & permitted)


def bad_and_good(world, source):
    """Two programs below names of one length, of which the one in bad/ may not be executed."""
    (world.project / "policy.cedar").write_text(NO_BAD_PROGRAMS)
    names = []
    for name, content in (("good", None), ("bad/", source)):
        directory = world.project / name
        directory.mkdir()
        if content is None:
            shutil.copy("/usr/bin/true", directory / "prog")
        elif content.endswith(".c"):
            shutil.copy(world.programs.get(content), directory / "prog")
        names.append(f"{world.project}/{name}/prog")
    return names


def assert_swaps_are_caught(world, words):
    done = world.run(words, policy=world.project / "policy.cedar").ok()
    assert "CANARY-RAN" not in done.text
    report = json.loads(done.text.strip().splitlines()[-1])
    assert report["succeeded"] > 0, report
    bad = f"{world.project}/bad/prog"
    reasons = {(payload["reason"], payload["resource"]) for payload in world.denials()}
    assert ("POLICY_FORBID", bad) in reasons
    begun = [entry["payload"]["resource"] for entry in world.entries()
             if entry["event_type"] == "ACTION_FINISHED"]
    assert begun and bad not in begun
    world.verify()
    return reasons


def swapping(world, how, count):
    """Words that swap a program for a bad one, which natively runs now and then."""
    good, bad = bad_and_good(world, "evil.c")
    words = [world.program("rewrite.c"), how, count, good, bad]
    assert "CANARY-RAN" in world.native(words).text
    return words


def catch_swaps(world, words, reason):
    """Until one was caught so late: on a busy machine the threads seldom meet."""
    for _ in range(ROUNDS):
        if any(found == reason for found, _ in assert_swaps_are_caught(world, words)):
            return
    pytest.fail(f"never {reason} in {ROUNDS} rounds")


@pytest.mark.parametrize("how", ["exec", "exec-many"])
def test_a_program_that_is_exchanged_never_runs(world, how):
    catch_swaps(world, swapping(world, how, SWAPS), "IMAGE_CHANGED")
    for entry in world.entries():  # and what is recorded of many arguments is bounded
        if entry["event_type"] == "ACTION_DECIDED":
            assert len(entry["payload"]["context"].get("argv", [])) <= 257


@pytest.mark.soak
@pytest.mark.parametrize("_", range(SOAK_RUNS))
def test_100000_programs_that_are_exchanged(world, _):
    assert_swaps_are_caught(world, swapping(world, "exec", SOAK_SWAPS))


def test_a_script_that_is_exchanged_never_runs(world):
    """Both have one interpreter: what it was given to read tells them apart."""
    good, bad = bad_and_good(world, "evil.c")
    for name, what in ((good, "true"), (bad, "echo CANARY-RAN")):
        with open(name, "w", encoding="ascii") as file:
            file.write(f"#!/bin/sh\n{what}\n")
    words = [world.program("rewrite.c"), "exec", SWAPS, good, bad]
    assert "CANARY-RAN" in world.native(words).text
    catch_swaps(world, words, "IMAGE_CHANGED")


def test_arguments_are_judged_and_recorded_as_they_are(world):
    """A policy reads them; a thread rewrites them while they are read."""
    (world.project / "policy.cedar").write_text(NO_BAD_ARGUMENT)
    words = [world.program("rewrite_argv.c"), SWAPS, "/usr/bin/echo", "good", "evil"]
    native = world.native(words).text.split()
    assert {"good", "evil"} <= set(native)
    done = world.run(words, policy=world.project / "policy.cedar").ok()
    heard = done.text.split()
    assert "good" in heard and "evil" not in heard
    # Of each process the last word about its arguments before it began is what it said.
    said = {}
    for entry in world.entries():
        payload = entry["payload"]
        if payload.get("action") == "ProcessSpawn" and payload["resource"].endswith("/echo"):
            pid = payload["context"]["pid"]
            if entry["event_type"] == "ACTION_DECIDED":
                said[pid] = payload["context"]["argv"] if payload["decision"] == "allow" else None
            else:
                assert said[pid] is not None
                said[pid, "begun"] = said[pid][1]
    begun = [word for key, word in said.items() if isinstance(key, tuple)]
    assert sorted(begun) == sorted(heard)


def test_the_loader_runs_no_program_that_is_refused(world):
    """`ld.so FILE` makes no execve of FILE: what the loader opens is judged as a program."""
    loader = os.path.realpath("/lib64/ld-linux-x86-64.so.2")
    (world.project / "policy.cedar").write_text(NO_BAD_PROGRAMS)
    for name in ("good", "bad"):
        (world.project / name).mkdir()
        shutil.copy(world.programs.get("evil.c"), world.project / name / "prog")
    assert "CANARY-RAN" in world.native([loader, "bad/prog"]).text
    assert "CANARY-RAN" in world.run([loader, "good/prog"],
                                     policy=world.project / "policy.cedar").text
    done = world.run([loader, "bad/prog"], policy=world.project / "policy.cedar")
    assert done.code != 0 and "CANARY-RAN" not in done.text
    assert [(denial["action"], denial["resource"]) for denial in world.denials()] == \
        [("ProcessSpawn", f"{world.project}/bad/prog")]
    loaded = {payload["resource"] for payload in world.decided()
              if payload["action"] == "ProcessSpawn"}
    assert not any("libc.so" in name for name in loaded)


def test_a_program_names_no_loader_that_is_refused(world):
    """PT_INTERP: what runs first of a program is the file that its ELF header names."""
    bad_and_good(world, "evil.c")
    evil = world.project / "bad/prog"
    for name, loader in (("stub", evil), ("fine", "/lib64/ld-linux-x86-64.so.2")):
        (world.project / "stub.c").write_text("int main(void) { return 7; }")
        world.native(["gcc", "-o", name, "stub.c", f"-Wl,--dynamic-linker={loader}"]).ok()
    subprocess.run(["gcc", "-static", "-nostdlib", "-fno-stack-protector", "-o", evil,
                    harness.PROGRAMS / "bare.c"], check=True)
    assert "CANARY-RAN" in world.native(["./stub"]).text
    assert world.run(["./fine"], policy=world.project / "policy.cedar").code == 7
    done = world.run(["./stub"], policy=world.project / "policy.cedar")
    assert done.code == 137 and "CANARY-RAN" not in done.text
    assert [(denial["action"], denial["resource"]) for denial in world.denials()] == \
        [("ProcessSpawn", str(evil))]


@pytest.mark.parametrize("many", [1, 255, 256, 300, 20_000])
def test_no_argument_is_behind_the_judged_ones(world, many):
    (world.project / "policy.cedar").write_text(NO_BAD_ARGUMENT)
    program = "import os, sys; os.execv('/usr/bin/echo', ['echo'] + [''] * int(sys.argv[1]) + ['ev' + 'il'])"
    done = world.run([harness.PYTHON, "-c", program, str(many)],
                     policy=world.project / "policy.cedar")
    assert done.code != 0 and b"evil" not in done.out
    assert {denial["resource"] for denial in world.denials()} == {"/usr/bin/echo"}
    assert world.run([harness.PYTHON, "-c", program.replace("'ev' + 'il'", "'go' + 'od'"),
                      str(many)], policy=world.project / "policy.cedar").ok().text.endswith("good\n")


def test_makers_that_are_killed_at_once(world):
    """Each child has an image and an end, whoever was its parent by then."""
    program = """
import os, signal, time
for turn in range(60):
    maker = os.fork()
    if maker == 0:
        for _ in range(50):
            if os.fork() == 0:
                os._exit(5)
        os._exit(0)
    time.sleep(turn / 20000)
    os.kill(maker, signal.SIGKILL)
    os.waitpid(maker, 0)
"""
    world.run([harness.PYTHON, "-c", program]).ok()
    started, ended = [], []
    for entry in world.entries():
        payload = entry["payload"]
        if entry["event_type"] == "PROCESS_STARTED":
            started.append(payload["pid"])
            assert payload["image"], payload
        elif payload.get("action") == "ProcessExit":
            ended.append(payload["context"]["pid"])
    assert len(started) > 60 and len(ended) == len(started) + 1 and set(started) <= set(ended)


def test_a_script_without_a_newline(world):
    script = world.project / "short"
    script.write_text("#!/bin/echo ")
    script.chmod(0o755)
    words = ["sh", "-c", "./short q"]
    assert world.native(words).text == world.run(words).ok().text == " ./short q\n"


def test_a_tracer_inside_is_refused(world, needs):
    needs("strace")
    assert world.native(["strace", "-o", "/dev/null", "true"]).code == 0
    for launch in (world.run, world.wrap):
        done = launch(["strace", "-o", "/dev/null", "true"])
        assert done.code != 0 and b"Operation not permitted" in done.err


def test_ten_thousand_processes(world):
    script = "i=0; while [ $i -lt 10000 ]; do (:) & i=$((i+1)); [ $((i % 500)) = 0 ] && wait; done; wait"
    world.run(["sh", "-c", script]).ok()
    known = lives(world.entries())
    assert len(known) == 10_001
    assert all(life.end == 0 for life in known.values())


def test_a_thousand_threads_at_once(world):
    program = """
import threading
barrier = threading.Barrier(1001)
threads = [threading.Thread(target=barrier.wait) for _ in range(1000)]
for thread in threads: thread.start()
barrier.wait()
for thread in threads: thread.join()
print("met")
"""
    assert world.run([harness.PYTHON, "-c", program]).ok().text == "met\n"
    assert len(lives(world.entries())) == 1
