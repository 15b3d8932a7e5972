#include "witness/note_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"
#include "witness/test_log.h"

namespace aegis::witness {
namespace {

using base::Errc;
using base::Result;
using testing::ElementsAre;
using testing::IsEmpty;

// The notes of a file in the order in which they come, "?" for what is none.
std::vector<std::string> NotesOf(const std::string& path) {
  std::vector<std::string> notes;
  Get(ForEachNote(path, [&](const Result<canon::SignedNote>& note) -> Result<bool> {
    notes.push_back(note ? note->Text() : "?");
    return true;
  }));
  return notes;
}

std::uint64_t NewestSize(const std::string& path, const std::vector<canon::VerifierKey>& keys) {
  const auto newest = Get(ReadNewest(path, keys));
  return newest ? newest->checkpoint.size : 0;
}

class NoteFileTest : public testing::Test {
 protected:
  TempDirectory directory_;
  std::string file_ = directory_.File("notes");
  TestLog log_{"log.example"};
};

TEST_F(NoteFileTest, GivesTheLastNoteFirst) {
  const std::string a = log_.Note(1).Text();
  const std::string b = log_.Note(2).Text();
  Spill(file_, "");
  EXPECT_THAT(NotesOf(file_), IsEmpty());
  Spill(file_, NoteRecord(a));
  EXPECT_THAT(NotesOf(file_), ElementsAre(a));
  Spill(file_, NoteRecord(a) + NoteRecord(b));
  EXPECT_THAT(NotesOf(file_), ElementsAre(b, a));
  Spill(file_, a + NoteRecord(b));  // somebody began it by hand
  EXPECT_THAT(NotesOf(file_), ElementsAre(b, a));
  Spill(file_, NoteRecord(a) + "\f\n" + NoteRecord(b));
  EXPECT_THAT(NotesOf(file_), ElementsAre(b, "?", a));
}

TEST_F(NoteFileTest, StopsWhenTold) {
  Spill(file_, NoteRecord(log_.Note(1).Text()) + NoteRecord(log_.Note(2).Text()));
  int seen = 0;
  Get(ForEachNote(file_, [&](const Result<canon::SignedNote>&) -> Result<bool> {
    ++seen;
    return false;
  }));
  EXPECT_EQ(seen, 1);
  const auto failed = ForEachNote(file_, [](const Result<canon::SignedNote>&) -> Result<bool> {
    return base::Fail(Errc::kConflict, "enough");
  });
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code(), Errc::kConflict);
}

TEST_F(NoteFileTest, ATornNoteDamagesNoOther) {
  const std::string a = log_.Note(1).Text();
  const std::string b = log_.Note(2).Text();
  const std::string record = NoteRecord(b);
  for (std::size_t length = 0; length < record.size(); ++length) {
    Spill(file_, NoteRecord(a) + record.substr(0, length));
    EXPECT_EQ(NewestSize(file_, {log_.key()}), 1U) << length;
    Spill(file_, NoteRecord(a) + record.substr(0, length) + NoteRecord(b));
    EXPECT_EQ(NewestSize(file_, {log_.key()}), 2U) << length;
    EXPECT_EQ(NotesOf(file_).front(), b) << length;
    EXPECT_EQ(NotesOf(file_).back(), a) << length;
  }
}

TEST_F(NoteFileTest, FindsTheGreatestTreeThatTheLogSigned) {
  const TestLog other("other.example");
  const TestLog thief("thief.example");
  std::string forged = log_.Note(9).text;
  forged += "\n" + Get(thief.signer().Sign(forged)).Line() + "\n";
  std::string foreign = other.Note(8).text;  // signed by the log, but not its own
  foreign += "\n" + Get(log_.signer().Sign(foreign)).Line() + "\n";
  Spill(file_, NoteRecord(log_.Note(3).Text()) + NoteRecord(log_.Note(5).Text()) +
                   NoteRecord(log_.Note(4).Text()) + NoteRecord(other.Note(7).Text()) +
                   NoteRecord(forged) + NoteRecord(foreign) + "\f\nrubbish\xff\n\f");
  EXPECT_EQ(NewestSize(file_, {log_.key()}), 5U);
  EXPECT_EQ(NewestSize(file_, {other.key()}), 7U);
  EXPECT_EQ(NewestSize(file_, {log_.key(), other.key()}), 7U);
  EXPECT_EQ(NewestSize(file_, {thief.key()}), 0U);
  EXPECT_EQ(NewestSize(file_, {}), 0U);
}

TEST_F(NoteFileTest, OfEqualTreesTheLastCounts) {
  canon::SignedNote cosigned = log_.Note(2);
  cosigned.signatures.push_back(Get(TestLog("w").signer().Cosign(cosigned.text, 1)));
  Spill(file_, NoteRecord(log_.Note(2).Text()) + NoteRecord(cosigned.Text()));
  const std::vector<canon::VerifierKey> keys = {log_.key()};
  EXPECT_EQ(Get(ReadNewest(file_, keys)).value().note, cosigned);
}

TEST_F(NoteFileTest, ReadsLongFilesInBlocks) {
  std::string content;
  for (std::uint64_t size = 1; size <= 40; ++size) {
    // Notes around the length of a block, so that separators fall on all places.
    const std::string text = log_.Note(size).text + std::string(65400 + 13 * size, 'x') + "\n";
    content += NoteRecord(text + "\n" + Get(log_.signer().Sign(text)).Line() + "\n");
  }
  Spill(file_, content);
  EXPECT_EQ(NotesOf(file_).size(), 40U);
  EXPECT_EQ(NewestSize(file_, {log_.key()}), 40U);
  Spill(file_, NoteRecord(log_.Note(7).Text()) + std::string(5 << 20U, 'x'));
  EXPECT_EQ(NewestSize(file_, {log_.key()}), 0U);
  Spill(file_, NoteRecord(log_.Note(7).Text()) + NoteRecord(std::string(5 << 20U, 'x')) +
                   NoteRecord(log_.Note(6).Text()));
  EXPECT_EQ(NewestSize(file_, {log_.key()}), 7U);
  EXPECT_EQ(NotesOf(file_).at(1), "?");
}

TEST_F(NoteFileTest, RefusesWhatIsNoFile) {
  const std::vector<canon::VerifierKey> keys = {log_.key()};
  EXPECT_EQ(ReadNewest(file_, keys).error().code(), Errc::kNotFound);
  EXPECT_EQ(ReadNewest(directory_.path(), keys).error().code(), Errc::kInvalid);
  ASSERT_EQ(::mkfifo(file_.c_str(), 0600), 0);
  EXPECT_EQ(ReadNewest(file_, keys).error().code(), Errc::kInvalid);
}

}  // namespace
}  // namespace aegis::witness
