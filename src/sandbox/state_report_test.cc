#include "sandbox/state_report.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include <array>
#include <vector>

#include "base/unique_fd.h"
#include "sandbox/init.h"

namespace aegis::sandbox {
namespace {

using Kind = Event::Kind;

class StateReportTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
    init_.Reset(ends[0]);
    launcher_.Reset(ends[1]);
  }

  std::vector<Kind> Received() const {
    std::vector<Kind> kinds;
    Event event;
    while (::recv(launcher_.get(), &event, sizeof event, MSG_DONTWAIT) == sizeof event) {
      kinds.push_back(event.kind);
    }
    return kinds;
  }

  bool Writable() const {
    pollfd socket{init_.get(), POLLOUT, 0};
    return ::poll(&socket, 1, 0) == 1 && (socket.revents & POLLOUT) != 0;
  }

  base::UniqueFd init_;
  base::UniqueFd launcher_;
};

TEST_F(StateReportTest, TellsEachStateWhileThereIsRoom) {
  StateReport report(init_.get());
  report.Tell({Kind::kStopped, SIGTSTP});
  report.Tell({Kind::kContinued, 0});
  EXPECT_FALSE(report.waiting());
  EXPECT_EQ(Received(), (std::vector{Kind::kStopped, Kind::kContinued}));
}

// Whichever it is: a launcher that hears last of a stop stays stopped, one that hears last of a
// continuation runs on.
TEST_F(StateReportTest, TheLastStateArrivesWhateverIsLost) {
  for (const Kind last : {Kind::kStopped, Kind::kContinued}) {
    const Kind other = last == Kind::kStopped ? Kind::kContinued : Kind::kStopped;
    StateReport report(init_.get());
    while (!report.waiting()) {
      report.Tell({other, 0});
    }
    report.Tell({last, 0});
    report.Tell({other, 0});
    report.Tell({last, 0});
    EXPECT_TRUE(report.waiting());
    EXPECT_EQ(Received().back(), other);
    EXPECT_TRUE(Writable());
    report.TellAgain();
    EXPECT_FALSE(report.waiting());
    EXPECT_EQ(Received(), std::vector{last});
  }
}

TEST_F(StateReportTest, TellsNothingTwice) {
  StateReport report(init_.get());
  report.Tell({Kind::kStopped, SIGSTOP});
  report.TellAgain();
  EXPECT_EQ(Received(), std::vector{Kind::kStopped});
}

TEST_F(StateReportTest, SurvivesTheOtherSide) {
  StateReport report(init_.get());
  launcher_.Reset();
  report.Tell({Kind::kStopped, SIGSTOP});
  EXPECT_TRUE(report.waiting());
}

}  // namespace
}  // namespace aegis::sandbox
