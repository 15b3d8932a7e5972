// The small parts of the executor that need no namespace.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/landlock.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>

#include "base/result.h"
#include "base/test_requirements.h"
#include "base/unique_fd.h"
#include "sandbox/capabilities.h"
#include "sandbox/handshake.h"
#include "sandbox/init.h"
#include "sandbox/landlock.h"
#include "sandbox/mode.h"
#include "sandbox/namespaces.h"
#include "sandbox/plan.h"
#include "sandbox/protections.h"
#include "sandbox/uapi.h"

namespace aegis::sandbox {
namespace {

using ::testing::HasSubstr;

TEST(NativeRights, AreThoseOfTheGrantAndItsKind) {
  const NativeGrant tree{.path = "/a", .directory = true, .read = true, .list = true};
  EXPECT_EQ(NativeRights(tree, 5), LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR);
  const NativeGrant file{.path = "/a", .read = true, .list = true, .execute = true};
  EXPECT_EQ(NativeRights(file, 5), LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE);
  EXPECT_EQ(NativeRights({.path = "/a", .directory = true, .execute = true}, 5), 0U);
  const NativeGrant device{.path = "/dev/tty", .read = true};
  EXPECT_EQ(NativeRights(device, 4), LANDLOCK_ACCESS_FS_READ_FILE);
  EXPECT_EQ(NativeRights(device, 5), LANDLOCK_ACCESS_FS_READ_FILE | uapi::kLandlockFsIoctlDevice);
}

TEST(Landlock, HandlesAllThatTheAbiKnows) {
  const auto abi2 = LandlockAttributes(Mode::kRun, 2);
  EXPECT_EQ(abi2.handled_access_fs, (1ULL << 14U) - 1);
  EXPECT_EQ(abi2.handled_access_net, 0U);
  EXPECT_EQ(abi2.scoped, 0U);
  EXPECT_EQ(LandlockAttributes(Mode::kRun, 3).handled_access_fs, (1ULL << 15U) - 1);
  EXPECT_EQ(LandlockAttributes(Mode::kRun, 4).handled_access_net, 3U);
  EXPECT_EQ(LandlockAttributes(Mode::kRun, 5).handled_access_fs, (1ULL << 16U) - 1);
  EXPECT_EQ(LandlockAttributes(Mode::kRun, 6).scoped, 3U);
  EXPECT_EQ(LandlockAttributes(Mode::kRun, 99).handled_access_fs, (1ULL << 16U) - 1);
}

TEST(Landlock, WrapOnlyKeepsSignalsInside) {
  for (const int abi : {2, 5, 6, 7}) {
    const auto attr = LandlockAttributes(Mode::kWrap, abi);
    EXPECT_EQ(attr.handled_access_fs, 0U);
    EXPECT_EQ(attr.handled_access_net, 0U);
    EXPECT_EQ(attr.scoped, abi >= 6 ? uapi::kLandlockScopeSignal : 0U);
  }
}

class HandshakeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
    supervisor_.Reset(ends[0]);
    inside_.Reset(ends[1]);
    const int on = 1;
    ASSERT_EQ(::setsockopt(ends[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on), 0);
  }
  base::UniqueFd supervisor_;
  base::UniqueFd inside_;
};

TEST_F(HandshakeTest, AnOfferComesWithTheKernelsWordForItsSender) {
  ASSERT_TRUE(SendOffer(inside_.get(), 17).has_value());
  ASSERT_TRUE(SendSettled(inside_.get()).has_value());
  const auto offer = ReceiveOffer(supervisor_.get());
  ASSERT_TRUE(offer.has_value());
  EXPECT_EQ(offer->listener_fd, 17);
  EXPECT_EQ(offer->pid, ::getpid());
  ASSERT_TRUE(AcceptOffer(supervisor_.get()).has_value());
  EXPECT_TRUE(AwaitAcceptance(inside_.get()).has_value());
}

TEST_F(HandshakeTest, AnOfferIsNotEnoughWithoutInit) {
  ASSERT_TRUE(SendOffer(inside_.get(), 17).has_value());
  inside_.Reset();
  EXPECT_FALSE(ReceiveOffer(supervisor_.get()).has_value());
}

TEST_F(HandshakeTest, InitSaysThatProcIsMounted) {
  ASSERT_TRUE(SendMounted(inside_.get()).has_value());
  EXPECT_TRUE(AwaitMounted(supervisor_.get()).has_value());
  ASSERT_TRUE(SendSettled(inside_.get()).has_value());
  EXPECT_FALSE(AwaitMounted(supervisor_.get()).has_value());
}

TEST_F(HandshakeTest, AFailureArrivesAsItWas) {
  SendFailure(inside_.get(), base::Error(base::Errc::kUnsupported, "no x", ENOSYS));
  const auto offer = ReceiveOffer(supervisor_.get());
  ASSERT_FALSE(offer.has_value());
  EXPECT_EQ(offer.error().code(), base::Errc::kUnsupported);
  EXPECT_EQ(offer.error().sys_errno(), ENOSYS);
  EXPECT_EQ(offer.error().message(), "no x");
}

TEST_F(HandshakeTest, ALongFailureIsCut) {
  SendFailure(inside_.get(), base::Error(base::Errc::kInternal, std::string(5000, 'x')));
  const auto offer = ReceiveOffer(supervisor_.get());
  ASSERT_FALSE(offer.has_value());
  EXPECT_EQ(offer.error().message(), std::string(1024, 'x'));
}

TEST_F(HandshakeTest, AnEndIsAnError) {
  inside_.Reset();
  EXPECT_FALSE(ReceiveOffer(supervisor_.get()).has_value());
  EXPECT_FALSE(AcceptOffer(supervisor_.get()).has_value());
}

TEST_F(HandshakeTest, TheCommandDoesNotGoOnAlone) {
  supervisor_.Reset();
  EXPECT_FALSE(AwaitAcceptance(inside_.get()).has_value());
}

TEST_F(HandshakeTest, AShortMessageIsAnError) {
  ASSERT_EQ(::write(inside_.get(), "x", 1), 1);
  EXPECT_FALSE(ReceiveOffer(supervisor_.get()).has_value());
}

TEST(Capabilities, OnlyRootKeepsFileCapabilities) {
  EXPECT_NE(FileCapabilities(true), 0U);
  EXPECT_EQ(FileCapabilities(false), 0U);
}

TEST(Namespaces, SaysWhatToDoAboutMissingOnes) {
  EXPECT_THAT(UserNamespaceError(EPERM).message(), HasSubstr("apparmor_restrict"));
  EXPECT_THAT(UserNamespaceError(ENOSPC).message(), HasSubstr("max_user_namespaces"));
  EXPECT_EQ(UserNamespaceError(EPERM).code(), base::Errc::kUnsupported);
}

TEST(Namespaces, ALauncherWhoseSupervisorEndsIsTold) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  const base::UniqueFd ours(ends[0]);
  ::close(ends[1]);
  const auto mapped = WriteIdMaps(::getpid(), ours.get());
  ASSERT_FALSE(mapped.has_value());
  EXPECT_THAT(mapped.error().message(), HasSubstr("supervisor"));
}

TEST(Namespaces, AParentThatIsGoneIsNoticed) {
  EXPECT_FALSE(DieWithParent(1 << 30).has_value());
  EXPECT_TRUE(DieWithParent(::getppid()).has_value());
}

TEST(Signals, AreCapturedAsTheyStand) {
  sigset_t mask;
  sigset_t before;
  ::sigemptyset(&mask);
  ::sigaddset(&mask, SIGUSR2);
  ASSERT_EQ(::sigprocmask(SIG_BLOCK, &mask, &before), 0);
  auto* const old_handler = ::signal(SIGUSR1, SIG_IGN);
  const SignalState state = CaptureSignals();
  EXPECT_TRUE(state.ignored[SIGUSR1]);
  EXPECT_FALSE(state.ignored[SIGCHLD]);
  EXPECT_EQ(::sigismember(&state.mask, SIGUSR2), 1);
  EXPECT_EQ(::sigismember(&state.mask, SIGTERM), 0);
  (void)::signal(SIGUSR1, old_handler);
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
}

TEST(Protections, AreNamedWithAdvice) {
  const auto protections = Probe();
  EXPECT_GE(protections.size(), 8U);
  for (const Protection& protection : protections) {
    EXPECT_FALSE(protection.name.empty());
    EXPECT_EQ(protection.in_force, protection.advice.empty()) << protection.name;
  }
}

TEST(Protections, AreInForceWhereTheTestsNeedThem) {
  REQUIRE_USERNS();
  REQUIRE_LANDLOCK(2);
  for (const Protection& protection : Probe()) {
    EXPECT_TRUE(protection.in_force || !protection.required)
        << protection.name << ": " << protection.detail;
  }
  EXPECT_TRUE(CheckProtections().has_value());
}

}  // namespace
}  // namespace aegis::sandbox
