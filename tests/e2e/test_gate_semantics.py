"""What calls that name files answer and do, and what no other name opens."""

import socket
import subprocess

import pytest

import harness
from harness import attempts


def test_names_with_links_and_slashes(world):
    """Each kind of call, with each kind of object and shape of the path, in a fresh directory."""
    words = world.python("name_semantics.py")
    native = world.native(words).ok()
    wrapped = world.wrap(words).ok()
    assert "open" in native.text and native.text.count("\n") > 500
    differences = [pair for pair in zip(native.text.splitlines(), wrapped.text.splitlines())
                   if pair[0] != pair[1]]
    assert not differences, differences[:20]


def edges(world, *groups):
    """What the calls of each group answered, natively and inside."""
    def fresh(name):
        place = world.project / name
        place.mkdir()
        return place

    words = world.python("call_edges.py", *groups)
    native = world.native(words, cwd=fresh("natively")).ok().text
    return native, world.run(words, policy="permit-all", cwd=fresh("inside")).ok().text


def test_a_working_directory_shared_by_processes(world):
    native, inside = edges(world, "shared_directory")
    assert "after 2 below" in native
    assert inside == native


def test_descriptors_that_calls_start_from(world):
    """What no path starts from is answered as natively, and there is nothing to judge."""
    native, inside = edges(world, "starts", "open_files", "small_things")
    assert native.count("\n") > 800
    differences = [pair for pair in zip(native.splitlines(), inside.splitlines())
                   if pair[0] != pair[1]]
    assert not differences, differences[:20]
    assert not world.denials()


def test_truncate_keeps_to_the_callers_limit(world):
    native, inside = edges(world, "size_limit")
    assert "f 9 EFBIG 1 8" in native
    assert inside == native


def test_no_descriptor_left(world):
    native, inside = edges(world, "descriptor_limit")
    assert "EMFILE 4" in native and "ok 0" in native
    assert inside == native


def test_names_of_unix_sockets(world):
    native, inside = edges(world, "unix_sockets", "many_sockets")
    assert "107 ['ok', 'ok'] True" in native and "connect f ECONNREFUSED" in native
    differences = [pair for pair in zip(native.splitlines(), inside.splitlines())
                   if pair[0] != pair[1]]
    assert not differences, differences[:20]
    assert world.denials() == []


@pytest.mark.parametrize("mode", ["run", "wrap"])
def test_openat2_is_held_back_as_natively(world, mode):
    """Every flag of openat2, with names that stay in a directory and names that leave it."""
    words = world.python("resolve_flags.py")
    native = world.native(words).ok()
    gated = (world.wrap(words) if mode == "wrap" else world.run(words, policy="permit-all")).ok()
    assert "EXDEV" in native.text and native.text.count("\n") > 3000
    differences = [pair for pair in zip(native.text.splitlines(), gated.text.splitlines())
                   if pair[0] != pair[1]]
    assert not differences, (len(differences), differences[:20])


def test_openat2_asks_for_what_it_reaches_and_nothing_else(world):
    """A denied file is denied within any scope; what a scope keeps from is not asked for."""
    (world.project / "d").mkdir()
    for name in ("secret", "d/secret", "plain"):
        (world.project / name).write_text("text")
    (world.project / "d/out").symlink_to("../secret")
    policy = world.root / "p.cedar"
    policy.write_text(
        '@id("all") permit(principal, action, resource);\n'
        '@id("no-secret") forbid(principal, action == Aegis::Action::"FileRead",'
        ' resource in Aegis::Resource::"*/secret");\n')
    launch = lambda words: world.run(words, policy=policy)
    beneath, in_root = 8, 16
    tries = [("openat2", world.project, "secret", beneath), ("openat2", world.project, "/secret", in_root),
             ("openat2", world.project, "d/out", 2), ("openat2", world.project / "d", "out", beneath),
             ("openat2", world.project, "plain", beneath), ("openat2", world.project, "/plain", in_root)]
    assert attempts(world, launch, tries) == ["EACCES", "EACCES", "EACCES", "EXDEV", "ok", "ok"]
    denied = [entry["resource"] for entry in world.denials()]
    assert denied == [str(world.project / "secret")] * 3, denied


@pytest.mark.parametrize("how", ["rename", "symlink", "exchange"])
def test_nothing_takes_the_place_of_a_protected_directory(world, how):
    """~/.config/fish is protected: a ~/.config that was filled under another name is refused."""
    prepared = world.home / "prepared"
    (prepared / "fish").mkdir(parents=True)
    (prepared / "fish/config.fish").write_text("evil\n")
    config = world.home / ".config"
    if how == "exchange":
        config.mkdir()
    tries = {"rename": ("rename", prepared, config), "symlink": ("symlink", "prepared", config),
             "exchange": ("exchange", prepared, config)}
    launch = lambda words: world.run(words, directory=world.home)
    assert attempts(world, launch, [tries[how]]) == ["EACCES"]
    assert not (config / "fish").exists()
    assert any(entry["reason"] == "PINNED_PATH" for entry in world.denials())
    free = [("rename", prepared, world.home / "free"), ("symlink", "free", world.home / "link")]
    assert "EACCES" not in attempts(world, launch, free)


@pytest.mark.root
@pytest.mark.parametrize("mode", ["run", "wrap"])
def test_state_under_the_name_of_a_bind_mount(world, mode):
    world.run(["true"]).ok()
    place, part = world.outside / "whole", world.outside / "part"
    for source, target in ((world.root, place), (world.aegis_home / "default", part)):
        target.mkdir()
        subprocess.run(["mount", "--bind", source, target], check=True)
    try:
        launch = world.wrap if mode == "wrap" else lambda words: world.run(words, policy="permit-all")
        tries = [("read", place / "state/default/audit.db"), ("read", part / "aegis.toml"),
                 ("write", place / "state/evil"), ("unlink", part / "aegis.toml"),
                 ("list", place / "state"), ("write", place / "home/fine")]
        assert attempts(world, launch, tries) == ["EACCES"] * 5 + ["ok"]
        assert not (world.aegis_home / "evil").exists()
    finally:
        for target in (place, part):
            subprocess.run(["umount", target], check=True)


def test_a_network_socket_is_not_inherited(world):
    """It would send wherever it likes, whatever network the agent's own sockets have."""
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    datagram, stream = socket.socketpair(type=socket.SOCK_DGRAM)[0], socket.socketpair()[0]
    for descriptor in (udp, tcp, datagram):
        refused = world.run(["true"], stdin=descriptor)
        assert refused.code == 125 and "put a pipe between" in refused.err_text, refused
        world.wrap(["true"], stdin=descriptor).ok()
    world.run(["true"], stdin=stream).ok()


def test_interpreters_are_judged(world):
    """A script is started by the kernel's own exec of its interpreter: both are asked for."""
    policy = world.root / "p.cedar"
    policy.write_text(
        '@id("all") permit(principal, action, resource);\n'
        '@id("no-who") forbid(principal, action == Aegis::Action::"ProcessSpawn",'
        ' resource == Aegis::Resource::"/usr/bin/whoami");\n')
    for name, interpreter in (("who", "/usr/bin/whoami"), ("fine", "/bin/sh")):
        script = world.project / name
        script.write_text(f"#!{interpreter}\n")
        script.chmod(0o755)
    assert world.run(["./fine"], policy=str(policy)).code == 0
    assert world.run(["./who"], policy=str(policy)).code == 126
    assert [entry["resource"] for entry in world.denials()] == ["/usr/bin/whoami"]
    spawned = [entry["resource"] for entry in world.decided() if entry["action"] == "ProcessSpawn"]
    assert str(world.project / "who") in spawned and str(world.project / "fine") in spawned


def test_a_fifo_made_outside(world):
    """Nothing is lost of what its writer, outside, has to say."""
    fifo = world.project / "fifo"
    for _ in range(20):
        if not fifo.exists():
            subprocess.run(["mkfifo", fifo], check=True)
        writer = subprocess.Popen(["sh", "-c", 'echo hello > "$1"', "sh", fifo])
        assert world.run(["cat", "fifo"]).ok().text == "hello\n"
        assert writer.wait() == 0


def test_signals_reach_who_waits_for_a_fifo(world):
    words = world.python("fifo_signals.py")
    native = world.native(words).json()
    assert native == {"interrupted": "EINTR", "restarted": "opened", "killed": -15,
                      "stopped": [True, 1], "child": "opened"}
    assert world.run(words).json() == native


@pytest.mark.parametrize("mode", ["run", "wrap"])
def test_signals_and_stops_of_threads_that_wait_for_a_fifo(world, mode):
    words = [world.program("fifo_threads.c"), world.project]
    native = world.native(words).ok().text
    assert native.splitlines() == [
        "SIGSTOP: stopped 1 continued opened", "SIGTSTP:" + " stopped 1 continued" * 3 + " opened",
        "restarted: opened", "restarted or handled by another thread: opened", "interrupted: EINTR",
        "SIGTERM: killed", "SIGKILL: killed", "under fire: opened", "executes: opened"]
    assert getattr(world, mode)(words).ok().text == native


def test_a_connect_waits_for_room_at_its_peer(world):
    words = [world.program("unix_backlog.c"), world.project]
    native = world.native(words).ok().text
    assert [line.removeprefix("EAGAIN ") for line in native.splitlines()] == [
        "accepted: waits 1, connected", "closed: ECONNREFUSED", "timed out: EAGAIN 1",
        "restarted: waits 1, connected", "interrupted: waits 0, EINTR",
        "interrupted in spite of SA_RESTART: waits 0, EINTR", "stopped: stopped continued connected",
        "killed: killed", "many: 20"] * 2
    assert world.run(words).ok().text == native


def test_wrap_does_not_move_the_state(world):
    moved = world.root / "moved"
    done = world.wrap(["mv", world.root / "state", moved])
    assert done.code != 0 and not moved.exists()
    world.wrap(["mv", world.outside, moved]).ok()


def test_the_cpu_affinity_stays_the_agents(world):
    words = world.python("affinity.py")
    native = world.native(words).ok().text
    assert native == "True\n" * 5 + "True True\nTrue True\n"
    assert world.run(words).ok().text == native


@pytest.mark.parametrize("link", [False, True])
def test_a_working_directory_that_moves_takes_its_files_along(world, link):
    """The name is judged and recorded that the directory has when the file is opened."""
    before, after = world.project / "before", world.project / "after"
    before.mkdir()
    (before / "file").write_text("the same\n")
    words = world.python("reads_again.py", before, "file")
    with world.start(world.run_words(words), stdin=subprocess.PIPE, text=True) as agent:
        def read():
            agent.stdin.write("\n")
            agent.stdin.flush()
            return agent.stdout.readline()

        assert read() == "the same\n"
        before.rename(after)
        if link:
            before.symlink_to("after")
        else:
            before.mkdir()
            (before / "file").write_text("another\n")
        assert [read(), read()] == ["the same\n"] * 2
        agent.stdin.close()
    read_names = [payload["resource"] for payload in world.decided()
                  if payload["action"] == "FileRead" and payload["resource"].endswith("/file")]
    assert read_names == [str(before / "file"), str(after / "file"), str(after / "file")]
