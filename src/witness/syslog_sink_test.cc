#include "witness/syslog_sink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "canon/canon.h"
#include "witness/submission.h"
#include "witness/test_log.h"

namespace aegis::witness {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::MatchesRegex;

base::UniqueFd Listen(const std::string& path) {
  base::UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  return fd;
}

TEST(SyslogMessage, IsOneLineThatEndsWithTheNote) {
  const TestLog log("log.example");
  ::setenv("TZ", "UTC", 1);  // NOLINT(concurrency-mt-unsafe): one thread
  const std::string message = SyslogMessage(log.Submit(12), 1699347901, 7);
  EXPECT_THAT(message, testing::StartsWith("<85>Nov  7 09:05:01 aegis[7]: checkpoint of "
                                           "log.example, 12 entries: "));
  EXPECT_EQ(message.find('\n'), std::string::npos);
  EXPECT_EQ(Get(NoteInSyslogLine(message)), log.Note(12));
}

TEST(SyslogMessage, ShowsAHostileOriginHarmlessly) {
  const TestLog log("evil\u202e\u009b31m");
  const std::string message = SyslogMessage(log.Submit(1), 0, 1);
  EXPECT_EQ(message.find("\u202e"), std::string::npos);
  EXPECT_EQ(message.find("\u009b"), std::string::npos);
  EXPECT_EQ(Get(NoteInSyslogLine(message)), log.Note(1));
}

TEST(NoteInSyslogLine, FindsTheNoteWhateverStandsInFront) {
  const TestLog log("log.example");
  const std::string note = canon::Base64Encode(log.Note(3).Text());
  for (const std::string& line :
       {note, "2026-11-21T10:00:00.123+01:00 host aegis[1]: checkpoint of x, 3 entries: " + note,
        "Nov 21 10:00:00 host aegis: " + note + "\n", note + " \r\n"}) {
    EXPECT_EQ(Get(NoteInSyslogLine(line)), log.Note(3)) << line;
  }
  for (const std::string_view line : {"", " ", "\n", "a b c", "AAAA", "x AAAA=", "é"}) {
    EXPECT_FALSE(NoteInSyslogLine(line)) << line;
  }
  EXPECT_FALSE(NoteInSyslogLine(note + "x"));
  EXPECT_FALSE(NoteInSyslogLine(note.substr(0, note.size() - 4)));
}

TEST(SyslogSinkTest, SendsADatagram) {
  const TestLog log("log.example");
  const TempDirectory directory;
  const base::UniqueFd listener = Listen(directory.File("log"));
  SyslogSink sink(directory.File("log"));
  Get(sink.Publish(log.Submit(5), {}));
  std::array<char, 9000> buffer{};
  const ssize_t got = ::recv(listener.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  ASSERT_GT(got, 0);
  const std::string_view message(buffer.data(), static_cast<std::size_t>(got));
  EXPECT_THAT(std::string(message), HasSubstr(" aegis["));
  EXPECT_EQ(Get(NoteInSyslogLine(message)), log.Note(5));
}

TEST(SyslogSinkTest, TellsWhenNobodyListens) {
  const TestLog log("log.example");
  const TempDirectory directory;
  SyslogSink sink(directory.File("log"));
  const auto missing = sink.Publish(log.Submit(5), {});
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message(), HasSubstr("syslog: connect "));
  EXPECT_FALSE(SyslogSink(std::string(200, 'x')).Publish(log.Submit(5), {}));
  {
    const base::UniqueFd gone = Listen(directory.File("log"));
  }
  EXPECT_FALSE(sink.Publish(log.Submit(5), {}));
}

TEST(SyslogSinkTest, DoesNotWaitForeverForAFullLog) {
  const TestLog log("log.example");
  const TempDirectory directory;
  const base::UniqueFd listener = Listen(directory.File("log"));
  SyslogSink sink(directory.File("log"));
  bool full = false;
  for (int i = 0; i < 10000 && !full; ++i) {
    full = !sink.Publish(log.Submit(5), {});
  }
  EXPECT_TRUE(full);
}

TEST(SyslogSinkTest, RefusesANoteThatLogsWouldCut) {
  const TestLog log("log.example");
  Submission submission = log.Submit(1);
  submission.note.append(kMaxSyslogNote, 'x');
  EXPECT_EQ(SyslogSink("/nonexistent").Publish(submission, {}).error().code(),
            base::Errc::kExhausted);
}

}  // namespace
}  // namespace aegis::witness
