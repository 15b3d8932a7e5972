"""Holds the results of a native run and one inside against each other and the known differences.

Results are a dictionary: the name of a result to what it was, for example
"names.links: flags 0" to "0". A difference that no entry of the list names is a failure, and so is
an entry that names none.
"""

import fnmatch
import os

import known_differences

SHOWN = 60


def parse(text):
    """Lines of a name, a tab and a result. A name that comes again is numbered."""
    found, times = {}, {}
    for line in text.splitlines():
        name, tab, result = line.partition("\t")
        if not tab:
            continue
        times[name] = times.get(name, 0) + 1
        found[name if times[name] == 1 else f"{name} #{times[name]}"] = result
    return found


def differences(native, inside):
    names = [*native, *(name for name in inside if name not in native)]
    return {name: (native.get(name), inside.get(name)) for name in names
            if native.get(name) != inside.get(name)}


def _matches(found, name, pattern):
    """By the name of a result alone, or "NAME => RESULT" with what it is inside."""
    whole = f"{name} => {found[name][1]}" if " => " in pattern else name
    # Brackets are part of names here, not of patterns.
    return fnmatch.fnmatchcase(whole, pattern.replace("[", "[[]"))


def judge(suite, found):
    """What is wrong: lines, empty when the differences are just the known ones."""
    who = "root" if os.getuid() == 0 else "user"
    entries = [entry for entry in known_differences.KNOWN
               if entry.suite == suite and entry.who in ("all", who)]
    unknown = [f"differs: {name}: natively {native!r}, inside {inside!r}"
               for name, (native, inside) in found.items()
               if not any(_matches(found, name, pattern)
                          for entry in entries for pattern in entry.names)]
    stale = [f"known, and does not differ any more: {pattern} ({entry.why})"
             for entry in entries if not entry.sometimes for pattern in entry.names
             if not any(_matches(found, name, pattern) for name in found)]
    more = [f"and {len(unknown) - SHOWN} more"] if len(unknown) > SHOWN else []
    return unknown[:SHOWN] + more + stale


def check(suite, native, inside, at_least):
    """Fails with the differences that are not known and the known ones that are none."""
    assert len(native) >= at_least, f"{suite}: only {len(native)} results natively"
    found = differences(native, inside)
    wrong = judge(suite, found)
    assert not wrong, f"{suite}, {len(native)} results:\n" + "\n".join(wrong)
