#include "gate/policy_update.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "gate/messages.h"
#include "policy/policy.h"

namespace aegis::gate {
namespace {

class PolicyUpdateTest : public ::testing::Test {
 protected:
  PolicyUpdateTest() {
    std::array<int, 2> pair{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()), 0);
    launcher_.Reset(pair[0]);
    supervisor_.Reset(pair[1]);
  }

  base::UniqueFd launcher_;
  base::UniqueFd supervisor_;
};

TEST_F(PolicyUpdateTest, ASetArrivesAsItWas) {
  const PolicyUpdate sent{.digest = "d",
                          .sources = {{"a\\xff.cedar", std::string(3'000'000, 'x')},
                                      {"b.cedar", "// \xc3\xa9\n\t\"\\"}},
                          .agent = "work",
                          .home = "/home/u",
                          .dir = "/srv",
                          .links = {{"/home/u/.ssh", "/keys"}, {"/a", ""}},
                          .outside = "/opt"};
  ASSERT_TRUE(SendPolicyUpdate(launcher_.get(), sent));
  const auto word = TakeMessage(supervisor_.get());
  ASSERT_TRUE(word && *word);
  EXPECT_EQ((*word)->message, Message::kPolicies);
  const auto got = ReadPolicyUpdate((*word)->fd.get());
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(got->refused, "");
  EXPECT_EQ(got->digest, "d");
  ASSERT_EQ(got->sources.size(), 2U);
  EXPECT_EQ(got->sources[0].text, sent.sources[0].text);
  EXPECT_EQ(got->sources[1].file, "b.cedar");
  EXPECT_EQ(got->sources[1].text, sent.sources[1].text);
  EXPECT_EQ(got->outside, "/opt");
  const policy::Names names = NamesOf(*got);
  EXPECT_EQ(names.agent, "work");
  EXPECT_EQ(names.home, "/home/u");
  EXPECT_EQ(names.dir, "/srv");
  EXPECT_EQ(names.leads_to("/home/u/.ssh"), "/keys");
  EXPECT_EQ(names.leads_to("/never/asked"), "");
}

TEST_F(PolicyUpdateTest, WhatIsNotSealedOrOfAnotherFormIsRefused) {
  const base::UniqueFd open(::memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  ASSERT_EQ(::write(open.get(), "{}", 2), 2);
  EXPECT_FALSE(ReadPolicyUpdate(open.get()));
  ASSERT_EQ(
      ::fcntl(open.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE),
      0);
  EXPECT_FALSE(ReadPolicyUpdate(open.get()));
  EXPECT_FALSE(ReadPolicyUpdate(launcher_.get()));
  EXPECT_FALSE(ReadPolicyUpdate(-1));
}

TEST_F(PolicyUpdateTest, MessagesAreTakenAsTheyCome) {
  EXPECT_FALSE(TakeMessage(launcher_.get())->has_value());
  ASSERT_TRUE(Send(supervisor_.get(), Message::kTaken));
  ASSERT_TRUE(SendKept(supervisor_.get(), std::string(100'000, 'w')));
  const auto taken = TakeMessage(launcher_.get());
  ASSERT_TRUE(taken && *taken);
  EXPECT_EQ((*taken)->message, Message::kTaken);
  EXPECT_FALSE((*taken)->fd.valid());
  const auto kept = TakeMessage(launcher_.get());
  ASSERT_TRUE(kept && *kept);
  EXPECT_EQ((*kept)->message, Message::kKept);
  EXPECT_EQ((*kept)->text, std::string(4095, 'w'));
  supervisor_.Reset();
  EXPECT_EQ(TakeMessage(launcher_.get()).error().code(), base::Errc::kNotFound);
}

}  // namespace
}  // namespace aegis::gate
