"""What the modules with figures have in common: a result, and the bounds of its median."""

import random
import statistics


def interval(values, rounds=4000):
    """A bootstrap 95 % interval of the median."""
    source = random.Random(7)
    medians = sorted(statistics.median(source.choices(values, k=len(values)))
                     for _ in range(rounds))
    return medians[int(rounds * 0.025)], medians[int(rounds * 0.975) - 1]


def result(name, title, unit, target, values, at_least=False):
    """A target passes when the interval reaches it. Without one (None) nothing is asked for."""
    low, high = interval(values)
    reached = target is None or (high >= target if at_least else low <= target)
    return {"name": name, "title": title, "unit": unit, "target": target, "at_least": at_least,
            "median": statistics.median(values), "low": low, "high": high, "pass": reached}
