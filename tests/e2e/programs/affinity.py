"""Opens files, which the gate answers on a CPU of its choice: the affinity stays the program's."""

import os


def seen_while_opening(count):
    seen = set()
    for _ in range(count):
        with open("affinity.py", "rb"):
            seen.add(frozenset(os.sched_getaffinity(0)))
    return seen


def child_has(affinity):
    child = os.fork()
    if child == 0:
        os._exit(os.sched_getaffinity(0) != affinity)
    return os.waitpid(child, 0)[1] == 0


start = os.sched_getaffinity(0)
print(seen_while_opening(3000) == {frozenset(start)})
print(all(seen_while_opening(50) and child_has(start) for _ in range(20)))
one = {max(start)}
os.sched_setaffinity(0, one)
print(seen_while_opening(500) == {frozenset(one)}, child_has(one))
os.sched_setaffinity(0, start)
print(seen_while_opening(500) == {frozenset(start)}, child_has(start))
