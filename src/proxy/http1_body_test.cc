#include "proxy/http1_body.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "proxy/http1_fault.h"
#include "proxy/http1_framing.h"
#include "proxy/http1_lines.h"
#include "proxy/test_http1.h"

namespace aegis::proxy {
namespace {

using testing_support::AsBytes;
using Sender = Http1Body::Sender;

constexpr Http1Framing kChunked{.kind = Http1Framing::Kind::kChunked};

// What became of a body that came whole.
struct Outcome {
  std::size_t taken = 0;
  bool done = false;
  Http1Fault fault = Http1Fault::kNone;

  bool operator==(const Outcome&) const = default;
};

Outcome Take(const Http1Framing& framing, std::string_view bytes, Sender sender) {
  Http1Body body(framing, sender);
  Outcome outcome;
  for (;;) {
    const auto taken = body.Take(AsBytes(bytes.substr(outcome.taken)));
    outcome.done = body.Done();
    if (!taken || *taken == 0) {
      outcome.fault = taken ? Http1Fault::kNone : taken.error();
      return outcome;
    }
    outcome.taken += *taken;
  }
}

Outcome FromClient(std::string_view bytes) { return Take(kChunked, bytes, Sender::kClient); }
Outcome FromServer(std::string_view bytes) { return Take(kChunked, bytes, Sender::kServer); }

Outcome Whole(std::size_t size) { return {.taken = size, .done = true}; }

TEST(Http1Body, OfKnownLengthEndsThere) {
  EXPECT_EQ(Take({.length = 3}, "abcd", Sender::kClient), Whole(3));
  EXPECT_EQ(Take({.length = 3}, "ab", Sender::kClient), (Outcome{.taken = 2}));
  EXPECT_EQ(Take({.length = 0}, "abcd", Sender::kClient), Whole(0));
  EXPECT_TRUE(Http1Body().Done());
}

TEST(Http1Body, UntilCloseHasNoEnd) {
  EXPECT_EQ(Take({.kind = Http1Framing::Kind::kUntilClose}, "abcd", Sender::kServer),
            (Outcome{.taken = 4}));
}

TEST(Http1Body, ChunksEndWithAnEmptyOne) {
  EXPECT_EQ(FromClient("0\r\n\r\n"), Whole(5));
  EXPECT_EQ(FromClient("3\r\nabc\r\n0\r\n\r\nGET"), Whole(13));
  EXPECT_EQ(FromClient("a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n"), Whole(35));
  EXPECT_EQ(FromClient("000000000000000\r\n\r\n"), Whole(19));
  EXPECT_EQ(FromClient("2\r\n\r\n\r\n0\r\n\r\n"), Whole(12));
  EXPECT_EQ(FromClient("3\r\nabc\r\n0\r\n\r"), (Outcome{.taken = 11}));
  EXPECT_EQ(FromClient("fffffffffffffff\r\nabc"), (Outcome{.taken = 20}));
}

TEST(Http1Body, ChunkSizesArePlain) {
  for (const std::string_view line :
       {"", " 3", "3 ", "3;", "3;x=y", "3\t", "0x3", "+3", "-3", "3,3", "g", "3 3"}) {
    EXPECT_EQ(FromClient(std::string(line) + "\r\nabc\r\n0\r\n\r\n"),
              (Outcome{.fault = Http1Fault::kChunkSize}))
        << line;
  }
  EXPECT_EQ(FromClient("0000000000000000\r\n"), (Outcome{.fault = Http1Fault::kTooLong}));
  EXPECT_EQ(FromClient("3\nabc\r\n"), (Outcome{.fault = Http1Fault::kBareLineFeed}));
  EXPECT_EQ(FromClient("3\rabc\r\n"), (Outcome{.fault = Http1Fault::kBareCarriageReturn}));
}

TEST(Http1Body, ServersMayExtendChunks) {
  for (const std::string_view line : {"3", "3 ", "3\t", "3;", "3;x=y", "3 ; x=\"y;z\""}) {
    const std::string bytes = std::string(line) + "\r\nabc\r\n0\r\n\r\n";
    EXPECT_EQ(FromServer(bytes), Whole(bytes.size())) << line;
  }
  for (const std::string_view line : {"", ";", " 3", "0x3", "3 3", "3,3"}) {
    EXPECT_EQ(FromServer(std::string(line) + "\r\nabc\r\n"),
              (Outcome{.fault = Http1Fault::kChunkSize}))
        << line;
  }
  EXPECT_EQ(FromServer("3;" + std::string(2000, 'x') + "\r\n"),
            (Outcome{.fault = Http1Fault::kTooLong}));
  EXPECT_EQ(FromServer("3;\n\r\n"), (Outcome{.fault = Http1Fault::kBareLineFeed}));
}

TEST(Http1Body, ChunksEndInALineEnd) {
  for (const std::string_view end : {"x", "\n", "\rx", "0\r\n"}) {
    EXPECT_EQ(FromClient("3\r\nabc" + std::string(end)),
              (Outcome{.taken = 6, .fault = Http1Fault::kChunkEnd}))
        << end;
  }
}

TEST(Http1Body, TrailersAreFields) {
  EXPECT_EQ(FromClient("0\r\nX: y\r\nEtag: z\r\n\r\nGET"), Whole(20));
  for (const std::string_view name : {"Transfer-Encoding", "content-length", "Host", "Connection",
                                      "Upgrade", "TE", "Trailer", "Expect", "Keep-Alive"}) {
    EXPECT_EQ(FromClient("0\r\n" + std::string(name) + ": x\r\n\r\n"),
              (Outcome{.taken = 3, .fault = Http1Fault::kTrailer}))
        << name;
  }
  EXPECT_EQ(FromClient("0\r\nGET / HTTP/1.1\r\n\r\n"),
            (Outcome{.taken = 3, .fault = Http1Fault::kFieldName}));
  EXPECT_EQ(FromClient("0\r\nX: y\r\n z\r\n\r\n"),
            (Outcome{.taken = 9, .fault = Http1Fault::kFolded}));
  EXPECT_EQ(FromClient("0\r\nX: y\n\r\n"),
            (Outcome{.taken = 3, .fault = Http1Fault::kBareLineFeed}));
}

TEST(Http1Body, TrailersAreBounded) {
  std::string fields = "0\r\n";
  for (std::size_t i = 0; i < kMostHttp1Fields; ++i) {
    fields += "X: y\r\n";
  }
  EXPECT_TRUE(FromClient(fields + "\r\n").done);
  EXPECT_EQ(FromClient(fields + "X: y\r\n\r\n").fault, Http1Fault::kTooManyFields);
  const std::string half = "X: " + std::string(kLongestHttp1Head / 2, 'y') + "\r\n";
  EXPECT_TRUE(FromClient("0\r\n" + half + "\r\n").done);
  EXPECT_EQ(FromClient("0\r\n" + half + half + "\r\n").fault, Http1Fault::kTooLong);
}

}  // namespace
}  // namespace aegis::proxy
