// Calls that make, change and remove names: every kind of object and shape of a path.
#include <linux/fs.h>

#include "cases.h"

static void one_path(long (*what)(const char*)) {
  for (unsigned i = 0; i < kPathCount; ++i) {
    fresh(i);
    T(kPaths[i], what(kPaths[i]));
    if (chdir("..") != 0) {
      _exit(98);
    }
  }
}

#define ONE(name, call)                                      \
  static long do_##name(const char* path) { return (call); } \
  static void one_##name(void) { one_path(do_##name); }
// Of a FIFO it would wait.
ONE(creat, strcmp(path, "p") == 0 ? 0 : syscall(SYS_creat, path, 0604))
ONE(mkdir, syscall(SYS_mkdir, path, 0751))
ONE(rmdir, syscall(SYS_rmdir, path))
ONE(unlink, syscall(SYS_unlink, path))
ONE(unlinkat_dir, syscall(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR))
ONE(mknod_file, syscall(SYS_mknod, path, S_IFREG | 0640, 0))
ONE(mknod_fifo, syscall(SYS_mknod, path, S_IFIFO | 0640, 0))
ONE(mknod_sock, syscall(SYS_mknod, path, S_IFSOCK | 0640, 0))
ONE(symlink, syscall(SYS_symlink, "text", path))
ONE(link_from_f, syscall(SYS_link, "f", path))
ONE(link_to_new, syscall(SYS_link, path, "new2"))
ONE(linkat_follow, syscall(SYS_linkat, AT_FDCWD, path, AT_FDCWD, "new2", AT_SYMLINK_FOLLOW))
ONE(rename_f_to, syscall(SYS_rename, "f", path))
ONE(rename_d_to, syscall(SYS_rename, "d", path))
ONE(rename_e_to, syscall(SYS_rename, "e", path))
ONE(rename_lf_to, syscall(SYS_rename, "lf", path))
ONE(rename_to_new, syscall(SYS_rename, path, "new2"))
ONE(rename_to_new_slash, syscall(SYS_rename, path, "new2/"))
ONE(noreplace_f_to, syscall(SYS_renameat2, AT_FDCWD, "f", AT_FDCWD, path, RENAME_NOREPLACE))
ONE(noreplace_d_to, syscall(SYS_renameat2, AT_FDCWD, "d", AT_FDCWD, path, RENAME_NOREPLACE))
ONE(exchange_f, syscall(SYS_renameat2, AT_FDCWD, "f", AT_FDCWD, path, RENAME_EXCHANGE))
ONE(exchange_d, syscall(SYS_renameat2, AT_FDCWD, path, AT_FDCWD, "d", RENAME_EXCHANGE))
ONE(whiteout, syscall(SYS_renameat2, AT_FDCWD, "f", AT_FDCWD, path, RENAME_WHITEOUT))
ONE(truncate, syscall(SYS_truncate, path, 2))
ONE(chmod, syscall(SYS_chmod, path, 0711))
ONE(chmodat2_nofollow, syscall(452, AT_FDCWD, path, 0711, AT_SYMLINK_NOFOLLOW))
ONE(chown, syscall(SYS_chown, path, -1, -1))
ONE(lchown, syscall(SYS_lchown, path, getuid(), getgid()))
ONE(utime, syscall(SYS_utime, path, NULL))
ONE(chdir, ({
      int here = open(".", O_PATH);
      int result = chdir(path), error = errno;
      fchdir(here);
      close(here);
      errno = error;
      result;
    }))
ONE(readlink, readlink(path, (char[64]){0}, 64))
ONE(access_r, access(path, R_OK))
ONE(access_x, access(path, X_OK))
ONE(stat, stat(path, &(struct stat){0}))
ONE(lstat, lstat(path, &(struct stat){0}))
ONE(execve, syscall(SYS_execve, path, (char*[]){(char*)path, NULL}, NULL))
ONE(getxattr, syscall(SYS_getxattr, path, "user.none", NULL, 0))
ONE(setxattr, syscall(SYS_setxattr, path, "user.a", "v", 1, 0))
ONE(lsetxattr, syscall(SYS_lsetxattr, path, "user.a", "v", 1, 0))
ONE(inotify, ({
      int fd = (int)syscall(SYS_inotify_init1, 0);
      int watch = (int)syscall(SYS_inotify_add_watch, fd, path, 0xfff);
      int error = errno;
      close(fd);
      errno = error;
      watch;
    }))

static void rename_flags(void) {
  for (unsigned flags = 0; flags < 16; ++flags) {
    fresh(flags);
    T(named("flags %u onto f", flags),
      syscall(SYS_renameat2, AT_FDCWD, "d/x", AT_FDCWD, "f", flags));
    T(named("flags %u missing", flags),
      syscall(SYS_renameat2, AT_FDCWD, "no", AT_FDCWD, "f", flags));
    T("up", chdir(".."));
  }
  fresh(16);
  T("high", syscall(SYS_renameat2, AT_FDCWD, "d/x", AT_FDCWD, "f", 0x80000000U));
}

static void rename_shapes(void) {
  populate();
  T("onto itself", rename("f", "f"));
  T("link hard", link("f", "h"));
  T("onto the same inode", rename("f", "h"));
  tell_path("f stays", "f");
  T("exchange same inode", syscall(SYS_renameat2, AT_FDCWD, "f", AT_FDCWD, "h", RENAME_EXCHANGE));
  T("noreplace itself", syscall(SYS_renameat2, AT_FDCWD, "f", AT_FDCWD, "f", RENAME_NOREPLACE));
  T("into itself", rename("d", "d/under"));
  T("exchange with own child",
    syscall(SYS_renameat2, AT_FDCWD, "d", AT_FDCWD, "d/x", RENAME_EXCHANGE));
  T("exchange child with parent",
    syscall(SYS_renameat2, AT_FDCWD, "d/x", AT_FDCWD, "d", RENAME_EXCHANGE));
  T("directory onto full", rename("e", "d"));
  T("directory onto file", rename("e", "f"));
  T("file onto directory", rename("f", "e"));
  T("directory onto empty", rename("d", "e"));
  tell_path("e/x", "e/x");
  T("directory onto link to directory", rename("e", "ld"));
  T("file onto dangling", rename("f", "dangling"));
  tell_path("dangling", "dangling");
  T("dot", rename(".", "z"));
  T("to dot", rename("e", "."));
  T("dotdot", rename("..", "z"));
  T("fifo", rename("p", "p2"));
  T("socket onto fifo", rename("s", "p2"));
  tell_path("p2", "p2");
  T("to another file system", rename("h", "/dev/shm/aegis-differential-rename"));
  T("link to another file system", link("h", "/dev/shm/aegis-differential-link"));
}

static void modes_and_umasks(void) {
  static const mode_t kModes[] = {0, 0777, 0666, 01777, 02777, 04777, 07777, 010777, 0100644};
  static const mode_t kMasks[] = {0, 022, 077, 0777};
  for (size_t i = 0; i < COUNT(kMasks); ++i) {
    umask(kMasks[i]);
    for (size_t j = 0; j < COUNT(kModes); ++j) {
      const char *file = named("f%zu.%zu", i, j), *directory = named("d%zu.%zu", i, j);
      T("open", close(open(file, O_CREAT | O_WRONLY, kModes[j])));
      tell_path(named("open %o umask %o", kModes[j], kMasks[i]), file);
      T("mkdir", mkdir(directory, kModes[j]));
      tell_path(named("mkdir %o umask %o", kModes[j], kMasks[i]), directory);
      const char* fifo = named("p%zu.%zu", i, j);
      T("fifo", syscall(SYS_mknod, fifo, S_IFIFO | (kModes[j] & 07777), 0));
      tell_path(named("fifo %o umask %o", kModes[j], kMasks[i]), fifo);
    }
  }
  umask(022);
}

static void setgid_directory(void) {
  T("mkdir", mkdir("g", 0755));
  T("chmod", chmod("g", 02775));
  T("below", mkdir("g/below", 0700));
  tell_path("below", "g/below");
  put("g/file", "", 0644);
  tell_path("file", "g/file");
  T("file with setgid", close(open("g/file2", O_CREAT | O_WRONLY, 02755)));
  tell_path("file2", "g/file2");
}

static void mknod_kinds(void) {
  static const struct {
    const char* name;
    mode_t mode;
    dev_t device;
  } kKinds[] = {{"none", 0644, 0},
                {"regular", S_IFREG | 0644, 0},
                {"fifo", S_IFIFO | 0644, 0},
                {"socket", S_IFSOCK | 0644, 0},
                {"null", S_IFCHR | 0666, 0x103},
                {"whiteout", S_IFCHR, 0},
                {"block", S_IFBLK | 0600, 0x700},
                {"directory", S_IFDIR | 0755, 0},
                {"link", S_IFLNK | 0777, 0},
                {"odd", 0170000, 0}};
  for (size_t i = 0; i < COUNT(kKinds); ++i) {
    T(named("mknod %s", kKinds[i].name),
      syscall(SYS_mknod, kKinds[i].name, kKinds[i].mode, kKinds[i].device));
    tell_path(kKinds[i].name, kKinds[i].name);
  }
}

static void long_names(void) {
  char name[300], path[6000];
  for (int length = 254; length <= 257; ++length) {
    memset(name, 'n', sizeof name);
    name[length] = '\0';
    T(named("creat %d", length), close((int)syscall(SYS_creat, name, 0644)));
    T(named("mkdir %d", length), mkdir(named("m%s", name + 1), 0755));
    T(named("symlink %d", length), symlink("t", named("l%s", name + 1)));
    T(named("stat %d", length), stat(name, &(struct stat){0}));
    T(named("unlink %d", length), unlink(name));
    T(named("rename %d", length), rename("m", name));
  }
  for (int length = 4094; length <= 4098; ++length) {
    memset(path, '/', sizeof path);
    path[0] = '.';
    path[length - 1] = 'f';
    path[length] = '\0';
    T(named("path of %d", length), open(path, O_CREAT | O_WRONLY, 0644));
    T(named("mkdir path of %d", length), mkdir(path, 0755));
    T(named("link text of %d", length), symlink(path, named("t%d", length)));
    T(named("unlink path of %d", length), unlink(path));
  }
  memset(path, '.', sizeof path);
  T("endless", unlink(path + 1));
}

static void loops(void) {
  put("end", "reached", 0644);
  char previous[16] = "end";
  for (int i = 1; i <= 45; ++i) {
    const char* name = named("l%02d", i);
    T("symlink", symlink(previous, name));
    snprintf(previous, sizeof previous, "%s", name);
  }
  for (int i = 38; i <= 43; ++i) {
    T(named("open %d", i), close(open(named("l%02d", i), O_RDONLY)));
    T(named("write %d", i), close(open(named("l%02d", i), O_WRONLY)));
    T(named("chmod %d", i), chmod(named("l%02d", i), 0600));
    T(named("truncate %d", i), truncate(named("l%02d", i), 3));
  }
  T("self", symlink("a/b", "a"));
  T("open below", open("a/c", O_RDONLY));
  T("link to dot", symlink(".", "dot"));
  char path[512] = "";
  for (int i = 0; i < 41; ++i) {
    strcat(path, "dot/");
  }
  T("41 links in a path", close(open(strcat(path, "end"), O_RDONLY)));
  T("40 links in a path", close(open(path + 4, O_RDONLY)));
  T("40 links in a path, written", close(open(path + 4, O_WRONLY)));
}

static void links(void) {
  populate();
  T("flags 0", linkat(AT_FDCWD, "lf", AT_FDCWD, "a", 0));
  tell_path("a", "a");
  T("follow", linkat(AT_FDCWD, "lf", AT_FDCWD, "b", AT_SYMLINK_FOLLOW));
  tell_path("b", "b");
  T("nofollow", linkat(AT_FDCWD, "f", AT_FDCWD, "c", AT_SYMLINK_NOFOLLOW));
  T("unknown", linkat(AT_FDCWD, "f", AT_FDCWD, "c", 0x8000));
  T("directory", link("d", "dd"));
  T("fifo", link("p", "p2"));
  T("socket", link("s", "s2"));
  T("existing", link("f", "e"));
  T("dangling target", link("f", "dangling"));
  int fd = open("f", O_RDONLY);
  T("empty path", linkat(fd, "", AT_FDCWD, "by-fd", AT_EMPTY_PATH));
  T("proc",
    linkat(AT_FDCWD, named("/proc/self/fd/%d", fd), AT_FDCWD, "by-proc", AT_SYMLINK_FOLLOW));
  T("proc, not followed", linkat(AT_FDCWD, named("/proc/self/fd/%d", fd), AT_FDCWD, "by-proc2", 0));
  unlink("f"), unlink("a"), unlink("b"), unlink("by-fd"), unlink("by-proc");
  tell_fd("no name left", fd);
  T("of a file without a name",
    linkat(AT_FDCWD, named("/proc/self/fd/%d", fd), AT_FDCWD, "again", AT_SYMLINK_FOLLOW));
  T("of a file without a name, empty", linkat(fd, "", AT_FDCWD, "again", AT_EMPTY_PATH));
  close(fd);
  int temporary = open("d", O_TMPFILE | O_RDWR, 0640);
  T("write", write(temporary, "unnamed", 7));
  T("name it",
    linkat(AT_FDCWD, named("/proc/self/fd/%d", temporary), AT_FDCWD, "d/named", AT_SYMLINK_FOLLOW));
  tell_path("named", "d/named");
  tell_text("named", "d/named");
  temporary = open("d", O_TMPFILE | O_RDWR | O_EXCL, 0640);
  T("name what is exclusive", linkat(AT_FDCWD, named("/proc/self/fd/%d", temporary), AT_FDCWD,
                                     "d/named2", AT_SYMLINK_FOLLOW));
  temporary = open("d", O_TMPFILE | O_RDWR, 0640);
  T("empty path of an unnamed", linkat(temporary, "", AT_FDCWD, "d/named3", AT_EMPTY_PATH));
  T("symlink empty text", symlink("", "empty"));
  T("symlink with slash", symlink("x", "y/"));
}

static void unlinks(void) {
  populate();
  T("unknown flag", unlinkat(AT_FDCWD, "f", 0x1000));
  T("file as directory", unlinkat(AT_FDCWD, "f", AT_REMOVEDIR));
  T("directory as file", unlinkat(AT_FDCWD, "d", 0));
  T("full", rmdir("d"));
  T("dot", rmdir("."));
  T("dotdot", rmdir(".."));
  T("d dot", rmdir("e/."));
  T("d dotdot", rmdir("e/.."));
  T("link with slash", rmdir("ld/"));
  T("link", rmdir("ld"));
  T("unlink dot", unlink("."));
  T("unlink root", unlink("/"));
  T("rmdir root", rmdir("/"));
  T("slash", rmdir("e//"));
  int fd = open("f", O_RDWR);
  T("open file", unlink("f"));
  tell_fd("f", fd);
  T("write", write(fd, "more", 4));
}

static void bad_pointers(void) {
  char* bad = (char*)16;
  T("open", open(bad, O_RDONLY));
  T("creat", open(bad, O_CREAT | O_WRONLY, 0644));
  T("mkdir", syscall(SYS_mkdir, bad, 0755));
  T("rmdir", syscall(SYS_rmdir, bad));
  T("unlink", syscall(SYS_unlink, bad));
  T("rename", syscall(SYS_rename, bad, "x"));
  T("rename to", syscall(SYS_rename, "x", bad));
  T("link", syscall(SYS_link, bad, "x"));
  T("symlink", syscall(SYS_symlink, bad, "x"));
  T("symlink to", syscall(SYS_symlink, "x", bad));
  T("mknod", syscall(SYS_mknod, bad, S_IFREG, 0));
  T("chmod", syscall(SYS_chmod, bad, 0644));
  T("chown", syscall(SYS_chown, bad, -1, -1));
  T("truncate", syscall(SYS_truncate, bad, 0));
  T("chdir", syscall(SYS_chdir, bad));
  T("utimensat", syscall(SYS_utimensat, AT_FDCWD, bad, NULL, 0));
  T("utimensat times", syscall(SYS_utimensat, AT_FDCWD, ".", bad, 0));
  T("setxattr", syscall(SYS_setxattr, bad, "user.a", "v", 1, 0));
  T("setxattr name", syscall(SYS_setxattr, ".", bad, "v", 1, 0));
  T("setxattr value", syscall(SYS_setxattr, ".", "user.a", bad, 1, 0));
  T("execve", syscall(SYS_execve, bad, NULL, NULL));
  T("execve argv", syscall(SYS_execve, "/bin/true", bad, NULL));
  T("execve environment", syscall(SYS_execve, "/bin/true", (char*[]){"true", NULL}, bad));
  T("execve argument", syscall(SYS_execve, "/bin/true", (char*[]){"true", bad, NULL}, NULL));
  T("bind", syscall(SYS_bind, 0, bad, 16));
  T("readlink", syscall(SYS_readlink, "/proc/self/exe", bad, 10));
  T("kernel half", open((char*)0xffff800000000000UL, O_RDONLY));
  T("null", open(NULL, O_RDONLY));
}

static int go_up(void) { return chdir("..") ? errno : 0; }

static void deleted_directory(void) {
  put("f", "up", 0644);
  T("mkdir", mkdir("gone", 0755));
  T("chdir", chdir("gone"));
  T("rmdir", rmdir("../gone"));
  T("getcwd", syscall(SYS_getcwd, (char[300]){0}, 300));
  T("open dot", close(open(".", O_RDONLY)));
  T("open name", open("x", O_RDONLY));
  T("creat", open("x", O_CREAT | O_WRONLY, 0644));
  T("mkdir in it", mkdir("x", 0755));
  T("symlink", symlink("a", "x"));
  T("up", close(open("../f", O_RDONLY)));
  T("write up", close(open("../f", O_WRONLY)));
  T("up mkdir", mkdir("../made", 0755));
  T("stat dot", stat(".", &(struct stat){0}));
  T("chmod dot", chmod(".", 0700));
  T("rename", rename("x", "y"));
  T("rmdir dot", rmdir("."));
  T("tmpfile", open(".", O_TMPFILE | O_RDWR, 0600));
  T("exec", syscall(SYS_execve, "x", NULL, NULL));
  in_child("chdir up", go_up);
  T("chdir dot", chdir("."));
  T("list", close(open(".", O_RDONLY | O_DIRECTORY)));
}

static void moved_directory(void) {
  T("mkdir", mkdir("a", 0755) || mkdir("a/b", 0755));
  T("chdir", chdir("a/b"));
  T("rename", rename("../../a", "../../c"));
  put("made", "here", 0644);
  T("up", mkdir("../up", 0755));
  tell_path("c/up", "../../c/up");
  T("other", mkdir("../../a", 0755));
  T("still", close(open("made", O_RDONLY)));
  T("relative", rename("made", "../moved"));
  tell_path("moved", "../../c/moved");
}

// Below the longest path that a call can take, relative names still work.
static void deep_directory(void) {
  char name[200];
  memset(name, 'n', sizeof name);
  name[150] = '\0';
  int level = 0;
  while (level < 40 && mkdir(name, 0755) == 0 && chdir(name) == 0) {
    ++level;
  }
  say("levels", "%d %s", level, level < 40 ? error_name(errno) : "");
  T("creat", close(open("f", O_CREAT | O_WRONLY, 0644)));
  T("stat", stat("f", &(struct stat){0}));
  T("up", chdir(".."));
  T("list", close(open(".", O_RDONLY | O_DIRECTORY)));
  T("unlink", unlink(named("%s/f", name)));
  // Removed again: whoever cleans up may not get there.
  for (; level > 0; --level) {
    if (rmdir(name) != 0 || chdir("..") != 0) {
      say("rmdir", "%s at level %d", error_name(errno), level);
      break;
    }
  }
}

static void odd_names(void) {
  static const char* const kOdd[] = {" ",        "\n",       "\\",   "a\\b", "\x01",
                                     "\xff\xfe", "\xc3\xa4", "%s",   "-rf",  "...",
                                     "a b",      "\"",       "\x7f", "~",    "*"};
  for (size_t i = 0; i < COUNT(kOdd); ++i) {
    put(kOdd[i], "odd", 0644);
    tell_text(named("%zu", i), kOdd[i]);
    T(named("%zu rename", i), rename(kOdd[i], named("%s.new", kOdd[i])));
    T(named("%zu link", i), symlink(kOdd[i], named("%s.link", kOdd[i])));
    T(named("%zu mkdir", i), mkdir(kOdd[i], 0755));
  }
}

static void permissions(void) {
  T("mkdir", mkdir("closed", 0755));
  put("closed/f", "x", 0644);
  put("unreadable", "x", 0200);
  put("unwritable", "x", 0444);
  put("nothing", "x", 0);
  T("mkdir", mkdir("search", 0755));
  put("search/f", "x", 0644);
  T("chmod", chmod("search", 0644));
  T("chmod", chmod("closed", 0555));
  T("read unreadable", close(open("unreadable", O_RDONLY)));
  T("write unwritable", close(open("unwritable", O_WRONLY)));
  T("truncate unwritable", truncate("unwritable", 0));
  T("trunc ro unwritable", close(open("unwritable", O_RDONLY | O_TRUNC)));
  T("path nothing", close(open("nothing", O_PATH)));
  T("read nothing", close(open("nothing", O_RDONLY)));
  T("exec nothing", syscall(SYS_execve, "./nothing", NULL, NULL));
  T("creat in closed", close(open("closed/new", O_CREAT | O_WRONLY, 0644)));
  T("existing in closed", close(open("closed/f", O_CREAT | O_WRONLY, 0644)));
  T("excl in closed", close(open("closed/f", O_CREAT | O_EXCL | O_WRONLY, 0644)));
  T("unlink in closed", unlink("closed/f"));
  T("mkdir in closed", mkdir("closed/d", 0755));
  T("mkdir existing in closed", mkdir("closed/f", 0755));
  T("rename in closed", rename("closed/f", "closed/g"));
  T("link in closed", link("unwritable", "closed/l"));
  T("tmpfile in closed", close(open("closed", O_TMPFILE | O_RDWR, 0600)));
  T("search", close(open("search/f", O_RDONLY)));
  T("search stat", stat("search/f", &(struct stat){0}));
  T("search list", close(open("search", O_RDONLY)));
  T("search chdir", chdir("search"));
  T("creat 0 then write", write(open("zero", O_CREAT | O_WRONLY, 0), "x", 1));
  T("zero again", close(open("zero", O_WRONLY)));
  T("excl 0444", write(open("ro", O_CREAT | O_EXCL | O_RDWR, 0444), "x", 1));
}

static const Case kCases[] = {
#define C(name) {#name, name}
    C(one_creat),
    C(one_mkdir),
    C(one_rmdir),
    C(one_unlink),
    C(one_unlinkat_dir),
    C(one_mknod_file),
    C(one_mknod_fifo),
    C(one_mknod_sock),
    C(one_symlink),
    C(one_link_from_f),
    C(one_link_to_new),
    C(one_linkat_follow),
    C(one_rename_f_to),
    C(one_rename_d_to),
    C(one_rename_e_to),
    C(one_rename_lf_to),
    C(one_rename_to_new),
    C(one_rename_to_new_slash),
    C(one_noreplace_f_to),
    C(one_noreplace_d_to),
    C(one_exchange_f),
    C(one_exchange_d),
    C(one_whiteout),
    C(one_truncate),
    C(one_chmod),
    C(one_chmodat2_nofollow),
    C(one_chown),
    C(one_lchown),
    C(one_utime),
    C(one_chdir),
    C(one_readlink),
    C(one_access_r),
    C(one_access_x),
    C(one_stat),
    C(one_lstat),
    C(one_execve),
    C(one_getxattr),
    C(one_setxattr),
    C(one_lsetxattr),
    C(one_inotify),
    C(rename_flags),
    C(rename_shapes),
    C(modes_and_umasks),
    C(setgid_directory),
    C(mknod_kinds),
    C(long_names),
    C(loops),
    C(links),
    C(unlinks),
    C(bad_pointers),
    C(deleted_directory),
    C(moved_directory),
    C(deep_directory),
    C(odd_names),
    C(permissions)};
GROUP(kNames, "names", kCases);
