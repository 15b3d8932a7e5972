#include "cli/summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "gate/run.h"
#include "policy/policy.h"

namespace aegis::cli {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;
using Info = policy::PolicySet::Info;

gate::Denied Denied(const std::string& reason, std::vector<std::string> policies = {}) {
  return {.action = "FileWrite",
          .resource = "/etc/x",
          .reason = reason,
          .policies = std::move(policies)};
}

TEST(DescribeDenial, SaysWhatWouldPermitIt) {
  EXPECT_EQ(
      DescribeDenial(Denied("NO_PERMIT"), gate::Mode::kRun, {}),
      "refused FileWrite /etc/x: no policy permits it; this would: permit(principal, action == "
      "Aegis::Action::\"FileWrite\", resource == Aegis::Resource::\"/etc/x\");");
}

TEST(DescribeDenial, SaysHowOften) {
  gate::Denied denied = Denied("NO_PERMIT");
  denied.times = 6;
  EXPECT_THAT(DescribeDenial(denied, gate::Mode::kRun, {}),
              StartsWith("refused FileWrite /etc/x (6 times): "));
}

TEST(DescribeDenial, QuotesHostileNamesForCedar) {
  gate::Denied denied = Denied("NO_PERMIT");
  denied.resource = "/a\"b\\xff\n";
  EXPECT_THAT(DescribeDenial(denied, gate::Mode::kRun, {}),
              EndsWith("Aegis::Resource::\"/a\\\"b\\\\xff\\u{a}\");"));
}

TEST(DescribeDenial, NamesTheForbiddingPolicyAndItsFile) {
  const std::vector<Info> policies = {
      {.id = "secrets", .file = "/p/default.cedar", .forbid = true, .reason = "keys stay here"}};
  const std::string text =
      DescribeDenial(Denied("POLICY_FORBID", {"secrets"}), gate::Mode::kRun, policies);
  EXPECT_THAT(text, HasSubstr("policy \"secrets\" in /p/default.cedar (keys stay here)"));
  EXPECT_THAT(text, HasSubstr("to permit it"));
}

TEST(DescribeDenial, NamesAPolicyWhoseFileIsUnknown) {
  EXPECT_THAT(DescribeDenial(Denied("POLICY_FORBID", {"gone"}), gate::Mode::kRun, {}),
              HasSubstr("policy \"gone\""));
}

TEST(DescribeDenial, ExplainsWhatNoPolicyDecides) {
  for (const char* reason :
       {"POLICY_ERROR", "APPROVAL_UNAVAILABLE", "AEGIS_STATE", "NETWORK_CLOSED", "PINNED_PATH",
        "NAME_MISMATCH", "NAME_UNKNOWN", "MALFORMED", "IMAGE_CHANGED", "UNSUPPORTED",
        "LEDGER_UNAVAILABLE", "INTERNAL_ERROR"}) {
    const std::string text = DescribeDenial(Denied(reason), gate::Mode::kRun, {});
    EXPECT_THAT(text, StartsWith("refused FileWrite /etc/x: "));
    EXPECT_EQ(text.find(reason), std::string::npos) << "in words: " << text;
  }
  EXPECT_THAT(DescribeDenial(Denied("NEW_REASON"), gate::Mode::kRun, {}), HasSubstr("NEW_REASON"));
}

TEST(DescribeDenial, SaysWhatAConnectionAskedForAndWhatWouldLetItPass) {
  gate::Denied denied = Denied("NAME_MISMATCH");
  denied.action = "NetConnect";
  denied.resource = "a.example:443";
  denied.target = "b.example";
  const std::string text = DescribeDenial(denied, gate::Mode::kRun, {});
  EXPECT_THAT(text, HasSubstr("(b.example)"));
  EXPECT_THAT(text, HasSubstr("@opaque permit(principal, action == Aegis::Action::\"NetConnect\", "
                              "resource == Aegis::Resource::\"a.example:443\");"));
}

TEST(DescribeDenial, UnderWrapNothingIsRefusedButAegisState) {
  EXPECT_THAT(DescribeDenial(Denied("NO_PERMIT"), gate::Mode::kWrap, {}),
              StartsWith("would have refused FileWrite"));
  EXPECT_THAT(DescribeDenial(Denied("AEGIS_STATE"), gate::Mode::kWrap, {}), StartsWith("refused "));
}

}  // namespace
}  // namespace aegis::cli
