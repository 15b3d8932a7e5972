"""How results are shown: a line each as they come, and a table for the README."""

UNITS = {"x": "", "ms": " ms", "us": " µs", "MiB": " MiB", "/s": "/s"}


def target(result):
    """What is asked for, e.g. "≤ 5 µs"; a result with `at_least` must reach it from below."""
    if result["target"] is None:
        return "none"
    sign = "≥" if result.get("at_least") else "≤"
    return f"{sign} {result['target']:,.10g}{UNITS[result['unit']]}"


def verdict(result):
    if result["target"] is None:
        return ""
    return "pass" if result["pass"] else "MISS"


def number(value):
    return f"{value:,.0f}" if value >= 1000 else f"{value:.2f}"


def line(result):
    unit = UNITS[result["unit"]]
    bwrap = f"   bwrap {result['bwrap']['median']:.2f}" if "bwrap" in result else ""
    return (f"{result['name']:<8} {result['title']:<56} target {target(result):<12} "
            f"measured {number(result['median'])}{unit} "
            f"[{number(result['low'])}, {number(result['high'])}]  "
            f"{verdict(result)}{bwrap}")


def markdown(report):
    rows = ["| | workload | target | Aegis | 95 % interval | bubblewrap |",
            "| --- | --- | --- | --- | --- | --- |"]
    for result in report["results"]:
        bwrap = f"{result['bwrap']['median']:.2f}" if "bwrap" in result else ""
        rows.append(f"| {result['name']} | {result['title']} | {target(result)} | "
                    f"{number(result['median'])}{UNITS[result['unit']]} | "
                    f"{number(result['low'])} to {number(result['high'])} | {bwrap} |")
    return "\n".join(rows)
