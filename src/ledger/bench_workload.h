#pragma once

#include <stdlib.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/ledger.h"

// What the benchmarks of the ledger are made of.
namespace aegis::ledger::bench {

template <typename T>
T Must(base::Result<T> result) {
  if (!result) {
    std::cerr << result.error().message() << '\n';
    std::abort();
  }
  if constexpr (!std::is_void_v<T>) {
    return std::move(*result);
  }
}

// A directory on the disk that builds run on: tmpfs would flatter every figure.
class ScratchDirectory {
 public:
  ScratchDirectory() : path_(std::filesystem::current_path() / "ledger-bench-XXXXXX") {
    if (mkdtemp(path_.data()) == nullptr) {
      std::abort();
    }
  }
  ~ScratchDirectory() { std::filesystem::remove_all(path_); }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline constexpr std::int64_t kStart = 1'700'000'000'000;
inline constexpr std::int64_t kMillisPerEntry = 20;
inline constexpr std::string_view kRareName = "/home/dev/plans/merger-Q3-draft.odt";

// Entries as agents make them that build, test and edit projects, several sessions at a time. The
// same for each run.
class Workload {
 public:
  Workload() {
    for (int i = 0; i < 4000; ++i) {
      words_.push_back(Word());
    }
  }

  // One session's next entry. `sessions` of them run at once, each of some 2000 entries.
  Entry Next(std::int64_t number) {
    Running& session = running_.at(Below(running_.size()));
    if (session.left == 0) {
      Begin(session);
    }
    --session.left;
    Entry entry{.identity = session.identity,
                .seq = session.seq++,
                .ts_unix_ms = kStart + number * kMillisPerEntry,
                .event_type = std::string(kActionDecided),
                .prev_hash = session.head};
    if (entry.seq == 0) {
      entry.event_type = kSessionStarted;
      AppendSessionStartedPayload(
          entry.payload,
          {.mode = "run", .command = "make", .config = session.config, .dir = "/home/dev/projects"},
          Masker());
    } else if (session.left == 0) {
      entry.event_type = kSessionEnded;
      AppendSessionEndedPayload(entry.payload, {.exit_code = 0, .actions = 1999}, Masker());
    } else {
      AppendAction(entry.payload, session, number == rare_at_ ? kRareName : std::string_view());
    }
    entry.hash = HashEntry(hasher_, entry.view(), scratch_);
    session.head = entry.hash;
    return entry;
  }

  std::pair<std::string, std::string> TwoWords() const { return {words_[10], words_[20]}; }

  void PutRareAt(std::int64_t number) { rare_at_ = number; }

 private:
  struct Running {
    Identity identity{};
    std::string config{};
    std::string project{};
    std::int64_t pid = 0;
    std::uint64_t seq = 0;
    std::uint64_t left = 0;
    std::optional<canon::Sha256> head{};
  };

  std::size_t Below(std::size_t end) { return random_() % end; }

  std::string Word() {
    constexpr std::array<std::string_view, 16> kSyllables = {"ta",  "re",  "con", "mod", "el", "in",
                                                             "ser", "vi",  "pro", "ker", "lo", "ut",
                                                             "an",  "the", "qu",  "ad"};
    std::string word;
    for (std::size_t left = 2 + Below(3); left > 0; --left) {
      word += kSyllables.at(Below(kSyllables.size()));
    }
    return word;
  }
  const std::string& AWord() { return words_[Below(words_.size())]; }

  void Begin(Running& session) {
    const std::string number = std::to_string(++sessions_);
    session = {.identity = {.tenant_id = "local",
                            .user_id = "dev" + std::to_string(sessions_ % 5),
                            .session_id = "0193f6a0-0000-7000-8000-" +
                                          std::string(12 - number.size(), '0') + number},
               .config = "agent-" + std::to_string(sessions_ % 40),
               .project = "/home/dev/projects/" + AWord() + "/",
               .pid = static_cast<std::int64_t>(1000 + Below(30'000)),
               .left = 1000 + Below(2000)};
  }

  void AppendAction(std::string& payload, Running& session, std::string_view rare) {
    constexpr std::array<std::string_view, 4> kPrograms = {
        "/usr/lib/gcc/x86_64-linux-gnu/12/cc1plus", "/usr/bin/python3.11", "/usr/bin/node",
        "/usr/bin/git"};
    constexpr std::array<std::string_view, 4> kEndings = {".cc", ".py", ".js", ".o"};
    session.pid += Below(20) == 0 ? 1 : 0;
    const bool denied = Below(200) == 0;
    const bool connects = Below(100) == 0;
    std::string resource(rare);
    if (rare.empty() && connects) {
      resource = AWord() + ".example.org:443";
    } else if (rare.empty()) {
      const std::size_t kind = Below(10);
      resource = kind < 5   ? session.project + AWord() + "/" + AWord() + "-" + AWord()
                 : kind < 8 ? "/usr/include/" + AWord() + "/" + AWord()
                            : "/tmp/" + AWord() + "-" + std::to_string(random_());
      resource += kEndings.at(Below(kEndings.size()));
    }
    const std::vector<std::string> policies = {denied ? "programs-need-libraries"
                                                      : "project-read-project"};
    AppendActionPayload(payload,
                        {.action = connects        ? "NetConnect"
                                   : Below(4) == 0 ? "FileWrite"
                                                   : "FileRead",
                         .resource = resource,
                         .decision = denied ? "deny" : "allow",
                         .reason = denied ? "NO_PERMIT" : "POLICY_PERMIT",
                         .policies = policies,
                         .context = {.pid = session.pid,
                                     .exe = kPrograms.at(Below(kPrograms.size())),
                                     .operation = connects ? "connect" : "openat"}},
                        Masker());
  }

  std::mt19937_64 random_{42};
  std::vector<std::string> words_;
  std::array<Running, 4> running_{};
  std::uint64_t sessions_ = 0;
  std::int64_t rare_at_ = -1;
  canon::Sha256Hasher hasher_;
  std::string scratch_;
};

}  // namespace aegis::ledger::bench
