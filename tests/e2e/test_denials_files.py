"""Files under `project`: each denial with its allowed twin, recorded under the canonical path."""

import os
import stat

import pytest

import harness
from harness import CANARY, attempts, fill

# Below the home directory: (name, id of the policy that forbids it).
SECRETS = (
    (".ssh/id_rsa", "project.secret."), (".aws/credentials", "project.secret."),
    (".gnupg/private-keys-v1.d/k", "project.secret."), (".netrc", "project.secret."),
    (".git-credentials", "project.secret."), (".npmrc", "project.secret."),
    (".pypirc", "project.secret."), (".config/gh/hosts.yml", "project.secret."),
    (".docker/config.json", "project.secret."), (".kube/config", "project.secret."),
    (".mozilla/firefox/p/logins.json", "project.secret.profiles"),
    (".config/google-chrome/Default/Cookies", "project.secret.profiles"),
    (".bash_history", "project.secret.histories"), (".python_history", "project.secret.histories"),
    (".claude/.credentials.json", "project.secret.ai"),
    ("project/.env", "project.secret.env-files"), ("project/sub/.env", "project.secret.env-files"),
    ("project/.env.local", "project.secret.env-variants"),
)
OPEN = ("notes", ".gitconfig", ".config/tool/settings", ".cache/tool/x", "project/file",
        "project/.env.example", "project/sub/.environment")


def test_secrets_are_refused_and_all_else_is_read(world):
    fill(world, [name for name, _ in SECRETS])
    fill(world, OPEN, "open\n")
    paths = [world.home / name for name, _ in SECRETS]
    native = attempts(world, world.native, [("read", path) for path in paths])
    assert native == [CANARY] * len(paths)
    got = attempts(world, world.run, [("read", path) for path in paths] +
                   [("read", world.home / name) for name in OPEN])
    assert dict(zip(SECRETS, got)) == dict.fromkeys(SECRETS, "EACCES")
    assert got[len(SECRETS):] == ["open\n"] * len(OPEN)
    denials = {entry["resource"]: entry for entry in world.denials()}
    for (name, policy), path in zip(SECRETS, paths):
        entry = denials[str(path)]
        assert entry["action"] == "FileRead" and entry["reason"] == "POLICY_FORBID", entry
        assert any(found.startswith(policy) for found in entry["policies"]), (name, entry)
        assert entry["context"]["exe"] and entry["context"]["pid"] > 0


def test_the_systems_secrets(world):
    got = attempts(world, world.run, [("read", "/etc/shadow"), ("read", "/etc/passwd"),
                                      ("list", "/etc"), ("list", "/root"), ("read", "/proc/kcore")])
    assert got[0] in ("EACCES",) and "root:" in got[1] and "passwd" in got[2]
    assert "EACCES" == got[4] or got[4] == "ENOENT", got
    assert any(entry["resource"] == "/etc/shadow" for entry in world.denials())


def test_other_names_of_a_secret(world):
    """Symlinks, `..`, /proc and descriptors: one verdict, and one name in the ledger."""
    fill(world, [".ssh/id_rsa", "project/.env", "notes"])
    secret, env = world.home / ".ssh/id_rsa", world.project / ".env"
    (world.project / "link").symlink_to(secret)
    (world.project / "link2").symlink_to("link")
    (world.project / "dirlink").symlink_to(world.home / ".ssh")
    (world.project / "envlink").symlink_to(".env")
    (world.project / "homelink").symlink_to("..")
    (world.project / "sub").mkdir()
    names = ["link", "link2", "dirlink/id_rsa", "homelink/.ssh/id_rsa", "../.ssh/id_rsa",
             "sub/../../.ssh/id_rsa", f"/proc/self/root{secret}", "/proc/self/cwd/../.ssh/id_rsa",
             "/proc/thread-self/cwd/../.ssh/id_rsa", f"//{secret}", f"{world.home}/./.ssh//id_rsa",
             "/dev/fd/../cwd/../.ssh/id_rsa"]
    envs = ["envlink", "/proc/self/cwd/.env", f"/proc/self/root{env}", "sub/../.env", "./.env",
            "homelink/project/.env"]
    good = ["homelink/notes", "../notes", "/proc/self/cwd/../notes", f"/proc/self/root{world.home}/notes"]
    everything = [("read", name) for name in names + envs] + [
        ("through_directory", world.home, ".ssh/id_rsa"), ("through_cwd", "..", ".ssh/id_rsa"),
        ("through_cwd", "sub", "../.env"), ("reopen", env, "read")]
    native = attempts(world, world.native, everything)
    assert native == [CANARY] * len(names + envs) + ["ok"] + [CANARY] * 3
    got = attempts(world, world.run, everything + [("read", name) for name in good])
    refused = dict(zip(map(str, everything), got))
    # Where the namespace hides a directory, its own lookup may end before the gate is asked.
    assert all(result == "EACCES" or (".ssh" in what and "through" in what and result == "ENOENT")
               for what, result in refused.items()), refused
    assert got[len(everything):] == [CANARY] * len(good)
    recorded = [entry["resource"] for entry in world.denials() if entry["action"] == "FileRead"]
    assert recorded.count(str(secret)) >= len(names), recorded
    assert recorded.count(str(env)) >= len(envs), recorded


def test_writes_outside_are_refused_and_inside_work(world):
    fill(world, ["notes", ".bashrc"])
    (world.outside / "file").write_text(CANARY)
    (world.outside / "dir").mkdir()
    (world.project / "sub").mkdir()
    (world.project / "out").symlink_to(world.outside)
    before = harness.manifest(world.root, skip=("state", "project"))

    def changes(where, file, directory):
        return [("write", where / file), ("write", where / "new"), ("truncate", where / file, 0),
                ("chmod", where / file, 0o777), ("utime", where / file),
                ("mkdir", where / "newdir"), ("symlink", "x", where / "newlink"),
                ("mknod", where / "fifo", stat.S_IFIFO, 0), ("attribute", where / file),
                ("rename", where / file, where / "moved"), ("unlink", where / "moved"),
                ("rmdir", where / directory)]

    inside = changes(world.project / "sub", "f", "d")
    (world.project / "sub/f").write_text("x")
    (world.project / "sub/d").mkdir()
    for place in (world.outside, world.home, world.project / "out"):
        name = "notes" if place == world.home else "file"
        got = attempts(world, world.run, changes(place, name, "dir"))
        # Of what the place does not have, ENOENT is the truth.
        assert all(result in ("EACCES", "EXDEV", "ENOENT", "EROFS") for result in got), got
        assert got.count("EACCES") >= 8, (place, got)
    assert attempts(world, world.run, inside) == ["ok"] * len(inside)
    state = harness.manifest(world.root, skip=("state", "project"))
    assert {name: what for name, what in state.items() if not name.startswith(("state", "home/project"))} \
        == {name: what for name, what in before.items() if not name.startswith("home/project")}
    denials = world.denials()
    for action, path in (("FileWrite", world.outside / "file"), ("FileWrite", world.outside / "new"),
                         ("DirCreate", world.outside / "newdir"), ("FileWrite", world.home / "notes")):
        assert any(entry["action"] == action and entry["resource"] == str(path)
                   for entry in denials), (action, path)


def test_moving_across_the_border(world):
    """rename and link, in both directions; exchanges; the allowed twin inside."""
    fill(world, ["notes", "project/mine", "project/other"])
    (world.outside / "file").write_text(CANARY)
    out, notes, mine = world.outside / "file", world.home / "notes", world.project / "mine"
    got = attempts(world, world.run, [
        ("rename", out, "stolen"), ("rename", mine, world.outside / "planted"), ("link", out, "linked"),
        ("link", notes, "linked"), ("link", mine, world.home / "planted"), ("rename", notes, "stolen"),
        ("syscall", 316, -100, str(mine), -100, str(notes), 2),  # renameat2 RENAME_EXCHANGE
        ("link", mine, "twin"), ("rename", "twin", "twin2"), ("unlink", "twin2"),
        ("syscall", 316, -100, "mine", -100, "other", 2)])
    assert all(result in ("EACCES", "EXDEV") for result in got[:7]), got
    assert got[7:] == ["ok"] * 4, got
    assert out.read_text() == notes.read_text() == CANARY
    assert sorted(path.name for path in world.outside.iterdir()) == ["file"]
    denied = {(entry["action"], entry["resource"]) for entry in world.denials()}
    assert ("FileWrite", str(world.outside / "planted")) in denied
    assert ("FileWrite", str(notes)) in denied or ("FileDelete", str(notes)) in denied


def test_a_directory_that_holds_a_secret_stays_where_its_rule_is(world):
    """With the home directory as project, moving ~/.config must not take ~/.config/gh from its rule."""
    fill(world, [".config/gh/hosts.yml", ".config/tool/x", "plain/x"])
    launch = lambda words: world.run(words, directory=world.home)  # noqa: E731
    got = attempts(world, launch, [
        ("rename", world.home / ".config", world.home / "moved"),
        ("read", world.home / "moved/gh/hosts.yml"),
        ("rename", world.home / "plain", world.home / "moved2"), ("read", world.home / "moved2/x"),
        ("write", world.home / ".bashrc"), ("write", world.home / "other")])
    assert got[0] in ("EACCES", "EXDEV") and got[1] != CANARY, got
    assert got[2:4] == ["ok", CANARY] and got[4] == "EACCES" and got[5] == "ok", got


def test_programs_outside_do_not_run(world):
    evil = world.program("evil.c", directory=world.home)
    hidden = world.program("evil.c", directory=world.outside)
    own = world.program("evil.c", name="own")
    (world.home / "script").write_text("#!/bin/sh\necho CANARY-RAN\n")
    (world.home / "script").chmod(0o755)
    loader = os.path.realpath("/lib64/ld-linux-x86-64.so.2")
    tries = [("memfd_exec", own), ("spawn", evil), ("spawn", hidden), ("spawn", str(world.home / "script")),
             ("spawn", "/proc/self/cwd/../evil"), ("memfd_exec", hidden)]
    done = world.run(world.python("attempt.py", *[harness.json.dumps(one) for one in tries]))
    assert "CANARY-RAN" not in done.text, done
    assert all(result != "ok" for result in harness.json.loads(done.text)), done
    assert world.run([loader, hidden]).text != "CANARY-RAN\n"
    assert world.run([loader, own]).text == "CANARY-RAN\n"
    assert world.run([own]).text == "CANARY-RAN\n"
    assert world.run([evil]).code == 126
    assert world.run([hidden]).code in (126, 127)
    denied = {entry["resource"] for entry in world.denials() if entry["action"] == "ProcessSpawn"}
    assert {evil, hidden, str(world.home / "script")} <= denied, denied


def test_setuid_gains_nothing(world, needs, is_root):
    """no_new_privs, and no capability but those over files that root has over its own."""
    needs("su")
    program = world.program("evil.c", name="made")
    script = ("test -u /usr/bin/su && echo found; grep -E '^(NoNewPrivs|CapEff|CapPrm|CapAmb)' "
              "/proc/self/status | tr -d '\\t'; stat -c %a made")
    for launch in (world.run, world.wrap):
        os.chmod(program, 0o4755)
        found = launch(["sh", "-c", script]).ok().text.split("\n")
        assert found[0] == "found" and "NoNewPrivs:1" in found and "4755" in found, found
        for line in found:
            if line.startswith("Cap"):
                files_only = 0x3f if is_root else 0
                assert int(line.split(":")[1], 16) & ~files_only == 0, found
        if not is_root:
            done = launch(["su", "-c", "echo became $(id -u)", "root"], b"\n")
            assert done.code != 0 and "became" not in done.text, done


@pytest.mark.parametrize("launch", ["run", "wrap"])
def test_hostile_names_are_recorded_and_shown_harmlessly(world, launch):
    names = [b"new\nline", b"esc\x1b[31mred\x1b]0;title\x07", b"invalid\xff\xfe", "bidi\u202etxt".encode(),
             b"back\\slash", b"quote\"and'", b"\xc2\x9b31m", b"tab\tcr\rbell\x07", b"-rf", b"%s%n",
             "\u200bzero\u2066width".encode()]
    script = ("import os,sys\nfor name in %r:\n    os.close(os.open(name, os.O_CREAT|os.O_WRONLY))\n"
              "    try: os.open(b'../' + name, os.O_CREAT|os.O_WRONLY)\n    except OSError: pass\n" % names)
    done = getattr(world, launch)([harness.PYTHON, "-c", script])
    name = "default" if launch == "run" else "wrapped"
    if launch == "wrap":
        for file in names:
            os.unlink(os.fsencode(world.home) + b"/" + file)
    texts = [done.err, world.aegis("log", name, "--last", "200").ok().out,
             world.aegis("audit", "query", name).ok().out,
             world.aegis("audit", "query", name, "--json").ok().out,
             world.aegis("audit", "export", name, "--format", "jsonl").ok().out,
             world.aegis("status", name).ok().out]
    for text in texts:
        text.decode("utf-8")  # valid
        for bad in ("\x1b", "\x07", "\r", "\x9b", "\u202e", "\u2066", "\u200b"):
            assert bad not in text.decode(), (bad, text)
    resources = {entry["resource"] for entry in world.decided(name)}
    for file in names:
        if file.isalnum() or file in (b"-rf", b"%s%n"):
            assert f"{world.project}/{file.decode()}" in resources
    for lines in texts[4].splitlines():
        harness.json.loads(lines)
    created = [resource for resource in resources if resource.startswith(f"{world.project}/")]
    assert len(created) >= len(names), created
    world.verify(name)


def test_a_descriptor_gives_no_more_than_it_was_opened_for(world):
    fill(world, ["notes", "project/sub/mine"], "kept\n")
    notes = world.home / "notes"
    os.utime(notes, (1_000_000_000, 1_000_000_000))
    before = os.stat(notes)
    own = world.run(world.python("descriptors.py", world.project / "sub/mine")).ok().text
    refused = [line for line in own.splitlines() if not line.endswith(": ok")]
    assert refused in ([], ["set flags: EPERM"]), refused
    done = world.run(world.python("descriptors.py", notes)).ok()
    assert all(line.endswith((": EACCES", ": EPERM")) for line in done.text.splitlines()), done.text
    after = os.stat(notes)
    assert notes.read_text() == "kept\n" and os.listxattr(notes) == []
    assert (after.st_mode, after.st_mtime_ns, after.st_ctime_ns, after.st_nlink) == \
        (before.st_mode, before.st_mtime_ns, before.st_ctime_ns, before.st_nlink)
    assert not (world.home / "made").exists()
    denied = [entry for entry in world.denials() if entry["resource"] == str(notes)]
    assert len(denied) >= 10 and {entry["action"] for entry in denied} == {"FileWrite"}, denied


def test_a_file_without_a_name_gets_one_that_is_permitted(world):
    """O_TMPFILE, then linkat with an empty path (Linux 6.10) or by /proc."""
    policy = world.root / "p.cedar"
    policy.write_text(
        '@id("all") permit(principal, action, resource);\n'
        '@id("no-secret") forbid(principal, action == Aegis::Action::"FileWrite",'
        ' resource in Aegis::Resource::"*/secret");\n')
    script = """
import ctypes, errno, os
libc = ctypes.CDLL(None, use_errno=True)
def link(directory, old, new, flags):
    done = libc.linkat(directory, old, -100, new, flags) == 0
    return "ok" if done else errno.errorcode[ctypes.get_errno()]
fd = os.open(".", os.O_TMPFILE | os.O_WRONLY, 0o600)
os.write(fd, b"text")
print(link(fd, b"", b"secret", 0x1000), link(fd, b"", b"named", 0x1000), link(fd, b"", b"named", 0x1000))
path = b"/proc/self/fd/%d" % fd
print(link(-100, path, b"secret", 0x400), link(-100, path, b"again", 0x400))
print(link(os.open(".", os.O_RDONLY), b"", b"directory", 0x1000), link(99, b"", b"x", 0x1000),
      link(-100, b"", b"x", 0), link(fd, b"", b"x", 0x100))
"""
    done = world.run([harness.PYTHON, "-I", "-c", script], policy=policy).ok()
    assert done.text.split() == ["EACCES", "ok", "EEXIST", "EACCES", "ok", "EPERM", "EBADF", "ENOENT",
                                 "EINVAL"], done.text
    assert (world.project / "named").read_text() == "text"
    assert (world.project / "again").samefile(world.project / "named")
    denied = {entry["resource"] for entry in world.denials()}
    assert denied == {str(world.project / "secret")}, denied
