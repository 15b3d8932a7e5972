"""Connections that are relayed look to programs like their own (docs/network.md)."""

from outside_world import NOBODY

PORT = 443


def seen(world, resources, *words):
    argv = world.python("relay_attacks.py", *map(str, words))
    native = world.native(argv).ok().text
    assert world.run_with(resources, argv).ok().text == native
    return native


def test_who_finds_nobody_is_refused(connected, out):
    name = out.oracle("good.example", PORT).name
    assert seen(connected, [f"{name}:9"], "refused", name, 9) == "['ECONNREFUSED']\n"


def test_a_dissolved_connection_has_no_result(connected, out):
    """Nor does its end touch the next one of the same socket."""
    good = out.oracle("good.example", PORT)
    out.resolves("lost.example", A=[NOBODY])
    resources = [f"{good.name}:{PORT}", f"lost.example:{PORT}"]
    assert seen(connected, resources, "given-up", "lost.example", PORT, good.name,
                PORT) == "True\n"
    assert [data[-5:] for data in good.data()] == [b"still"] * 2
    assert sorted(connected.allowed()) == sorted(resources)


def test_a_cork_is_the_programs_own(connected, out):
    name = out.echo("echo.example", PORT).name
    assert seen(connected, [f"{name}:{PORT}"], "corked", name, PORT) == "True\n"


def test_a_socket_that_blocks_after_all_keeps_nobody_waiting(connected, out):
    name = out.echo("echo.example", PORT).name
    assert seen(connected, [f"{name}:{PORT}"], "flipped", name, PORT) == "True\n"


def test_a_socket_that_can_not_be_refused_keeps_nobody_waiting(connected, out):
    name = out.echo("echo.example", PORT).name
    argv = connected.python("relay_attacks.py", "keyed", name, str(PORT))
    assert connected.run_with([f"{name}:{PORT}", f"{name}:9"], argv).ok().text == "True\n"
