#include "policy/dry_run_message.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/text.h"
#include "policy/dry_run.h"
#include "policy/policy.h"

namespace aegis::policy {
namespace {

constexpr std::size_t kNumberBytes = 8;
constexpr unsigned kByteBits = 8;
constexpr std::string_view kFine = "fine\n";
constexpr std::string_view kRefused = "refused\n";

void AppendNumber(std::string& out, std::uint64_t number) {
  for (unsigned i = 0; i < kNumberBytes; ++i) {
    out += static_cast<char>(number >> (kByteBits * i) & 0xffU);
  }
}

void AppendText(std::string& out, std::string_view text) {
  AppendNumber(out, text.size());
  out += text;
}

// Reads what the functions above wrote; a message that is too short sticks as !ok().
class Reader {
 public:
  explicit Reader(std::string_view rest) : rest_(rest) {}

  std::uint64_t Number() {
    std::uint64_t number = 0;
    const std::string_view bytes = Take(kNumberBytes);
    for (std::size_t i = bytes.size(); i-- > 0;) {
      number = number << kByteBits | static_cast<unsigned char>(bytes[i]);
    }
    return number;
  }
  std::string Text() { return std::string(Take(Number())); }
  bool ok() const { return ok_; }
  bool AtEnd() const { return rest_.empty(); }

 private:
  std::string_view Take(std::uint64_t size) {
    ok_ = ok_ && size <= rest_.size();
    const std::string_view taken = ok_ ? rest_.substr(0, size) : std::string_view();
    rest_.remove_prefix(taken.size());
    return taken;
  }

  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace

std::string EncodeDryRunRequest(int parent, const DryRunLimits& limits, const Names& names,
                                const std::vector<Source>& sources) {
  std::string message;
  AppendNumber(message, static_cast<std::uint64_t>(parent));
  AppendNumber(message, limits.cpu_seconds);
  AppendNumber(message, limits.memory);
  for (const std::string* name : {&names.agent, &names.home, &names.dir}) {
    AppendText(message, *name);
  }
  for (const Source& source : sources) {
    AppendText(message, source.file);
    AppendText(message, source.text);
  }
  return message;
}

std::optional<DryRunRequest> DecodeDryRunRequest(std::string_view message) {
  Reader reader(message);
  DryRunRequest request;
  request.parent = static_cast<int>(reader.Number());
  request.limits.cpu_seconds = static_cast<unsigned>(reader.Number());
  request.limits.memory = reader.Number();
  for (std::string* name : {&request.names.agent, &request.names.home, &request.names.dir}) {
    *name = reader.Text();
  }
  while (reader.ok() && !reader.AtEnd()) {
    Source source;
    source.file = reader.Text();
    source.text = reader.Text();
    request.sources.push_back(std::move(source));
  }
  return reader.ok() ? std::optional(std::move(request)) : std::nullopt;
}

std::string EncodeDryRunAnswer(const base::Result<>& result) {
  if (result) {
    return std::string(kFine);
  }
  std::string answer(kRefused);
  answer += result.error().message();
  if (answer.size() > kLongestDryRunAnswer) {
    answer.resize(kLongestDryRunAnswer);
  }
  return answer;
}

std::optional<base::Result<>> DecodeDryRunAnswer(std::string_view message) {
  if (message == kFine) {
    return base::Result<>();
  }
  if (!message.starts_with(kRefused) || message.size() == kRefused.size() ||
      message.size() > kLongestDryRunAnswer) {
    return std::nullopt;
  }
  message.remove_prefix(kRefused.size());
  return base::Fail(base::Errc::kInvalid, base::ForDisplay(message));
}

}  // namespace aegis::policy
