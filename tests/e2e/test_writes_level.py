"""The recording level `writes`: plain reads are the kernel's, and it lets nothing through that the
policy refuses; everything else is judged and recorded as ever."""

import os
import subprocess
import time

import pytest

import harness
from harness import CANARY, attempts, fill

SECRETS = (".ssh/id_rsa", ".aws/credentials", ".gnupg/private-keys-v1.d/k", ".netrc", ".npmrc",
           ".git-credentials", ".config/gh/hosts.yml", ".docker/config.json", ".kube/config",
           ".bash_history", ".claude/.credentials.json", "project/.env", "project/sub/deep/.env",
           "project/.env.local", "project/keys.kdbx", "project/sub/ssh_host_rsa_key")
OPEN = ("notes", ".config/tool/settings", ".cache/tool/x", "project/file", "project/.env.example",
        "project/sub/.environment")


@pytest.fixture
def writes(world):
    """Runs words at the level; the run must be at it."""
    def run(argv, data=None, policy="project", directory=None, **options):
        words = [world.aegis_binary, "run", "--level", "writes", "--policy", str(policy), "--dir",
                 directory or world.project, "--", *argv]
        done = world.native(words, data, **options)
        assert "recording in full" not in done.err_text, done.err_text
        return done
    return run


def unread(results):
    """Nothing of a secret's content: refused, not there, or an empty mask."""
    return all(result in ("EACCES", "ENOENT", "ELOOP", "", "EPERM") for result in results)


def reads(world):
    return [entry["resource"] for entry in world.decided() if entry["action"] == "FileRead"]


def started(world):
    return [entry["payload"] for entry in world.entries()
            if entry["event_type"] == "SESSION_STARTED"]


def searched(world):
    return world.aegis_home / "default/searched"


def age():
    """A directory that has just changed is listed again by each start."""
    time.sleep(3.1)


def test_a_new_forbidden_file_is_masked_in_the_next_run(world, writes):
    """In a tree that an earlier run looked through, and one that it did not have to list again."""
    fill(world, [f"project/d{i}/{j}" for i in range(40) for j in range(40)], "open\n")
    age()
    assert writes(["cat", "d7/3"]).text == "open\n"
    kept = searched(world).read_bytes()
    assert searched(world).stat().st_mode & 0o777 == 0o600
    again = writes(["cat", "d7/3"])
    assert again.text == "open\n" and searched(world).read_bytes() == kept
    fill(world, ["project/d7/.env", "project/d8/new/.env"])
    (world.project / "d9/3").rename(world.project / "d9/.env.local")
    (world.project / "d10").rename(world.project / "old")
    (world.project / "old/3").rename(world.project / "old/x.kdbx")
    (world.project / "d11").rename(world.project / "d10")
    got = attempts(world, writes, [("read", name) for name in
                                   ("d7/.env", "d8/new/.env", "d9/.env.local", "old/x.kdbx",
                                    "d7/3", "d10/3")])
    assert unread(got[:4]), got
    assert got[4:] == ["open\n"] * 2


@pytest.mark.parametrize("damage", (b"", b"x" * 5000, None))
def test_a_broken_list_of_what_was_searched_is_made_anew(world, writes, damage):
    fill(world, [f"project/d{i}/{j}" for i in range(40) for j in range(40)], "open\n")
    fill(world, ["project/d7/.env"])
    age()
    assert writes(["true"]).code == 0
    kept = searched(world).read_bytes()
    searched(world).write_bytes(kept[:len(kept) // 2] if damage is None else damage)
    assert unread(attempts(world, writes, [("read", "d7/.env")]))
    assert len(searched(world).read_bytes()) > 0.9 * len(kept)
    searched(world).chmod(0o666)
    assert unread(attempts(world, writes, [("read", "d7/.env")]))
    assert searched(world).stat().st_mode & 0o777 == 0o600


def test_permitted_reads_succeed_and_leave_no_entry(world, writes):
    fill(world, OPEN, "open\n")
    names = [world.home / name for name in OPEN] + ["file", "../notes", "/etc/passwd"]
    got = attempts(world, writes, [("read", name) for name in names])
    assert got[:-1] == ["open\n"] * (len(names) - 1) and "root:" in got[-1]
    assert not [name for name in reads(world) if name.startswith(str(world.home))]
    assert started(world)[-1]["level"] == "writes"
    world.verify()


def test_all_else_is_recorded(world, writes):
    fill(world, ["project/file", "project/old", "project/dir/x"], "open\n")
    script = ("echo new > made; echo more >> file; mkdir sub; rm old; mv made moved; ls dir >&2; "
              "/bin/true; cat moved sub/../file")
    assert writes(["sh", "-c", script]).ok().text == "new\nopen\nmore\n"
    decided = {(entry["action"], entry["resource"]) for entry in world.decided()}
    project = str(world.project)
    for action, name in (("FileWrite", "made"), ("FileWrite", "file"), ("DirCreate", "sub"),
                         ("FileDelete", "old"), ("FileWrite", "moved"), ("DirList", "dir")):
        assert (action, f"{project}/{name}") in decided, (action, name)
    assert ("ProcessSpawn", os.path.realpath("/bin/true")) in decided


def test_secrets_stay_unread_whatever_they_are_called(world, writes):
    fill(world, SECRETS)
    fill(world, ["notes"], "open\n")
    secret, env = world.home / ".ssh/id_rsa", world.project / ".env"
    (world.project / "link").symlink_to(secret)
    (world.project / "dirlink").symlink_to(world.home / ".ssh")
    (world.project / "envlink").symlink_to(".env")
    (world.project / "homelink").symlink_to("..")
    names = [world.home / name for name in SECRETS]
    names += ["link", "dirlink/id_rsa", "homelink/.ssh/id_rsa", "../.ssh/id_rsa", "envlink",
              "sub/../../.ssh/id_rsa", f"/proc/self/root{secret}", "/proc/self/cwd/../.ssh/id_rsa",
              "/proc/thread-self/cwd/.env", f"/proc/self/root{env}", f"//{secret}", "./.env",
              "/proc/1/root" + str(secret), "/proc/1/cwd/.env", "homelink/project/sub/deep/.env"]
    what = [("read", name) for name in names]
    what += [("through_directory", world.home / ".ssh", "id_rsa"),
             ("through_cwd", world.home, ".ssh/id_rsa"), ("through_cwd", world.project, ".env"),
             ("reopen", secret, "read"), ("reopen", env, "read"),
             ("openat2", world.project, ".env", 0), ("openat2", world.home, ".ssh/id_rsa", 8)]
    assert attempts(world, world.native, what[:len(SECRETS)]) == [CANARY] * len(SECRETS)
    got = attempts(world, writes, what + [("read", "homelink/notes"), ("read", "../notes")])
    assert unread(got[:-2]), dict(zip(map(str, what), got))
    assert got[-2:] == ["open\n"] * 2


def test_what_appears_later_is_not_read(world, writes):
    """Made by the user while the run goes on, under a name that a policy forbids by its place."""
    fill(world, ["notes", "project/file"], "open\n")
    words = [world.aegis_binary, "run", "--level", "writes", "--policy", "project", "--dir",
             world.project, "--", "sh", "-c",
             "echo ready; read x; cat ../.aws/credentials ../.netrc ../.config/gh/x; "
             "cat ../notes; echo b > later; cat later"]
    (world.home / ".config").mkdir()
    process = world.start(words, stdin=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    fill(world, [".aws/credentials", ".netrc", ".config/gh/x"])
    done = harness.finish(process, b"go\n")
    assert done.text == "open\nb\n" and "CANARY" not in done.err_text


def test_moving_a_directory_moves_its_masks(world, writes):
    fill(world, ["project/a/b/.env"])
    fill(world, ["project/a/b/x"], "open\n")
    done = writes(["sh", "-c", "cat a/b/.env; mv a c; cat c/b/.env c/b/x; ln c/b/.env plain; "
                               "mv c/b/.env plain; cat plain; rm -f c/b/.env; cp c/b/.env plain; "
                               "cat plain"])
    assert done.text == "open\n", done
    assert (world.project / "c/b/.env").read_text() == CANARY


def test_the_agent_makes_no_forbidden_name(world, writes):
    got = attempts(world, writes, [("write", ".env"), ("write", "x"), ("rename", "x", "y.kdbx"),
                                   ("rename", "x", ".env.local"), ("read", "x")])
    assert got[0] == "EACCES" and got[1] == "ok" and set(got[2:4]) == {"EACCES"}
    assert "written" in got[4]
    assert any(entry["resource"] == f"{world.project}/.env" for entry in world.denials())


def test_kernel_and_init_stay_closed(world, writes):
    closed = ["/proc/kallsyms", "/proc/kcore", "/proc/kpagecount", "/proc/keys", "/proc/1/environ",
              "/proc/1/maps", "/proc/1/mem", "/proc/1/root/etc/passwd", "/proc/1/fd/0",
              "/proc/1/cwd/etc/passwd", "/proc/1/exe", "/etc/shadow", "/etc/sudoers"]
    got = attempts(world, writes, [("read", name) for name in closed])
    assert unread(got), dict(zip(closed, got))
    free = ["/proc/self/status", "/proc/cpuinfo", "/dev/null", "/dev/zero", "/proc/self/cmdline"]
    got = attempts(world, writes, [("read", name) for name in free])
    assert not any(result in ("EACCES", "ENOENT") for result in got), dict(zip(free, got))


def test_aegis_own_state_stays_closed(world, writes):
    assert writes(["true"]).code == 0
    (world.project / "state").symlink_to(world.aegis_home)
    ledger = world.aegis_home / "default/audit.db"
    got = attempts(world, writes, [("read", ledger), ("list", world.aegis_home),
                                   ("read", "state/default/ledger.key"),
                                   ("read", f"/proc/self/root{ledger}")])
    assert all(result in ("EACCES", "ENOENT") or result == [] for result in got), got


def test_other_users_and_places_stay_closed(world, writes):
    (world.outside / "file").write_text(CANARY)
    got = attempts(world, writes, [("read", world.outside / "file"), ("list", world.outside),
                                   ("read", "/var/log/dpkg.log"), ("read", "/boot/x")])
    assert unread(got), got


def test_everything_permitted_still_hides_the_state(world, writes):
    (world.outside / "file").write_text("open\n")
    assert writes(["true"]).code == 0
    got = attempts(world, lambda words: writes(words, policy="permit-all"),
                   [("read", world.outside / "file"),
                    ("read", world.aegis_home / "default/ledger.key"),
                    ("list", world.aegis_home)])
    assert got[0] == "open\n" and got[1] in ("EACCES", "ENOENT") and got[2] in ("EACCES", []), got


def test_a_loader_is_no_program(world, writes):
    loader = os.path.realpath("/lib64/ld-linux-x86-64.so.2")
    tool = world.program("attempt.py", name="data")
    done = writes(["sh", "-c", f"{loader} /bin/echo ran; {loader} --list /bin/true; echo $?"])
    assert "ran" not in done.text and done.text == "126\n", done
    assert any(entry["resource"] == loader and entry["reason"] == "UNSUPPORTED"
               for entry in world.denials())
    script = world.project / "script"
    script.write_text(f"#!{loader} {tool}\n")
    script.chmod(0o755)
    assert writes(["sh", "-c", "./script"]).code == 126


CONDITIONAL = """
permit(principal, action, resource) when {
  resource in [Aegis::Resource::"/usr", Aegis::Resource::"/etc", Aegis::Resource::"/proc",
               Aegis::Resource::"/dev", Aegis::Resource::"@dir"]
};
@id("by-pid") forbid(principal, action, resource in Aegis::Resource::"@dir/x")
when { context.pid > 100000000 };
"""


def test_a_conditional_policy_is_recorded_in_full(world):
    fill(world, ["project/file"], "open\n")
    policy = world.root / "conditional.cedar"
    policy.write_text(CONDITIONAL)
    done = world.aegis("run", "--level", "writes", "--policy", policy, "--dir", world.project, "--",
                       "cat", "file").ok()
    assert done.text == "open\n"
    why = "policy by-pid depends on more than where a file lies"
    assert f"recording in full, not at level writes: reads stay with the gate: {why}" in done.err_text
    start = started(world)[-1]
    assert start["level"] == "full" and start["level_detail"] == why
    assert f"{world.project}/file" in reads(world)


def test_the_level_of_a_configuration(world):
    fill(world, ["project/file"], "open\n")
    world.aegis("init", "quick", "--policy", "project").ok()
    settings = world.aegis_home / "quick/aegis.toml"
    settings.write_text(settings.read_text() + '\n[ledger]\nlevel = "writes"\n')
    for more, level in (((), "writes"), (("--level", "full"), None)):
        done = world.aegis("run", "--config", "quick", *more, "--dir", world.project, "--", "cat",
                           "file").ok()
        assert done.text == "open\n"
        starts = [entry["payload"] for entry in world.entries("quick")
                  if entry["event_type"] == "SESSION_STARTED"]
        assert starts[-1].get("level") == level


def test_an_edit_of_what_may_be_read_waits(world):
    fill(world, ["project/file", "notes"], "open\n")
    policies = world.root / "policies"
    policies.mkdir()
    (policies / "a.cedar").write_text(CONDITIONAL.split("@id")[0])
    words = [world.aegis_binary, "run", "--level", "writes", "--policy", policies, "--dir",
             world.project, "--", "sh", "-c", "echo ready; read x; cat file"]
    process = world.start(words, stdin=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    (policies / "b.cedar").write_text(
        'forbid(principal, action, resource in Aegis::Resource::"@dir/file");')

    def kept():
        return [entry["payload"]["detail"] for entry in world.entries()
                if entry["event_type"] == "POLICY_KEPT"]
    detail = harness.wait_until(kept, "the edit is refused")
    assert "takes effect with the next run" in detail[0]
    assert harness.finish(process, b"go\n").text == "open\n"


def test_real_programs(world, writes, needs):
    needs("git", "gcc")
    fill(world, ["project/file"], "open\n")
    script = ("git init -q . && git add -A . && git commit -qm one && git status --short && "
              "echo 'int main(void){return 7;}' > x.c && gcc x.c -o x; ./x; echo $?; "
              f"{harness.PYTHON} -c 'import json, ssl, sqlite3; print(json.dumps(1))'; "
              "tar cf t.tar x.c && tar tf t.tar; cat < x.c | grep -c main; "
              "head -c3 /dev/urandom | wc -c")
    done = writes(["sh", "-c", script])
    assert done.text.split() == ["7", "1", "x.c", "1", "3"], done
