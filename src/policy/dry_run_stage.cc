#include <signal.h>  // SIGKILL
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/result.h"
#include "policy/dry_run.h"
#include "policy/dry_run_message.h"
#include "policy/policy.h"

namespace aegis::policy {
namespace {

// A quarter of what the parent usually has: what passes here stays far from the end of its stack.
constexpr rlim_t kStack = rlim_t{2} << 20U;

// A sanitizer maps terabytes for itself.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kCanLimitMemory = false;
#else
constexpr bool kCanLimitMemory = true;
#endif

bool Limit(__rlimit_resource_t resource, rlim_t soft, rlim_t hard) {
  const rlimit limit{.rlim_cur = soft, .rlim_max = hard};
  return ::setrlimit(resource, &limit) == 0;
}

// After this the process can open nothing, start nothing that outlives it, and use only so much.
bool Confine(const DryRunRequest& request) {
  const rlim_t cpu = request.limits.cpu_seconds;
  return ::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && ::getppid() == request.parent &&
         ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_DUMPABLE, 0) == 0 &&
         Limit(RLIMIT_CORE, 0, 0) && Limit(RLIMIT_CPU, cpu, cpu + 1) &&
         Limit(RLIMIT_STACK, kStack, kStack) && Limit(RLIMIT_FSIZE, 0, 0) &&
         (!kCanLimitMemory || Limit(RLIMIT_AS, request.limits.memory, request.limits.memory)) &&
         // Last: no descriptor beyond those that are open.
         Limit(RLIMIT_NOFILE, 0, 0);
}

std::optional<std::string> ReadAll(int fd) {
  constexpr std::size_t kChunk = std::size_t{64} << 10U;
  std::string content;
  for (;;) {
    const std::size_t used = content.size();
    content.resize(used + kChunk);
    const ssize_t got = ::read(fd, content.data() + used, kChunk);
    if (got < 0 && errno != EINTR) {
      return std::nullopt;
    }
    content.resize(used + (got > 0 ? static_cast<std::size_t>(got) : 0));
    if (got == 0) {
      return content;
    }
  }
}

// The answers do not matter, but that there are some: an evaluation must not be a bomb either.
void AskSome(const PolicySet& set, const Names& names) {
  const std::string below = names.dir + "/a/.env";
  for (std::size_t i = 0; i < kActionCount; ++i) {
    const auto action = static_cast<Action>(i);
    const Context around{.pid = 1, .exe = "/bin/x", .host = "www.example.com", .port = 443};
    for (const std::string_view resource :
         {std::string_view("/"), std::string_view("/usr/bin/env"), std::string_view(below),
          std::string_view(names.home), std::string_view("www.example.com:443")}) {
      static_cast<void>(set.Evaluate({.action = action, .resource = resource, .context = around}));
    }
  }
  static_cast<void>(set.bound());
}

base::Result<> Try(const DryRunRequest& request) {
  AEGIS_ASSIGN(const PolicySet set, PolicySet::Load(request.sources, request.names));
  AskSome(set, request.names);
  return {};
}

}  // namespace

int RunDryRunStage(int in, int out) {
  if (::syscall(SYS_close_range, 3U, ~0U, 0U) != 0 && errno != ENOSYS) {
    return 1;
  }
  const std::optional<std::string> message = ReadAll(in);
  const auto request = message ? DecodeDryRunRequest(*message) : std::nullopt;
  if (!request || !Confine(*request)) {
    return 1;
  }
  return base::WriteAll(out, EncodeDryRunAnswer(Try(*request))) ? 0 : 1;
}

}  // namespace aegis::policy
