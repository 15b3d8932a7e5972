"""Real programs do under `aegis run --policy project` what they do outside: output, exit code, files.

Each scenario is a script that runs twice in the same directory, first natively and then, from the
same start, under Aegis.
"""

import dataclasses
import pathlib
import shutil

import pytest

import harness


@dataclasses.dataclass
class Scenario:
    name: str
    script: str
    programs: tuple = ()
    varying: tuple = ()  # parts of paths whose content differs from run to run
    data: bytes = b""
    shell: str = "bash"
    files: dict = dataclasses.field(default_factory=dict)


C_PROJECT = {
    "Makefile": (
        "OBJECTS = a.o b.o c.o main.o\nall: prog\nprog: $(OBJECTS)\n\t$(CC) -o $@ $(OBJECTS)\n"
        "%.o: %.c all.h\n\t$(CC) -O1 -c -o $@ $<\nclean:\n\trm -f prog $(OBJECTS)\n"),
    "all.h": "int a(void); int b(void); int c(void);\n",
    "a.c": '#include "all.h"\nint a(void) { return 1; }\n',
    "b.c": '#include "all.h"\nint b(void) { return 2; }\n',
    "c.c": '#include "all.h"\nint c(void) { return 4; }\n',
    "main.c": ('#include <stdio.h>\n#include "all.h"\n'
               'int main(void) { printf("sum %d\\n", a() + b() + c()); return a() + b() + c(); }\n'),
}

GIT = (
    Scenario("git-init-commit-log", """
        git init -q . && echo one > f && mkdir d && echo two > d/g && git add . &&
        git commit -q -m first && echo three >> f && git status --porcelain && git diff &&
        git commit -q -am second && git --no-pager log --stat --format='%H %an %s' &&
        git status && git fsck --strict && git gc --quiet && git --no-pager log --oneline
        """, ("git",), (".git/index", ".git/logs")),
    Scenario("git-clone-branch-merge", """
        git init -q up && cd up && for i in $(seq 20); do echo $i > f$i; done && git add . &&
        git commit -q -m base && cd .. && git clone -q "$PWD/up" down && cd down &&
        git switch -q -c side && echo side > s && git add s && git commit -q -m side &&
        git switch -q main && echo main > m && git add m && git commit -q -m main &&
        git merge -q --no-edit side && git --no-pager log --graph --format=%s &&
        git push -q origin side && git -C ../up branch -a && git rev-parse HEAD &&
        git worktree add -q ../tree side && cd ../tree && ls && git status -s &&
        git worktree list | wc -l && echo x >> s && git stash -q && git stash list && git stash pop -q &&
        git checkout -q -- s && git tag v1 && git describe --tags
        """, ("git",), (".git/",)),
)

BUILDS = (
    Scenario("make", """
        make -j2 > log 2>&1; echo make $?; sort log; ./prog; echo prog $?
        touch -d '2020-01-01' prog; make -j2 > log 2>&1; sort log; make clean; ls; make nothing
        """, ("make", "gcc"), files=C_PROJECT),
    Scenario("cmake", """
        cat > CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.20)
project(sum C)
add_executable(prog main.c a.c b.c c.c)
END
        cmake -S . -B out > log 2>&1; echo configured $?; cmake --build out -j2 > log2 2>&1
        echo built $?; out/prog; echo prog $?; rm -r out log log2
        """, ("cmake", "make", "gcc"), files=C_PROJECT),
)

SHELL = (
    Scenario("pipes", """
        seq 1000 | grep 7 | sort -r | head -3; yes | head -c 100000 | wc -c
        printf 'b\\na\\n' | sort | tee copy | cat -n; cat copy; echo "$(echo nested $(echo deep))"
        false | true; echo "$? ${PIPESTATUS[*]}"; set -o pipefail; false | true; echo $?
        """),
    Scenario("heredocs-and-substitution", """
        cat <<END
here $((6*7))
END
        cat <<<word; diff <(seq 3) <(seq 4); echo $?; tee >(cat > from-tee) <<<teed >/dev/null
        while [[ ! -s from-tee ]]; do sleep 0.01; done; cat from-tee
        exec 3<<<third; cat /dev/fd/3; exec 3<&-; echo in | cat /dev/stdin -; echo out > /dev/stdout
        echo err > /dev/stderr; : < /dev/null; echo x > /dev/null; head -c 4 /dev/zero | od -c
        """),
    Scenario("plain-sh", """
        set -e; f() { echo "$1"; return 3; }; f a || echo $?; for i in 1 2 3; do echo $i; done |
        while read -r n; do echo "n=$n"; done; trap 'echo bye' EXIT; (cd /usr; pwd); pwd
        IFS=:; set -- a:b:c; echo $1; case abc in a*) echo yes;; esac; umask; umask 077; : > private
        """, shell="sh"),
    Scenario("files", """
        umask 027; mkdir -p d/e/f; echo x > d/e/f/x; ln -s e/f/x d/link; ln d/e/f/x d/hard
        cp -a d copy; mv d/hard d/moved; chmod 640 d/moved; touch -d '2001-02-03 04:05:06' d/moved
        stat -c '%n %A %s %Y %h' d/moved d/e/f/x; stat -c '%n %A %h' d/e; readlink -f d/link | sed "s,$PWD,.,"
        cat d/link; truncate -s 5 d/moved; od -c d/moved; rmdir d/e; echo $?; rm -r copy; ls -R
        find . -newermt 2001-01-01 ! -newermt 2002-01-01; mkfifo p; test -p p && echo fifo
        cat nowhere; cd d/e/f && rm x && cd .. && rmdir f && ls -A; install -m 700 /bin/true inst
        ./inst; echo $?; dd if=/dev/zero of=sparse bs=1 count=1 seek=99999 2>/dev/null; wc -c sparse
        """),
    Scenario("fifo-and-locks", """
        mkfifo p; (sleep 0.1; echo through > p) & cat p; wait; rm p
        flock lock -c 'echo locked'; (flock 9; echo inner) 9>lock
        flock -n lock -c 'flock -n lock -c true || echo busy'
        """, ("flock",)),
    Scenario("identity", """
        id -u; id -un; whoami; id -g; id; uname -srm; uname -n; hostname; pwd; echo "$HOME $TERM"
        env | grep -v ^_= | sort; ulimit -n; getconf PAGESIZE; nproc; date -u -d @0; locale
        test -w . && echo writable; test -r /etc/passwd && echo readable; tty; umask; nice
        """),
    Scenario("stdin", "cat; echo; wc -c < /dev/null", data=b"given\0bytes\n"),
    Scenario("big-stdin", "sha256sum; echo done", data=bytes(range(256)) * 8000),
)

LANGUAGES = (
    Scenario("node", """
        cat > m.js <<'END'
const fs = require('fs'), path = require('path'), { execFileSync } = require('child_process');
fs.mkdirSync('made/deep', { recursive: true });
for (let i = 0; i < 50; i++) fs.writeFileSync(path.join('made', `f${i}`), String(i));
console.log(fs.readdirSync('made').length, execFileSync('echo', ['child']).toString().trim());
fs.promises.readFile('made/f7', 'utf8').then(t => { console.log(t); fs.rmSync('made', { recursive: true });
  console.log(fs.existsSync('made')); process.exit(5); });
END
        node m.js; echo $?
        """, ("node",)),
    Scenario("npm", """
        mkdir -p greeter && cat > greeter/package.json <<'END'
{"name":"greeter","version":"1.0.0","bin":{"greet":"greet.js"}}
END
        printf '#!/usr/bin/env node\\nconsole.log("hello", process.argv[2]);\\n' > greeter/greet.js
        chmod +x greeter/greet.js
        cat > package.json <<'END'
{"name":"app","version":"1.0.0","scripts":{"hi":"greet world","fails":"exit 3"}}
END
        export npm_config_cache="$PWD/cache" npm_config_update_notifier=false npm_config_loglevel=error
        npm install ./greeter --offline --no-audit --no-fund > log 2>&1; echo $?; rm -rf cache log
        ls -A node_modules/.bin; npm run --silent hi; npm run --silent fails; echo $?
        node_modules/.bin/greet direct; rm -rf cache
        """, ("npm", "node"), ("node_modules/.package-lock.json",)),
    Scenario("perl", r"""
        perl -e 'open F, ">", "p" or die; print F "line $_\n" for 1..9; close F; open F, "p";
                 print scalar(<F>); print join(",", map { chomp; $_ } <F>), "\n"; rename "p", "q";
                 print -e "q" ? "yes\n" : "no\n"; unlink "q"; print `echo tick`; exit 9'; echo $?
        """, ("perl",)),
    Scenario("sqlite", """
        sqlite3 db 'PRAGMA journal_mode=WAL; CREATE TABLE t(a); INSERT INTO t VALUES(1),(2),(3);'
        for i in 4 5 6; do sqlite3 db "BEGIN IMMEDIATE; INSERT INTO t VALUES($i); COMMIT;"; done
        sqlite3 db 'SELECT sum(a), count(*) FROM t; PRAGMA integrity_check;'; rm db*
        """, ("sqlite3",)),
    Scenario("python-manager", """
        cat > m.py <<'END'
from multiprocessing import Manager, Process

def put(d, i):
    d[i] = i * i

if __name__ == "__main__":
    with Manager() as manager:
        d = manager.dict()
        processes = [Process(target=put, args=(d, i)) for i in range(4)]
        [p.start() for p in processes]
        [p.join() for p in processes]
        print(sorted(d.items()))
END
        /usr/bin/python3 m.py; echo $?
        """),
    Scenario("python", """
        cat > m.py <<'END'
import concurrent.futures, fcntl, mmap, multiprocessing, os, pathlib, subprocess, sys, tempfile
with open("map", "w+b") as f:
    f.truncate(8192)
    with mmap.mmap(f.fileno(), 8192) as m:
        m[4096:4101] = b"mmaps"
    fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
    print(f.seek(4096), f.read(5))
print(subprocess.run(["sh", "-c", "echo out; exit 4"], capture_output=True))
with concurrent.futures.ThreadPoolExecutor(4) as pool:
    print(sum(pool.map(lambda i: len(pathlib.Path(f"t{i}").write_text("x" * i) * "y"), range(50))))
with multiprocessing.get_context("fork").Pool(2) as pool:
    print(pool.map(abs, range(-3, 3)))
with tempfile.TemporaryDirectory() as d, tempfile.NamedTemporaryFile(dir=d) as t:
    print(os.path.dirname(t.name) == d)
for i in range(50):
    os.unlink(f"t{i}")
print(sorted(os.listdir()), os.getcwd() == os.environ["PWD"], sys.stdin.read())
r, w = os.pipe(); os.write(w, b"pipe"); print(os.read(r, 4)); sys.exit(7)
END
        /usr/bin/python3 m.py </dev/null; echo $?
        """),
)


def scenarios():
    everything = (*GIT, *BUILDS, *SHELL, *LANGUAGES)
    return [pytest.param(scenario, id=scenario.name) for scenario in everything]


def both(world, argv, data=None, files=None, varying=(), prepare=None, **options):
    """Runs natively and under Aegis from the same start, and compares all that can be seen."""
    seen = []
    for run in (world.native, world.run):
        harness.empty(world.project)
        for name, text in (files or {}).items():
            (world.project / name).write_text(text)
        if prepare:
            prepare()
        done = run(argv, data, **options)
        seen.append((done.code, done.text, harness.without_summary(done.err).decode(),
                     harness.manifest(world.project, varying)))
    assert seen[1][0] == seen[0][0], seen
    assert seen[1][1] == seen[0][1]
    assert seen[1][2] == seen[0][2]
    assert seen[1][3] == seen[0][3]
    return seen[0]


@pytest.mark.parametrize("scenario", scenarios())
def test_same_as_native(world, needs, scenario):
    needs(*scenario.programs)
    both(world, [scenario.shell, "-c", scenario.script], scenario.data, scenario.files,
         scenario.varying)
    world.verify()


def test_tar_keeps_modes_and_times(world, needs):
    needs("tar")
    script = """
        umask 022; mkdir -p src/sub; for i in $(seq 200); do echo $i > src/sub/f$i; done
        chmod 600 src/sub/f1; chmod 755 src/sub/f2; ln -s f1 src/sub/s; ln src/sub/f3 src/sub/h
        find src -exec touch -h -d '2005-06-07 08:09:10' {} +
        tar cf a.tar src && tar cjf b.tar.bz2 src 2>/dev/null || tar czf b.tar.gz src
        mkdir out && tar xpf a.tar -C out && diff -r src out/src && rm -f *.bz2 *.gz
        find out -mindepth 1 -printf '%P %M %s %T@ %n %l\\n' | sort; tar tvf a.tar | sort | tail -3; rm a.tar
        """
    done = both(world, ["bash", "-c", script])
    assert "2005" in done[1] or "1118131750" in done[1], done


def test_python_venv_pip_and_pytest(world):
    """A wheel of the test's own, since there is no network; pytest comes from the test's runner."""
    files = {
        "setup_wheel.py": (
            "import zipfile\n"
            "with zipfile.ZipFile('tiny-1.0-py3-none-any.whl', 'w') as z:\n"
            "    z.writestr('tiny.py', 'def twice(x): return 2 * x\\n')\n"
            "    info = 'tiny-1.0.dist-info/'\n"
            "    z.writestr(info + 'METADATA', 'Metadata-Version: 2.1\\nName: tiny\\nVersion: 1.0\\n')\n"
            "    z.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\\nGenerator: t\\n'\n"
            "               'Root-Is-Purelib: true\\nTag: py3-none-any\\n')\n"
            "    z.writestr(info + 'RECORD', 'tiny.py,,\\n')\n"),
        "test_tiny.py": ("import tiny\n\ndef test_good(tmp_path):\n"
                         "    str(tmp_path)\n    assert tiny.twice(2) == 4\n\n"
                         "def test_bad():\n    assert tiny.twice(2) == 5\n"),
    }
    packages = world.root / "packages"
    packages.mkdir()
    for name in ("pytest", "_pytest", "pluggy", "iniconfig", "packaging"):
        found = pathlib.Path(__import__(name).__path__[0])
        shutil.copytree(found, packages / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(pathlib.Path(pytest.__path__[0]).parent / "py.py", packages)
    script = """
        export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1; unset PYTHONDONTWRITEBYTECODE
        /usr/bin/python3 setup_wheel.py && /usr/bin/python3 -m venv v && v/bin/pip --version
        v/bin/pip install -q --no-index ./tiny-1.0-py3-none-any.whl; echo $?
        v/bin/python -c 'import tiny, sys; print(tiny.twice(21), sys.prefix)'
        mv packages/* v/lib/python3*/site-packages/
        v/bin/python -m pytest -q -p no:cacheprovider --color=no --tb=no --basetemp=t test_tiny.py | sed 's/in [0-9.]*s/in T/'
        echo ${PIPESTATUS[0]}; rm -rf v t *.whl packages __pycache__
        """
    done = both(world, ["bash", "-c", script], files=files,
                prepare=lambda: shutil.copytree(packages, world.project / "packages"))
    assert "42" in done[1] and "1 failed, 1 passed in T\n1\n" in done[1], done


@pytest.mark.parametrize("policy", ["project", "permit-all"])
def test_everything_below_tmp(world_in_tmp, policy):
    """`project` makes /tmp private: home and project below it stay visible, the rest does not."""
    world = world_in_tmp
    (world.home / "notes").write_text("notes\n")
    done = world.run(["bash", "-c", f"pwd; cat ../notes; echo x > made; ls -A {world.root}; "
                                    "echo private > /tmp/aegis-e2e-private; cat /tmp/aegis-e2e-*"],
                     policy=policy)
    lines = done.text.split("\n")
    assert lines[:2] == [str(world.project), "notes"], done
    assert (world.project / "made").read_text() == "x\n"
    private = pathlib.Path("/tmp/aegis-e2e-private")
    if policy == "project":
        assert lines[2:] == ["home", "private", ""], done
        assert not private.exists()
    private.unlink(missing_ok=True)
