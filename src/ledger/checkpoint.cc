#include "ledger/checkpoint.h"

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/lines.h"

namespace aegis::ledger {

base::Result<Checkpoint> Checkpoint::Parse(std::string_view text) {
  const auto malformed = [](const char* what) {
    return base::Fail(base::Errc::kInvalid, std::string("not a checkpoint: ") + what);
  };
  if (!canon::IsNoteText(text)) {
    return malformed("not a note's text");
  }
  const auto origin = TakeLine(text);
  const auto size = TakeLine(text);
  const auto root = TakeLine(text);
  if (!origin || origin->empty()) {
    return malformed("no origin");
  }
  const auto size_value = size ? ParseDecimal(*size) : std::nullopt;
  if (!size_value) {
    return malformed("no tree size");
  }
  const auto root_hash = root ? canon::Sha256FromBase64(*root) : std::nullopt;
  if (!root_hash) {
    return malformed("no root hash");
  }
  while (const auto extension = TakeLine(text)) {
    if (extension->empty()) {
      return malformed("an empty line");
    }
  }
  return Checkpoint{.origin = std::string(*origin), .size = *size_value, .root = *root_hash};
}

std::string Checkpoint::BodyText() const {
  std::string text = origin + '\n' + std::to_string(size) + '\n';
  canon::AppendBase64(text, root.view());
  text += '\n';
  return text;
}

}  // namespace aegis::ledger
