#include "cli/masking.h"

#include <gtest/gtest.h>

#include "config/config.h"

namespace aegis::cli {
namespace {

TEST(ConfiguredMaskerTest, TakesTheConfigurationsPatterns) {
  config::Configuration configuration;
  EXPECT_EQ(ConfiguredMasker(configuration)->Mask("ACME-1 TOKEN=x"), "ACME-1 TOKEN=[masked]");
  configuration.masks = {"ACME-[0-9]"};
  EXPECT_EQ(ConfiguredMasker(configuration)->Mask("ACME-1 TOKEN=x"), "[masked] TOKEN=[masked]");
}

TEST(ConfiguredMaskerTest, NamesThePatternThatIsNone) {
  config::Configuration configuration;
  configuration.file = "/h/.aegis/a/aegis.toml";
  configuration.masks = {"fine", "a["};
  EXPECT_EQ(ConfiguredMasker(configuration).error().message(),
            "/h/.aegis/a/aegis.toml: mask \"a[\": missing ]: [");
}

}  // namespace
}  // namespace aegis::cli
