#include "config/checked.h"

#include <sys/types.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"

namespace aegis::config {
namespace {

constexpr std::size_t kKeyLength = 64;
constexpr std::size_t kMostKeys = 64;
constexpr mode_t kPrivateFile = 0600;

std::string FileOf(const std::string& state_dir) { return state_dir + "/checked"; }

bool IsKey(std::string_view text) {
  return text.size() == kKeyLength &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::vector<std::string> KeysIn(const std::string& state_dir) {
  const auto text = base::ReadFile(FileOf(state_dir), kMostKeys * (kKeyLength + 1));
  std::vector<std::string> keys;
  std::string_view rest = text ? std::string_view(*text) : std::string_view();
  while (!rest.empty()) {
    const std::string_view key = rest.substr(0, kKeyLength);
    if (!IsKey(key) || rest.size() == kKeyLength || rest[kKeyLength] != '\n') {
      return {};
    }
    keys.emplace_back(key);
    rest.remove_prefix(kKeyLength + 1);
  }
  return keys;
}

}  // namespace

bool IsRemembered(const std::string& state_dir, std::string_view key) {
  const std::vector<std::string> keys = KeysIn(state_dir);
  return std::ranges::find(keys, key) != keys.end();
}

void Remember(const std::string& state_dir, std::string_view key) {
  std::vector<std::string> keys = KeysIn(state_dir);
  std::erase(keys, key);
  keys.emplace_back(key);
  const std::size_t first = keys.size() > kMostKeys ? keys.size() - kMostKeys : 0;
  std::string text;
  for (std::size_t i = first; i < keys.size(); ++i) {
    text.append(keys[i]).append("\n");
  }
  static_cast<void>(base::WriteFileAtomic(FileOf(state_dir), text, kPrivateFile));
}

}  // namespace aegis::config
