#include "proxy/channel.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "proxy/bytes.h"
#include "proxy/protocol.h"

namespace aegis::proxy {
namespace {

class Channel : public ::testing::Test {
 public:
  void SetUp() override {
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
    here.Reset(ends[0]);
    there.Reset(ends[1]);
  }

  base::UniqueFd here;
  base::UniqueFd there;
};

TEST_F(Channel, KeepsPacketsApart) {
  const Bytes first = {1, 2, 3};
  const Bytes second(kLongestMessage, 4);
  ASSERT_TRUE(Send(here.get(), first));
  ASSERT_TRUE(Send(here.get(), second));
  EXPECT_EQ(Receive(there.get()).value(), first);
  EXPECT_EQ(Receive(there.get()).value(), second);
}

TEST_F(Channel, TheEndIsNoError) {
  here.Reset();
  const auto end = Receive(there.get());
  ASSERT_TRUE(end);
  EXPECT_FALSE(*end);
  EXPECT_FALSE(Send(there.get(), Bytes{1}));
  const auto nothing = ReceiveWithDescriptors(there.get());
  ASSERT_TRUE(nothing);
  EXPECT_FALSE(*nothing);
}

TEST_F(Channel, TooLongIsRefused) {
  ASSERT_TRUE(Send(here.get(), Bytes(kLongestMessage + 1, 0)));
  ASSERT_TRUE(Send(here.get(), Bytes(kLongestMessage + 1, 0)));
  EXPECT_FALSE(Receive(there.get()));
  EXPECT_FALSE(ReceiveWithDescriptors(there.get()));
}

TEST_F(Channel, SaysThatItWouldWait) {
  ASSERT_EQ(::fcntl(here.get(), F_SETFL, O_NONBLOCK), 0);
  const auto nothing = Receive(here.get());
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().sys_errno(), EAGAIN);
  base::Result<> sent;
  for (int i = 0; sent && i < 100'000; ++i) {
    sent = Send(here.get(), Bytes(kLongestMessage, 0));
  }
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().sys_errno(), EAGAIN);
}

TEST_F(Channel, HandsDescriptorsOver) {
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
  base::UniqueFd read_end(pipe[0]);
  const base::UniqueFd write_end(pipe[1]);
  ASSERT_TRUE(Send(here.get(), Bytes{9}, std::vector<int>{write_end.get(), read_end.get()}));
  const auto packet = ReceiveWithDescriptors(there.get());
  ASSERT_TRUE(packet && *packet);
  const PacketWithDescriptors& received = **packet;
  EXPECT_EQ(received.packet, Bytes{9});
  ASSERT_EQ(received.descriptors.size(), 2U);
  read_end.Reset();
  ASSERT_EQ(::write(received.descriptors[0].get(), "x", 1), 1);
  char got = 0;
  EXPECT_EQ(::read(received.descriptors[1].get(), &got, 1), 1);
  EXPECT_EQ(got, 'x');
  EXPECT_EQ(::fcntl(received.descriptors[0].get(), F_GETFD), FD_CLOEXEC);
}

// A process that can't be trusted must not fill the other's table.
TEST_F(Channel, UnwantedDescriptorsDoNotArrive) {
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
  const base::UniqueFd read_end(pipe[0]);
  base::UniqueFd write_end(pipe[1]);
  ASSERT_TRUE(Send(here.get(), Bytes{9}, std::vector<int>{write_end.get()}));
  write_end.Reset();
  EXPECT_EQ(Receive(there.get()).value(), Bytes{9});
  char got = 0;
  EXPECT_EQ(::read(read_end.get(), &got, 1), 0) << "the last writer is gone";
}

}  // namespace
}  // namespace aegis::proxy
