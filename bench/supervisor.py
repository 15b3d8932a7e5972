"""The processes of a run, seen from outside."""

import os
import pathlib


def children(pid):
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        at = pathlib.Path(f"/proc/{pid}/task/{task}/children")
        found += [int(word) for word in at.read_text(encoding="ascii").split()]
    return found


def supervisor_of(launcher):
    """The supervisor of the run that the process `launcher` (`aegis run`) carries on: its one
    child, which has init below it."""
    found = [pid for pid in children(launcher) if children(pid)]
    if len(found) != 1:
        raise RuntimeError(f"{len(found)} processes look like the supervisor of {launcher}")
    return found[0]


def pin(pid, cpu):
    """Every thread of a process, from now on, to one CPU."""
    for task in os.listdir(f"/proc/{pid}/task"):
        os.sched_setaffinity(int(task), {cpu})


def memory_mib(pid):
    """The Rss and Vm fields of a process, in MiB."""
    fields = {}
    for row in pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        key, value = row.split(":", 1)
        if key.startswith(("Rss", "Vm")):
            fields[key] = int(value.split()[0]) / 1024
    return fields
