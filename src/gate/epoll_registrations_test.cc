#include "gate/epoll_registrations.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/unique_fd.h"
#include "gate/process_table.h"
#include "gate/test_roots.h"
#include "gate/test_sockets.h"

namespace aegis::gate {
namespace {

using testing_support::MakeTcp;
using testing_support::TestServer;

base::UniqueFd MakeEpoll() {
  base::UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  AEGIS_CHECK(epoll.valid());
  return epoll;
}

ino_t InodeOf(int fd) {
  struct stat st{};
  AEGIS_CHECK(::fstat(fd, &st) == 0);
  return st.st_ino;
}

// The agent and its supervisor are the test itself.
class EpollTest : public ::testing::Test {
 protected:
  // Its thread lasts as long as the process.
  EpollTest() : epolls_(*new EpollRegistrations(files_.roots)) {}

  static int Add(const base::UniqueFd& epoll, int fd, std::uint32_t events, std::uint64_t data) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = data;
    return ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &event);
  }

  std::vector<EpollRegistration> Find(int number) {
    epolls_.Announce();  // what follows was just made
    return epolls_.Find(*processes_.Find(::getpid()), processes_, number, InodeOf(number));
  }

  // As if nobody else had what stood there.
  void Restore(const std::vector<EpollRegistration>& registrations, int number,
               const base::UniqueFd& socket) {
    const base::UniqueFd none;
    epolls_.Restore(registrations, number, {none, socket});
  }

  // As connect(2) does it: `socket` takes the place of descriptor `number`.
  void ReplaceBy(const base::UniqueFd& socket, int number) {
    const auto registrations = Find(number);
    ASSERT_EQ(::dup3(socket.get(), number, O_CLOEXEC), number);
    Restore(registrations, number, socket);
  }

  struct Seen {
    int count = 0;
    std::uint32_t events = 0;
    std::uint64_t data = 0;
  };
  static Seen Wait(const base::UniqueFd& epoll, int milliseconds = 0) {
    std::array<epoll_event, 4> events{};
    Seen seen;
    seen.count = ::epoll_wait(epoll.get(), events.data(), events.size(), milliseconds);
    seen.events = events[0].events;
    seen.data = events[0].data.u64;
    return seen;
  }

  TestRoots files_;
  ProcessTable processes_{files_.roots};
  EpollRegistrations& epolls_;
  TestServer server_;
  testing_support::Connected ends_ = testing_support::Connect(server_);
};

TEST_F(EpollTest, RegistrationsAreFoundAsTheyWereMade) {
  const base::UniqueFd socket = MakeTcp();
  EXPECT_TRUE(Find(socket.get()).empty());
  const base::UniqueFd unrelated = MakeEpoll();
  ASSERT_EQ(Add(unrelated, ends_.client.get(), EPOLLIN, 1), 0);
  EXPECT_TRUE(Find(socket.get()).empty());
  for (const std::uint32_t kind : {0U, std::uint32_t{EPOLLET}, std::uint32_t{EPOLLONESHOT}}) {
    const base::UniqueFd epoll = MakeEpoll();
    ASSERT_EQ(Add(epoll, socket.get(), EPOLLIN | EPOLLOUT | kind, 0xfeedfacecafebeefULL), 0);
    const auto found = Find(socket.get());
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].events & ~std::uint32_t{EPOLLERR | EPOLLHUP}, EPOLLIN | EPOLLOUT | kind);
    EXPECT_EQ(found[0].data, 0xfeedfacecafebeefULL);
    EXPECT_EQ(InodeOf(found[0].epoll.get()), InodeOf(epoll.get()));
    EXPECT_NE(found[0].epoll.get(), epoll.get());
  }
}

TEST_F(EpollTest, OneIsFoundInEachInstance) {
  const base::UniqueFd socket = MakeTcp();
  const std::array<base::UniqueFd, 3> epolls = {MakeEpoll(), MakeEpoll(), MakeEpoll()};
  ASSERT_EQ(Add(epolls[0], socket.get(), EPOLLIN, 1), 0);
  ASSERT_EQ(Add(epolls[2], socket.get(), EPOLLOUT, 3), 0);
  const auto found = Find(socket.get());
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].data + found[1].data, 4U);
}

// The kernel keeps a registration under the number with which it was made.
TEST_F(EpollTest, ADuplicatesRegistrationIsTheDuplicates) {
  const base::UniqueFd socket = MakeTcp();
  const base::UniqueFd duplicate(::fcntl(socket.get(), F_DUPFD_CLOEXEC, 0));
  const base::UniqueFd epoll = MakeEpoll();
  ASSERT_EQ(Add(epoll, duplicate.get(), EPOLLIN, 2), 0);
  EXPECT_TRUE(Find(socket.get()).empty());
  ASSERT_EQ(Find(duplicate.get()).size(), 1U);
  ASSERT_EQ(Add(epoll, socket.get(), EPOLLIN, 1), 0);
  ASSERT_EQ(Find(socket.get()).size(), 1U);
  EXPECT_EQ(Find(socket.get())[0].data, 1U);
  EXPECT_EQ(Find(duplicate.get())[0].data, 2U);
}

// A number that another file had when it was registered, and which a duplicate keeps open.
TEST_F(EpollTest, AnotherFilesRegistrationIsNotTheSockets) {
  base::UniqueFd first = MakeTcp();
  const base::UniqueFd kept(::fcntl(first.get(), F_DUPFD_CLOEXEC, 0));
  const base::UniqueFd epoll = MakeEpoll();
  ASSERT_EQ(Add(epoll, first.get(), EPOLLIN, 1), 0);
  const base::UniqueFd socket = MakeTcp();
  ASSERT_EQ(::dup3(socket.get(), first.get(), O_CLOEXEC), first.get());
  EXPECT_TRUE(Find(first.get()).empty());
}

TEST_F(EpollTest, EventsArriveAsBefore) {
  const base::UniqueFd socket = MakeTcp();
  const base::UniqueFd epoll = MakeEpoll();
  ASSERT_EQ(Add(epoll, socket.get(), EPOLLIN, 0x1122334455667788ULL), 0);
  EXPECT_EQ(Wait(epoll).events, EPOLLHUP);  // is not connected
  ReplaceBy(ends_.client, socket.get());
  EXPECT_EQ(Wait(epoll).count, 0);
  ASSERT_EQ(::write(ends_.server.get(), "x", 1), 1);
  const Seen seen = Wait(epoll, 5000);
  EXPECT_EQ(seen.count, 1);
  EXPECT_EQ(seen.events, EPOLLIN);
  EXPECT_EQ(seen.data, 0x1122334455667788ULL);
  // Level: again.
  EXPECT_EQ(Wait(epoll).count, 1);
}

TEST_F(EpollTest, EdgesAndSingleShotsStayWhatTheyAre) {
  for (const std::uint32_t kind : {std::uint32_t{EPOLLET}, std::uint32_t{EPOLLONESHOT}}) {
    const auto ends = testing_support::Connect(server_);
    const base::UniqueFd socket = MakeTcp();
    const base::UniqueFd epoll = MakeEpoll();
    ASSERT_EQ(Add(epoll, socket.get(), EPOLLIN | kind, 5), 0);
    ReplaceBy(ends.client, socket.get());
    ASSERT_EQ(::write(ends.server.get(), "x", 1), 1);
    EXPECT_EQ(Wait(epoll, 5000).data, 5U);
    EXPECT_EQ(Wait(epoll).count, 0) << kind;
  }
}

TEST_F(EpollTest, TheProgramChangesAndRemovesItAsItsOwn) {
  const base::UniqueFd socket = MakeTcp();
  const base::UniqueFd epoll = MakeEpoll();
  ASSERT_EQ(Add(epoll, socket.get(), EPOLLIN, 1), 0);
  ReplaceBy(ends_.client, socket.get());
  EXPECT_EQ(Add(epoll, socket.get(), EPOLLIN, 1), -1);
  EXPECT_EQ(errno, EEXIST);
  epoll_event changed{};
  changed.events = EPOLLOUT;
  changed.data.u64 = 9;
  ASSERT_EQ(::epoll_ctl(epoll.get(), EPOLL_CTL_MOD, socket.get(), &changed), 0);
  EXPECT_EQ(Wait(epoll, 5000).data, 9U);
  ASSERT_EQ(::epoll_ctl(epoll.get(), EPOLL_CTL_DEL, socket.get(), nullptr), 0);
  EXPECT_EQ(Wait(epoll).count, 0);
  EXPECT_EQ(::epoll_ctl(epoll.get(), EPOLL_CTL_DEL, socket.get(), nullptr), -1);
  EXPECT_EQ(errno, ENOENT);
}

TEST_F(EpollTest, AllInstancesAreToldAgain) {
  const base::UniqueFd socket = MakeTcp();
  const std::array<base::UniqueFd, 3> epolls = {MakeEpoll(), MakeEpoll(), MakeEpoll()};
  for (std::size_t i = 0; i < epolls.size(); ++i) {
    ASSERT_EQ(Add(epolls.at(i), socket.get(), EPOLLIN, i), 0);
  }
  ReplaceBy(ends_.client, socket.get());
  ASSERT_EQ(::write(ends_.server.get(), "x", 1), 1);
  for (std::size_t i = 0; i < epolls.size(); ++i) {
    const Seen seen = Wait(epolls.at(i), 5000);
    EXPECT_EQ(seen.count, 1);
    EXPECT_EQ(seen.data, i);
  }
}

// What was not registered is not registered afterwards.
TEST_F(EpollTest, NothingIsAdded) {
  const base::UniqueFd socket = MakeTcp();
  const base::UniqueFd epoll = MakeEpoll();
  ReplaceBy(ends_.client, socket.get());
  ASSERT_EQ(::write(ends_.server.get(), "x", 1), 1);
  EXPECT_EQ(Wait(epoll, 50).count, 0);
}

// The thread that registers has descriptors of its own: no number of the agent's is taken there,
// whatever it is, and none of this process changes.
TEST_F(EpollTest, NoNumberIsInTheWay) {
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = limit.rlim_max;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  const int highest = static_cast<int>(std::min<rlim_t>(limit.rlim_max, 1U << 19U)) - 1;
  std::vector<int> numbers = {highest, highest - 1};
  for (int number = 3; number < 40; ++number) {
    numbers.push_back(number);
  }
  for (const int number : numbers) {
    const auto ends = testing_support::Connect(server_);
    const base::UniqueFd epoll(::fcntl(MakeEpoll().get(), F_DUPFD_CLOEXEC, 100));
    const base::UniqueFd client(::fcntl(ends.client.get(), F_DUPFD_CLOEXEC, 100));
    const base::UniqueFd server(::fcntl(ends.server.get(), F_DUPFD_CLOEXEC, 100));
    const base::UniqueFd before(::fcntl(number, F_DUPFD_CLOEXEC, 100));  // what the test has there
    base::UniqueFd fresh(::fcntl(MakeTcp().get(), F_DUPFD_CLOEXEC, 100));
    ASSERT_EQ(::dup3(fresh.get(), number, O_CLOEXEC), number);
    fresh.Reset();
    ASSERT_EQ(Add(epoll, number, EPOLLIN, 7), 0);
    // Of the test's own descriptors one may be what is looked up.
    std::vector<EpollRegistration> registrations;
    base::UniqueFd shared(::fcntl(epoll.get(), F_DUPFD_CLOEXEC, 100));
    registrations.push_back({std::move(shared), EPOLLIN, 7});
    ASSERT_EQ(::dup3(client.get(), number, O_CLOEXEC), number);
    Restore(registrations, number, client);
    ASSERT_EQ(::write(server.get(), "x", 1), 1);
    const Seen seen = Wait(epoll, 5000);
    EXPECT_EQ(seen.count, 1) << number;
    EXPECT_EQ(seen.data, 7U);
    EXPECT_EQ(InodeOf(number), InodeOf(client.get()));  // nothing was closed here
    if (before.valid()) {
      ASSERT_EQ(::dup3(before.get(), number, O_CLOEXEC), number);
    } else {
      ::close(number);
    }
  }
}

// What was replaced may live on elsewhere: its registration would tell of it for ever.
TEST_F(EpollTest, WhatWasReplacedIsNotToldOfAnyMore) {
  const base::UniqueFd epoll = MakeEpoll();
  const base::UniqueFd old(::fcntl(ends_.client.get(), F_DUPFD_CLOEXEC, 0));
  const int number = ends_.client.get();
  ASSERT_EQ(Add(epoll, number, EPOLLIN | EPOLLOUT, 7), 0);
  const auto registrations = Find(number);
  const auto [reader, writer] = testing_support::Packets();
  ASSERT_EQ(::dup3(reader.get(), number, O_CLOEXEC), number);
  epolls_.Restore(registrations, number, {old, reader});
  const Seen seen = Wait(epoll, 5000);
  EXPECT_EQ(seen.count, 1);  // the new one can be written to; the old one says nothing
  EXPECT_EQ(seen.data, 7U);
}

// An instance that is closed meanwhile, and a socket that can't be registered.
TEST_F(EpollTest, WhatIsGoneIsLeftAlone) {
  std::vector<EpollRegistration> registrations;
  registrations.push_back({base::UniqueFd(), EPOLLIN, 1});
  registrations.push_back({base::UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC)), EPOLLIN, 1});
  Restore(registrations, ends_.client.get(), ends_.client);
  Restore(registrations, -1, ends_.client);
  Restore(registrations, 1 << 30, ends_.client);
  Restore(registrations, 5, base::UniqueFd());
  Restore({}, 5, ends_.client);
  // It still works.
  const base::UniqueFd socket = MakeTcp();
  const base::UniqueFd epoll = MakeEpoll();
  ASSERT_EQ(Add(epoll, socket.get(), EPOLLIN, 3), 0);
  ReplaceBy(ends_.client, socket.get());
  ASSERT_EQ(::write(ends_.server.get(), "x", 1), 1);
  EXPECT_EQ(Wait(epoll, 5000).data, 3U);
}

// Connections that wait end on threads of their own.
TEST_F(EpollTest, ManyThreadsMayRegister) {
  constexpr int kThreads = 8;
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  std::array<bool, kThreads> told{};
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      const auto [reader, writer] = testing_support::Packets();
      const base::UniqueFd epoll = MakeEpoll();
      std::vector<EpollRegistration> registrations;
      registrations.push_back({base::UniqueFd(::fcntl(epoll.get(), F_DUPFD_CLOEXEC, 0)), EPOLLIN,
                               static_cast<std::uint64_t>(i)});
      for (int turn = 0; turn < 50; ++turn) {
        Restore(registrations, reader.get(), reader);
      }
      told.at(static_cast<std::size_t>(i)) =
          ::write(writer.get(), "x", 1) == 1 &&
          Wait(epoll, 5000).data == static_cast<std::uint64_t>(i);
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (const bool one : told) {
    EXPECT_TRUE(one);
  }
}

// Instances are looked for again once one is announced, and not at each connection.
TEST_F(EpollTest, AnInstanceThatIsAnnouncedIsFound) {
  const base::UniqueFd socket = MakeTcp();
  Process& self = *processes_.Find(::getpid());
  EXPECT_TRUE(epolls_.Find(self, processes_, socket.get(), InodeOf(socket.get())).empty());
  epolls_.Announce();
  const base::UniqueFd epoll = MakeEpoll();
  ASSERT_EQ(Add(epoll, socket.get(), EPOLLIN, 1), 0);
  EXPECT_EQ(epolls_.Find(self, processes_, socket.get(), InodeOf(socket.get())).size(), 1U);
}

}  // namespace
}  // namespace aegis::gate
