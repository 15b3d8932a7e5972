#include "advice/document.h"

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/text.h"

namespace aegis::advice {

std::optional<Format> FormatOf(std::string_view file) {
  if (file.ends_with(".yaml") || file.ends_with(".yml")) {
    return Format::kYaml;
  }
  return file.ends_with(".toml") ? std::optional(Format::kToml) : std::nullopt;
}

base::Error Fault(std::string_view file, const Place& at, std::string_view message) {
  return {base::Errc::kInvalid, std::string(file) + ":" + std::to_string(at.line) + ":" +
                                    std::to_string(at.column) + ": " + std::string(message)};
}

base::Result<Node> ReadDocument(std::string_view text, std::string_view file, Format format) {
  if (text.size() > kMaxDocument) {
    return base::Fail(base::Errc::kInvalid, std::string(file) + ": larger than " +
                                                std::to_string(kMaxDocument) + " bytes");
  }
  if (!base::IsValidUtf8(text)) {
    return base::Fail(base::Errc::kInvalid, std::string(file) + ": not valid UTF-8");
  }
  return format == Format::kYaml ? ReadYaml(text, file) : ReadToml(text, file);
}

}  // namespace aegis::advice
