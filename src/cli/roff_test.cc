#include "cli/roff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aegis::cli {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(RoffText, ShowsWhatRoffWouldTakeForItsOwn) {
  EXPECT_EQ(RoffText("a --b"), "a \\-\\-b");
  EXPECT_EQ(RoffText("\\xHH"), "\\exHH");
  EXPECT_EQ(RoffText(".so /etc/passwd\n'x"), "\\&.so /etc/passwd\n\\&\\(aqx");
  EXPECT_EQ(RoffText("`a` \"b\" ~^"), "\\(gaa\\(ga \\(dqb\\(dq \\(ti\\(ha");
  EXPECT_EQ(RoffText("line\n"), "line");
  EXPECT_EQ(RoffText(""), "");
}

TEST(ManPage, IsMadeOfItsParts) {
  ManPage page("aegis-run", "Aegis 1");
  page.Section("NAME");
  page.Paragraph("a - b");
  page.Item("-n, --last N", "So many");
  page.Example("aegis log", "It logs.");
  EXPECT_THAT(page.text(), StartsWith(".TH \"AEGIS\\-RUN\" 1 \"\" \"Aegis 1\" "));
  EXPECT_THAT(page.text(), HasSubstr(".SH \"NAME\"\n.PP\na \\- b\n"));
  EXPECT_THAT(page.text(), HasSubstr(".TP\n\\fB\\-n, \\-\\-last N\\fR\nSo many\n"));
  EXPECT_THAT(page.text(), HasSubstr(".EX\naegis log\n.EE\n"));
}

}  // namespace
}  // namespace aegis::cli
