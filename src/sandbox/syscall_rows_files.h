#pragma once

#include <array>
#include <string_view>

#include "sandbox/syscall_rows_make.h"
#include "sandbox/syscall_table.h"

// Rows of calls that name files, or act on them through a descriptor.
namespace aegis::sandbox::rows {

inline constexpr std::string_view kOpeningAbout =
    "A descriptor is given for what was judged. One with `O_PATH` allows nothing that is judged, "
    "so the kernel opens it. At the recording level `writes` plain reads (`O_RDONLY` without "
    "`O_CREAT`, `O_TRUNC`, `O_TMPFILE` or `O_DIRECTORY`) are the kernel's too: Landlock permits "
    "what a static rule of the policy permits, and nothing is recorded of them.";
inline constexpr std::string_view kOpens = "FileRead, FileWrite, DirList";
inline constexpr auto kOpening = std::to_array<SyscallRow>({
    AtWrites(Asked("open", 2, kNone, kPath, kOpens, kInject, kNotOpath2), kNotPlainRead2),
    Asked("creat", 85, kNone, kPath, "FileWrite", kInject),
    AtWrites(Asked("openat", 257, 56, kAtPath, kOpens, kInject, kNotOpath3), kNotPlainRead3),
    Asked("openat2", 437, 437, kAtPath, kOpens, kInject, kAlways,
          "`O_PATH` is ENOSYS: its flags lie in memory"),
    RefusedByRun("name_to_handle_at", 303, 264, kAtPath, "handles pass by names"),
    Refused("open_by_handle_at", 304, 265, kHandle, kEperm, "passes by names"),
});

inline constexpr std::string_view kNamesAbout =
    "Made, moved and removed by the supervisor, in the directory that was judged.";
inline constexpr std::string_view kRenames = "FileRead, FileDelete, FileWrite";
inline constexpr std::string_view kLinks = "FileRead, FileWrite";
inline constexpr auto kNames = std::to_array<SyscallRow>({
    Asked("rename", 82, kNone, kTwoPaths, kRenames, kEmulate),
    Asked("renameat", 264, 38, kTwoAtPaths, kRenames, kEmulate),
    Asked("renameat2", 316, 276, kTwoAtPaths, kRenames, kEmulate),
    Asked("mkdir", 83, kNone, kPath, "DirCreate", kEmulate),
    Asked("mkdirat", 258, 34, kAtPath, "DirCreate", kEmulate),
    Asked("rmdir", 84, kNone, kPath, "FileDelete", kEmulate),
    Asked("unlink", 87, kNone, kPath, "FileDelete", kEmulate),
    Asked("unlinkat", 263, 35, kAtPath, "FileDelete", kEmulate),
    Asked("link", 86, kNone, kTwoPaths, kLinks, kEmulate),
    Asked("linkat", 265, 37, kTwoAtPaths, kLinks, kEmulate),
    Asked("symlink", 88, kNone, kTextPath, "FileWrite", kEmulate),
    Asked("symlinkat", 266, 36, kTextAtPath, "FileWrite", kEmulate),
    Asked("mknod", 133, kNone, kPath, "FileWrite", kEmulate),
    Asked("mknodat", 259, 33, kAtPath, "FileWrite", kEmulate),
});

inline constexpr std::string_view kMetadataAbout =
    "Changed by the supervisor, on the object that was judged. What programs can do without is "
    "ENOSYS.";
inline constexpr std::string_view kNewer = "newer; programs use the older call instead";
inline constexpr auto kMetadata = std::to_array<SyscallRow>({
    Asked("truncate", 76, 45, kPath, "FileWrite", kEmulate),
    Asked("chmod", 90, kNone, kPath, "FileWrite", kEmulate),
    Asked("fchmod", 91, 52, kDescriptor, "FileWrite", kEmulate),
    Asked("fchmodat", 268, 53, kAtPath, "FileWrite", kEmulate),
    Asked("fchmodat2", 452, 452, kAtPath, "FileWrite", kEmulate),
    Asked("chown", 92, kNone, kPath, "FileWrite", kEmulate),
    Asked("fchown", 93, 55, kDescriptor, "FileWrite", kEmulate),
    Asked("lchown", 94, kNone, kPath, "FileWrite", kEmulate),
    Asked("fchownat", 260, 54, kAtPath, "FileWrite", kEmulate),
    Asked("utime", 132, kNone, kPath, "FileWrite", kEmulate),
    Asked("utimes", 235, kNone, kPath, "FileWrite", kEmulate),
    Asked("futimesat", 261, kNone, kAtPath, "FileWrite", kEmulate),
    Asked("utimensat", 280, 88, kAtPath, "FileWrite", kEmulate),
    Asked("setxattr", 188, 5, kPath, "FileWrite", kEmulate),
    Asked("lsetxattr", 189, 6, kPath, "FileWrite", kEmulate),
    Asked("fsetxattr", 190, 7, kDescriptor, "FileWrite", kEmulate),
    Refused("setxattrat", 463, 463, kAtPath, kEnosys, kNewer),
    Asked("removexattr", 197, 14, kPath, "FileWrite", kEmulate),
    Asked("lremovexattr", 198, 15, kPath, "FileWrite", kEmulate),
    Asked("fremovexattr", 199, 16, kDescriptor, "FileWrite", kEmulate),
    Refused("removexattrat", 466, 466, kAtPath, kEnosys, kNewer),
    Refused("file_setattr", 469, 469, kAtPath, kEnosys, "newer; programs use ioctl instead"),
    Refused("ioctl", 16, 29, kDescriptor, kEperm, "types into a terminal", kTerminalIoctl),
    {.name = "ioctl",
     .x86_64 = 16,
     .arm64 = 29,
     .run = kEperm,
     .wrap = kNotify,
     .when = kInodeIoctl,
     .how = kContinue,
     .names = kDescriptor,
     .actions = "FileWrite",
     .why = "changes an inode through a descriptor for reading"},
});

inline constexpr std::string_view kWatchingAbout =
    "Who watches a directory is told the names in it: that is judged as listing it, a file's watch "
    "alike. The supervisor adds the watch to the caller's queue.";
inline constexpr auto kWatching = std::to_array<SyscallRow>({
    Free("inotify_init", 253, kNone, kNothing, "an empty queue of events"),
    Free("inotify_init1", 294, 26, kNothing, "an empty queue of events"),
    Asked("inotify_add_watch", 254, 27, kDescriptorPath, "DirList", kEmulate),
    Free("inotify_rm_watch", 255, 28, kDescriptor, "ends a watch"),
    RefusedByRun("fanotify_init", 300, 262, kNothing, "programs use inotify"),
    {.name = "fanotify_mark",
     .x86_64 = 301,
     .arm64 = 263,
     .run = kEperm,
     .wrap = kNotify,
     .how = kEmulate,
     .names = kDescriptorAtPath,
     .actions = "DirList",
     .why = "programs use inotify"},
});

inline constexpr std::string_view kLookingAbout =
    "Names and metadata of what the mount tree shows are not protected: no content is read, and "
    "nothing is changed.";
inline constexpr auto kLooking = std::to_array<SyscallRow>({
    Free("stat", 4, kNone, kPath),
    Free("lstat", 6, kNone, kPath),
    Free("fstat", 5, 80, kDescriptor),
    Free("newfstatat", 262, 79, kAtPath),
    Free("statx", 332, 291, kAtPath),
    Free("access", 21, kNone, kPath),
    Free("faccessat", 269, 48, kAtPath),
    Free("faccessat2", 439, 439, kAtPath),
    Free("readlink", 89, kNone, kPath),
    Free("readlinkat", 267, 78, kAtPath),
    Free("statfs", 137, 43, kPath),
    Free("fstatfs", 138, 44, kDescriptor),
    Free("getxattr", 191, 8, kPath),
    Free("lgetxattr", 192, 9, kPath),
    Free("fgetxattr", 193, 10, kDescriptor),
    Refused("getxattrat", 464, 464, kAtPath, kEnosys, kNewer),
    Free("listxattr", 194, 11, kPath),
    Free("llistxattr", 195, 12, kPath),
    Free("flistxattr", 196, 13, kDescriptor),
    Refused("listxattrat", 465, 465, kAtPath, kEnosys, kNewer),
    Refused("file_getattr", 468, 468, kAtPath, kEnosys, "newer; programs use ioctl instead"),
});

inline constexpr std::string_view kPlacesAbout =
    "The supervisor is told of a change of working directory or umask, and looks again before the "
    "next path. To stand in a directory gives no right to its files.";
inline constexpr auto kPlaces = std::to_array<SyscallRow>({
    Asked("chdir", 80, 49, kPath, "", kContinue),
    Asked("fchdir", 81, 50, kDescriptor, "", kContinue),
    Asked("umask", 95, 166, kNothing, "", kContinue),
    Free("getcwd", 79, 17),
    Refused("chroot", 161, 51, kPath, kEperm,
            "paths would begin elsewhere than the supervisor sees"),
    Refused("pivot_root", 155, 41, kTwoPaths, kEperm, "as chroot"),
});

inline constexpr std::string_view kDescriptorsAbout =
    "Opening was judged; a descriptor allows what it was opened for.";
inline constexpr auto kDescriptors = std::to_array<SyscallRow>({
    Free("read", 0, 63, kDescriptor),
    Free("readv", 19, 65, kDescriptor),
    Free("pread64", 17, 67, kDescriptor),
    Free("preadv", 295, 69, kDescriptor),
    Free("preadv2", 327, 286, kDescriptor),
    Free("write", 1, 64, kDescriptor),
    Free("writev", 20, 66, kDescriptor),
    Free("pwrite64", 18, 68, kDescriptor),
    Free("pwritev", 296, 70, kDescriptor),
    Free("pwritev2", 328, 287, kDescriptor),
    Free("lseek", 8, 62, kDescriptor),
    Free("getdents", 78, kNone, kDescriptor),
    Free("getdents64", 217, 61, kDescriptor),
    Free("ftruncate", 77, 46, kDescriptor, "needs a descriptor for writing"),
    Free("fallocate", 285, 47, kDescriptor, "needs a descriptor for writing"),
    Free("fadvise64", 221, 223, kDescriptor),
    Free("readahead", 187, 213, kDescriptor),
    Free("sendfile", 40, 71, kDescriptor),
    Free("splice", 275, 76, kDescriptor),
    Free("tee", 276, 77, kDescriptor),
    Free("vmsplice", 278, 75, kDescriptor),
    Free("copy_file_range", 326, 285, kDescriptor),
    Free("sync", 162, 81),
    Free("syncfs", 306, 267, kDescriptor),
    Free("fsync", 74, 82, kDescriptor),
    Free("fdatasync", 75, 83, kDescriptor),
    Free("sync_file_range", 277, 84, kDescriptor),
    Free("close", 3, 57, kDescriptor),
    Free("close_range", 436, 436, kDescriptor),
    Free("dup", 32, 23, kDescriptor),
    Free("dup2", 33, kNone, kDescriptor),
    Free("dup3", 292, 24, kDescriptor),
    Free("fcntl", 72, 25, kDescriptor),
    Free("flock", 73, 32, kDescriptor),
    Free("pipe", 22, kNone),
    Free("pipe2", 293, 59),
    Free("memfd_create", 319, 279, kNothing, "memory; executing it is judged"),
    Free("io_setup", 206, 0, kNothing, "reads and writes through descriptors only"),
    Free("io_destroy", 207, 1),
    Free("io_submit", 209, 2, kDescriptor),
    Free("io_cancel", 210, 3),
    Free("io_getevents", 208, 4),
    Free("io_pgetevents", 333, 292),
    Refused("cachestat", 451, 451, kDescriptor, kEnosys, "newer; no program needs it"),
});

}  // namespace aegis::sandbox::rows
