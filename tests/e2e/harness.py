"""What the end-to-end tests stand on: a private world per test, and ways to run things in it."""

import dataclasses
import hashlib
import json
import os
import pathlib
import shutil
import stat
import subprocess
import threading
import time

PROGRAMS = pathlib.Path(__file__).parent / "programs"
PYTHON = "/usr/bin/python3"  # the system's: one that every user may run
CANARY = "CANARY\n"  # what a secret says
PATIENCE = int(os.environ.get("AEGIS_E2E_PATIENCE", "120"))  # seconds until something counts as hung


@dataclasses.dataclass
class Done:
    """How a command ended."""

    code: int
    out: bytes
    err: bytes

    @property
    def text(self):
        return self.out.decode("utf-8", "replace")

    @property
    def err_text(self):
        return self.err.decode("utf-8", "replace")

    def ok(self):
        assert self.code == 0, f"exit {self.code}\nstdout: {self.text}\nstderr: {self.err_text}"
        return self

    def json(self):
        """What a program of ours reports on stdout."""
        try:
            return json.loads(self.out)
        except ValueError:
            raise AssertionError(f"no report: exit {self.code}\n{self.text}\n{self.err_text}")


def finish(process, data=None):
    try:
        out, err = process.communicate(data, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"hung: {process.args}\nstdout: {out}\nstderr: {err}")
    return Done(process.returncode, out or b"", err or b"")


def line_of(process):
    """The next line of a process' output, as it comes; one that hangs is killed and says nothing."""
    timer = threading.Timer(PATIENCE, process.kill)
    timer.start()
    try:
        return process.stdout.readline()
    finally:
        timer.cancel()


def wait_until(condition, what):
    """Polls, and fails after PATIENCE."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f"did not happen: {what}")


def empty(directory):
    """Removes what a directory holds, whatever its modes, and keeps the directory."""
    for where, names, _ in os.walk(directory):
        for name in names:
            path = os.path.join(where, name)
            if not os.path.islink(path):
                os.chmod(path, 0o700)
    for entry in os.scandir(directory):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            os.unlink(entry.path)


def manifest(directory, skip=()):
    """Everything below a directory: kind, mode, and content. `skip`: names whose content varies."""
    seen = {}
    for where, names, files in os.walk(directory):
        for name in names + files:
            path = os.path.join(where, name)
            status = os.lstat(path)
            what = [stat.filemode(status.st_mode)]
            if stat.S_ISLNK(status.st_mode):
                what.append(os.readlink(path))
            elif stat.S_ISREG(status.st_mode) and not any(part in path for part in skip):
                with open(path, "rb") as file:
                    what.append(hashlib.sha256(file.read()).hexdigest())
            seen[os.path.relpath(path, directory)] = what
    return seen


class World:
    """A home directory, a project in it, a place outside both, and an Aegis of their own."""

    def __init__(self, root, aegis, programs):
        self.root = pathlib.Path(root)
        self.aegis_binary = str(aegis)
        self.programs = programs  # compiles
        self.home = self.root / "home"
        self.project = self.home / "project"
        self.outside = self.root / "outside"
        self.aegis_home = self.root / "state"
        for path in (self.home, self.project, self.outside):
            path.mkdir(parents=True, exist_ok=True)
        self.env = {
            "HOME": str(self.home),
            "AEGIS_HOME": str(self.aegis_home),
            "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8",
            "TERM": "xterm",
            "USER": "agent",
            "LOGNAME": "agent",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_DATE": "2024-01-02T03:04:05Z",
            "GIT_COMMITTER_DATE": "2024-01-02T03:04:05Z",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONHASHSEED": "0",
        }
        (self.home / ".gitconfig").write_text(
            "[user]\n\tname = An Agent\n\temail = agent@example.com\n"
            "[init]\n\tdefaultBranch = main\n[safe]\n\tdirectory = *\n[gc]\n\tauto = 0\n")

    # ---- Programs

    def program(self, source, name=None, directory=None):
        """A compiled (C) or copied helper from programs/, put into the project."""
        target = pathlib.Path(directory or self.project) / (name or source.split(".")[0])
        shutil.copy(self.programs.get(source), target)
        target.chmod(0o755)
        return str(target)

    # ---- Running

    def start(self, argv, **options):
        options.setdefault("cwd", self.project)
        options.setdefault("env", self.env)
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        return subprocess.Popen([str(word) for word in argv], **options)

    def native(self, argv, data=None, **options):
        if data is not None:
            options["stdin"] = subprocess.PIPE
        return finish(self.start(argv, **options), data)

    def aegis(self, *argv, **options):
        return self.native([self.aegis_binary, *argv], **options)

    def run_words(self, argv, policy="project", directory=None):
        return [self.aegis_binary, "run", "--policy", str(policy),
                "--dir", directory or self.project, "--", *argv]

    def run(self, argv, data=None, policy="project", directory=None, **options):
        return self.native(self.run_words(argv, policy, directory), data, **options)

    def wrap_words(self, argv, name="wrapped", more=()):
        return [self.aegis_binary, "wrap", "--name", name, "--dir", self.project, *more, "--",
                *argv]

    def wrap(self, argv, name="wrapped", more=(), **options):
        return self.native(self.wrap_words(argv, name, more), **options)

    def python(self, source, *arguments):
        """Words that run a Python program of programs/, copied into the project."""
        return [PYTHON, "-B", "-s", self.program(source, name=source), *arguments]

    # ---- The ledger

    def entries(self, name="default"):
        done = self.aegis("audit", "export", name, "--format", "jsonl").ok()
        return [json.loads(line) for line in done.out.splitlines()]

    def decided(self, name="default"):
        return [entry["payload"] for entry in self.entries(name)
                if entry["event_type"] == "ACTION_DECIDED"]

    def denials(self, name="default"):
        return [payload for payload in self.decided(name) if payload["decision"] == "deny"]

    def verify(self, name="default"):
        self.aegis("audit", "verify", name).ok()


def without_summary(text):
    """The stderr of a run without what `aegis run` itself adds at the end."""
    lines = text.split(b"\n")
    return b"\n".join(line for line in lines if not line.startswith((b"aegis:", b"  aegis:")))


def escaped(path):
    """A name as the ledger has it, for names of plain ASCII without backslash."""
    text = str(path)
    assert text.isascii() and text.isprintable() and "\\" not in text
    return text


def marked_processes(mark):
    """Live processes whose argv or environment carries `mark`."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        for name in ("cmdline", "environ"):
            try:
                with open(f"/proc/{entry}/{name}", "rb") as file:
                    if mark.encode() in file.read():
                        found.append(int(entry))
                        break
            except OSError:
                continue
    return found


def children(pid):
    found = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
                found += [int(word) for word in file.read().split()]
    except OSError:
        pass
    return found


def fill(world, names, text=CANARY):
    """Makes files below the home directory."""
    for name in names:
        path = world.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def attempts(world, launch, what):
    """Runs attempt.py with a list of attempts: the list of their results."""
    words = world.python("attempt.py", *[json.dumps([*map(_plain, one)]) for one in what])
    report = launch(words).json()
    assert len(report) == len(what)
    return report


def _plain(word):
    return str(word) if isinstance(word, pathlib.Path) else word
