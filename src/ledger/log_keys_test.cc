#include "ledger/log_keys.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/test_ledger.h"

namespace aegis::ledger {
namespace {

constexpr std::string_view kName = "localhost/aegis/test/0011223344556677";

canon::NoteSigner NewKey(std::string_view name = kName) {
  return Get(canon::NoteSigner::Generate(name));
}

std::string Endorsement(const canon::NoteSigner& by, const std::string& text) {
  canon::SignedNote note{.text = text, .signatures = {}};
  note.signatures.push_back(Get(by.Sign(note.text)));
  return note.Text();
}

std::string Endorsement(const canon::NoteSigner& by, const canon::NoteSigner& next,
                        std::uint64_t after) {
  return Endorsement(by, EndorsementText(next.verifier(), after));
}

class LogKeysTest : public testing::Test {
 protected:
  void Add(std::int64_t id, std::string_view role, const std::string& verifier,
           const std::string& endorsement = "") {
    Get(store_->AddKey(
        {.id = id, .role = std::string(role), .verifier = verifier, .endorsement = endorsement}));
  }
  base::Result<LogKeys> Read() { return LogKeys::Read(*Get(store_->OpenSnapshot())); }
  // What is wrong, with these keys behind those that are there.
  std::string Refusal() {
    const auto keys = Read();
    EXPECT_FALSE(keys);
    if (keys) {
      return "";
    }
    EXPECT_EQ(keys.error().code(), base::Errc::kCorrupt);
    return keys.error().message();
  }

  TempDirectory directory_;
  std::unique_ptr<Store> store_ =
      Get(OpenSqliteStore(directory_.File("audit.db"), OpenMode::kCreate));
  canon::NoteSigner first_ = NewKey();
  canon::NoteSigner second_ = NewKey();
};

TEST_F(LogKeysTest, AFreshLedgerHasNone) {
  const LogKeys keys = Get(Read());
  EXPECT_TRUE(keys.log().empty());
  EXPECT_TRUE(keys.witnesses().empty());
  EXPECT_EQ(keys.KeyOf(0), nullptr);
  EXPECT_EQ(keys.next_id(), 1);
}

TEST_F(LogKeysTest, EachKeySignsTheTreesBehindItsEndorsement) {
  const canon::NoteSigner third = NewKey();
  const canon::NoteSigner witness = NewKey("witness.example");
  Add(1, kLogRole, first_.verifier().Text());
  Add(2, kWitnessRole, witness.cosigner().Text());
  Add(3, kLogRole, second_.verifier().Text(), Endorsement(first_, second_, 10));
  Add(4, kLogRole, third.verifier().Text(), Endorsement(second_, third, 10));
  const LogKeys keys = Get(Read());
  EXPECT_EQ(keys.next_id(), 5);
  ASSERT_EQ(keys.log().size(), 3U);
  EXPECT_EQ(keys.witnesses(), std::vector<canon::VerifierKey>{witness.cosigner()});
  EXPECT_EQ(keys.KeyOf(0)->verifier, first_.verifier());
  EXPECT_EQ(keys.KeyOf(10)->verifier, first_.verifier());
  EXPECT_EQ(keys.KeyOf(11)->verifier, third.verifier());  // the second signed nothing
  EXPECT_EQ(keys.KeyOf(INT64_MAX)->verifier, third.verifier());
}

TEST_F(LogKeysTest, TheEndorsementIsFourLines) {
  EXPECT_EQ(
      EndorsementText(second_.verifier(), 10),
      "aegis-ledger-key/v1\n" + std::string(kName) + "\n10\n" + second_.verifier().Text() + "\n");
}

TEST_F(LogKeysTest, AKeyIsAddedOnceAtItsPlace) {
  Add(1, kLogRole, first_.verifier().Text());
  for (const std::int64_t id : {1, 3, 0, -1}) {
    const auto added = store_->AddKey({.id = id, .role = "log", .verifier = "x"});
    ASSERT_FALSE(added) << id;
    EXPECT_EQ(added.error().code(), base::Errc::kConflict) << id;
  }
  EXPECT_EQ(Get(Read()).next_id(), 2);
}

TEST_F(LogKeysTest, AnEndorsementIsOfThisKeyByTheOneBefore) {
  const canon::NoteSigner other = NewKey();
  const std::string text = EndorsementText(second_.verifier(), 10);
  const std::string good = Endorsement(first_, text);
  canon::SignedNote twice = Get(canon::SignedNote::Parse(good));
  twice.signatures.push_back(Get(other.Sign(twice.text)));
  std::string zero = text;
  zero.insert(zero.find("\n10\n") + 1, "0");
  for (const std::string& endorsement : {
           std::string(),
           std::string("x"),
           text,
           good + "x",
           good.substr(0, good.size() - 1),
           Endorsement(second_, text),            // by itself
           Endorsement(other, text),              // by another
           Endorsement(first_, other, 10),        // of another
           Endorsement(first_, zero),             // another form
           Endorsement(first_, text + "more\n"),  // more
           Endorsement(first_, "x" + text),       // another header
           Endorsement(first_, std::string(kName) + "\n10\n" + text),
           twice.Text(),
       }) {
    Add(1, kLogRole, first_.verifier().Text());
    Add(2, kLogRole, second_.verifier().Text(), endorsement);
    EXPECT_NE(Refusal().find("key 2"), std::string::npos) << endorsement;
    store_.reset();
    std::filesystem::remove(directory_.File("audit.db"));
    store_ = Get(OpenSqliteStore(directory_.File("audit.db"), OpenMode::kCreate));
  }
  Add(1, kLogRole, first_.verifier().Text());
  Add(2, kLogRole, second_.verifier().Text(), good);
  Get(Read());
}

TEST_F(LogKeysTest, TreesOnlyGrowFromKeyToKey) {
  const canon::NoteSigner third = NewKey();
  Add(1, kLogRole, first_.verifier().Text());
  Add(2, kLogRole, second_.verifier().Text(), Endorsement(first_, second_, 10));
  Add(3, kLogRole, third.verifier().Text(), Endorsement(second_, third, 9));
  EXPECT_NE(Refusal().find("key 3"), std::string::npos);
}

TEST_F(LogKeysTest, TheNameNeverChanges) {
  const canon::NoteSigner renamed = NewKey("localhost/aegis/other/0011223344556677");
  Add(1, kLogRole, first_.verifier().Text());
  Add(2, kLogRole, renamed.verifier().Text(), Endorsement(first_, renamed, 1));
  EXPECT_NE(Refusal().find("key 2"), std::string::npos);
}

TEST_F(LogKeysTest, TheFirstKeyStandsByItself) {
  Add(1, kLogRole, second_.verifier().Text(), Endorsement(first_, second_, 1));
  EXPECT_NE(Refusal().find("key 1"), std::string::npos);
}

struct Row {
  const char* name;
  std::string role;
  std::string verifier;
  std::string endorsement{};
};

// A verifier key whose public key is of small order: anybody's signature holds for it.
std::string WeakKey() {
  std::string raw(33, '\0');
  raw[0] = 1;
  raw[1] = 1;  // the neutral element
  std::string hashed = std::string(kName) + "\n" + raw;
  std::string text = std::string(kName) + "+" +
                     canon::HexEncode(canon::HashSha256(hashed).view().substr(0, 4)) + "+";
  canon::AppendBase64(text, raw);
  return text;
}

TEST_F(LogKeysTest, WhatCanBeNoKeyIsNamed) {
  const canon::NoteSigner witness = NewKey("witness.example");
  const std::string log = first_.verifier().Text();
  const std::vector<Row> rows = {
      {"no text", "log", ""},
      {"garbage", "log", "x+y+z"},
      {"another id", "log", std::string(log).replace(log.find('+') + 1, 1, "g")},
      {"cut", "log", log.substr(0, log.size() - 4)},
      {"weak", "log", WeakKey()},
      {"a witness's as log", "log", witness.cosigner().Text()},
      {"a log's as witness", "witness", log},
      {"no role", "", log},
      {"another role", "LOG", log},
      {"an endorsed witness", "witness", witness.cosigner().Text(), "x"},
  };
  for (const Row& row : rows) {
    Add(1, row.role, row.verifier, row.endorsement);
    EXPECT_NE(Refusal().find("key 1"), std::string::npos) << row.name;
    store_.reset();
    std::filesystem::remove(directory_.File("audit.db"));
    store_ = Get(OpenSqliteStore(directory_.File("audit.db"), OpenMode::kCreate));
  }
}

}  // namespace
}  // namespace aegis::ledger
