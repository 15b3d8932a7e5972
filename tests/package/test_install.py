"""packaging/install.sh from a release file, by whoever runs the tests, in a home of its own."""

import os
import pathlib
import shutil
import subprocess

import pytest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "packaging/install.sh"


@pytest.fixture(params=["*.tar.gz", "*.deb"])
def release(request, dist, tmp_path):
    """A directory with one release file and the sums."""
    if request.param == "*.deb" and shutil.which("dpkg-deb") is None:
        pytest.skip("no dpkg-deb: a .deb is for Debian")
    place = tmp_path / "release"
    place.mkdir()
    for name in (next(dist.glob(request.param)), dist / "SHA256SUMS"):
        shutil.copy(name, place)
    return next(place.glob(request.param))


@pytest.fixture
def install(tmp_path):
    home = tmp_path / "home"
    home.mkdir()

    def run(*words):
        env = {"HOME": str(home), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
        return subprocess.run([str(SCRIPT), *map(str, words)], env=env, cwd=tmp_path,
                              capture_output=True, text=True, timeout=120)
    run.home = home
    return run


def files(place):
    return sorted(str(path.relative_to(place)) for path in place.rglob("*") if path.is_file())


def test_it_installs_and_is_removed_again(install, release):
    prefix = install.home / ".local"
    done = install("--prefix", prefix, "--from", release)
    assert done.returncode == 0, done.stderr
    assert "installed aegis 0." in done.stdout and "to PATH" in done.stdout
    there = files(install.home)
    assert ".local/bin/aegis" in there and all(name.startswith(".local/") for name in there)
    assert any("bash-completion" in name for name in there) and any("man1" in name for name in there)
    version = subprocess.run([str(prefix / "bin/aegis"), "--version"], capture_output=True, text=True)
    assert version.stdout.startswith("aegis 0.")
    (prefix / "bin/mine").write_text("")
    again = install("--prefix", prefix, "--from", release)
    assert again.returncode == 0 and sorted([*there, ".local/bin/mine"]) == files(install.home)
    listed = install("--uninstall", "--dry-run", "--prefix", prefix)
    assert str(prefix / "bin/aegis") in listed.stdout.split("\n")
    assert files(install.home) == sorted([*there, ".local/bin/mine"])
    assert install("--uninstall", "--prefix", prefix).returncode == 0
    assert files(install.home) == [".local/bin/mine"]
    assert not (prefix / "share").exists()


if os.getuid() != 0:  # root's default prefix is the machine's

    def test_the_home_is_the_default(install, release):
        assert install("--from", release).returncode == 0
        assert ".local/bin/aegis" in files(install.home)
        assert install("--uninstall").returncode == 0
        assert files(install.home) == []


def test_a_dry_run_writes_nothing(install, release):
    done = install("--prefix", install.home / "x", "--from", release, "--dry-run")
    assert done.returncode == 0 and str(install.home / "x/bin/aegis") in done.stdout.splitlines()
    assert files(install.home) == []


def test_what_is_not_verified_is_not_installed(install, release):
    def refused(text, *words):
        done = install("--prefix", install.home / "x", "--from", release, *words)
        assert done.returncode == 1 and text in done.stderr, done.stderr
        assert files(install.home) == []
    sums = release.parent / "SHA256SUMS"
    text = sums.read_text()
    refused("not there", "--sums", release.parent / "nothing")
    sums.write_text("")
    refused("says nothing of")
    sums.write_text(text)
    with release.open("ab") as file:
        file.write(b"x")
    refused("is not what")


@pytest.mark.parametrize("words,text", [
    (["--prefx", "x"], "unknown argument"), (["--from"], "--from needs a value"),
    (["--from", "/nonexistent/a.deb"], "no such file"), (["--uninstall", "--prefix", "/nonexistent"],
                                                          "nothing was installed")])
def test_wrong_words(install, words, text):
    done = install(*words)
    assert done.returncode == 1 and text in done.stderr
    assert files(install.home) == []


def test_a_damaged_list_removes_nothing_else(install, tmp_path):
    prefix = install.home / "p"
    (prefix / "share/aegis").mkdir(parents=True)
    victim = install.home / "victim"
    victim.write_text("")
    for line in ("../victim", str(victim)):
        (prefix / "share/aegis/installed").write_text(line + "\n")
        done = install("--uninstall", "--prefix", prefix)
        assert done.returncode == 1 and "damaged" in done.stderr
        assert victim.exists()


def test_help(install):
    done = install("--help")
    assert done.returncode == 0 and "--uninstall" in done.stdout and files(install.home) == []


if "AEGIS_BIN" in os.environ and os.access(SCRIPT.parents[1], os.W_OK):
    def test_it_builds_and_installs_a_checkout(tmp_path):
        """Where the checkout is ours; what is built already is not built again."""
        build = pathlib.Path(os.environ["AEGIS_BIN"]).parents[1]
        done = subprocess.run([str(SCRIPT), "--prefix", str(tmp_path / "prefix")], cwd=tmp_path,
                              env={**os.environ, "AEGIS_BUILD_DIR": str(build)},
                              capture_output=True, text=True, timeout=1800)
        assert done.returncode == 0, done.stderr
        there = files(tmp_path / "prefix")
        assert {"bin/aegis", "share/man/man1/aegis.1", "share/doc/aegis/README.md"} <= set(there)
        version = subprocess.run([str(tmp_path / "prefix/bin/aegis"), "--version"],
                                 capture_output=True, text=True)
        assert version.returncode == 0
