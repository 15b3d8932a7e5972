"""On a real terminal: job control, full-screen programs, Ctrl-C, Ctrl-Z."""

import os
import signal
import time

import pytest

import harness
import terminal

PROMPT = r"ready\$ "


def shell(world, words):
    """An interactive bash with a prompt to wait for; `words` go before it."""
    (world.home / "rc").write_text("PS1='ready$ '; bind 'set enable-bracketed-paste off'\n")
    return terminal.Terminal([*words, "bash", "--noprofile", "--rcfile", world.home / "rc", "-i"],
                             world.env, world.project)


def inside(world):
    return shell(world, world.run_words([]))


def test_interactive_bash_with_job_control(world):
    with inside(world) as bash:
        bash.expect(PROMPT)
        bash.line("stty size; echo $- | grep -o m")
        bash.expect(r"\r\n24 80\r\nm\r\n")
        bash.expect(PROMPT)
        bash.line("seq 10 | grep 1 | wc -l")
        bash.expect(r"\r\n2\r\n")
        bash.expect(PROMPT)
        bash.line("sleep 1000 &")
        bash.expect(r"\[1\] \d+")
        bash.expect(PROMPT)
        bash.line("jobs")
        bash.expect(r"\[1\]\+  Running +sleep 1000 &")
        bash.line("kill %1; wait %1; echo waited $?")
        bash.expect(r"waited 143\r\n")
        bash.line("sleep 1000; echo after $?")
        time.sleep(0.3)  # lets the shell hand over the terminal; nothing is asserted of the time
        bash.send("\x03")
        bash.expect(PROMPT)
        bash.line("echo $?")
        bash.expect(r"130\r\n")
        bash.line("sleep 1000")
        time.sleep(0.3)
        bash.send("\x1a")
        bash.expect(r"\[1\]\+  Stopped +sleep 1000")
        bash.expect(PROMPT)
        bash.line("bg; jobs -r; kill %1; wait")
        bash.expect(r"Running +sleep 1000 &")
        bash.line("exit 6")
        assert bash.end() == 6


def test_the_terminal_has_a_name(world):
    with terminal.Terminal(world.run_words(["tty"]), world.env, world.project) as tty:
        tty.expect(r"/dev/(pts/\d+|console)\r\n")
        assert tty.end() == 0


@pytest.mark.parametrize("under", ["native", "run", "wrap"])
def test_vim_edits_and_saves(world, needs, under):
    needs("vim")
    words = {"native": [], "run": world.run_words([]), "wrap": world.wrap_words([])}[under]
    argv = [*words, "vim", "-u", "NONE", "-i", "NONE", "-N", "note.txt"]
    with terminal.Terminal(argv, world.env, world.project) as vim:
        vim.expect(r"note\.txt")
        vim.send("ihello from vim\x1b")
        vim.expect(r"hello from vim")
        vim.line(":w")
        vim.expect(r"written")
        vim.line(":!echo from the shell")
        vim.expect(r"from the shell\r\n.*ENTER")
        vim.send("\r")
        vim.line(":wq")
        assert vim.end() == 0
    assert (world.project / "note.txt").read_text() == "hello from vim\n"
    assert [path.name for path in world.project.iterdir()] == ["note.txt"]


def test_stop_and_continue_from_the_callers_shell(world, needs):
    """Ctrl-Z stops `aegis run`, as the caller's shell sees it; fg goes on."""
    needs("vim")
    words = " ".join(str(word) for word in world.run_words([]))
    with shell(world, []) as bash:
        bash.expect(PROMPT)
        bash.line(f"{words} vim -u NONE -i NONE -N note.txt")
        bash.expect(r"note\.txt.*note\.txt")
        bash.send("ione\x1b")
        bash.expect(r"one")
        bash.send("\x1a")
        bash.expect(r"Stopped")
        bash.expect(PROMPT)
        bash.line("jobs | wc -l")
        bash.expect(r"\r\n1\r\n")
        bash.line("fg")
        bash.expect(r"one")
        bash.send("otwo\x1b")
        bash.line(":wq")
        bash.expect(PROMPT)
        bash.line("echo code $?; cat note.txt")
        bash.expect(r"code 0\r\none\r\ntwo\r\n")
        bash.line("exit")
        bash.end()


# Ends the command's script when the test says so.
UNTIL_GO = "while [ ! -e go ]; do sleep 0.1; done; exit 7"


def goes_on_with_its_launcher(world, bash):
    """The launcher runs while the command does, and the shell (`set -b`) sees its end. What the
    command prints may be here a few wake-ups before the launcher goes on: the shell must not be asked
    about the job at once."""
    launcher, = harness.children(bash.process.pid)
    harness.wait_until(lambda: not stopped(launcher), "the launcher's continuation")
    (world.project / "go").touch()
    bash.expect(r"\[1\]\+  Exit 7 ")
    bash.line("exit")
    bash.end()


def test_a_command_that_is_continued_from_inside_takes_the_launcher_along(world):
    """Who stops itself is a stopped job for the caller's shell, until a process of the agent ends
    the stop."""
    script = "for i in 1 2 3; do (sleep 0.7; kill -CONT $$) & kill -STOP $$; echo on again $i; done; " + UNTIL_GO
    words = " ".join(str(word) for word in world.run_words([]))
    with shell(world, []) as bash:
        bash.expect(PROMPT)
        bash.line("set -b")
        bash.expect(PROMPT)
        bash.line(f"{words} sh -c '{script}'")
        bash.expect(r"Stopped")
        bash.expect(PROMPT)
        bash.expect(r"on again 1\r\n")
        bash.expect(r"on again 2\r\n")
        bash.expect(r"on again 3\r\n")
        goes_on_with_its_launcher(world, bash)


def test_a_command_that_the_terminal_stopped_takes_the_launcher_along(world):
    """The same after Ctrl-Z, which the terminal sends to the launcher too."""
    script = "(trap '' TSTP; echo up; sleep 1; kill -CONT 0) & wait; echo on again; " + UNTIL_GO
    words = " ".join(str(word) for word in world.run_words([]))
    with shell(world, []) as bash:
        bash.expect(PROMPT)
        bash.line("set -b")
        bash.expect(PROMPT)
        bash.line(f'{words} sh -c "{script}"')
        bash.expect(r"up\r\n")
        bash.send("\x1a")
        bash.expect(r"Stopped")
        bash.expect(PROMPT)
        bash.expect(r"on again\r\n")
        goes_on_with_its_launcher(world, bash)


def test_a_command_that_ignores_the_terminals_stop_goes_on_with_the_launcher(world):
    script = "trap '' TSTP; echo up; sleep 1; echo through; exit 7"
    words = " ".join(str(word) for word in world.run_words([]))
    for prefix in ("", words + " "):
        with shell(world, []) as bash:
            bash.expect(PROMPT)
            bash.line(f'{prefix}sh -c "{script}"; echo code $?')
            bash.expect(r"up\r\n")
            bash.send("\x1a")
            bash.expect(r"through\r\n")
            bash.expect(r"code 7\r\n")
            assert b"Stopped" not in bash.seen
            bash.line("exit")
            bash.end()


def start_job(world, argv):
    """In a process group of its own: a stop in an orphaned one, such as that of a job in the
    background, ends in SIGHUP to all of the group (setpgid(2))."""
    return world.start(argv, process_group=0)


def stopped(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        return file.read().rpartition(")")[2].split()[0] == "T"


@pytest.mark.parametrize("word,code", [("KILL", 137), ("TERM", 143)])
def test_a_stopped_command_that_is_killed_ends_the_run(world, word, code):
    script = f"(sleep 0.5; kill -{word} $$; kill -CONT $$) & kill -STOP $$; sleep 100"
    process = start_job(world, world.run_words(["sh", "-c", script]))
    harness.wait_until(lambda: process.poll() is not None or stopped(process.pid), "the stop")
    done = harness.finish(process)
    assert done.code == code, done


def test_a_stopped_launcher_tells_of_its_supervisors_death(world):
    process = start_job(world, world.run_words(["sh", "-c", "kill -STOP $$"]))
    harness.wait_until(lambda: stopped(process.pid), "the stop")
    supervisor = next(pid for pid in harness.children(process.pid)
                      if os.getpgid(pid) == pid and harness.children(pid))
    os.kill(supervisor, signal.SIGKILL)
    done = harness.finish(process)
    assert done.code == 125 and "the supervisor died (signal 9" in done.err_text, done


def test_a_stop_after_the_job_went_on_is_followed_too(world):
    process = start_job(world, world.run_words(["sh", "-c", "kill -STOP $$; sleep 0.3; kill -STOP $$; exit 3"]))
    for _ in range(2):
        harness.wait_until(lambda: stopped(process.pid), "the stop")
        time.sleep(0.1)
        os.kill(process.pid, signal.SIGCONT)
        harness.wait_until(lambda: not stopped(process.pid), "its end")
    assert harness.finish(process).code == 3


def test_many_stops_and_continuations_are_harmless(world):
    script = ("(i=0; while [ $i -lt 300 ]; do kill -STOP $$; kill -CONT $$; i=$((i + 1)); done) & "
              "wait; while kill -0 $! 2>/dev/null; do wait; done; echo end")
    process = start_job(world, world.run_words(["sh", "-c", script]))
    done = harness.finish(process)
    assert done.code == 0 and done.out == b"end\n", done


def test_interrupt_ends_the_command_as_natively(world):
    words = " ".join(str(word) for word in world.run_words([]))
    for prefix in ("", words + " "):
        with shell(world, []) as bash:
            bash.expect(PROMPT)
            bash.line(f"{prefix}sh -c 'echo going; sleep 1000; echo never'")
            bash.expect(r"going\r\n")
            time.sleep(0.2)
            bash.send("\x03")
            bash.expect(PROMPT)
            bash.line("echo last $?; stty -a | grep -o ' echo '")
            bash.expect(r"last 130\r\n")  # bash's own, after the interrupt
            bash.expect(r" echo ")
            assert b"never\r\n" not in bash.seen
            bash.line("exit")
            bash.end()


def test_the_terminal_still_works_after_a_killed_shell(world):
    """A shell inside that took the foreground and is killed leaves the caller's shell in charge."""
    words = " ".join(str(word) for word in world.run_words([]))
    with shell(world, []) as bash:
        bash.expect(PROMPT)
        bash.line(f"{words} bash --norc -ic 'kill -9 $$'; echo code $?")
        bash.expect(r"code 137\r\n")
        bash.expect(PROMPT)
        bash.line("cat | tr a-z A-Z")
        bash.expect(r"A-Z\r\n")
        time.sleep(0.3)  # the shell sets the terminal for cat
        bash.line("typed")
        bash.send("\x04")
        bash.expect(r"TYPED")
        bash.expect(PROMPT)
        bash.line("exit")
        bash.end()


def test_window_size_changes_arrive(world):
    import fcntl
    import struct
    import termios
    with inside(world) as bash:
        bash.expect(PROMPT)
        fcntl.ioctl(bash.master, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
        bash.line("stty size")
        bash.expect(r"40 100\r\n")
        bash.line("exit")
        assert bash.end() == 0


def test_closing_the_terminal_ends_everything(world):
    mark = f"aegis-e2e-close-{os.getpid()}"
    world.env["MARK"] = mark
    with inside(world) as bash:
        bash.expect(PROMPT)
        bash.line("sleep 1000 & (trap '' HUP; sleep 1001) & sleep 1002")
        bash.expect(r"\[2\] \d+")
        bash.close()
        bash.process.wait(harness.PATIENCE)
        harness.wait_until(lambda: not harness.marked_processes(mark), "the death of all processes")
    world.verify()


def test_hangup_of_the_launcher(world):
    mark = f"aegis-e2e-hangup-{os.getpid()}"
    for number in (signal.SIGHUP, signal.SIGTERM):
        process = world.start(world.run_words(["sh", "-c", "echo up; sleep 1000; echo no"]),
                              env=dict(world.env, MARK=mark))
        assert process.stdout.readline() == b"up\n"
        process.send_signal(number)
        done = harness.finish(process)
        assert done.code in (128 + number, -number) and done.out == b"", done
        assert harness.marked_processes(mark) == []
