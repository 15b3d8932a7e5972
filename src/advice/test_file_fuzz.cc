#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "advice/document.h"
#include "advice/question.h"
#include "advice/test_documents.h"
#include "advice/test_file.h"
#include "base/check.h"
#include "base/file.h"

// Policy test files as hostile bytes. Properties: what is refused is named with its file; what is
// read in YAML and can be said in TOML is the same there; names of paths in cases are canonical.
namespace {

using namespace aegis::advice;  // NOLINT(google-build-using-namespace): one function

void Check(std::string_view text, Format format) {
  const auto file = ReadTestFile(text, "f.yaml", format);
  if (!file.has_value()) {
    AEGIS_CHECK(file.error().message().starts_with("f.yaml"));
    return;
  }
  AEGIS_CHECK(!file->cases.empty());
  for (const TestCase& test : file->cases) {
    AEGIS_CHECK(!NamesPaths(test.question.action) ||
                aegis::base::IsCanonicalText(test.question.resource));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  Check(text, Format::kYaml);
  Check(text, Format::kToml);
  const auto yaml = ReadDocument(text, "f.yaml", Format::kYaml);
  if (yaml.has_value() && yaml->kind == Node::Kind::kTable && IsPlain(*yaml)) {
    const auto toml = ReadToml(AsToml(*yaml), "f.toml");
    AEGIS_CHECK(toml.has_value());
    AEGIS_CHECK(SameValue(*yaml, *toml));
  }
  return 0;
}
