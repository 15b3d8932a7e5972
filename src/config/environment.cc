#include "config/environment.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace aegis::config {
namespace {

// Upper case; `*` stands for any text, also none. docs/commands.md repeats this table, and a test
// holds the two against each other.
constexpr auto kPatterns = std::to_array<std::string_view>({
    // Shapes that any tool may use.
    "*TOKEN",
    "*SECRET",
    "*SECRETS",
    "*SECRET_KEY*",
    "*SECRET_ACCESS*",
    "*_SECRET_*",
    "*_PASS",
    "*PASSWORD*",
    "*PASSWD*",
    "*PASSPHRASE*",
    "*APIKEY",
    "*API_KEY",
    "*API_KEYS",
    "*API_KEY_*",
    "*ACCESS_KEY*",
    "*PRIVATE_KEY*",
    "*SIGNING_KEY*",
    "*ENCRYPTION_KEY*",
    "*CREDENTIAL*",
    "*_AUTH",
    "*_PAT",
    "*_DSN",
    "*CONNECTION_STRING*",
    "*WEBHOOK_URL",
    // Well-known names that no shape covers.
    "AWS_SESSION_*",
    "AWS_SECURITY_*",
    "*DATABASE_URL",
    "*POSTGRES_URL",
    "*REDIS_URL",
    "*MONGO_URL",
    "*MONGODB_URI",
    "*AMQP_URL",
    "MYSQL_PWD",
    "DOCKER_AUTH_CONFIG",
    // Addresses of agents that hand out credentials.
    "SSH_AUTH_SOCK",
    "SSH_AGENT_PID",
    "GPG_AGENT_INFO",
    "GNOME_KEYRING_*",
    "KRB5CCNAME",
});

char ToUpper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

// Glob match with `*` only: greedy with one point to return to, so linear in practice and never
// exponential.
bool Matches(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  return pattern.substr(p).find_first_not_of('*') == std::string_view::npos;
}

}  // namespace

std::optional<std::string_view> FindVariable(std::span<const std::string> environment,
                                             std::string_view name) {
  for (const std::string_view entry : environment) {
    if (entry.size() > name.size() && entry[name.size()] == '=' && entry.starts_with(name)) {
      return entry.substr(name.size() + 1);
    }
  }
  return std::nullopt;
}

bool IsCredentialName(std::string_view name) {
  std::string upper(name);
  std::ranges::transform(upper, upper.begin(), ToUpper);
  return std::ranges::any_of(kPatterns,
                             [&](std::string_view pattern) { return Matches(pattern, upper); });
}

FilteredEnvironment FilterEnvironment(std::span<const std::string> environment,
                                      std::span<const std::string> pass) {
  FilteredEnvironment result;
  result.kept.reserve(environment.size());
  for (const std::string& entry : environment) {
    const std::size_t equals = entry.find('=');
    if (equals == std::string::npos || equals == 0) {
      continue;
    }
    const std::string name = entry.substr(0, equals);
    if (IsCredentialName(name) && std::ranges::find(pass, name) == pass.end()) {
      result.dropped.push_back(name);
    } else {
      result.kept.push_back(entry);
    }
  }
  std::ranges::sort(result.dropped);
  const auto duplicates = std::ranges::unique(result.dropped);
  result.dropped.erase(duplicates.begin(), duplicates.end());
  return result;
}

}  // namespace aegis::config
