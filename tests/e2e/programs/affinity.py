"""Opens files, which the gate answers on a CPU of its choice: the affinity stays the program's."""

import os
import sys
import threading


def seen_while_opening(count):
    seen = set()
    for _ in range(count):
        with open("affinity.py", "rb"):
            seen.add(frozenset(os.sched_getaffinity(0)))
    return seen


def open_often():
    for _ in range(300):
        with open("affinity.py", "rb"):
            pass


def thread_has(affinity):
    seen = []
    thread = threading.Thread(target=lambda: seen.append(os.sched_getaffinity(0)))
    thread.start()
    thread.join()
    return seen == [affinity]


def executed_has(affinity):
    """A program that another thread than the first executes, after it opened many files."""
    check = f"import os, sys; sys.exit(os.sched_getaffinity(0) != set({sorted(affinity)}))"

    def execute():
        open_often()
        os.execv(sys.executable, [sys.executable, "-c", check])

    child = os.fork()
    if child == 0:
        thread = threading.Thread(target=execute)
        thread.start()
        thread.join()
        os._exit(1)
    return os.waitpid(child, 0)[1] == 0


def child_has(affinity):
    child = os.fork()
    if child == 0:
        os._exit(os.sched_getaffinity(0) != affinity)
    return os.waitpid(child, 0)[1] == 0


start = os.sched_getaffinity(0)
print(seen_while_opening(3000) == {frozenset(start)})
print(all(seen_while_opening(50) and child_has(start) for _ in range(20)))
for has in (child_has, thread_has, executed_has):
    open_often()
    print(has(start))
one = {max(start)}
os.sched_setaffinity(0, one)
print(seen_while_opening(500) == {frozenset(one)}, child_has(one))
os.sched_setaffinity(0, start)
print(seen_while_opening(500) == {frozenset(start)}, child_has(start))
