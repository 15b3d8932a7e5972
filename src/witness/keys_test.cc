#include "witness/keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "base/result.h"
#include "canon/canon.h"
#include "witness/test_log.h"

namespace aegis::witness {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class KeysTest : public testing::Test {
 protected:
  TestLog one_{"one.example"};
  TestLog two_{"two.example"};
  std::string log_ = one_.key().Text();
  std::string witness_ = one_.signer().cosigner().Text();
};

TEST_F(KeysTest, TellsLogsFromWitnesses) {
  EXPECT_EQ(Get(ParseLogKey(log_)), one_.key());
  EXPECT_EQ(Get(ParseWitnessKey(witness_)), one_.signer().cosigner());
  EXPECT_THAT(ParseLogKey(witness_).error().message(), HasSubstr("of a witness, not of a log"));
  EXPECT_THAT(ParseWitnessKey(log_).error().message(), HasSubstr("of a log, not of a witness"));
  for (const std::string& text : {std::string(), std::string("x"), log_ + "x", " " + log_}) {
    EXPECT_EQ(ParseLogKey(text).error().code(), base::Errc::kInvalid) << text;
    EXPECT_EQ(ParseWitnessKey(text).error().code(), base::Errc::kInvalid) << text;
  }
}

TEST_F(KeysTest, ReadsFilesOfThem) {
  EXPECT_THAT(Get(ParseLogKeys("")), IsEmpty());
  EXPECT_THAT(Get(ParseLogKeys("\n# none\n \t\n")), IsEmpty());
  EXPECT_THAT(Get(ParseLogKeys("# logs\n" + log_ + "\r\n\n  " + two_.key().Text())),
              ElementsAre(one_.key(), two_.key()));
  EXPECT_THAT(ParseLogKeys(log_ + "\n\n" + witness_ + "\n").error().message(),
              StartsWith("line 3: \""));
  EXPECT_FALSE(ParseLogKeys(log_ + " # comment\n"));
}

}  // namespace
}  // namespace aegis::witness
