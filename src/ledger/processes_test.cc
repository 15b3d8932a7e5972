// Several processes on one ledger.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>  // WEXITSTATUS
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "ledger/test_ledger.h"

namespace aegis::ledger {
namespace {

constexpr int kChildren = 8;
constexpr int kEntries = 500;

// One run as the launcher does it, in a process of its own; 0 if all went well.
int RunSession(const std::string& directory, const std::string& id, int entries, int drain_every) {
  auto ledger = Ledger::Open(directory, Ledger::Mode::kCreate);
  if (!ledger) {
    std::cerr << ledger.error().message() << '\n';
    return 10;
  }
  auto writer = JournalWriter::Create(ledger->JournalPath(id), TestIdentity(id));
  if (!writer) {
    return 11;
  }
  auto sequencer = Sequencer::Attach(*writer, ledger->store(), {}, {.release_bytes = 65536});
  if (!sequencer) {
    return 12;
  }
  for (int i = 0; i < entries; ++i) {
    if (!writer->Append(kActionDecided, Decided("FileRead", "/f", "allow"), Durability::kOrdered)) {
      return 13;
    }
    if (i % drain_every == 0 && !sequencer->Drain()) {
      return 14;
    }
  }
  return sequencer->Finish() ? 0 : 15;
}

TEST(ProcessesTest, ManyWritersOnOneLedgerNeverForkOrLose) {
  const TempDirectory directory;  // audit.db is made by whoever comes first
  std::vector<pid_t> children;
  for (int i = 0; i < kChildren; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      _exit(RunSession(directory.path(), "s" + std::to_string(i), kEntries, 20 + i));
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0) << WEXITSTATUS(status);
  }
  Ledger ledger = Get(Ledger::Open(directory.path(), Ledger::Mode::kRead));
  const VerifyReport report = Get(ledger.Verify());
  EXPECT_TRUE(report.ok());
  EXPECT_EQ(report.entries, std::uint64_t{kChildren} * kEntries);
  EXPECT_EQ(report.sessions, std::uint64_t{kChildren});
}

// What a process has drained that opens a ledger.
struct Drained {
  std::uint64_t journals = 0;
  std::uint64_t entries = 0;
  std::uint64_t undrained = 0;
};

Drained DrainByOpening(const std::string& directory) {
  const auto ledger = Ledger::Open(directory, Ledger::Mode::kRead);
  Drained drained{.undrained = ledger ? 0U : 1U};
  for (const JournalFinding& finding :
       ledger ? ledger->recovered() : std::vector<JournalFinding>{}) {
    const bool done = finding.kind == JournalFinding::Kind::kDrained;
    drained.journals += done ? 1U : 0U;
    drained.entries += done ? finding.entries : 0U;
    drained.undrained += done || finding.kind == JournalFinding::Kind::kLive ? 0U : 1U;
  }
  return drained;
}

void LeaveDeadJournals(const std::string& directory, int journals) {
  Ledger ledger = Get(Ledger::Open(directory, Ledger::Mode::kCreate));
  for (int i = 0; i < journals; ++i) {
    const std::string id = "s" + std::to_string(i);
    JournalWriter writer = Get(JournalWriter::Create(ledger.JournalPath(id), TestIdentity(id)));
    for (int n = 0; n < 200; ++n) {
      Get(writer.Append("E", "{}", Durability::kOrdered));
    }
  }
}

// Several sequencers on the same dead journals: each is drained by exactly one.
TEST(ProcessesTest, RecoveryIsDoneOnce) {
  for (int round = 0; round < 5; ++round) {
    const TempDirectory directory;
    LeaveDeadJournals(directory.path(), 5);
    int result[2];
    int start[2];
    ASSERT_EQ(pipe2(result, O_CLOEXEC), 0);
    ASSERT_EQ(pipe2(start, O_CLOEXEC), 0);
    std::vector<pid_t> children;
    for (int i = 0; i < kChildren; ++i) {
      const pid_t child = fork();
      if (child == 0) {
        close(start[1]);
        char c = 0;
        (void)!read(start[0], &c, 1);  // all at once
        const Drained drained = DrainByOpening(directory.path());
        _exit(write(result[1], &drained, sizeof(drained)) == sizeof(drained) ? 0 : 1);
      }
      children.push_back(child);
    }
    close(start[1]);
    Drained sum;
    for (const pid_t child : children) {
      int status = -1;
      ASSERT_EQ(waitpid(child, &status, 0), child);
      ASSERT_EQ(status, 0);
      Drained drained;
      ASSERT_EQ(read(result[0], &drained, sizeof(drained)), ssize_t{sizeof(drained)});
      sum.journals += drained.journals;
      sum.entries += drained.entries;
      sum.undrained += drained.undrained;
    }
    for (const int fd : {result[0], result[1], start[0]}) {
      close(fd);
    }
    EXPECT_EQ(sum.journals, 5U);
    EXPECT_EQ(sum.entries, 1000U);
    EXPECT_EQ(sum.undrained, 0U);
    Ledger ledger = Get(Ledger::Open(directory.path(), Ledger::Mode::kRead));
    EXPECT_TRUE(ledger.recovered().empty());
    const VerifyReport report = Get(ledger.Verify());
    EXPECT_TRUE(report.ok());
    EXPECT_EQ(report.entries, 1000U);
  }
}

// Nobody waits for a drainer that was stopped, and once it is dead its lock is gone.
TEST(ProcessesTest, AStoppedDrainerHoldsUpNobodyAndLeavesNoLock) {
  const TempDirectory directory;
  LeaveDeadJournals(directory.path(), 2);
  const std::string path = directory.File("journal/s0.journal");
  const pid_t child = fork();
  if (child == 0) {
    const int fd = open(path.c_str(), O_RDWR | O_CLOEXEC);
    (void)flock(fd, LOCK_EX);
    (void)raise(SIGSTOP);
    _exit(1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, WUNTRACED), child);
  ASSERT_TRUE(WIFSTOPPED(status));
  const Drained beside = DrainByOpening(directory.path());
  EXPECT_EQ(beside.journals, 1U);
  EXPECT_TRUE(IsJournalLive(path));
  kill(child, SIGKILL);
  ASSERT_EQ(waitpid(child, &status, 0), child);
  const Drained after = DrainByOpening(directory.path());
  EXPECT_EQ(after.journals, 1U);
  EXPECT_EQ(after.entries, 200U);
  EXPECT_TRUE(Get(ListJournals(directory.File("journal"))).empty());
}

// A run killed whole at a random moment, then the ledger opened again.
TEST(ProcessesTest, AKilledRunIsRecovered) {
  const TempDirectory directory;
  std::mt19937 random(17);
  std::uint64_t least = 0;
  for (int round = 0; round < 20; ++round) {
    int acknowledged[2];
    ASSERT_EQ(pipe2(acknowledged, O_CLOEXEC), 0);
    const pid_t child = fork();
    if (child == 0) {
      auto ledger = Ledger::Open(directory.path(), Ledger::Mode::kCreate);
      const std::string id = "k" + std::to_string(round);
      auto writer = JournalWriter::Create(ledger->JournalPath(id), TestIdentity(id));
      auto sequencer = Sequencer::Attach(*writer, ledger->store());
      for (int i = 0;; ++i) {
        const bool ok = writer->Append("E", "{}", Durability::kOrdered) &&
                        write(acknowledged[1], "x", 1) == 1 && (i % 7 != 0 || sequencer->Drain());
        if (!ok) {
          _exit(1);
        }
      }
    }
    close(acknowledged[1]);
    char c = 0;
    for (auto left = 1 + random() % 100; left > 0; --left) {
      ASSERT_EQ(read(acknowledged[0], &c, 1), 1);
      ++least;
    }
    kill(child, SIGKILL);
    while (read(acknowledged[0], &c, 1) == 1) {
      ++least;
    }
    close(acknowledged[0]);
    ASSERT_EQ(waitpid(child, nullptr, 0), child);
    Ledger ledger = Get(Ledger::Open(directory.path(), Ledger::Mode::kRead));
    const VerifyReport report = Get(ledger.Verify());
    ASSERT_TRUE(report.ok()) << report.findings.first()[0].what;
    ASSERT_GE(report.entries, least);
    ASSERT_LE(report.entries, least + static_cast<std::uint64_t>(round) + 1);
    EXPECT_TRUE(Get(ListJournals(directory.File("journal"))).empty());
  }
}

// Readers see each session as a gapless prefix at every moment.
TEST(ProcessesTest, ReadersSeeWholeChainsWhileARunWrites) {
  const TempDirectory directory;
  Get(Ledger::Open(directory.path(), Ledger::Mode::kCreate));
  const pid_t child = fork();
  if (child == 0) {
    _exit(RunSession(directory.path(), "s1", 20000, 50));
  }
  std::uint64_t last = 0;
  int status = 0;
  int readings = 0;
  while (waitpid(child, &status, WNOHANG) == 0) {
    Ledger ledger = Get(Ledger::Open(directory.path(), Ledger::Mode::kRead));
    std::uint64_t next = 0;
    Get(ledger.Query({}, [&](const EntryView& entry) -> base::Result<bool> {
      EXPECT_EQ(entry.seq, next);
      ++next;
      return true;
    }));
    EXPECT_GE(next, last);
    last = next;
    ++readings;
    const VerifyReport report = Get(ledger.Verify());
    EXPECT_TRUE(report.ok()) << (report.ok() ? "" : report.findings.first()[0].what);
  }
  EXPECT_EQ(status, 0) << WEXITSTATUS(status);
  EXPECT_GT(readings, 0);
  Ledger ledger = Get(Ledger::Open(directory.path(), Ledger::Mode::kRead));
  EXPECT_EQ(Get(ledger.Verify()).entries, 20000U);
}

#ifdef AEGIS_SOAK
constexpr int kSwarmRounds = 20;
constexpr std::uint64_t kSwarmEntries = 10000;
constexpr int kSwarmKills = 400;
#else
constexpr int kSwarmRounds = 1;
constexpr std::uint64_t kSwarmEntries = 4000;
constexpr int kSwarmKills = 150;
#endif
constexpr std::size_t kSwarmWorkers = 10;

// Writers that are killed and begun anew, each time with a session of its own, until each has
// appended what it has to. What was acknowledged is in memory that outlives them.
class Swarm {
 public:
  explicit Swarm(std::string directory) : directory_(std::move(directory)) {
    void* const memory =
        mmap(nullptr, sizeof(Counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    EXPECT_NE(memory, MAP_FAILED);
    counts_ = static_cast<Counts*>(memory);
  }
  Swarm(const Swarm&) = delete;
  Swarm& operator=(const Swarm&) = delete;
  ~Swarm() { munmap(counts_, sizeof(Counts)); }

  void Start(std::size_t worker) {
    const int life = lives_[worker]++;
    const pid_t child = fork();
    if (child == 0) {
      _exit(Work(worker, life));
    }
    children_[worker] = child;
  }

  // False if it had ended by itself, and badly.
  bool KillAndRestart(std::size_t worker) {
    kill(children_[worker], SIGKILL);
    int status = 0;
    EXPECT_EQ(waitpid(children_[worker], &status, 0), children_[worker]);
    Start(worker);
    killed_ += WIFSIGNALED(status) ? 1 : 0;
    return WIFSIGNALED(status) || WEXITSTATUS(status) == 0;
  }

  void Wait() {
    for (const pid_t child : children_) {
      int status = -1;
      EXPECT_EQ(waitpid(child, &status, 0), child);
      EXPECT_EQ(status, 0) << WEXITSTATUS(status);
    }
  }

  int killed() const { return killed_; }  // that had not ended before

  std::uint64_t Acknowledged(std::size_t worker) const {
    std::uint64_t sum = 0;
    for (int life = 0; life < lives_[worker]; ++life) {
      sum += Count(worker, life).load();
    }
    return sum;
  }

  // Each session has what was acknowledged, and at most one entry more.
  void ExpectKept(const std::map<std::string, std::uint64_t>& found) const {
    std::size_t sessions = 0;
    for (std::size_t worker = 0; worker < kSwarmWorkers; ++worker) {
      for (int life = 0; life < lives_[worker]; ++life) {
        const auto kept = found.find(Name(worker, life));
        const std::uint64_t entries = kept == found.end() ? 0 : kept->second;
        const std::uint64_t acknowledged = Count(worker, life).load();
        EXPECT_GE(entries, acknowledged) << Name(worker, life);
        EXPECT_LE(entries, acknowledged + 1) << Name(worker, life);
        sessions += kept == found.end() ? 0U : 1U;
      }
    }
    EXPECT_EQ(sessions, found.size());
  }

 private:
  static constexpr std::size_t kMaxLives = 512;
  using Counts = std::array<std::array<std::uint64_t, kMaxLives>, kSwarmWorkers>;

  std::atomic_ref<std::uint64_t> Count(std::size_t worker, int life) const {
    return std::atomic_ref((*counts_)[worker][static_cast<std::size_t>(life)]);
  }
  static std::string Name(std::size_t worker, int life) {
    return "w" + std::to_string(worker) + "-" + std::to_string(life);
  }

  int Work(std::size_t worker, int life) const {
    const std::string id = Name(worker, life);
    auto ledger = Ledger::Open(directory_, Ledger::Mode::kCreate);
    if (!ledger) {
      std::cerr << ledger.error().message() << '\n';
      return 10;
    }
    auto writer = JournalWriter::Create(ledger->JournalPath(id), TestIdentity(id), TestOptions());
    auto sequencer = writer
                         ? Sequencer::Attach(*writer, ledger->store(), {}, {.release_bytes = 16384})
                         : base::Fail(writer.error());
    if (!sequencer) {
      std::cerr << sequencer.error().message() << '\n';
      return 11;
    }
    for (std::uint64_t i = 0; Acknowledged(worker) < kSwarmEntries; ++i) {
      const auto durability = i % 500 == 499 ? Durability::kDurable : Durability::kOrdered;
      if (!writer->Append("E", R"({"n":)" + std::to_string(i) + "}", durability)) {
        return 12;
      }
      Count(worker, life).fetch_add(1);
      if (i % 100 == 0 && !sequencer->Drain()) {
        return 13;
      }
    }
    return sequencer->Finish() ? 0 : 14;
  }

  std::string directory_;
  int killed_ = 0;
  Counts* counts_ = nullptr;
  std::array<int, kSwarmWorkers> lives_{};
  std::array<pid_t, kSwarmWorkers> children_{};
};

TEST(ProcessesTest, TenWritersKilledAtRandomLoseAndForkNothing) {
  std::mt19937 random(31);
  for (int round = 0; round < kSwarmRounds; ++round) {
    const TempDirectory directory;
    Swarm swarm(directory.path());
    for (std::size_t worker = 0; worker < kSwarmWorkers; ++worker) {
      swarm.Start(worker);
    }
    for (int kills = 0; kills < kSwarmKills; ++kills) {
      usleep(static_cast<useconds_t>(random() % 6000));
      ASSERT_TRUE(swarm.KillAndRestart(random() % kSwarmWorkers));
    }
    swarm.Wait();
    EXPECT_GT(swarm.killed(), kSwarmKills / 10);
    for (std::size_t worker = 0; worker < kSwarmWorkers; ++worker) {
      ASSERT_EQ(swarm.Acknowledged(worker), kSwarmEntries);
    }
    Ledger ledger = Get(Ledger::Open(directory.path(), Ledger::Mode::kRead));
    for (const JournalFinding& finding : ledger.recovered()) {
      EXPECT_EQ(finding.kind, JournalFinding::Kind::kDrained) << finding.detail;
    }
    const VerifyReport report = Get(ledger.Verify());
    EXPECT_TRUE(report.ok()) << report.findings.first().front().what;
    std::map<std::string, std::uint64_t> found;
    Get(ledger.Sessions(std::nullopt, [&found](const SessionInfo& info) -> base::Result<bool> {
      found[info.session.session_id] = info.session.head_seq + 1;
      return true;
    }));
    swarm.ExpectKept(found);
  }
}

}  // namespace
}  // namespace aegis::ledger
