#include "advice/question.h"

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/file.h"
#include "base/result.h"
#include "policy/host_name.h"
#include "policy/policy.h"

namespace aegis::advice {
namespace {

constexpr std::int64_t kHighestPort = 65'535;

base::Result<std::int64_t> PortOf(std::string_view text) {
  std::int64_t port = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), port);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || port < 0 ||
      port > kHighestPort) {
    return base::Fail(base::Errc::kInvalid, "\"" + std::string(text) + "\" is no port");
  }
  return port;
}

base::Result<> FillHost(Question& question, std::string_view named) {
  AEGIS_ASSIGN(policy::Host host, policy::ParseHost(named));
  question.host = std::move(host.text);
  return {};
}

}  // namespace

policy::Request Question::Request() const {
  return {
      .action = action,
      .resource = resource,
      .context = {
          .pid = pid, .exe = exe, .argv = argv, .host = host, .port = port, .protocol = protocol}};
}

bool NamesPaths(policy::Action action) {
  return action != policy::Action::kNetConnect && action != policy::Action::kToolCall;
}

base::Result<> FillPeer(Question& question) {
  const std::string name = question.resource;
  if (name.starts_with("unix:") && name.size() > std::string_view("unix:").size()) {
    question.port = -1;
    question.protocol = question.protocol.empty() ? "unix" : question.protocol;
    return {};
  }
  if (question.protocol == "dns") {
    AEGIS_TRY(FillHost(question, name));
    question.resource = question.host;
    return {};
  }
  const std::size_t colon = name.rfind(':');
  const std::string host = name.substr(0, colon == std::string::npos ? 0 : colon);
  const bool bare_v6 = host.find(':') != std::string::npos && !host.starts_with('[');
  if (host.empty() || bare_v6 || host.find_first_of("/*@ ") != std::string::npos) {
    return base::Fail(base::Errc::kInvalid,
                      "\"" + question.resource +
                          "\" is no HOST:PORT (api.example.com:443, [::1]:443, unix:/run/x)");
  }
  AEGIS_ASSIGN(question.port, PortOf(std::string_view(name).substr(colon + 1)));
  AEGIS_TRY(FillHost(question, host));
  question.resource = policy::HostAndPort(question.host, question.port);
  question.protocol = question.protocol.empty() ? "tcp" : question.protocol;
  return {};
}

base::Result<> CheckName(Question& question) {
  if (question.action == policy::Action::kNetConnect) {
    return FillPeer(question);
  }
  if (question.resource.empty()) {
    return base::Fail(base::Errc::kInvalid, "an empty name names nothing");
  }
  if (NamesPaths(question.action) && !base::IsCanonicalText(question.resource)) {
    return base::Fail(base::Errc::kInvalid, "\"" + question.resource +
                                                "\" is no absolute path without `.`, `..`, `//` "
                                                "and a trailing `/`, and no other is ever asked "
                                                "about");
  }
  return {};
}

}  // namespace aegis::advice
