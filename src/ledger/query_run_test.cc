#include <gtest/gtest.h>
#include <sqlite3.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/entry.h"
#include "ledger/ledger.h"
#include "ledger/random_entries.h"
#include "ledger/test_ledger.h"

namespace aegis::ledger {
namespace {

void SummarizeAll(Ledger& ledger) {
  while (Get(ledger.store().SummarizeBlocks())) {
  }
}

// A ledger of random entries of several sessions, all of which are known.
class RandomLedger {
 public:
  RandomLedger(std::uint32_t seed, std::size_t entries) : random_(seed) {
    Ledger ledger = Get(Ledger::Open(directory_.path(), Ledger::Mode::kCreate));
    while (entries_.size() < entries) {
      std::vector<EntryView> group;
      const std::size_t begin = entries_.size();
      for (std::size_t i = 0; i < 1000; ++i) {
        Add();
      }
      for (std::size_t i = begin; i < entries_.size(); ++i) {
        group.push_back(entries_[i].view());
      }
      Get(ledger.store().Append(group));
    }
    SummarizeAll(ledger);
  }

  void Sql(const std::string& sql) const {
    sqlite3* handle = nullptr;
    ASSERT_EQ(sqlite3_open(directory_.File("audit.db").c_str(), &handle), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sql;
    sqlite3_close(handle);
  }

  // As a purge does it, as far as reading goes.
  void Erase(std::size_t first, std::size_t last) {
    Sql("UPDATE entries SET user_id = NULL, ts_unix_ms = NULL, event_type = NULL, payload = NULL "
        "WHERE id BETWEEN " +
        std::to_string(first) + " AND " + std::to_string(last) + "; DELETE FROM blocks");
    for (std::size_t id = first; id <= last; ++id) {
      erased_[id - 1] = true;
    }
    Ledger ledger = Open();
    SummarizeAll(ledger);
  }

  Ledger Open() const { return Get(Ledger::Open(directory_.path(), Ledger::Mode::kRead)); }

  // Places of all entries that match, found by looking at each.
  std::vector<std::uint64_t> Expected(const QueryFilter& filter) {
    std::vector<std::uint64_t> places;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      EntryView entry = entries_[i].view();
      if (erased_[i]) {
        entry = {.tenant_id = entry.tenant_id,
                 .session_id = entry.session_id,
                 .seq = entry.seq,
                 .erased = true};
      }
      if (Matches(filter, entry) && IsOf(filter.principal, entry)) {
        places.push_back(i + 1);
      }
    }
    return places;
  }

  RandomEntries& random() { return random_; }
  EntryView Any() { return entries_[random_.Below(entries_.size())].view(); }

 private:
  struct Chain {
    std::string user_id;
    std::optional<canon::Sha256> head;
    std::uint64_t seq = 0;
  };

  static std::string ConfigOf(std::string_view session_id) {
    return "config-" + std::to_string(session_id.size() % 3);
  }
  static bool IsOf(const std::optional<std::string>& principal, const EntryView& entry) {
    return !principal || (!entry.erased && entry.user_id == *principal) ||
           ConfigOf(entry.session_id) == *principal;
  }

  // Sessions come and go: those that run are a window over all.
  void Add() {
    const std::size_t number = (entries_.size() / 500) + random_.Below(4);
    const std::string id = "s" + std::string(number % 5, '-') + std::to_string(number);
    Chain& chain = chains_[id];
    chain.user_id = "u" + std::to_string(number % 7);
    Entry entry{
        .identity = {.tenant_id = "local", .user_id = chain.user_id, .session_id = id},
        .seq = chain.seq++,
        .ts_unix_ms = static_cast<std::int64_t>(1000 + entries_.size() / 10 + random_.Below(50)),
        .event_type = random_.EventType(),
        .payload = random_.Payload(),
        .prev_hash = chain.head};
    if (entry.seq == 0) {
      entry.event_type = kSessionStarted;
      entry.payload = Started(ConfigOf(id));
    }
    entry.hash = HashEntry(hasher_, entry.view(), scratch_);
    chain.head = entry.hash;
    entries_.push_back(std::move(entry));
    erased_.push_back(false);
  }

  RandomEntries random_;
  TempDirectory directory_;
  std::vector<Entry> entries_;
  std::vector<bool> erased_;
  std::map<std::string, Chain> chains_;
  canon::Sha256Hasher hasher_;
  std::string scratch_;
};

struct Answer {
  std::vector<std::uint64_t> places;
  QueryPage page;
};

Answer Ask(Ledger& ledger, const QueryFilter& filter) {
  Answer answer;
  answer.page = Get(ledger.Query(filter, [&](const EntryView&, std::optional<std::uint64_t> place) {
    answer.places.push_back(place.value_or(0));
    return base::Result<bool>(true);
  }));
  return answer;
}

using Places = std::vector<std::uint64_t>;

Places LastOf(const Places& places, std::size_t count) {
  return {places.end() - static_cast<std::ptrdiff_t>(std::min(count, places.size())), places.end()};
}

// All pages of a query that has `limit` or `last`, in ledger order, each as long as it may be.
Places AllPages(Ledger& ledger, QueryFilter filter, std::size_t size) {
  Places all;
  while (true) {
    const Answer answer = Ask(ledger, filter);
    EXPECT_LE(answer.places.size(), size);
    all.insert(filter.last ? all.begin() : all.end(), answer.places.begin(), answer.places.end());
    if (!answer.page.next) {
      return all;
    }
    EXPECT_EQ(answer.places.size(), size);
    filter.cursor = QueryCursor::Parse(answer.page.next->Text());
    EXPECT_EQ(filter.cursor, answer.page.next);
  }
}

void ExpectAgreement(RandomLedger& ledger, int rounds) {
  Ledger opened = ledger.Open();
  RandomEntries& random = ledger.random();
  std::size_t found = 0;
  for (int i = 0; i < rounds; ++i) {
    QueryFilter filter = random.FilterFrom(ledger.Any());
    if (random.Chance(3)) {
      filter.principal = (random.Chance(2) ? "config-" : "u") + std::to_string(random.Below(8));
    }
    const Places expected = ledger.Expected(filter);
    found += expected.size();
    const Answer all = Ask(opened, filter);
    ASSERT_EQ(all.places, expected);
    EXPECT_FALSE(all.page.next);
    const std::size_t size = 1 + random.Below(300);
    if (expected.size() / size < 20) {
      filter.limit = size;
      ASSERT_EQ(AllPages(opened, filter, size), expected);
      filter.limit.reset();
      filter.last = size;
      ASSERT_EQ(AllPages(opened, filter, size), expected);
      ASSERT_EQ(Ask(opened, filter).places, LastOf(expected, size));
    }
  }
  EXPECT_GT(found, 100U);
}

constexpr std::size_t kThreeBlocksAndABit = 3 * kBlockEntries + 700;

TEST(QueryRunTest, AnswersAreThoseOfReadingAllEntries) {
  RandomLedger ledger(11, kThreeBlocksAndABit);
  ExpectAgreement(ledger, 80);
}

TEST(QueryRunTest, AlsoWhereSummariesAreMissingOrNone) {
  RandomLedger ledger(12, kThreeBlocksAndABit);
  ledger.Sql("DELETE FROM blocks WHERE number = 1");
  ExpectAgreement(ledger, 20);
  ledger.Sql("UPDATE blocks SET grams3 = x'00', terms = 'text' WHERE number = 2");
  ExpectAgreement(ledger, 20);
  ledger.Sql(
      "DELETE FROM blocks; INSERT INTO blocks VALUES (-3, 1, 2, '', '', '', '', ''), "
      "(99, 1, 2, '', '', '', '', '')");
  ExpectAgreement(ledger, 10);
}

TEST(QueryRunTest, AlsoWhereEntriesAreErased) {
  RandomLedger ledger(13, kThreeBlocksAndABit);
  ledger.Erase(100, 200);
  ledger.Erase(4000, 9000);
  ExpectAgreement(ledger, 40);
}

TEST(QueryRunTest, RowsThatCanNotMatchAreNotLookedAt) {
  RandomLedger ledger(14, kThreeBlocksAndABit);
  ledger.Sql("UPDATE entries SET hash = 'x' WHERE id = 7");
  Ledger opened = ledger.Open();
  EXPECT_EQ(Ask(opened, {.from_ms = 1900, .to_ms = 1950}).places,
            ledger.Expected({.from_ms = 1900, .to_ms = 1950}));
  const auto queried = opened.Query({}, [](const EntryView&) { return base::Result<bool>(true); });
  ASSERT_FALSE(queried);
  EXPECT_EQ(queried.error().code(), base::Errc::kCorrupt);
  EXPECT_TRUE(queried.error().message().contains("row 7"));
}

TEST(QueryRunTest, ContradictionsAreRefused) {
  RandomLedger ledger(15, 1);
  Ledger opened = ledger.Open();
  const QueryCursor after{.before = false, .position = 3};
  const QueryCursor before{.before = true, .position = 3};
  for (const QueryFilter& filter :
       {QueryFilter{.last = 1, .limit = 1}, QueryFilter{.last = 1, .cursor = after},
        QueryFilter{.cursor = before}, QueryFilter{.limit = 1, .cursor = before}}) {
    const auto queried =
        opened.Query(filter, [](const EntryView&) { return base::Result<bool>(true); });
    ASSERT_FALSE(queried);
    EXPECT_EQ(queried.error().code(), base::Errc::kInvalid);
  }
}

TEST(QueryRunTest, SaysHowFarItLooked) {
  RandomLedger ledger(16, 1000);
  Ledger opened = ledger.Open();
  EXPECT_EQ(Ask(opened, {.text = "absent text"}).page.searched, 1000U);
  EXPECT_EQ(Ask(opened, {.limit = 10}).page.searched, 10U);
  EXPECT_EQ(Ask(opened, {.cursor = QueryCursor{.position = 5000}}).page.searched, 5000U);
}

TEST(QueryRunTest, WhatIsNotStoredComesLastAndOnTheLastPage) {
  const TempDirectory directory;
  Ledger ledger = Get(Ledger::Open(directory.path(), Ledger::Mode::kCreate));
  JournalWriter writer =
      Get(JournalWriter::Create(ledger.JournalPath("s1"), TestIdentity("s1"), TestOptions()));
  Sequencer sequencer = Get(Sequencer::Attach(writer, ledger.store()));
  const auto append = [&writer](int count) {
    for (int i = 0; i < count; ++i) {
      Get(writer.Append(kActionDecided, Decided("FileRead", "/a", "deny"), Durability::kOrdered));
    }
  };
  append(4);
  Get(sequencer.Drain());
  append(3);
  EXPECT_EQ(Ask(ledger, {}).places, (Places{1, 2, 3, 4, 0, 0, 0}));
  EXPECT_EQ(Ask(ledger, {.stored_only = true}).places, (Places{1, 2, 3, 4}));
  const Answer first = Ask(ledger, {.limit = 3});
  EXPECT_EQ(first.places, (Places{1, 2, 3}));
  EXPECT_EQ(Ask(ledger, {.limit = 3, .cursor = first.page.next}).places, (Places{4, 0, 0, 0}));
  const Answer last = Ask(ledger, {.last = 5});
  EXPECT_EQ(last.places, (Places{3, 4, 0, 0, 0}));
  EXPECT_EQ(Ask(ledger, {.last = 5, .cursor = last.page.next}).places, (Places{1, 2}));
  const Answer of_tail = Ask(ledger, {.last = 2});
  EXPECT_EQ(of_tail.places, (Places{0, 0}));
  EXPECT_EQ(Ask(ledger, {.last = 3, .cursor = of_tail.page.next}).places, (Places{2, 3, 4}));
}

}  // namespace
}  // namespace aegis::ledger
