#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/unique_fd.h"
#include "gate/process_table.h"
#include "gate/roots.h"

namespace aegis::gate {

// Whether a symlink in the last component is followed.
enum class Leaf : std::uint8_t { kFollow, kKeep };

// A name looked up once: held by descriptors, so that what was judged is what is acted upon.
struct Resolved {
  std::string name;       // canonical path, bytes; also known when the name does not exist
  base::UniqueFd object;  // O_PATH; none when the name does not exist
  struct stat st{};       // of the object
  base::UniqueFd parent;  // O_PATH directory that holds `leaf`; none for `.`, `..` and magic links
  std::string leaf;
  int error = 0;  // what the kernel would answer; ENOENT with a parent: may be created
  bool wants_directory = false;  // the path ended with a slash
  bool hidden = false;           // exists outside, though the namespace does not show it
  // Nothing was reached, so there is nothing to judge: by the caller's flags (openat2(2)), an empty
  // path, or a descriptor that no path starts from. `error` says why.
  bool stopped = false;
  bool aegis_state = false;  // /proc of pid 1 or of another namespace: never given out

  bool exists() const { return object.valid(); }
  bool creatable() const { return error == ENOENT && parent.valid(); }

  // Reaches `object` from the working directory, which is Roots::own_fds, in calls that know paths
  // only. It is followed; what it leads to is not, be it a link.
  std::string NameByFd() const { return std::to_string(object.get()); }
};

// Turns paths of the agent into Resolved names, in the agent's own view: its root, its working
// directory, its /proc/self. A name that the namespace hides is looked up outside, so that it is
// judged and recorded under the host's canonical path, and stays ENOENT.
class Resolver {
 public:
  Resolver(const Roots& roots, ProcessTable& processes) : roots_(roots), processes_(processes) {}

  // `dirfd` as in openat(2). As the kernel, says ENOENT to an empty path before it looks at the
  // descriptor; the other functions too.
  Resolved Resolve(Process& process, int dirfd, std::string_view path, Leaf leaf);

  // The open file behind one of the caller's descriptors (fchmod(2) and kin): `object` is that
  // file itself, shared with the caller.
  Resolved ResolveDescriptor(Process& process, int fd);

  // As Resolve(…, kFollow), but never through a magic link and without the parent. One call of
  // openat2(2) in the common case.
  Resolved ResolveObject(Process& process, int dirfd, std::string_view path, Leaf leaf);

  // As Resolve(…, kKeep), but looks at nothing but the directory when the path ends in a plain name
  // and lies in an ordinary directory: the result then is as for a missing name. For calls that
  // make a name and must fail if it exists (mkdir(2), O_EXCL).
  Resolved ResolveNew(Process& process, int dirfd, std::string_view path);

  // As Resolve, held back by the RESOLVE_ flags of openat2(2).
  Resolved ResolveWithin(Process& process, int dirfd, std::string_view path, Leaf leaf,
                         std::uint64_t resolve);

  // Whether a descriptor lies on a procfs: names there have rules of their own.
  bool IsProc(int fd, dev_t device);

  const Roots& roots() const { return roots_; }

 private:
  // Where a lookup starts: a descriptor that is ours or that the process table keeps.
  struct Base {
    int fd = -1;
    base::UniqueFd own;
  };
  Base OpenBase(Process& process, int dirfd, bool absolute);
  base::UniqueFd OpenParent(const Base& base, std::string_view path) const;
  Resolved WalkFrom(Process& process, const Base& base, std::string_view path, Leaf leaf,
                    std::uint64_t resolve = 0) const;
  bool IsPlain(const base::UniqueFd& directory);

  const Roots& roots_;
  ProcessTable& processes_;
  std::unordered_map<dev_t, bool> proc_devices_;
};

}  // namespace aegis::gate
