#include "cli/report_document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "cli/activity.h"
#include "cli/output.h"
#include "cli/report_data.h"
#include "cli/report_json.h"
#include "ledger/ledger.h"

namespace aegis::cli {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr std::string_view kHostile = "/x/<script>alert(\"1\")</script>&'\x1b[2J\u202e\n";

ReportData Sample() {
  ReportData data;
  data.config = "work";
  data.sessions.resize(1);
  data.sessions[0].session.session_id = "s-1";
  data.sessions[0].session.argv = R"(["make","</td><b>"])";
  data.sessions[0].state = ledger::SessionState::kEnded;
  data.levels["s-1"] = {.name = "full"};
  for (const std::string_view resource :
       {std::string_view("/b"), kHostile, std::string_view("/b")}) {
    data.activity.Add({.action = "FileWrite",
                       .resource = std::string(resource),
                       .reason = "NO_PERMIT",
                       .fate = Fate::kDenied});
  }
  data.secrets.Add(SecretAccess{.action = "FileRead", .resource = "/home/u/.ssh"},
                   Fate::kPermitted);
  return data;
}

const ReportSection* Find(const ReportDocument& document, std::string_view title) {
  for (const ReportSection& section : document.sections) {
    if (section.title == title) {
      return &section;
    }
  }
  return nullptr;
}

TEST(ReportDocument, HasNoEmptySections) {
  const ReportDocument document = MakeDocument(Sample(), 10);
  EXPECT_TRUE(document.valid);
  EXPECT_EQ(Find(document, "Hosts"), nullptr);
  ASSERT_NE(Find(document, "Secrets touched"), nullptr);
  const ReportSection* const gaps = Find(document, "Gaps and weaker modes");
  ASSERT_NE(gaps, nullptr);
  EXPECT_EQ(gaps->rows.front().front(), "none");
  for (const ReportSection& section : document.sections) {
    for (const auto& row : section.rows) {
      EXPECT_EQ(row.size(), section.columns.size()) << section.title;
    }
  }
}

TEST(ReportDocument, SaysThatPlainReadsAreNotInIt) {
  ReportData data = Sample();
  for (const char* const title : {"Actions by kind", "Secrets touched"}) {
    EXPECT_EQ(Find(MakeDocument(data, 10), title)->note, "");
  }
  data.levels["s-1"] = {.name = "writes"};
  const ReportDocument document = MakeDocument(data, 10);
  for (const char* const title : {"Actions by kind", "Secrets touched"}) {
    EXPECT_THAT(Find(document, title)->note, HasSubstr("Without plain reads of 1 session"));
  }
  EXPECT_EQ(Find(document, "Gaps and weaker modes")->rows.front().front(), "writes");
  EXPECT_EQ(Find(document, "Sessions")->rows.front()[3], "writes");
  EXPECT_THAT(ReportHtml(document), HasSubstr("Without plain reads of 1 session"));
}

TEST(ReportDocument, SaysWhyItRecordedInFull) {
  constexpr const char* kTitle = "Recorded in full, not at the level writes as asked";
  ReportData data = Sample();
  EXPECT_EQ(Find(MakeDocument(data, 10), kTitle), nullptr);
  data.levels["s-1"].detail = "policy X depends on <b>";
  const ReportDocument document = MakeDocument(data, 10);
  ASSERT_NE(Find(document, kTitle), nullptr);
  EXPECT_EQ(Find(document, kTitle)->rows.front().back(), "policy X depends on <b>");
  EXPECT_EQ(Find(document, "Gaps and weaker modes")->rows.front().front(), "none");
  EXPECT_EQ(ReportJson(data)["sessions"][0]["level_detail"], "policy X depends on <b>");
  EXPECT_THAT(ReportHtml(document), Not(HasSubstr("<b>")));
}

TEST(ReportDocument, SaysWhatItLeavesOut) {
  const ReportDocument document = MakeDocument(Sample(), 1);
  const ReportSection* const denied = Find(document, "Denials by resource");
  ASSERT_NE(denied, nullptr);
  ASSERT_EQ(denied->rows.size(), 1U);
  EXPECT_EQ(denied->rows[0][0], "/b");
  EXPECT_EQ(denied->left_out, 1U);
  EXPECT_THAT(ReportText(document, Output(-1)), HasSubstr("  and 1 more\n"));
  EXPECT_THAT(ReportHtml(document), HasSubstr("<p>and 1 more</p>"));
}

TEST(ReportDocument, MarksHostsThatWereReachedOpaquely) {
  ReportData data = Sample();
  for (const bool opaque : {false, true}) {
    data.activity.Add({.action = "NetConnect",
                       .resource = opaque ? "forge.example:22" : "web.example:443",
                       .reason = "POLICY_PERMIT",
                       .fate = Fate::kPermitted,
                       .opaque = opaque});
  }
  const ReportDocument document = MakeDocument(data, 10);
  const ReportSection* const hosts = Find(document, "Hosts");
  ASSERT_NE(hosts, nullptr);
  ASSERT_EQ(hosts->rows.size(), 2U);
  EXPECT_EQ(hosts->columns[1].title, "opaque");
  EXPECT_EQ(hosts->rows[0][0], "forge.example:22");
  EXPECT_EQ(hosts->rows[0][1], "can carry anything");
  EXPECT_EQ(hosts->rows[1][1], "");
  EXPECT_THAT(ReportText(document, Output(-1)), HasSubstr("forge.example:22  can carry anything"));
  EXPECT_THAT(ReportHtml(document), HasSubstr("can carry anything"));
  EXPECT_EQ(ReportJson(data)["hosts"][0]["opaque"], 1);
  EXPECT_EQ(ReportJson(data)["hosts"][1]["opaque"], 0);
}

TEST(ReportText, LinesUpAndIsHarmless) {
  const std::string text = ReportText(MakeDocument(Sample(), 10), Output(-1));
  EXPECT_THAT(text, StartsWith("Aegis report: work\n\nSummary\n"));
  EXPECT_THAT(text, HasSubstr("\nDenials by resource\n  denied  let through  resource\n"
                              "       2            0  /b\n"
                              "       1            0  /x/<script>"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, Not(HasSubstr("\u202e")));
  EXPECT_THAT(text, Not(HasSubstr(" \n")));
}

TEST(HtmlText, IsNoMarkup) {
  EXPECT_EQ(HtmlText("a<b>&\"'"), "a&lt;b&gt;&amp;&quot;&#39;");
  EXPECT_EQ(HtmlText("\x1b\u202e\n"), "\\u{1b}\\u{202e}\\u{a}");
  EXPECT_EQ(HtmlText("\xff<"), "\\xff&lt;");
  EXPECT_EQ(HtmlText("\u00e9"), "\u00e9");
  EXPECT_EQ(HtmlText(""), "");
}

TEST(ReportHtml, HasNothingOfANameButItsText) {
  const std::string html = ReportHtml(MakeDocument(Sample(), 10));
  EXPECT_THAT(html, StartsWith("<!DOCTYPE html>\n"));
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_THAT(html, Not(HasSubstr("<b>")));
  EXPECT_THAT(html, HasSubstr("<bdi>/x/&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;"
                              "\\u{1b}[2J\\u{202e}\\u{a}</bdi>"));
  EXPECT_THAT(html, HasSubstr("make &lt;/td&gt;&lt;b&gt;"));
  EXPECT_THAT(html, HasSubstr("The ledger verifies."));
}

TEST(ReportHtml, SaysWhenTheLedgerDoesNotVerify) {
  ReportData data = Sample();
  data.verification.findings.Add({.what = "<i>hash</i>"});
  const std::string html = ReportHtml(MakeDocument(data, 10));
  EXPECT_THAT(html, HasSubstr("The ledger does not verify."));
  EXPECT_THAT(html, HasSubstr("&lt;i&gt;hash&lt;/i&gt;"));
}

TEST(ReportJson, HasWhatWasCounted) {
  const auto json = ReportJson(Sample());
  EXPECT_EQ(json["actions"]["denied"], 3);
  EXPECT_EQ(json["denied_by_resource"][0]["resource"], "/b");
  EXPECT_EQ(json["secrets"][0]["permitted"], 1);
  EXPECT_EQ(json["sessions"][0]["session_id"], "s-1");
  EXPECT_TRUE(json["scope"]["last"].is_null());
  EXPECT_TRUE(json["integrity"]["valid"]);
}

}  // namespace
}  // namespace aegis::cli
