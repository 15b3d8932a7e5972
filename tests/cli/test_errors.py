"""Each error path of docs/errors.md: what a user types to come to it, and what is answered.

A row of a table there is named by its first cell. It has a case here, or the name of the test that
comes to it where a shell can't: another machine, a power cut, a peer that lies.
"""

import dataclasses
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/errors.md"
PATIENCE = 120  # seconds until something counts as hung

KEY = "example.com/log+a4c3805a+Af0XJDhaoMdbZPt4zWAvodmR/ev3axPFjtcC6sg16fYY"


@dataclasses.dataclass
class Typed:
    """Typed into a shell: the last exit code, and what standard error says."""

    script: str
    code: int
    said: str


def settings(toml, said):
    """A run under an aegis.toml that says this."""
    return Typed("aegis init a -q --policy project\ncat > ~/.aegis/a/aegis.toml <<'END'\n"
                 f"{toml}\nEND\naegis run --config a -- true", 125, said)


WITNESS = "src/witness/http_sink_test.cc:HttpSinkTest, "

CASES = {
    # Wrong usage
    "`--home is for --target seatbelt; ...`":
        Typed("aegis policy compile project --home /Users/me", 2,
              "aegis: --home is for --target seatbelt; a plan is for this machine and user"),
    '`--dir: "X" is no absolute path without ., .. and // in it`':
        Typed("aegis policy compile project --target seatbelt --dir a/b", 1,
              'aegis: --dir: "a/b" is no absolute path without ., .. and // in it'),
    '`unknown command "X"; did you mean "aegis Y"?`':
        Typed("aegis stauts", 2, 'unknown command "stauts"; did you mean "aegis status"?'),
    '`"X" is not in this build`': Typed("aegis pilot", 2, '"pilot" is not in this build'),
    "`The following argument was not expected: X`":
        Typed("aegis status a b", 2, "The following argument was not expected: b"),
    "`--witness needs TARGET (...)`":
        Typed("aegis audit query --last", 2, "--last needs N"),
    '`--last wants a whole number from 1, not "X"`':
        Typed("aegis log --last 0", 2, '--last wants a whole number from 1, not "0"'),
    "`... (the command follows `--`)`":
        Typed("aegis run npm install -g x", 125,
              "The following arguments were not expected: npm install -g x (the command follows `--`)"),
    "`which command? it follows `--``": Typed("aegis run", 125, "which command? it follows `--`"),
    '`two configurations are named: "A" and "B"`':
        Typed("aegis log a --config b", 1, 'two configurations are named: "a" and "b"'),
    '`--path: "X" can match no name: ...`':
        Typed("aegis audit query --path '~/..'", 2, '--path: "~/.." can match no name: '),
    '`--from: "X" is no time like 2026-11-21T14:03:07Z`':
        Typed("aegis init a -q; aegis audit query a --from noon", 2,
              '--from: "noon" is no time like 2026-11-21T14:03:07Z'),
    '`--format is jsonl, json, csv or cef, not "X"; did you mean "Y"?`':
        Typed("aegis audit query --action Flie", 2, '--action is FileRead, FileWrite, '),
    '`--name and --config differ: "A" and "B"`':
        Typed("aegis wrap --name a --config b -- true", 125,
              '--name and --config differ: "a" and "b"'),
    "`which shell? bash, zsh or fish`": Typed("aegis completions", 2, "which shell? bash, zsh or"),
    "`--tag takes up to 128 bytes of printable text in one line`":
        Typed("aegis run --tag $'a\\nb' -- true", 125, "--tag takes up to 128 bytes"),
    "`which session, and which tag?`, `which two sessions?`, `which session?`":
        Typed("aegis diff before", 2, "which two sessions? as in: aegis diff before after"),
    "`--session, --last and --from/--to exclude each other`":
        Typed("aegis report --last 1 --from 2026-01-01", 2,
              "--session, --last and --from/--to exclude each other"),
    # Places and names
    "`AEGIS_HOME: DIR: not a directory`":
        Typed("touch f; AEGIS_HOME=$PWD/f aegis init", 1, "f: not a directory"),
    "`AEGIS_HOME: DIR: unsafe, others may write in it (try: chmod go-w DIR)`":
        Typed("mkdir -m 777 d; AEGIS_HOME=$PWD/d aegis init", 1,
              "d: unsafe, others may write in it (try: chmod go-w "),
    "`AEGIS_HOME: DIR: unsafe, it belongs to another user (uid N)`":
        "src/config/home_test.cc:HomeTest, RefusesAnotherUsersDirectory",
    "`AEGIS_HOME: DIR: unsafe, everybody may write in PARENT`":
        "tests/cli/test_usage.py:test_unsafe_places",
    "`no home directory: set HOME or AEGIS_HOME`":
        "src/config/home_test.cc:HomeTest, WithoutHomeThePasswordDatabaseDecides",
    '`configuration name "X" may hold letters, digits, - _ . only`':
        Typed("aegis init a/b", 1, 'configuration name "a/b" may hold letters, digits, - _ . only'),
    '`no configuration "X"; did you mean "Y"? (make it with: aegis init X)`':
        Typed("aegis log x", 1, 'no configuration "x" (make it with: aegis init x)'),
    '`configuration "X" exists already, nothing was changed`':
        Typed("aegis init a -q; aegis init a", 1, 'configuration "a" exists already'),
    "`FILE/current: ...`":
        Typed("aegis init a -q; echo a/b > ~/.aegis/current; aegis log", 1, "/current: "),
    "`DIR: lies in AEGIS_HOME, which no agent may have as its project`":
        Typed("aegis init a -q; aegis init b --dir ~/.aegis/a", 1,
              "lies in AEGIS_HOME, which no agent may have as its project"),
    # Settings
    '`FILE:L:C: unknown key "X" (did you mean "Y"?)`':
        settings("env_pas = []", 'aegis.toml:1:1: unknown key "env_pas" (did you mean "env_pass"?)'),
    '`FILE:L:C: "X" must be one of A, B, C (did you mean "B"?)`':
        settings('isolation = "Seatblet"', 'aegis.toml:1:13: "isolation" must be one of Seatbelt, '),
    '`FILE:L:C: "X" must be a string`': settings("name = 1", ':1:8: "name" must be a string'),
    '`FILE:L:C: "allowed_network.host": "X" is no host: ...`':
        settings('[[allowed_network]]\nhost = "https://a"',
                 'aegis.toml:1:1: "allowed_network.host": "https:" is no host: '),
    '`FILE:L:C: "published_port.port" is missing`':
        settings('[[published_port]]\nhost_port = 80',
                 'aegis.toml:1:1: "published_port.port" is missing'),
    "`FILE:L:C: ...`": settings("name = ", "aegis.toml:1:"),
    "`FILE:L:C: characters beyond ASCII belong in strings of one line or comments`":
        settings("nämé = 1", "characters beyond ASCII belong in strings of one line or comments"),
    "`FILE: not valid UTF-8`":
        Typed("aegis init a -q; printf 'name=\"\\xff\"' > ~/.aegis/a/aegis.toml; aegis status a", 1,
              "aegis.toml: not valid UTF-8"),
    '`FILE: name is "X", but the directory is "Y"`':
        settings('name = "b"', 'name is "b", but the directory is "a"'),
    "`FILE: ledger_path must be DIR/audit.db, which no agent can reach`":
        settings('ledger_path = "/x.db"', "/audit.db, which no agent can reach"),
    '`FILE: "private_dirs" must hold absolute paths, not X`':
        settings('private_dirs = ["tmp"]', '"private_dirs" must hold absolute paths, not tmp'),
    "`read FILE: larger than 1048576 bytes`":
        Typed("aegis init a -q; truncate -s 2M ~/.aegis/a/aegis.toml; aegis status a", 1,
              "larger than 1048576 bytes"),
    "`FILE:L:C: ...; nothing was changed`, of `config edit`":
        Typed("aegis init a -q; EDITOR='echo x >>' aegis config edit a", 1, "; nothing was changed"),
    "`the editor (X) ended with exit code N; nothing was changed`":
        Typed("aegis init a -q; EDITOR=false aegis config edit a", 1,
              "the editor (false) ended with exit code 1; nothing was changed"),
    "`FILE: changed meanwhile; what you wrote lies in COPY; ...`":
        "tests/cli/test_config_edit.py:test_a_change_meanwhile_is_not_overwritten",
    "`nothing was made`": "tests/cli/test_wizard.py:test_ending_it_leaves_nothing",
    "`FILE: without effect in this version: X`":
        "tests/cli/test_run.py:test_keys_of_other_versions_are_named_once",
    "`FILE: taken as what Aegis does here: X`":
        "tests/cli/test_run.py:test_keys_of_other_versions_are_named_once",
    '`FILE: mask "X": ...`': settings('[ledger]\nmask = ["("]', 'mask "(": '),
    '`FILE: witness "X": it ...`, `witness "X": it ...`':
        settings('[ledger.witness]\ntarget = "http://"', 'witness "http://": it '),
    '`FILE: "X" is no verifier key: ...`, `--witness-key: ...`':
        settings('[ledger.witness]\nkey = "x"', '"x" is no verifier key'),
    '`"X" is the key of a log, not of a witness`':
        Typed(f"aegis run --witness-key '{KEY}' -- true", 125,
              "is the key of a log, not of a witness"),
    # Witnesses
    "`witness: open FILE: ...`":
        Typed("aegis init a -q --policy permit-all; ln -s x w\n"
              "aegis run --config a --witness $PWD/w -- true", 125, "w: it is a symbolic link"),
    "`witness URL: connect: ...`, `look up the host: ...`, `the server's certificate: ...`":
        Typed("aegis init a -q --policy permit-all\n"
              "aegis run --config a --witness http://127.0.0.1:1 -- true", 0,
              "witness http://127.0.0.1:1: connect: Connection refused"),
    '`--key: "X" is no verifier key: ...`':
        Typed("aegis init a -q; aegis audit verify a --key x", 1, '--key: "x" is no verifier key: '),
    "`FILE holds no checkpoint of this ledger: ...`":
        Typed("aegis init a -q; aegis audit verify a --checkpoint /etc/passwd", 1,
              "/etc/passwd holds no checkpoint of this ledger: "),
    "`witness URL: it does not know the log X`": WITNESS + "TellsOtherRefusals",
    "`witness URL: it did not cosign with a known key`": WITNESS + "VerifiesTheCosignature",
    "`witness URL: it has a tree of N entries, ours has M: ...`":
        WITNESS + "TellsAGreaterTreeFromAnotherHistory",
    "`witness URL: it holds another tree of N entries`, `a history that ... does not continue`":
        WITNESS + "TellsAGreaterTreeFromAnotherHistory",
    "`another witness works in DIR`":
        "tests/cli/test_witness.py:test_its_key_is_made_once_and_is_its_own",
    "`DIR has no key yet; name the witness to make one (--name)`":
        Typed("aegis audit witness --dir w --key", 1, "has no key yet; name the witness"),
    '`"X" is no address to listen on`':
        Typed(f"aegis audit witness --dir w --listen h:x --log '{KEY}'", 1, "is no address to listen"),
    # Policies
    "`read policy FILE: No such file or directory`":
        Typed("aegis policy validate ./none.cedar", 1, "none.cedar: No such file or directory"),
    "`DIR: no policy (*.cedar) here`":
        Typed("mkdir d; aegis policy validate d", 1, "d: no policy (*.cedar) here"),
    '`no policy template or file "X"; did you mean "Y"? (templates: ...)`':
        Typed("aegis init a --policy projct", 1, 'no policy template or file "projct"; did you mean "project"? (templates: '),
    "`read FILE: not a regular file`, `read FILE: larger than 1048576 bytes`":
        Typed("mkfifo p.cedar; aegis policy validate p.cedar", 1, "p.cedar: not a regular file"),
    "`read FILE: the policies together are larger than 16777216 bytes`":
        "tests/cli/test_untrusted.py:test_many_files_together_are_bounded",
    "`FILE: too costly to check: ...`":
        "tests/cli/test_untrusted.py:test_what_takes_too_much_memory_takes_only_the_check_down",
    "`start the check of policies: ...`":
        "src/policy/dry_run_test.cc:DryRun, ANamedProgramMustStart",
    "`FILE exists already, nothing was changed (--force replaces it)`":
        Typed("aegis init a -q; echo '' > default.cedar; aegis policy import default.cedar --config a",
              1, "default.cedar exists already, nothing was changed (--force replaces it)"),
    '`"X" is no name of a policy file, like own.cedar`, `standard input needs a name: --name own.cedar`':
        Typed("aegis init a -q; aegis policy import - --config a < /dev/null", 1,
              "standard input needs a name: --name own.cedar"),
    "`read FILE: a link, which may lead anywhere`":
        Typed("aegis init a -q; mkdir d; ln -s /etc/hostname d/x.cedar; aegis policy import d --config a",
              1, "d/x.cedar: a link, which may lead anywhere"),
    '`FILE: policy_paths has no "policies", into which policies are imported`':
        "tests/cli/test_policy_import.py:test_places_that_would_have_no_effect",
    "`FILE:L:C: ...`, of a policy":
        Typed("echo 'permit(' > p.cedar; aegis policy validate p.cedar", 1, "p.cedar:"),
    '`FILE:L:C: unknown key "X" (did you mean "Y"?)`, of a policy':
        Typed("echo 'polices: p' > t.yaml; aegis policy test t.yaml", 2,
              't.yaml:1:1: unknown key "polices" (did you mean "policies"?)'),
    "`FILE:L:C: anchors, aliases and tags are not read`":
        Typed("echo 'policies: &p [project]' > t.yaml; aegis policy test t.yaml", 2,
              "t.yaml:1:11: anchors, aliases and tags are not read"),
    "`FILE:L:C: ... (quote the text)`":
        Typed("echo 'dir: @dir' > t.yaml; aegis policy test t.yaml", 2, "(quote the text)"),
    "`FILE: neither an action nor a test file (.yaml, .yml, .toml)`":
        Typed("aegis policy test t.txt", 2, "t.txt: neither an action nor a test file"),
    "`DIR: no test file (*.yaml, *.yml, *.toml) here`":
        Typed("aegis policy test .", 2, ".: no test file (*.yaml, *.yml, *.toml) here"),
    "`--config is for ACTION RESOURCE; a test file says its own`":
        Typed("aegis policy test t.yaml --config a", 2, "--config is for ACTION RESOURCE"),
    '`there is no action "X" (did you mean "Y"?)`':
        Typed("aegis policy test FileRed /x --policy project", 2,
              'there is no action "FileRed" (did you mean "FileRead"?)'),
    '`"X" is no host: ...`':
        Typed("aegis policy test NetConnect 1.2.3.256:80 --policy project", 2,
              '"1.2.3.256" is no host: a name that ends in a number'),
    '``FILE:L:C: resource "X": requests write it `Y` ``':
        Typed("""echo 'permit(principal, action == Aegis::Action::"NetConnect",
resource in Aegis::Resource::"Example.com");' > p.cedar; aegis policy validate p.cedar""", 1,
              'p.cedar:1:1: resource "Example.com": requests write it `example.com`'),
    '`"X" is no HOST:PORT (...)`':
        Typed("aegis policy test NetConnect h --policy project", 2, '"h" is no HOST:PORT ('),
    '`nothing was denied in the ledger of "X"`, `the ledger of "X" has no entry S:N`':
        Typed("aegis init a -q; aegis policy explain --last-denied --config a", 1,
              'nothing was denied in the ledger of "a"'),
    '`--entry wants SESSION:SEQ, not "X"`':
        Typed("aegis init a -q; aegis policy explain --entry x --config a", 1,
              '--entry wants SESSION:SEQ, not "x"'),
    "`entry S:N is no decision`, `entry S:N: its content was erased`":
        "tests/cli/test_policy_explain.py:test_what_was_denied_last",
    "`one of FILE and --config`":
        Typed("aegis policy lint p.cedar --config a", 2, "one of FILE and --config"),
    "`which two? ...`, `--session and --sessions exclude each other`":
        Typed("aegis policy diff", 2, "which two?"),
    "`the policies name too much to be compared: N places and M groups of names`":
        "tests/cli/test_policy_diff.py:test_too_much_to_compare",
    "`more than 1000000 distinct actions: compare fewer sessions`":
        "src/cli/judged_sessions_test.cc:TooManyActionsAreAnError",
    "`FILE:L: policy \"X\" permits PLACE, which lies in Aegis' own state`":
        Typed("echo 'permit(principal, action, resource in Aegis::Resource::\"~/.aegis/a\");' > p.cedar\n"
              "aegis run --policy ./p.cedar -- true", 125,
              'p.cedar:1: policy "p:1" permits '),
    "`edits of the policies will not be followed: ...`":
        "tests/e2e/test_live_policies.py:test_files_that_the_agent_reaches_by_another_name_are_not_followed",
    "`recording in full, not at level writes: reads stay with the gate: ...`":
        "tests/e2e/test_writes_level.py:test_a_conditional_policy_is_recorded_in_full",
    "`...: the run leaves reads to the kernel (level writes): a change of what may be read takes "
    "effect with the next run`":
        "tests/e2e/test_writes_level.py:test_an_edit_of_what_may_be_read_waits",
    "`the policies were edited, those before stay in force (DIGEST): ...`":
        "tests/e2e/test_live_policies.py:test_a_broken_edit_keeps_what_was_in_force",
    # Running
    "`--publish X: ...`":
        Typed("aegis run --publish 8080:x -- true", 125,
              '--publish 8080:x: "x" is no port from 1 to 65535'),
    "`publish ADDRESS:PORT: ...`":
        Typed("aegis run --publish 192.0.2.1:80:80 -- true", 125,
              "publish 192.0.2.1:80: this machine has no such address"),
    "`--publish needs --seatbelt: ...`":
        Typed("aegis wrap --publish 80 -- true", 125, "--publish needs --seatbelt: "),
    "`X: command not found`": Typed("aegis run -- no-such", 127, "no-such: command not found"),
    "`FILE: can't be executed: ...`":
        Typed("echo true > s; chmod +x s; aegis run -- ./s", 126,
              "s: can't be executed: Exec format error (a script names its interpreter"),
    "`FILE: not an executable file`": Typed("aegis run -- /etc", 126, "/etc: not an executable file"),
    "a protection by name":
        Typed("unshare -Ur bash -c 'echo 0 > /proc/sys/user/max_user_namespaces\n"
              "aegis run -- true'", 125, "user namespaces are exhausted: raise user.max_user_namespaces"),
    "a policy, setting or place":
        Typed("echo x > p.cedar; aegis run --policy ./p.cedar -- true", 125, "p.cedar:1:"),
    "`descriptor N is a network or datagram socket, ...`":
        Typed("python3 -c 'import socket, subprocess\n"
              "s = socket.create_server((\"127.0.0.1\", 0))\n"
              "raise SystemExit(subprocess.call([\"aegis\", \"run\", \"--\", \"true\"], stdin=s))'",
              125, "descriptor 0 is a network or datagram socket"),
    "a ledger": Typed("aegis init a -q --policy project; echo x > ~/.aegis/a/audit.db\n"
                      "aegis run --config a -- true", 125, "audit.db"),
    "`withheld from the command: X`":
        Typed("export A_TOKEN=1; aegis run -- true", 0, "withheld from the command: A_TOKEN"),
    "`policy FILE lies in the project, where the command may change it`":
        Typed("aegis policy generate permit-all > p.cedar; aegis run --policy p.cedar -- true", 0,
              "p.cedar lies in the project, where the command may change it"),
    "`refused ACTION RESOURCE: ...`":
        Typed("touch .env; aegis run -- cat .env", 1, "/.env: forbidden by policy "),
    # Watching
    "`process N watches under this configuration already (...)`":
        Typed("aegis watch -q; aegis watch; code=$?; aegis watch -q --stop; exit $code", 1,
              "watches under this configuration already (to end it: aegis watch --stop)"),
    '`nothing watches under configuration "X" (...)`':
        Typed("aegis init a -q; aegis watch --stop --name a", 1,
              'nothing watches under configuration "a" (to begin: aegis watch --name a)'),
    "`--stop takes no X`": Typed("aegis watch --stop --reads", 2, "--stop takes no --reads"),
    "`--idle-timeout takes at most 1000000000 seconds`":
        Typed("aegis watch --idle-timeout 1000000001", 2, "at most 1000000000 seconds"),
    '`--exclude "X" matches no name`':
        Typed("aegis watch --exclude /", 1, '--exclude "/" matches no name'),
    "`--reads needs fanotify: ...`":
        Typed("[ $(id -u) != 0 ] || drop='setpriv --bounding-set -sys_admin'\n"
              "$drop aegis watch --reads", 1, "--reads needs fanotify: start fanotify: "),
    "`the watch died before it could record its end (session S); ...`":
        "tests/cli/test_watching.py:test_a_watch_killed_while_it_ends",
    "`not seen: X: ...`":
        Typed("mkdir -p $(printf 'd/%.0s' {1..300}); aegis watch; aegis watch -q --stop", 0,
              ": deeper than 256 directories"),
    "`the supervisor died (CAUSE); the agent was killed with it (session S)`, "
    "`the sandbox's init died; ...`":
        "tests/e2e/test_faults.py:test_a_supervisor_out_of_memory_ends_the_run",
    "`write to the ledger FILE (session S, whose journal has the rest): ...`":
        "tests/e2e/test_faults.py:test_a_run_ends_with_its_ledger",
    "`the ledger or its journal was cut short while it was in use, or can't be read`":
        "tests/e2e/test_faults.py:test_a_run_ends_with_its_ledger",
    "`out of memory`, `aborted: out of memory, or a defect`":
        "tests/e2e/test_faults.py:test_little_memory_for_the_whole_run",
    "`start ...: Resource temporarily unavailable`":
        Typed("ulimit -v 100000; aegis run --policy permit-all -- true", 125,
              "Resource temporarily unavailable"),
    # The ledger
    "`no policies X are stored here`":
        Typed("aegis init a -q; aegis audit policy-history a --show x", 1,
              "no policies x are stored here"),
    "`several sets of policies begin with X: give more of the digest`":
        Typed("aegis init a -q --policy project; aegis run -q --config a -- true\n"
              "aegis run -q --config a --policy permit-all -- true\n"
              "aegis audit policy-history a --show ''", 1, "several sets of policies begin with "),
    "`policies X: they came with an import, without their texts`":
        "tests/cli/test_policy_history.py:test_an_import_has_no_texts",
    "`policies X: what is stored are others (aegis audit verify)`":
        "tests/cli/test_policy_history.py:test_what_can_go_wrong",
    "a line that names `audit.db`":
        Typed("aegis init a -q; rm ~/.aegis/a/audit.db; aegis log a", 1, "audit.db"),
    '`the ledger of "X" does not verify: session S seq N ...`':
        "tests/cli/test_audit.py:test_verify_finds_an_edited_row",
    "`no session X`": Typed("aegis init a -q; aegis audit session x --config a", 1, "no session x"),
    "`several sessions begin with X`":
        Typed("aegis init a -q --policy project; for i in 1 2; do aegis run -q --config a -- true; done\n"
              "aegis audit session 0 --config a", 1, "several sessions begin with 0"),
    "`several sessions have the tag X; the newest is ID`":
        Typed("aegis init a -q --policy project\n"
              "for i in 1 2; do aegis run -q --config a --tag t -- true; done\n"
              "aegis audit session t --config a", 1, "several sessions have the tag t; the newest is 0"),
    "`session S is still running: ...`, `session S: N of its entries were erased, ...`":
        "tests/cli/test_sessions.py:test_what_was_erased_is_not_compared",
    "`journal FILE: its entries are not in the ledger yet: ...`":
        Typed("aegis init a -q --policy project; aegis run -q --config a -- true\n"
              "echo rubbish > ~/.aegis/a/journal/x.journal; aegis audit query a", 1,
              "x.journal: its entries are not in the ledger yet: "),
    "`session S: the machine went down before its last entries reached the disk`":
        "src/ledger/recovery_test.cc:kLostTail",
    "`bring the sandbox's loopback up: ...`, `give the sandbox's loopback ...`, `bind the sandbox's name socket: ...`, `the sandbox's network was not set up`, `tell the sandbox's network namespace: ...`":
        "src/sandbox/inside_network_test.cc:WithoutCapabilitiesItFails",
    "`names of hosts were not resolved: ...`":
        Typed("cp $(command -v aegis) x; ./x init a -q --policy project; (sleep 1; chmod 644 x) &\n"
              "./x run --config a -- sh -c 'sleep 2; getent hosts a.example'", 2,
              "names of hosts were not resolved: "),
    "`standard output: write: No space left on device`":
        Typed("aegis init a -q; aegis status a > /dev/full", 1,
              "standard output: write: No space left on device"),
}


def rows():
    """The first cell of each row of the page's tables; the second table to use one says of what."""
    found = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            section = line[3:].lower().rstrip("s").replace("policie", "policy")
        cell = re.match(r"\| (.+?) \| ", line)
        if cell and cell[1] not in ("line", "---"):
            found.append(cell[1] if cell[1] not in found else f"{cell[1]}, of a {section}")
    return found


def test_every_error_of_the_page_has_a_case():
    assert [row for row in rows() if row not in CASES] == [], "no case for these rows"
    assert [row for row in CASES if row not in rows()] == [], "no row for these cases"


@pytest.mark.parametrize("row", [row for row, case in CASES.items() if isinstance(case, Typed)])
def test_error(aegis, gate, row):
    case = CASES[row]
    tools = aegis.root / "bin"
    tools.mkdir()
    (tools / "aegis").symlink_to(aegis.binary)
    done = subprocess.run(
        ["bash", "--norc", "-c", case.script], cwd=aegis.project, capture_output=True, text=True,
        env={**aegis.env, "PATH": f"{tools}:{aegis.env['PATH']}"}, timeout=PATIENCE, check=False)
    assert done.returncode == case.code, done.stderr
    lines = [line for line in done.stderr.splitlines() if case.said in line]
    assert lines and lines[0].startswith("aegis: "), done.stderr


if (ROOT / "src").exists():  # an ordinary user has the tests without the sources

    @pytest.mark.parametrize("row", [row for row, case in CASES.items() if isinstance(case, str)])
    def test_error_is_tested_elsewhere(row):
        file, name = CASES[row].split(":", 1)
        assert name in (ROOT / file).read_text(encoding="utf-8"), f"{file} has no {name}"
