"""What is known to differ between a native run and one inside, and why.

Names are those of compare.py, with `*` and `?` as in file names, and perhaps ` => RESULT`, what it
is inside; an entry whose names match no difference any more fails. LIMITS stay; what stands in
TO_BE_MENDED is taken out when it is mended. What depends on the kernel or its settings is marked
`sometimes` (the list was made on Linux 6.18).
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Known:
    suite: str
    names: tuple
    why: str
    who: str = "all"  # or root, or user: where it differs
    sometimes: bool = False  # need not differ


LIMITS = [
    Known("cases", ("opens.open_nofollow: * => fd=3 *",
                    "opens.open_nofollow_creat: * => fd=3 *",
                    "opens.open_directory_nofollow: * => fd=3 *"),
          "F_GETFL does not show O_NOFOLLOW: what was judged is opened by its descriptor, not "
          "its name"),
    Known("cases", ("dirfds.name_to_handle: * => EPERM", "files.handles: name"),
          "File handles are refused: they name files past their directories"),
    Known("cases", ("files.handles: open",),
          "File handles can't be opened: they name files past their directories", "root"),
    Known("cases", ("processes.clone_files: clone3*",),
          "`clone3` is ENOSYS, as on Linux before 5.3: its flags lie in memory; libc uses clone"),
    Known("cases", ("metadata.xattrs: setxattrat", "metadata.xattrs: removexattrat"),
          "`setxattrat` and `removexattrat` are ENOSYS, as on Linux before 6.13", sometimes=True),
    Known("cases", ("dirfds.linkat_from_empty: path link ''",),
          "A symlink gets no second name through a descriptor: it is taken by its name"),
    Known("cases", ("exec.scripts: unreadable script*",),
          "A script that may be executed and not read is killed (IMAGE_CHANGED): the supervisor "
          "can't read its interpreter's name either; natively the interpreter fails", "user"),
    Known("cases", ("metadata.xattrs: getxattrat", "metadata.xattrs: listxattrat"),
          "`getxattrat` and `listxattrat` are ENOSYS, as on Linux before 6.13", sometimes=True),
    Known("cases", ("signals.restarted_open: opened",),
          "An open of a FIFO notices a signal after up to 25 ms; several are one then",
          sometimes=True),
    Known("cases", ("signals.fifo_killed: writer*",),
          "A process that died in the open of a FIFO counts as its reader for up to 25 ms",
          sometimes=True),
    Known("cases", ("names.mknod_kinds: mknod * => EPERM",
                    "names.mknod_kinds: * => ENOENT", "left names.mknod_kinds/*"),
          "Root has no capabilities inside: it makes no device nodes", "root"),
    Known("cases", ("metadata.xattrs: trusted => EPERM",
                    "metadata.xattrs: security => EPERM",
                    "metadata.xattrs: capability => EPERM", "left metadata.xattrs/f"),
          "Root has no capabilities inside: trusted and security attributes are refused", "root"),
    Known("cases", ("metadata.chown_forms: f #?",),
          "Root has no capabilities inside: setuid and setgid bits fall when a file is written",
          "root"),
    Known("cases", ("metadata.system_files: write /sys/*",),
          "Kernel settings are read-only inside, for root too", "root", sometimes=True),
    Known("cases", ("processes.other_users: daemon",),
          "A program can't change to another user: no other user exists inside"),
    Known("cases", ("processes.filesystem_user: daemon",),
          "A program can't change to another user: no other user exists inside", "root"),
    Known("cases", ("processes.identities: set* => EINVAL",),
          "Ids that do not exist inside are EINVAL instead of EPERM", "user"),
    Known("cases", ("files.proc: write /proc/self/setgroups",),
          "The namespace's own settings are closed", "root"),
    Known("cases", ("files.proc: write /proc/self/loginuid",),
          "Ids that do not exist inside are EINVAL", "user", sometimes=True),
    Known("cases", ("files.mounts: umount", "files.mounts: pivot"),
          "Mounts are refused before their arguments are looked at", "root"),
    Known("cases", ("files.mounts: quotactl",),
          "Quotas are refused before their arguments are looked at", "user", sometimes=True),
    Known("cases", ("signals.timers: set clock", "processes.identities: ptrace"),
          "Setting clocks and ptrace are refused before their arguments are looked at"),
    Known("cases", ("processes.controls: seccomp",),
          "A run has a seccomp filter, and a program can see that"),
    Known("cases", ("descriptors.unix_sockets: datagram", "descriptors.socket_pairs: * 1",
                    "left descriptors.unix_sockets/dgram"),
          "Unix datagram sockets are refused"),
    Known("cases", ("descriptors.unix_sockets: peer", "descriptors.unix_sockets: own"),
          "A Unix socket's own name is the supervisor's, who bound it"),
    Known("cases", ("files.pseudo_terminals: peer",),
          "TIOCGPTPEER is refused: it opens a terminal without a name; libc opens it by name then"),
    Known("cases", ("files.pseudo_terminals: push",),
          "Nothing can be typed into a terminal by TIOCSTI", "root"),
    Known("cases", ("files.shared_memory: mq_open",),
          "POSIX message queues are refused: they lie on no file system that a policy can name"),
    Known("cases", ("files.events: event #2?",),
          "The supervisor looks at a file for an interpreter's name before it is executed; a "
          "watcher sees it"),
    Known("cases", ("signals.under_fire_without_restart: failed",),
          "A handler without SA_RESTART can interrupt a call that the supervisor has not yet "
          "received: EINTR, and nothing done", sometimes=True),
    Known("cases", ("names.deep_directory: *",),
          "A working directory whose path is longer than a path can be has no name to be "
          "judged by"),
    Known("cases", ("descriptors.dev_fd: unlink a number",),
          "Names in /proc/self/fd are EACCES instead of EPERM", "user"),

    Known("cases", ("descriptors.unix_sockets: are ours",),
          "A server on a Unix socket has the process id 0 for its clients"),
    Known("cpython", ("test_posix.PosixGroupsTester.*",),
          "Root has no capabilities inside: groups can't be set", "root"),
    Known("cpython", ("test_shutil.TestCopy.test_copy*xattr*",),
          "Root has no capabilities inside: they are left out where trusted attributes can't "
          "be set", "root"),
    Known("cpython", ("test_subprocess.POSIXProcessTestCase.test_group",
                      "test_subprocess.POSIXProcessTestCase.test_user"),
          "Ids that do not exist inside are EINVAL instead of EPERM", "user"),
    Known("go", ("os/signal TestAllThreadsSyscallSignals", "os/signal exit",
                 "syscall TestAllThreadsSyscall"),
          "Capabilities are locked away: PR_SET_KEEPCAPS is EPERM"),
    Known("go", ("syscall TestSCMCredentials", "syscall exit"),
          "Unix datagram sockets are refused"),
    Known("go", ("syscall TestGroupCleanup", "syscall TestDeathSignal", "syscall TestSetuidEtc"),
          "A program can't change to another user: no other user exists inside", "root"),
    Known("go", ("os TestRemoveAllLongPath", "os TestRemoveAllDot", "os TestOpenFileLimit",
                 "os ExampleReadFile", "os exit"),
          "A working directory whose path is longer than a path can be has no name to be judged "
          "by; the first of these stays there, and the others fail in it"),
    Known("pjdfstest", ("*::block", "mknod::*::char"),
          "Root has no capabilities inside: it makes no device nodes", "root"),
    Known("pjdfstest", (
        "chmod::clear_isgid_bit", "*::failed_chmod_unchanged_ctime::*", "*::unchanged_ctime_fail*",
        "*::affected_*", "*::uid_gid_eq_euid_egid", "rename::write_access_required_subdir",
        "utimensat::*nobody", "utimensat::*write_perm"),
          "A program can't change to another user: no other user exists inside", "root"),
    Known("pjdfstest", ("rmdir::ebusy",),
          "Mounts are refused; this one is left out without", "root"),
]

TO_BE_MENDED = [
    Known("cases", ("descriptors.descriptor_limit: made", "descriptors.descriptor_limit: missing",
                    "descriptors.descriptor_limit: fifo to write"),
          "An open for which no descriptor is left (EMFILE) has made the file; other errors come "
          "before it"),
    Known("cases", ("names.unlinks: rmdir root", "names.bad_pointers: bind"),
          "Of two errors the other one is told"),
]

KNOWN = LIMITS + TO_BE_MENDED
