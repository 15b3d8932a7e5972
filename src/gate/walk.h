#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"
#include "gate/process_table.h"
#include "gate/resolver.h"
#include "gate/roots.h"

namespace aegis::gate {

// One lookup, component by component, for what openat2(2) can't do in one go: magic links of the
// agent's /proc, the caller's `self`, dangling links, names that do not exist or that are hidden.
// Follows the rules of path_resolution(7). Every step holds a descriptor; none is looked up twice.
class Walk {
 public:
  // `process` == nullptr: a lookup outside, under the host's root, in which /proc is not special.
  // `resolve`: flags of openat2(2) that hold the walk back; RESOLVE_CACHED is not for it to keep.
  Walk(const Roots& roots, const Process* process, std::uint64_t resolve = 0)
      : roots_(roots), process_(process), resolve_(resolve) {}

  Resolved Run(base::UniqueFd base, std::string_view path, Leaf leaf);

 private:
  enum class Step : std::uint8_t { kMore, kDone };

  bool Keeps(std::uint64_t flags) const { return (resolve_ & flags) != 0; }
  int StartError() const;
  bool IsScoped() const;
  bool OtherMount(const base::UniqueFd& object) const;
  int EnterRoot();
  int GoUp();
  Step Next();
  Step Into(base::UniqueFd directory);
  Step Dot(std::string_view component, bool last);
  Step Found(base::UniqueFd object, const struct stat& st, std::string_view component, bool magic);
  Step Missing(int error, std::string_view component, bool last);
  Step FollowText(const base::UniqueFd& link);
  Step FollowProc(const base::UniqueFd& link, std::string_view component, bool last);
  Step FollowMagic(std::string_view component, bool last);
  Step Fail(int error);
  Step Stop(int error);
  bool Crosses(const base::UniqueFd& object, dev_t device);

  const Roots& roots_;
  const Process* process_;
  Resolved result_;
  base::UniqueFd at_;  // the directory reached so far
  dev_t device_ = 0;   // its device, 0 when not known yet
  std::string rest_;   // what is still to be looked up
  Leaf leaf_ = Leaf::kFollow;
  int links_ = 0;
  std::uint64_t resolve_ = 0;
  base::UniqueFd scope_;               // where a scoped walk began
  std::vector<base::UniqueFd> above_;  // between it and at_, so that `..` never leads out of it
  bool root_known_ = false;            // as the kernel looks it up: at the first need
};

// Names under the agent's /proc: the caller's own process is "/proc/self". Sets aegis_state for
// what of pid 1 (Aegis' init) is not for the agent.
void NameInProc(const Process& process, Resolved& resolved);

// Whether a descriptor lies on some procfs.
bool IsProcFs(int fd);

// "/a" + "b" -> "/a/b"; "/" + "b" -> "/b".
// Empty when `directory` is: what lies in a directory that can't be named can't be named either.
std::string JoinPath(std::string_view directory, std::string_view leaf);

// A call that changes a name takes one with slashes behind it as the name itself: a link there is
// not followed.
std::string_view WithoutLastSlashes(std::string_view path);

// A path without empty, "." and ".." components, resolved as text.
std::string LexicallyNormal(std::string_view path);

}  // namespace aegis::gate
