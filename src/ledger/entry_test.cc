#include "ledger/entry.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <random>
#include <set>
#include <string>
#include <string_view>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/test_ledger.h"

namespace aegis::ledger {
namespace {

Entry Sample(std::uint64_t seq) {
  Entry entry{.identity = {.tenant_id = "t", .user_id = "u\"\n€", .session_id = "s-1"},
              .seq = seq,
              .ts_unix_ms = 1700000000123,
              .event_type = "ACTION_DECIDED",
              .payload = R"({"action":"FileRead","resource":"/a b"})"};
  if (seq > 0) {
    entry.prev_hash = canon::HashSha256("before");
  }
  canon::Sha256Hasher hasher;
  std::string scratch;
  entry.hash = HashEntry(hasher, entry.view(), scratch);
  return entry;
}

// Computed with another implementation (Python's json and hashlib over sorted keys).
TEST(EntryTest, TheHashIsThatOfTheCanonicalEnvelope) {
  std::string text;
  AppendHashedEnvelope(text, Sample(0).view());
  EXPECT_EQ(text,
            "{\"event_type\":\"ACTION_DECIDED\",\"payload\":{\"action\":\"FileRead\","
            "\"resource\":\"/a b\"},\"seq\":0,\"session_id\":\"s-1\",\"tenant_id\":\"t\","
            "\"ts_unix_ms\":1700000000123,\"user_id\":\"u\\\"\\n€\"}");
  EXPECT_EQ(canon::HexEncode(Sample(0).hash.view()),
            "36e7362f24cbc51d94be451033db4ffcff2702aad530ecce75c79c9358c6ddbf");
  EXPECT_EQ(canon::HexEncode(Sample(7).hash.view()),
            "0e47e45a2de8da6749ebebb48b4e4d6678fd0a1b56e1d3a30cbfa67f07d173f6");
}

TEST(EntryTest, EnvelopesAreCanonicalAndReadBack) {
  for (const std::uint64_t seq : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1} << 53U}) {
    const Entry entry = Sample(seq);
    std::string with_hash;
    AppendEnvelope(with_hash, entry.view());
    EXPECT_TRUE(canon::IsCanonicalObject(with_hash));
    const Entry back = Get(ParseEnvelope(with_hash));
    EXPECT_EQ(back.identity.user_id, entry.identity.user_id);
    EXPECT_EQ(back.seq, seq);
    EXPECT_EQ(back.hash, entry.hash);
    EXPECT_EQ(back.prev_hash, entry.prev_hash);
    std::string again;
    AppendEnvelope(again, back.view());
    EXPECT_EQ(again, with_hash);
    std::string without_hash;
    AppendHashedEnvelope(without_hash, entry.view());
    EXPECT_TRUE(ParseHashedEnvelope(without_hash));
    EXPECT_FALSE(ParseHashedEnvelope(with_hash));
    EXPECT_FALSE(ParseEnvelope(without_hash));
  }
}

TEST(EntryTest, ParsingAcceptsOnlyWhatWouldBeWritten) {
  std::string text;
  AppendEnvelope(text, Sample(3).view());
  std::mt19937 random(1);
  for (int round = 0; round < 50000; ++round) {
    std::string changed = text;
    const std::size_t at = random() % changed.size();
    switch (random() % 3) {
      case 0:
        changed[at] = static_cast<char>(random() & 0xffU);
        break;
      case 1:
        changed.erase(at, 1 + random() % 5);
        break;
      default:
        changed.insert(at, 1, static_cast<char>(random() & 0x7fU));
        break;
    }
    const auto parsed = ParseEnvelope(changed);
    if (!parsed) {
      EXPECT_EQ(parsed.error().code(), base::Errc::kCorrupt);
      continue;
    }
    std::string again;
    AppendEnvelope(again, parsed->view());
    ASSERT_EQ(again, changed);
  }
}

TEST(EntryTest, OnlyTheFirstEntryLacksAPredecessor) {
  Entry entry = Sample(3);
  entry.prev_hash.reset();
  std::string text;
  AppendEnvelope(text, entry.view());
  EXPECT_FALSE(ParseEnvelope(text));
  entry = Sample(0);
  entry.prev_hash = entry.hash;
  text.clear();
  AppendEnvelope(text, entry.view());
  EXPECT_FALSE(ParseEnvelope(text));
  // Nor one that can't be read.
  const std::size_t end = text.find("\",\"seq\"");
  ASSERT_NE(end, std::string::npos);
  text.insert(end, "=");
  EXPECT_FALSE(ParseEnvelope(text));
}

TEST(EntryTest, SessionIdsAreFileNames) {
  for (const std::string_view good : {"a", "0", "A-b_c.d", "018f-77"}) {
    EXPECT_TRUE(IsValidSessionId(good)) << good;
  }
  for (const std::string_view bad : {"", ".", "..", ".a", "a/b", "a b", "a\n", "é", "a:b"}) {
    EXPECT_FALSE(IsValidSessionId(bad)) << bad;
  }
  EXPECT_FALSE(IsValidSessionId(std::string(129, 'a')));
}

TEST(EntryTest, NewSessionIdsAreUniqueAndSortByTime) {
  std::set<std::string> ids;
  std::string last;
  for (std::int64_t now = 1700000000000; now < 1700000000200; ++now) {
    const std::string id = Get(NewSessionId(now));
    EXPECT_TRUE(IsValidSessionId(id));
    EXPECT_EQ(id.size(), 36U);
    EXPECT_EQ(id[14], '7');
    EXPECT_LT(last, id);
    EXPECT_TRUE(ids.insert(id).second);
    last = id;
  }
}

}  // namespace
}  // namespace aegis::ledger
