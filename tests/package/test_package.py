"""The .deb: what lintian says of it, and its life on a clean Debian 12. Needs root."""

import os
import pathlib
import shutil
import subprocess

import pytest
from conftest import require

HERE = pathlib.Path(__file__).resolve().parent
PATIENCE = 600  # seconds until something counts as hung


@pytest.fixture(scope="session")
def clean_root():
    """A minimal Debian 12 with git as a tar file, kept in the build directory."""
    require(os.getuid() == 0, "root")
    require(shutil.which("mmdebstrap"), "mmdebstrap")
    kept = pathlib.Path(os.environ["AEGIS_DIST"]).parent / "clean-root.tar"
    if not kept.exists():
        made = kept.with_suffix(".new.tar")
        subprocess.run(["mmdebstrap", "--quiet", "--variant=minbase", "--include=git",
                        "--aptopt=Acquire::Retries \"3\"", "bookworm", str(made)], check=True,
                       timeout=PATIENCE)
        made.rename(kept)
    return kept


def test_it_installs_on_a_clean_system_and_works_for_a_user(dist, clean_root, tmp_path):
    for file in (next(dist.glob("*.deb")), HERE / "smoke"):
        shutil.copy(file, tmp_path)
    tmp_path.chmod(0o755)
    done = subprocess.run([str(HERE / "clean-root"), str(clean_root), str(tmp_path), "/files/smoke"],
                          capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "installed, used and removed" in done.stdout


def test_lintian_finds_no_error(dist):
    require(shutil.which("lintian"), "lintian")
    options = ["--allow-root"] if os.getuid() == 0 else []
    done = subprocess.run(["lintian", *options, "--tag-display-limit", "0", "--fail-on", "error",
                           str(next(dist.glob("*.deb")))], capture_output=True, text=True,
                          timeout=PATIENCE)
    assert done.returncode == 0, done.stdout


def test_the_sums_hold(dist):
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=dist, check=True)


def test_nothing_in_it_is_wider_than_it_should_be(dist):
    listed = subprocess.run(["dpkg-deb", "-c", str(next(dist.glob("*.deb")))], check=True,
                            capture_output=True, text=True).stdout
    for line in listed.splitlines():
        mode, owner = line.split()[:2]
        assert owner == "root/root" and mode in ("drwxr-xr-x", "-rwxr-xr-x", "-rw-r--r--"), line
    control = subprocess.run(["dpkg-deb", "-f", str(next(dist.glob("*.deb")))], check=True,
                             capture_output=True, text=True).stdout
    assert all(library in control for library in ("libsqlite3-0", "libssl3", "libidn2-0"))
