#include "ledger/faults/fault_run.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>  // mkdtemp, setenv
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "canon/canon.h"
#include "ledger/faults/shim_log.h"
#include "ledger/test_ledger.h"

namespace aegis::ledger::faults {
namespace {

using Settings = std::vector<std::pair<const char*, std::string>>;

[[noreturn]] void ExecDriver(const std::string& directory, int told, const Settings& settings) {
  for (const auto& [name, value] : settings) {
    setenv(name, value.c_str(), 1);
  }
  setenv("LD_PRELOAD", AEGIS_FAULT_SHIM, 1);
  // The sanitizer's library need not be the first one, and a killed process leaks.
  setenv("ASAN_OPTIONS", "verify_asan_link_order=0:detect_leaks=0", 1);
  const std::string fd = std::to_string(told);
  execl(AEGIS_FAULT_DRIVER, AEGIS_FAULT_DRIVER, directory.c_str(), fd.c_str(), nullptr);
  _exit(101);
}

std::string ReadToEnd(int fd) {
  std::string text;
  std::array<char, 65536> piece{};
  for (ssize_t got = 1; got > 0;) {
    got = read(fd, piece.data(), piece.size());
    text.append(piece.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  }
  return text;
}

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line) && !in.eof();) {
    lines.push_back(line);
  }
  return lines;
}

// A purge that was begun may have erased it, one that was told of has. Its own session is
// another's.
void ExpectContent(const EntryView& entry, const Told::Promise& promise) {
  if (entry.erased) {
    EXPECT_TRUE(promise.purging);
  } else if (entry.session_id.starts_with("s")) {
    EXPECT_FALSE(promise.erased && entry.seq < promise.stored);
    EXPECT_EQ(canon::IntegerMember(entry.payload, "n"), static_cast<std::int64_t>(entry.seq));
  }
}

void ExpectPolicies(Ledger& ledger, const Told& told) {
  const auto snapshot = Get(ledger.store().OpenSnapshot());
  for (const std::string& digest : told.policies) {
    const auto set = Get(snapshot->FindPolicySet(digest));
    ASSERT_TRUE(set) << digest;
    EXPECT_EQ(DigestOfPolicies(set->texts), digest);
  }
}

}  // namespace

Told ReadTold(std::string_view text) {
  Told told;
  for (const std::string& line : Lines(std::string(text))) {
    std::istringstream words(line);
    std::string what;
    std::string session;
    std::uint64_t number = 0;
    words >> what >> session >> number;
    if (what == "refused") {
      told.refusals.push_back(line);
      continue;
    }
    if (what == "signed") {
      ++told.checkpoints;
      continue;
    }
    if (what == "policies") {
      told.policies.push_back(session);
      continue;
    }
    Told::Promise& promise = told.sessions[session];
    if (what == "purging") {
      promise.purging = true;
    } else if (what == "erased") {
      promise.erased = true;
    } else if (what == "stored") {
      promise.stored = number;
    } else {
      promise.appended = number + 1;
      promise.durable = what == "durable" ? number + 1 : promise.durable;
    }
  }
  return told;
}

DriverRun RunDriver(const std::string& directory, const Settings& settings) {
  std::array<int, 2> told{};
  EXPECT_EQ(pipe2(told.data(), O_CLOEXEC), 0);
  const base::UniqueFd read_end(told[0]);
  base::UniqueFd write_end(told[1]);
  const std::string calls = directory + ".calls";
  const pid_t child = fork();
  if (child == 0) {
    const int inherited = write_end.get();
    (void)fcntl(inherited, F_SETFD, 0);
    Settings all = settings;
    all.emplace_back(kShimRoot, directory);
    all.emplace_back(kShimCalls, calls);
    all.emplace_back(kShimAcknowledge, std::to_string(inherited));
    ExecDriver(directory, inherited, all);
  }
  write_end.Reset();
  DriverRun run;
  run.told = ReadTold(ReadToEnd(read_end.get()));
  EXPECT_EQ(waitpid(child, &run.status, 0), child);
  run.calls = Lines(Slurp(calls));
  (void)unlink(calls.c_str());
  return run;
}

std::string Scratch() {
  std::string name = std::filesystem::is_directory("/dev/shm")
                         ? "/dev/shm/ledger-XXXXXX"
                         : (std::filesystem::temp_directory_path() / "ledger-XXXXXX").string();
  EXPECT_NE(mkdtemp(name.data()), nullptr);
  return name;
}

void ExpectKept(const std::string& directory, const Told& told, bool lost_ordered) {
  auto ledger = Ledger::Open(directory, Ledger::Mode::kCreate);
  ASSERT_TRUE(ledger) << ledger.error().message();
  for (const JournalFinding& finding : ledger->recovered()) {
    EXPECT_TRUE(finding.kind == JournalFinding::Kind::kDrained ||
                (lost_ordered && finding.kind == JournalFinding::Kind::kLostTail))
        << finding.detail;
  }
  const auto report = ledger->Verify();
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_TRUE(report->ok()) << report->findings.first().front().what;
  EXPECT_GE(report->checkpoints, told.checkpoints);
  ExpectPolicies(*ledger, told);
  EXPECT_TRUE(ledger->Signer()) << "the key is lost: " << ledger->Signer().error().message();
  std::map<std::string, std::uint64_t, std::less<>> found;
  const auto queried = ledger->Query({}, [&](const EntryView& entry) -> base::Result<bool> {
    EXPECT_EQ(entry.seq, found[std::string(entry.session_id)]++);
    const auto session = told.sessions.find(std::string(entry.session_id));
    ExpectContent(entry, session == told.sessions.end() ? Told::Promise() : session->second);
    return true;
  });
  ASSERT_TRUE(queried) << queried.error().message();
  for (const auto& [session, promise] : told.sessions) {
    const std::uint64_t least =
        lost_ordered ? std::max(promise.durable, promise.stored) : promise.appended;
    EXPECT_GE(found[session], least) << session;
    // The one more: its sync failed, or its process died before it could tell.
    EXPECT_LE(found[session], promise.appended + 1) << session;
  }
}

}  // namespace aegis::ledger::faults
