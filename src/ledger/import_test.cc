#include "ledger/import.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/entry.h"
#include "ledger/purge_record.h"
#include "ledger/test_import_target.h"
#include "ledger/test_ledger.h"

namespace aegis::ledger {
namespace {

// The lines of one session.
class Lines {
 public:
  explicit Lines(std::string session_id, std::string user_id = "tester")
      : session_id_(std::move(session_id)), user_id_(std::move(user_id)) {}

  std::string Next(std::string_view payload = R"({"a":1})",
                   std::string_view event_type = kActionDecided) {
    EntryView entry{.tenant_id = "local",
                    .user_id = user_id_,
                    .session_id = session_id_,
                    .seq = seq_++,
                    .ts_unix_ms = 1700000000000,
                    .event_type = event_type,
                    .payload = payload,
                    .prev_hash = head_};
    std::string scratch;
    entry.hash = HashEntry(hasher_, entry, scratch);
    head_ = entry.hash;
    std::string line;
    AppendEnvelope(line, entry);
    entry.erased = true;
    remains_.clear();
    AppendEnvelope(remains_, entry);
    return line + "\n";
  }
  std::string Many(int count) {
    std::string lines;
    for (int i = 0; i < count; ++i) {
      lines += Next("{\"n\":" + std::to_string(i) + "}");
    }
    return lines;
  }
  // What a purge would leave of the last one.
  std::string Remains() const { return remains_ + "\n"; }

 private:
  std::string session_id_;
  std::string user_id_;
  std::uint64_t seq_ = 0;
  std::optional<canon::Sha256> head_;
  canon::Sha256Hasher hasher_;
  std::string remains_;
};

std::string Replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

class ImportTest : public testing::Test {
 protected:
  // The error, or "".
  std::string Import(std::string_view text) {
    Importer importer(*target_);
    auto done = importer.Add(text);
    if (done) {
      done = importer.Finish();
    } else {
      EXPECT_FALSE(importer.Add("\n"));
      EXPECT_FALSE(importer.Finish());
    }
    report_ = importer.report();
    return done ? "" : done.error().message();
  }

  std::optional<MemoryTarget> target_{std::in_place};
  ImportReport report_;
};

TEST_F(ImportTest, AddsWhatIsNotThere) {
  Lines one("s1");
  const std::string begin = one.Many(3);
  EXPECT_EQ(Import(begin), "");
  EXPECT_EQ(report_.lines, 3U);
  EXPECT_EQ(report_.stored, 3U);
  const std::string all = begin + one.Many(2);
  EXPECT_EQ(Import(all), "");
  EXPECT_EQ(report_.present, 3U);
  EXPECT_EQ(report_.stored, 2U);
  EXPECT_EQ(target_->lines, all);
  EXPECT_EQ(Import(all), "");
  EXPECT_EQ(report_.present, 5U);
  EXPECT_EQ(report_.stored, 0U);
  EXPECT_EQ(Import(""), "");
}

TEST_F(ImportTest, KeepsTheOrderOfSeveralSessions) {
  Lines one("s1");
  Lines two("s2", "other");
  std::string all;
  for (int i = 0; i < 1500; ++i) {
    all += one.Next();
    all += two.Next();
  }
  EXPECT_EQ(Import(all), "");
  EXPECT_EQ(target_->lines, all);
  EXPECT_EQ(target_->groups, (std::vector<std::size_t>{1024, 1024, 952}));
}

TEST_F(ImportTest, TakesAnyOrderAndBlanks) {
  Lines one("s1");
  std::string line = one.Next(R"({"a":1,"b":"x"})");
  const std::string expected = line;
  line = Replaced(line, R"({"a":1,"b":"x"})", "{ \"b\" : \"\\u0078\",\t\"a\": 10e-1 }");
  line = Replaced(line, R"("seq":0,)", "");
  line = Replaced(line, R"({"event_type")", R"( {"seq":0, "event_type")");
  EXPECT_EQ(Import("\n \t\r\n" + Replaced(line, "\n", "\r")), "");
  EXPECT_EQ(target_->lines, expected);
}

TEST_F(ImportTest, GoesOnFromWhatIsStored) {
  Lines one("s1");
  EXPECT_EQ(Import(one.Many(3)), "");
  const std::string fourth = one.Next();
  const std::string fifth = one.Next();
  EXPECT_EQ(Import(fourth + fifth), "");
  EXPECT_EQ(report_.stored, 2U);
  EXPECT_EQ(Import(fourth), "");
  EXPECT_EQ(report_.present, 1U);
}

TEST_F(ImportTest, JoinedExportsAreFine) {
  Lines one("s1");
  const std::string begin = one.Many(3);
  const std::string all = begin + one.Many(3);
  EXPECT_EQ(Import(begin + all + begin), "");
  EXPECT_EQ(target_->lines, all);
  EXPECT_EQ(report_.stored, 6U);
  EXPECT_EQ(report_.present, 6U);
}

TEST_F(ImportTest, BadLinesAreNamedAndWhatIsBeforeThemIsStored) {
  const auto bad = [](const std::string& line) {
    Lines good("s1");
    std::string lines = good.Many(2) + line;
    lines += good.Many(1);
    return lines;
  };
  Lines one("s2");
  const std::string line = one.Next(R"({"a":1})");
  const std::string depth(70, '[');
  const std::string closed(70, ']');
  std::string deep = "{\"a\":";
  deep.append(depth).append(closed).append("}");
  for (const std::string& wrong :
       {std::string("x\n"),
        std::string("{}\n"),
        std::string("[]\n"),
        std::string("\xff\n"),
        Replaced(line, R"({"a":1})", R"({"a":2})"),         // another hash
        Replaced(line, R"({"a":1})", R"({"a":1,"a":1})"),   // a key twice
        Replaced(line, R"({"a":1})", R"({"a":NaN})"),       //
        Replaced(line, R"({"a":1})", R"({"a":1e999})"),     // no double
        Replaced(line, R"({"a":1})", "{\"a\":\"\xff\"}"),   // no UTF-8
        Replaced(line, R"({"a":1})", R"({"a":"\ud800"})"),  // half a character
        Replaced(line, R"({"a":1})", deep),
        Replaced(line, R"({"a":1})", R"("a")"),            // no object
        Replaced(line, R"("seq":0)", R"("seq":0,"x":1)"),  // an unknown member
        Replaced(line, R"("seq":0,)", ""),                 // a missing one
        Replaced(line, R"("seq":0)", R"("seq":-1)"),
        Replaced(line, R"("seq":0)", R"("seq":0.5)"),
        Replaced(line, R"("seq":0)", R"("seq":"0")"),
        Replaced(line, R"("session_id":"s2")", R"("session_id":"../s2")"),
        Replaced(line, kActionDecided, std::string(300, 'x')),
        Replaced(line, R"("tester")", '"' + std::string(300, 'x') + '"'),
        one.Next()}) {  // its predecessor is missing
    target_.emplace();
    const std::string error = Import(bad(wrong));
    EXPECT_TRUE(error.starts_with("line 3: ")) << error << ' ' << wrong;
    EXPECT_EQ(report_.lines, 2U);
    EXPECT_EQ(report_.stored, 2U);
    EXPECT_EQ(std::ranges::count(target_->lines, '\n'), 2);
  }
}

TEST_F(ImportTest, ChainsThatDoNotHoldAreRefused) {
  Lines one("s1");
  const std::string a = one.Next();
  (void)one.Next();
  const std::string c = one.Next();
  EXPECT_TRUE(Import(a + c).starts_with("line 2: ")) << "a gap";
  Lines other("s1");
  (void)other.Next(R"({"other":1})");
  const std::string foreign = other.Next();
  EXPECT_TRUE(Import(a + foreign).starts_with("line 2: ")) << "another predecessor";
}

TEST_F(ImportTest, AForkIsRefused) {
  Lines one("s1");
  EXPECT_EQ(Import(one.Many(5)), "");
  const std::string before = target_->lines;
  for (const int length : {1, 3, 5, 8}) {
    Lines other("s1");
    std::string lines = other.Next(R"({"other":1})");
    lines += other.Many(length - 1);
    Importer importer(*target_);
    auto done = importer.Add(lines);
    if (done) {
      done = importer.Finish();
    }
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code(), base::Errc::kConflict);
    EXPECT_TRUE(done.error().message().starts_with("line " + std::to_string(std::min(length, 5))))
        << done.error().message();
    EXPECT_EQ(importer.report().stored, 0U);
  }
  Lines other("s1");
  (void)other.Next(R"({"other":1})");
  (void)other.Many(4);
  EXPECT_TRUE(Import(other.Next()).contains("other entries"));
  EXPECT_EQ(target_->lines, before);
}

TEST_F(ImportTest, WhatAPurgeLeavesIsPassedOverButNotAdded) {
  Lines one("s1");
  const std::string a = one.Next();
  const std::string b = one.Next();
  const std::string b_remains = one.Remains();
  const std::string c = one.Next();
  EXPECT_EQ(Import(a + b), "");
  EXPECT_EQ(Import(a + b_remains + c), "");
  EXPECT_EQ(report_.present, 2U);
  EXPECT_EQ(report_.stored, 1U);
  target_.emplace();
  EXPECT_EQ(Import(a + b_remains + c), "");
  EXPECT_EQ(target_->lines, a) << "what continues it can't be added either";
  EXPECT_EQ(report_.passed, 2U);
  target_.emplace();
  EXPECT_TRUE(
      Import(a + Replaced(b_remains, R"("seq":1)", R"("seq":1,"x":1)")).contains("envelope"));
  EXPECT_TRUE(Import(Replaced(b_remains, R"("seq":1)", R"("seq":0)")).contains("envelope"));
}

TEST_F(ImportTest, TheRecordOfAPurgeIsPassedOver) {
  Lines one("s1");
  Lines purge("s2");
  Lines later("s3");
  std::string record = purge.Next(R"({"command":"purge","mode":"purge"})", kSessionStarted);
  record += purge.Next(R"({"ranges":[[0,7]]})", kContentErased);
  record += purge.Next(R"({"exit_code":0})", kSessionEnded);
  const std::string before = one.Many(2);
  const std::string behind = later.Many(2);
  EXPECT_EQ(Import(before + record + behind), "");
  EXPECT_EQ(report_.passed, 3U);
  EXPECT_EQ(report_.stored, 4U);
  EXPECT_EQ(target_->lines, before + behind);
  const std::string record_edited = Replaced(record, "[0,7]", "[0,8]");
  EXPECT_TRUE(Import(record_edited).starts_with("line 2: ")) << "it is checked all the same";
}

TEST_F(ImportTest, LinesHaveALimit) {
  Importer importer(*target_);
  const std::string piece(1 << 20, ' ');
  base::Result<> added;
  for (int i = 0; i < 8 && added; ++i) {
    added = importer.Add(piece);
  }
  EXPECT_TRUE(added);
  added = importer.Add(" ");
  ASSERT_FALSE(added);
  EXPECT_TRUE(added.error().message().starts_with("line 1: "));
}

TEST_F(ImportTest, AStoreThatFailsIsTheError) {
  Lines one("s1");
  target_->failure = base::Error(base::Errc::kExhausted, "disk full");
  EXPECT_EQ(Import(one.Many(3)), "disk full");
  EXPECT_EQ(report_.stored, 0U);
  EXPECT_EQ(Import(Lines("s2").Next() + "x\n"), "disk full");
}

}  // namespace
}  // namespace aegis::ledger
