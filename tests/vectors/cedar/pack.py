#!/usr/bin/python3
"""Writes corpus.jsonl.xz from corpus-tests.tar.gz of the Cedar project, one case a line.

Equal requests of a case are written once with their number; nothing else is left out or changed.
"""

import argparse
import json
import lzma
import pathlib
import tarfile

COPIED = ("principal", "action", "resource", "decision", "reason", "errors")
HERE = pathlib.Path(__file__).resolve().parent


def files_of(archive):
    with tarfile.open(archive) as tar:
        return {member.name.rsplit("/", 1)[-1]: tar.extractfile(member).read().decode()
                for member in tar if member.isfile()}


def compact(value):
    return json.dumps(value, separators=(",", ":"))


def requests_of(case):
    """Contexts as texts, so that whoever reads the line hands them on as they are."""
    requests = {}
    for request in case["requests"]:
        assert request["validateRequest"]
        kept = {key: request[key] for key in COPIED}
        kept["context"] = compact(request["context"])
        requests.setdefault(compact(kept), [kept, 0])[1] += 1
    return [{**kept, "times": times} for kept, times in requests.values()]


def case_of(name, files):
    case = json.loads(files[name + ".json"])
    return {"name": name, "valid": case["shouldValidate"], "schema": files[name + ".cedarschema"],
            "policies": files[name + ".cedar"],
            "entities": compact(json.loads(files[name + ".entities.json"])),
            "requests": requests_of(case)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("archive", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, default=HERE / "corpus.jsonl.xz")
    options = parser.parse_args()
    files = files_of(options.archive)
    names = sorted(name.removesuffix(".cedar") for name in files if name.endswith(".cedar"))
    text = "".join(compact(case_of(name, files)) + "\n" for name in names)
    options.out.write_bytes(lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME))
    print(f"{len(names)} cases, {len(text)} bytes")


if __name__ == "__main__":
    main()
