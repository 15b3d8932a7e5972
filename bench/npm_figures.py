"""`npm ci` from a registry that is reached by a permitted name over HTTPS, without any cache.

The packages are fetched once, with the caller's own settings of npm. The lock file of the project
that is measured names versions and digests and no addresses, so npm asks the registry for each
package's description and then for its archive."""

import base64
import json
import pathlib
import urllib.parse

import network_world
from figures import result
from network_figures import policy_with_network
from tool_workloads import Npm

TARGET = 1.3


def content(cache, integrity):
    """The archive that npm keeps under a digest in its cache."""
    algorithm, _, text = integrity.partition("-")
    digest = base64.b64decode(text).hex()
    return cache / "_cacache/content-v2" / algorithm / digest[:2] / digest[2:4] / digest[4:]


def fill_registry(root, lock, cache):
    """Descriptions and archives of all packages of a lock, as files that a server gives away."""
    described = {}
    for number, (path, package) in enumerate(sorted(lock["packages"].items())):
        if not path:
            continue
        name = path.rpartition("node_modules/")[2]
        archive = f"archive-{number}.tgz"
        (root / archive).symlink_to(content(cache, package["integrity"]))
        described.setdefault(name, {})[package["version"]] = {
            "name": name, "version": package["version"],
            "dist": {"tarball": f"https://{network_world.NAME}/{archive}",
                     "integrity": package["integrity"]}}
    for name, versions in described.items():
        # npm asks for @scope/name as @scope%2fname.
        (root / urllib.parse.quote(name, safe="@").replace("%2F", "%2f")).write_text(json.dumps(
            {"name": name, "dist-tags": {"latest": max(versions)}, "versions": versions}))


def without_addresses(lock):
    packages = {path: {key: value for key, value in package.items() if key != "resolved"}
                for path, package in lock["packages"].items()}
    return {**lock, "packages": packages}


class NpmFromRegistry(Npm):
    name, title, target = "npm_ci", "npm ci of {} packages over HTTPS, no cache", TARGET

    def __init__(self, root, world):
        super().__init__(root)
        self.world = world

    def prepare(self):
        super().prepare()
        lock = json.loads((self.dir / "first/package-lock.json").read_text())
        fill_registry(self.world.root, lock, pathlib.Path(self.dir, "cache"))
        (self.dir / "first/package-lock.json").write_text(json.dumps(without_addresses(lock)))
        (self.dir / "certificate.pem").write_bytes(self.world.certificate.read_bytes())
        self.title = self.title.format(len(lock["packages"]) - 1)

    def reset(self):
        super().reset()
        self.argv[:] = ["/usr/bin/npm", "ci", *self.OPTIONS, f"{self.out.name}/cache", "--registry",
                        f"https://{network_world.NAME}/", "--cafile", "certificate.pem",
                        "--prefix", self.out.name]


class InWorld:
    """Variants whose commands run in the World, with a policy that permits its host."""

    def __init__(self, variants, world):
        self._variants, self._world = variants, world
        self._policy = policy_with_network(variants, world.directory / "npm.cedar")

    def seconds(self, variant, directory, command):
        if variant != "native":
            command = [self._variants.aegis, "run", "--policy", str(self._policy), "--dir",
                       str(directory), "--", *command]
        return self._variants.seconds("native", directory, self._world.words(directory, command))


def npm_result(workload, rounds):
    native = sorted(times["native"] for times in rounds)[len(rounds) // 2]
    return {**result(workload.name, f"{workload.title} (native {native:.1f} s)", "x",
                     workload.target, [times["aegis"] / times["native"] for times in rounds]),
            "native_seconds": native}
