"""`aegis manpage`: roff without a warning, that says what --help says."""

import os
import re
import shutil
import subprocess

import pytest


def formatted(text):
    """The page as man shows it, and what groff warned of."""
    if shutil.which("groff") is None:
        if os.environ.get("AEGIS_REQUIRE_ALL") == "1":
            pytest.fail("AEGIS_REQUIRE_ALL=1, and there is no groff", pytrace=False)
        pytest.skip("no groff")
    done = subprocess.run(["groff", "-ww", "-k", "-mandoc", "-Tutf8", "-P-cbou", "-rLL=200n"],
                          input=text, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0
    return done.stdout, done.stderr


def names(aegis):
    return re.findall(r"^  ([a-z][a-z -]*?[a-z])  ", aegis("--help").ok().out, re.MULTILINE)


def test_the_whole_manual(aegis):
    page, warnings = formatted(aegis("manpage").ok().out)
    assert warnings == ""
    for section in ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "COMMANDS", "FILES",
                    "ENVIRONMENT", "EXIT STATUS"):
        assert f"\n{section}\n" in page
    for name in names(aegis):
        assert f"aegis {name} " in page or f"aegis {name}\n" in page, name
    for option in re.findall(r"--[a-z-]+", aegis("run", "--help").ok().out):
        assert option in page


def test_a_page_for_each_command(aegis):
    for name in names(aegis):
        page, warnings = formatted(aegis("manpage", *name.split()).ok().out)
        assert warnings == "", name
        assert f"aegis-{name.replace(' ', '-')} - " in page
    page, _ = formatted(aegis("manpage", "audit").ok().out)
    assert "aegis audit verify" in page and "aegis run" not in page.split("ENVIRONMENT")[0].split(
        "COMMANDS")[0]


def test_man_takes_it(aegis):
    if shutil.which("man") is None:
        pytest.skip("no man")
    file = aegis.root / "aegis.1"
    file.write_text(aegis("manpage").ok().out)
    done = subprocess.run(["man", "--warnings", "-l", str(file)], capture_output=True, text=True,
                          env={**aegis.env, "MANPAGER": "cat", "MANWIDTH": "80"}, timeout=120)
    assert done.returncode == 0 and done.stderr == "" and "AEGIS(1)" in done.stdout


def test_unknown_commands(aegis):
    aegis("manpage", "stauts").failed(2, 'unknown command "stauts"', 'did you mean "aegis status"')
    aegis("manpage", "audit", "qurey").failed(2, 'did you mean "aegis audit query"')
