#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/text.h"
#include "cli/args.h"
#include "cli/command.h"
#include "cli/complete.h"
#include "cli/text.h"

namespace {

// Words of a command line, separated by NUL.
std::vector<std::string> Words(const std::string& text) {
  std::vector<std::string> words(1);
  for (const char c : text) {
    if (c == '\0') {
      words.emplace_back();
    } else {
      words.back() += c;
    }
  }
  return words;
}

class NoNames final : public aegis::cli::NameSource {
 public:
  std::vector<aegis::cli::Candidate> Configurations() const override { return {}; }
  std::vector<aegis::cli::Candidate> Sessions(std::string_view /*config*/) const override {
    return {};
  }
  std::vector<aegis::cli::Candidate> Templates() const override { return {}; }
};

}  // namespace

// What people and agents type and name. Properties: JSON made harmless keeps its value and shows
// nothing that steers a terminal; a time that is read is written as the same time; every command's
// parser refuses or accepts, and nothing else; what completes a word begins with it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace aegis;  // NOLINT(google-build-using-namespace): one function
  const std::string text(data, data + size);
  const std::string harmless = cli::HarmlessJson(text);
  AEGIS_CHECK(base::IsValidUtf8(harmless));
  const auto before = nlohmann::json::parse(text, nullptr, false);
  if (!before.is_discarded() && base::IsValidUtf8(text)) {
    AEGIS_CHECK(nlohmann::json::parse(harmless, nullptr, false) == before);
  }

  if (const auto time = cli::ParseTime(text); time && *time >= 0) {
    AEGIS_CHECK(cli::ParseTime(cli::FormatTime(*time)) == time);
  }
  static_cast<void>(cli::CedarString(text));

  const std::vector<std::string> words = Words(text);
  for (const cli::Command* command : cli::Commands()) {
    static_cast<void>(cli::ParseArgs(command->options, words));
  }
  for (const cli::Candidate& one : cli::Complete(cli::Commands(), words, NoNames()).candidates) {
    AEGIS_CHECK(one.word.starts_with(words.back()));
  }
  return 0;
}
