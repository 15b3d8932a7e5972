#include "gate/policy_update.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "base/file.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "gate/messages.h"
#include "policy/policy.h"

namespace aegis::gate {

namespace {

using nlohmann::json;

constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
// 1,024 files of 4 MiB are more than any launcher reads.
constexpr std::int64_t kMostBytes = std::int64_t{256} << 20U;

std::string Encode(const PolicyUpdate& update) {
  json sources = json::array();
  for (const policy::Source& source : update.sources) {
    sources.push_back({source.file, source.text});
  }
  const json document = {{"refused", update.refused}, {"digest", update.digest},
                         {"sources", sources},        {"agent", update.agent},
                         {"home", update.home},       {"dir", update.dir},
                         {"links", update.links},     {"outside", update.outside}};
  return document.dump(-1, ' ', false, json::error_handler_t::replace);
}

// Throws what nlohmann throws for a document of another form.
PolicyUpdate Decode(const json& document) {
  PolicyUpdate update;
  document.at("refused").get_to(update.refused);
  document.at("digest").get_to(update.digest);
  document.at("agent").get_to(update.agent);
  document.at("home").get_to(update.home);
  document.at("dir").get_to(update.dir);
  document.at("links").get_to(update.links);
  document.at("outside").get_to(update.outside);
  for (const json& source : document.at("sources")) {
    update.sources.push_back(
        {.file = source.at(0).get<std::string>(), .text = source.at(1).get<std::string>()});
  }
  return update;
}

base::Result<std::string> ReadSealed(int memory) {
  struct stat status{};
  if (::fcntl(memory, F_GET_SEALS) != kSeals || ::fstat(memory, &status) != 0 ||
      status.st_size > kMostBytes) {
    return base::Fail(base::Errc::kInvalid, "the policies came in no sealed memory file");
  }
  std::string text(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t at = 0;
  while (at < text.size()) {
    const ssize_t got = ::pread(memory, text.data() + at, text.size() - at, static_cast<off_t>(at));
    if (got <= 0 && errno != EINTR) {
      return base::FailErrno("read the policies that were handed over");
    }
    at += got > 0 ? static_cast<std::size_t>(got) : 0;
  }
  return text;
}

}  // namespace

policy::Names NamesOf(const PolicyUpdate& update) {
  return {.agent = update.agent,
          .home = update.home,
          .dir = update.dir,
          .leads_to = [&links = update.links](const std::string& path) {
            const auto found = links.find(path);
            return found == links.end() ? std::string() : found->second;
          }};
}

base::Result<> SendPolicyUpdate(int socket, const PolicyUpdate& update) {
  const base::UniqueFd memory(::memfd_create("policies", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory.valid()) {
    return base::FailErrno("make a memory file for the policies");
  }
  AEGIS_TRY(base::WriteAll(memory.get(), Encode(update)));
  if (::fcntl(memory.get(), F_ADD_SEALS, kSeals) != 0) {
    return base::FailErrno("seal the memory file of the policies");
  }
  return SendWithFd(socket, Message::kPolicies, memory.get());
}

base::Result<PolicyUpdate> ReadPolicyUpdate(int memory) {
  AEGIS_ASSIGN(const std::string text, ReadSealed(memory));
  try {
    return Decode(json::parse(text));
  } catch (const json::exception&) {
    return base::Fail(base::Errc::kInvalid, "the policies came in another form than they are sent");
  }
}

}  // namespace aegis::gate
