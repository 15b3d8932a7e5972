#include "gate/connection_ends.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/unique_fd.h"
#include "gate/outside_sockets.h"
#include "gate/test_judge.h"
#include "gate/test_sockets.h"

namespace aegis::gate {
namespace {

using std::chrono::milliseconds;
using testing_support::Connected;

constexpr const char* kNothing = R"(@id("none") forbid(principal, action, resource);)";

Connection To(const std::string& resource, std::chrono::steady_clock::duration ago = {}) {
  Connection connection;
  connection.resource = resource;
  connection.host = resource.substr(0, resource.find(':'));
  connection.dialled.port = 443;
  connection.pid = 7;
  connection.exe = "/usr/bin/curl";
  connection.begun = std::chrono::steady_clock::now() - ago;
  return connection;
}

class ConnectionEndsTest : public ::testing::Test {
 protected:
  std::vector<nlohmann::json> Finished() const {
    std::vector<nlohmann::json> payloads;
    for (const std::string& entry : judge_.Recorded()) {
      const auto space = entry.find(' ');
      EXPECT_EQ(entry.substr(0, space), "ACTION_FINISHED");
      payloads.push_back(nlohmann::json::parse(entry.substr(space + 1)));
    }
    return payloads;
  }

  TestJudge judge_{kNothing};
  OutsideSockets sockets_;
};

// Told by this machine's kernel.
class KernelConnectionEndsTest : public ConnectionEndsTest {
 protected:
  void SetUp() override {
    if (ends_.fd() < 0) {
      GTEST_SKIP() << "needs events of sockets that are gone (sock_diag)";
    }
  }

  ConnectionEnds ends_{ConnectionEnds::Subscribe(), sockets_, judge_.judge()};
  testing_support::TestServer server_;
};

TEST_F(KernelConnectionEndsTest, AnEndIsRecordedWithItsFigures) {
  Connected connection = testing_support::Connect(server_);
  sockets_.Add(connection.client, To("api.example.com:443", std::chrono::seconds(2)));
  std::string bytes(300'000, 'x');
  ASSERT_EQ(::write(connection.client.get(), "hello", 5), 5);
  ASSERT_EQ(::write(connection.server.get(), bytes.data(), 1000), 1000);
  ASSERT_EQ(::recv(connection.client.get(), bytes.data(), 1000, MSG_WAITALL), 1000);
  ASSERT_EQ(::recv(connection.server.get(), bytes.data(), 5, MSG_WAITALL), 5);
  EXPECT_TRUE(judge_.Recorded().empty());
  connection.client.Reset();
  connection.server.Reset();
  ends_.Finish(milliseconds(5000));
  const auto finished = Finished();
  ASSERT_EQ(finished.size(), 1U);
  const auto& context = finished[0]["context"];
  EXPECT_EQ(finished[0]["action"], "NetConnect");
  EXPECT_EQ(finished[0]["resource"], "api.example.com:443");
  EXPECT_EQ(context["bytes_sent"], 5);
  // The kernel may have counted the other side's end of stream, and does not tell.
  EXPECT_GE(context["bytes_received"], 1000);
  EXPECT_LE(context["bytes_received"], 1001);
  EXPECT_GE(context["duration_ms"], 2000);
  EXPECT_LT(context["duration_ms"], 60'000);
  EXPECT_EQ(context["host"], "api.example.com");
  EXPECT_EQ(context["port"], 443);
  EXPECT_EQ(context["protocol"], "tcp");
  EXPECT_EQ(context["pid"], 7);
  EXPECT_EQ(context["exe"], "/usr/bin/curl");
  EXPECT_TRUE(sockets_.empty());
}

TEST_F(KernelConnectionEndsTest, WhatCarriedNothingSaysSo) {
  Connected connection = testing_support::Connect(server_);
  sockets_.Add(connection.client, To("api.example.com:443"));
  connection.server.Reset();  // its end of stream is none of the agent's bytes
  ASSERT_TRUE(testing_support::WaitFor(connection.client, POLLIN));
  connection.client.Reset();
  ends_.Finish(milliseconds(5000));
  const auto finished = Finished();
  ASSERT_EQ(finished.size(), 1U);
  EXPECT_EQ(finished[0]["context"]["bytes_sent"], 0);
  EXPECT_EQ(finished[0]["context"]["bytes_received"], 0);
}

TEST_F(KernelConnectionEndsTest, ManyBytesAreCounted) {
  Connected connection = testing_support::Connect(server_);
  sockets_.Add(connection.client, To("api.example.com:443"));
  const std::string bytes(100'000, 'x');
  std::string read(bytes.size(), '\0');
  for (int i = 0; i < 30; ++i) {
    ASSERT_EQ(::send(connection.client.get(), bytes.data(), bytes.size(), 0),
              static_cast<ssize_t>(bytes.size()));
    ASSERT_EQ(::recv(connection.server.get(), read.data(), read.size(), MSG_WAITALL),
              static_cast<ssize_t>(read.size()));
  }
  connection.client.Reset();
  connection.server.Reset();
  ends_.Finish(milliseconds(5000));
  ASSERT_EQ(Finished().size(), 1U);
  EXPECT_EQ(Finished()[0]["context"]["bytes_sent"], 3'000'000);
}

// Sockets of other programs, and the agent's inside, end all the time.
TEST_F(KernelConnectionEndsTest, OtherSocketsAreNobodysConnections) {
  Connected ours = testing_support::Connect(server_);
  sockets_.Add(ours.client, To("api.example.com:443"));
  {
    const Connected other = testing_support::Connect(server_);
    const base::UniqueFd never = testing_support::MakeTcp();
  }
  pollfd events{ends_.fd(), POLLIN, 0};
  ASSERT_EQ(::poll(&events, 1, 5000), 1);
  ends_.Take();
  EXPECT_TRUE(judge_.Recorded().empty());
  EXPECT_FALSE(sockets_.empty());
}

TEST_F(KernelConnectionEndsTest, ADuplicateKeepsTheConnection) {
  Connected connection = testing_support::Connect(server_);
  sockets_.Add(connection.client, To("api.example.com:443"));
  base::UniqueFd duplicate(::fcntl(connection.client.get(), F_DUPFD_CLOEXEC, 0));
  connection.client.Reset();
  connection.server.Reset();
  pollfd events{ends_.fd(), POLLIN, 0};
  (void)::poll(&events, 1, 100);
  ends_.Take();
  EXPECT_TRUE(judge_.Recorded().empty());
  duplicate.Reset();
  ends_.Finish(milliseconds(5000));
  EXPECT_EQ(Finished().size(), 1U);
}

TEST_F(KernelConnectionEndsTest, WhatIsStillOpenIsRecordedWithoutFigures) {
  const Connected connection = testing_support::Connect(server_);
  sockets_.Add(connection.client, To("api.example.com:443"));
  const auto begun = std::chrono::steady_clock::now();
  ends_.Finish(milliseconds(30));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5));
  const auto finished = Finished();
  ASSERT_EQ(finished.size(), 1U);
  EXPECT_FALSE(finished[0]["context"].contains("bytes_sent"));
  EXPECT_FALSE(finished[0]["context"].contains("bytes_received"));
  EXPECT_TRUE(finished[0]["context"].contains("duration_ms"));
}

TEST_F(ConnectionEndsTest, WithoutEventsTheFiguresAreUnknown) {
  ConnectionEnds ends(base::UniqueFd(), sockets_, judge_.judge());
  EXPECT_EQ(ends.fd(), -1);
  const base::UniqueFd socket = testing_support::MakeTcp();
  sockets_.Add(socket, To("api.example.com:443"));
  ends.Finish(milliseconds(60'000));  // does not wait
  ASSERT_EQ(Finished().size(), 1U);
  EXPECT_FALSE(Finished()[0]["context"].contains("bytes_sent"));
}

// The test is the kernel, and writes what it likes.
class WrittenConnectionEndsTest : public ConnectionEndsTest {
 protected:
  WrittenConnectionEndsTest() { sockets_.Add(socket_, To("api.example.com:443")); }

  template <typename Value>
  static void Append(std::string& bytes, const Value& value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
    bytes.resize(NLMSG_ALIGN(bytes.size()));
  }

  // A message about a socket, as sock_diag(7) writes it; with the first `info_size` bytes of a
  // tcp_info.
  std::string Message(std::uint64_t cookie, std::size_t info_size = sizeof(tcp_info)) const {
    tcp_info info{};
    info.tcpi_bytes_sent = 120;
    info.tcpi_bytes_retrans = 20;
    info.tcpi_bytes_received = 50;
    info.tcpi_data_segs_in = 1;
    info.tcpi_segs_out = segments_out_;
    inet_diag_msg message{};
    message.id.idiag_cookie[0] = static_cast<std::uint32_t>(cookie);
    message.id.idiag_cookie[1] = static_cast<std::uint32_t>(cookie >> 32U);
    std::string body;
    Append(body, message);
    rtattr other{.rta_len = RTA_LENGTH(1), .rta_type = INET_DIAG_TOS};
    Append(body, other);
    body.append(4, '\x07');
    rtattr attribute{.rta_len = static_cast<unsigned short>(RTA_LENGTH(info_size)),
                     .rta_type = INET_DIAG_INFO};
    Append(body, attribute);
    body.append(reinterpret_cast<const char*>(&info), info_size);
    nlmsghdr header{};
    header.nlmsg_len = static_cast<std::uint32_t>(NLMSG_LENGTH(body.size()));
    header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    std::string bytes;
    Append(bytes, header);
    return bytes + body;
  }

  void Tell(const std::string& bytes) {
    ASSERT_EQ(::send(kernel_.get(), bytes.data(), bytes.size(), 0),
              static_cast<ssize_t>(bytes.size()));
    ends_.Take();
  }

  static std::pair<base::UniqueFd, base::UniqueFd> Pair() {
    auto ends = testing_support::Packets();
    AEGIS_CHECK(::fcntl(ends.second.get(), F_SETFL, O_NONBLOCK) == 0);
    return ends;
  }

  std::uint32_t segments_out_ = 4;
  base::UniqueFd socket_ = testing_support::MakeTcp();
  std::uint64_t cookie_ = CookieOf(socket_);
  std::pair<base::UniqueFd, base::UniqueFd> pair_ = Pair();
  base::UniqueFd kernel_ = std::move(pair_.first);
  ConnectionEnds ends_{std::move(pair_.second), sockets_, judge_.judge()};
};

TEST_F(WrittenConnectionEndsTest, TheFiguresAreThoseOfTheMessage) {
  Tell(Message(cookie_));
  ASSERT_EQ(Finished().size(), 1U);
  EXPECT_EQ(Finished()[0]["context"]["bytes_sent"], 100);
  EXPECT_EQ(Finished()[0]["context"]["bytes_received"], 50);
  Tell(Message(cookie_));
  EXPECT_EQ(Finished().size(), 1U);  // once
}

TEST_F(WrittenConnectionEndsTest, SeveralMessagesInOnePacket) {
  const base::UniqueFd other = testing_support::MakeTcp();
  sockets_.Add(other, To("other.example.com:443"));
  Tell(Message(1) + Message(cookie_) + Message(CookieOf(other)));
  ASSERT_EQ(Finished().size(), 2U);
  EXPECT_EQ(Finished()[1]["resource"], "other.example.com:443");
}

// Of a shorter or missing tcp_info only what is there counts.
TEST_F(WrittenConnectionEndsTest, OlderKernelsSayLess) {
  Tell(Message(cookie_, 40));
  ASSERT_EQ(Finished().size(), 1U);
  EXPECT_FALSE(Finished()[0]["context"].contains("bytes_received"));
}

// A reset sets all counts back: none is better than a wrong one.
TEST_F(WrittenConnectionEndsTest, WithoutAPacketThatWentOutNoFigureIsKnown) {
  segments_out_ = 0;
  Tell(Message(cookie_));
  ASSERT_EQ(Finished().size(), 1U);
  EXPECT_FALSE(Finished()[0]["context"].contains("bytes_sent"));
}

TEST_F(WrittenConnectionEndsTest, ASocketWithoutFiguresHasNone) {
  std::string bytes = Message(cookie_);
  bytes.resize(NLMSG_LENGTH(sizeof(inet_diag_msg)));
  const auto length = static_cast<std::uint32_t>(bytes.size());
  std::memcpy(bytes.data(), &length, sizeof length);
  Tell(bytes);
  ASSERT_EQ(Finished().size(), 1U);
  EXPECT_FALSE(Finished()[0]["context"].contains("bytes_sent"));
}

// Cut anywhere, a message says nothing that it does not hold, and the next one is read.
TEST_F(WrittenConnectionEndsTest, ACutMessageEndsNothing) {
  const std::string whole = Message(cookie_);
  for (std::size_t size = 1; size < whole.size(); ++size) {
    Tell(whole.substr(0, size));
    ASSERT_TRUE(judge_.Recorded().empty()) << size;
  }
  Tell(whole);
  EXPECT_EQ(Finished().size(), 1U);
}

// Lengths of messages and attributes that are none.
TEST_F(WrittenConnectionEndsTest, HostileLengthsAreNotFollowed) {
  const std::size_t attributes = NLMSG_LENGTH(NLMSG_ALIGN(sizeof(inet_diag_msg)));
  for (const std::uint32_t length :
       {0U, 1U, 15U, 16U, 17U, 0x7fffffffU, 0xfffffff0U, 0xffffffffU}) {
    std::string bytes = Message(cookie_);
    std::memcpy(bytes.data(), &length, sizeof length);
    Tell(bytes);
    EXPECT_TRUE(judge_.Recorded().empty()) << length;
  }
  for (const unsigned short length : std::array<unsigned short, 5>{0, 1, 3, 0x7fff, 0xffff}) {
    sockets_.Add(socket_, To("api.example.com:443"));
    std::string bytes = Message(cookie_);
    std::memcpy(bytes.data() + attributes, &length, sizeof length);
    const std::size_t before = Finished().size();
    Tell(bytes);
    const auto finished = Finished();
    ASSERT_EQ(finished.size(), before + 1);
    EXPECT_FALSE(finished.back()["context"].contains("bytes_sent")) << length;
  }
}

TEST_F(WrittenConnectionEndsTest, AnyBytesAreRead) {
  std::mt19937 random(1);
  const std::string whole = Message(cookie_) + Message(cookie_);
  for (int i = 0; i < 3000; ++i) {
    sockets_.Add(socket_, To("api.example.com:443"));
    std::string bytes = whole.substr(0, 1 + random() % whole.size());
    for (auto changes = random() % 6; changes > 0; --changes) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    Tell(bytes);
  }
  for (const auto& payload : Finished()) {
    EXPECT_EQ(payload["resource"], "api.example.com:443");
  }
}

}  // namespace
}  // namespace aegis::gate
