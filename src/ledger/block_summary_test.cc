#include "ledger/block_summary.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ledger/block_query.h"
#include "ledger/entry.h"
#include "ledger/glob.h"
#include "ledger/grams.h"
#include "ledger/query.h"
#include "ledger/random_entries.h"
#include "ledger/test_ledger.h"

namespace aegis::ledger {
namespace {

// Entries of a block, owned.
class Block {
 public:
  void Add(std::string_view event_type, std::string payload, std::string session = "s1",
           std::int64_t ts_unix_ms = 1000, std::string user = "tester") {
    entries_.push_back({.identity = {.tenant_id = "local",
                                     .user_id = std::move(user),
                                     .session_id = std::move(session)},
                        .seq = entries_.size(),
                        .ts_unix_ms = ts_unix_ms,
                        .event_type = std::string(event_type),
                        .payload = std::move(payload)});
  }
  std::vector<EntryView> views() const {
    std::vector<EntryView> views;
    views.reserve(entries_.size());
    for (const Entry& entry : entries_) {
      views.push_back(entry.view());
    }
    return views;
  }
  BlockSummary Summary() const {
    BlockSummaryBuilder builder;
    for (const Entry& entry : entries_) {
      builder.Add(entry.view());
    }
    return builder.Finish();
  }

 private:
  std::vector<Entry> entries_;
};

bool MayMatch(const BlockSummary& summary, const QueryFilter& filter) {
  const BlockQuery query(filter);
  return query.MayMatch(summary) && query.MayMatchLong(summary) && query.MayHaveUser(summary);
}

TEST(BlockSummaryTest, KnowsTimesDenialsAndSizes) {
  Block block;
  block.Add(kSessionStarted, "{}", "s1", 500);
  block.Add(kActionDecided, Decided("FileRead", "/a", "deny"), "s1", -7);
  block.Add(kActionDecided, Decided("FileRead", "/a", "allow"), "s1", 900);
  block.Add(kActionDecided, R"({"decision":"DENY"})", "s1", 600);
  const BlockSummary summary = block.Summary();
  EXPECT_EQ(summary.min_ms, -7);
  EXPECT_EQ(summary.max_ms, 900);
  EXPECT_EQ(summary.terms.size(), BlockSummary::kTermsBytes);
  EXPECT_EQ(summary.grams3.size(), kGrams3.bytes);
  EXPECT_EQ(summary.grams5.size(), kGrams5.bytes);
  EXPECT_EQ(summary.grams8.size(), kGrams8.bytes);
  EXPECT_EQ(summary.denials.size(), BlockSummary::kDenialsBytes);
  EXPECT_EQ(summary.denials.front(), '\x0a');
  EXPECT_EQ(summary.denials.find_first_not_of('\0', 1), std::string::npos);
}

TEST(BlockSummaryTest, IsAFunctionOfItsEntriesAlone) {
  RandomEntries random(2);
  Block first;
  Block second;
  for (int i = 0; i < 100; ++i) {
    first.Add(random.EventType(), random.Payload());
    second.Add(random.EventType(), random.Payload(), "s2");
  }
  BlockSummaryBuilder builder;
  for (const Block* block : {&first, &second, &first}) {
    for (const EntryView& entry : block->views()) {
      builder.Add(entry);
    }
    EXPECT_EQ(builder.Finish(), block->Summary());
  }
}

TEST(BlockSummaryTest, OfErasedEntriesOnlyTheSessionIsLeft) {
  BlockSummaryBuilder builder;
  builder.Add({.session_id = "gone", .erased = true});
  const BlockSummary summary = builder.Finish();
  EXPECT_EQ(summary.min_ms, std::nullopt);
  EXPECT_EQ(summary.grams3, std::string(kGrams3.bytes, '\0'));
  EXPECT_TRUE(MayMatch(summary, {.session_id = "gone"}));
  EXPECT_FALSE(MayMatch(summary, {.session_id = "other"}));
  EXPECT_FALSE(MayMatch(summary, {.from_ms = 0}));
  EXPECT_FALSE(MayMatch(summary, {.to_ms = 0}));
  EXPECT_FALSE(MayMatch(summary, {.principal = "tester"}));
  EXPECT_FALSE(MayMatch(summary, {.principal = ""}));
  EXPECT_FALSE(MayMatch(summary, {.text = "something"}));
}

class BlockQueryTest : public testing::Test {
 protected:
  void SetUp() override {
    for (int i = 0; i < 1000; ++i) {
      block_.Add(
          kActionDecided,
          Decided(i % 2 == 0 ? "FileRead" : "NetConnect",
                  "/srv/app/module-" + std::to_string(i) + ".py", i % 2 == 0 ? "deny" : "allow"),
          "s" + std::to_string(i / 100), 1000 + i);
    }
    summary_ = block_.Summary();
  }
  Block block_;
  BlockSummary summary_;
};

TEST_F(BlockQueryTest, FindsWhatIsThere) {
  const auto glob = [](std::string_view pattern) { return Get(Glob::Parse(pattern)); };
  for (const QueryFilter& filter :
       {QueryFilter{}, QueryFilter{.from_ms = 1999, .to_ms = 2000}, QueryFilter{.to_ms = 1001},
        QueryFilter{.action = "FileRead", .decision = "Deny"}, QueryFilter{.session_id = "s9"},
        QueryFilter{.principal = "tester"}, QueryFilter{.event_type = "ACTION_DECIDED"},
        QueryFilter{.text = "MODULE-77.py"}, QueryFilter{.text = "py"},
        QueryFilter{.text = "Action_Dec"}, QueryFilter{.path = glob("/srv/**/module-999.*")},
        QueryFilter{.path = glob("**77.py")}, QueryFilter{.path = glob("**")}}) {
    EXPECT_TRUE(MayMatch(summary_, filter));
  }
}

TEST_F(BlockQueryTest, PassesOverWhatIsNot) {
  const auto glob = [](std::string_view pattern) { return Get(Glob::Parse(pattern)); };
  for (const QueryFilter& filter :
       {QueryFilter{.from_ms = 2000}, QueryFilter{.to_ms = 1000},
        QueryFilter{.action = "FileDelete"}, QueryFilter{.action = "FileRead", .decision = "allow"},
        QueryFilter{.session_id = "s10"}, QueryFilter{.principal = "nobody"},
        QueryFilter{.event_type = "SESSION_ENDED"}, QueryFilter{.text = "module-77.cc"},
        QueryFilter{.text = "/etc/shadow"}, QueryFilter{.path = glob("/srv/**/model-*")},
        QueryFilter{.path = glob("/app/**")}, QueryFilter{.path = glob("**.p")}}) {
    EXPECT_FALSE(MayMatch(summary_, filter));
  }
}

TEST_F(BlockQueryTest, ADenialIsSoughtAmongDenialsOnly) {
  EXPECT_TRUE(BlockQuery({.decision = "DENY"}).denials_only());
  EXPECT_FALSE(BlockQuery({.decision = "allow"}).denials_only());
  EXPECT_FALSE(BlockQuery({}).denials_only());
}

TEST(BlockQueryPropertyTest, NeverPassesOverAMatch) {
  RandomEntries random(3);
  int matches = 0;
  int passed_over = 0;
  for (int round = 0; round < 60; ++round) {
    Block block;
    for (std::size_t i = 1 + random.Below(120); i > 0; --i) {
      block.Add(random.EventType(), random.Payload(), "s" + std::to_string(random.Below(40)),
                static_cast<std::int64_t>(1000 + random.Below(100)),
                "u" + std::to_string(random.Below(5)));
    }
    const BlockSummary summary = block.Summary();
    const std::vector<EntryView> entries = block.views();
    for (int i = 0; i < 100; ++i) {
      QueryFilter filter = random.FilterFrom(entries[random.Below(entries.size())]);
      if (random.Chance(4)) {
        filter.principal = "u" + std::to_string(random.Below(9));
      }
      const bool may_match = MayMatch(summary, filter);
      const bool denials_only = BlockQuery(filter).denials_only();
      passed_over += may_match ? 0 : 1;
      for (std::size_t at = 0; at < entries.size(); ++at) {
        if (Matches(filter, entries[at]) &&
            (!filter.principal || entries[at].user_id == *filter.principal)) {
          ++matches;
          ASSERT_TRUE(may_match) << entries[at].payload;
          ASSERT_TRUE(!denials_only || HasBit(summary.denials, at));
        }
      }
    }
  }
  EXPECT_GT(matches, 10000);
  EXPECT_GT(passed_over, 500);
}

}  // namespace
}  // namespace aegis::ledger
