#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/text.h"
#include "config/environment.h"
#include "config/name.h"
#include "config/settings.h"

// Settings files, names and variables as hostile bytes. Properties: what is refused is named with
// its file, a name made of anything is usable, and what is written is read back.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace aegis;  // NOLINT(google-build-using-namespace): one function
  const std::string text(data, data + size);
  const auto settings = config::ParseSettings(text, "aegis.toml");
  AEGIS_CHECK(settings.has_value() || settings.error().message().starts_with("aegis.toml"));

  AEGIS_CHECK(config::CheckName(config::NameForProgram(text)).has_value());
  static_cast<void>(config::CheckName(text));
  static_cast<void>(config::IsCredentialName(text));

  const auto written =
      config::ParseSettings(config::RenderSettings({.name = "a", .dir = text}), "aegis.toml");
  AEGIS_CHECK(written.has_value());
  AEGIS_CHECK(written->dir.has_value());
  AEGIS_CHECK(base::UnescapeName(*written->dir) == text);
  return 0;
}
