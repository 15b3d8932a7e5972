"""What the tests of relayed connections share: two names on one address, attempts of a client."""

import json

GOOD, EVIL = "good.example", "evil.example"  # the policies permit the first
MORE_TIME = 15


def share_address(out, name=EVIL, with_name=GOOD):
    """From now on both names have the addresses of the second one."""
    addresses = out.host(with_name)
    out.resolves(name, A=addresses[:1], AAAA=addresses[1:])


def attempt(*steps, host=GOOD, port=443, wait=1.0):
    """Of programs/utter.py. Bytes among the steps are said."""
    told = [["say", step.hex()] if isinstance(step, bytes) else
            [step[0], step[1].hex()] if step[0] == "hear" else list(step) for step in steps]
    return {"host": host, "port": port, "wait": wait, "steps": told}


def hear(data):
    return ("hear", data)


def utter(world, launch, attempts):
    """Runs the attempts by `launch(argv, data)`: their reports, with bytes as bytes."""
    done = launch(world.python("utter.py"), data=json.dumps(list(attempts)).encode())
    reports = done.ok().json()
    for report in reports:
        report["heard"] = bytes.fromhex(report["heard"])
    return reports


def utter_inside(world, rules, attempts):
    return utter(world, lambda argv, data: world.run_with(rules, argv, data), attempts)


def request(target="/", host=GOOD, *, method="GET", version="1.1", more=(), body=b""):
    named = [f"Host: {host}"] if host else []
    lines = [f"{method} {target} HTTP/{version}", *named, *more, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def why(world):
    """Of each refused connection: what it was for, the reason and what was asked for instead."""
    return [(entry["resource"], entry["reason"], entry["context"].get("target"))
            for entry in world.connections("deny")]
