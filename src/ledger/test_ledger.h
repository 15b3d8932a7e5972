#pragma once

// Helpers of the ledger's tests.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "ledger/ledger.h"               // IWYU pragma: export
#include "ledger/sqlite/sqlite_store.h"  // IWYU pragma: export

namespace aegis::ledger {

// Removed at the end, with all in it.
class TempDirectory {
 public:
  TempDirectory() : path_((std::filesystem::temp_directory_path() / "ledger-XXXXXX").string()) {
    EXPECT_NE(mkdtemp(path_.data()), nullptr);
  }
  explicit TempDirectory(std::string path) : path_(std::move(path)) {}
  ~TempDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;
  const std::string& path() const { return path_; }
  std::string File(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  std::string path_;
};

inline std::string Slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

inline void Spill(const std::string& path, std::string_view bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

inline base::UniqueFd DuplicateFd(int fd) { return base::UniqueFd(fcntl(fd, F_DUPFD_CLOEXEC, 0)); }

// The value of a Result that must be one.
template <typename T>
T Get(base::Result<T> result) {
  if (!result) {
    ADD_FAILURE() << result.error().message();
    std::abort();
  }
  if constexpr (!std::is_void_v<T>) {
    return std::move(*result);
  }
}

inline Identity TestIdentity(std::string session_id) {
  return {.tenant_id = "local", .user_id = "tester", .session_id = std::move(session_id)};
}

// A clock that advances by a millisecond with each look.
inline Clock StepClock(std::int64_t start = 1700000000000) {
  return [now = start]() mutable { return now++; };
}

// Small files: tests copy them often.
inline JournalOptions TestOptions() {
  return {.clock = StepClock(), .first_segment = 16384, .segment = 65536};
}

inline std::string Decided(std::string_view action, std::string_view resource,
                           std::string_view decision) {
  std::string payload;
  AppendActionPayload(payload,
                      {.action = action,
                       .resource = resource,
                       .decision = decision,
                       .reason = decision == "allow" ? "POLICY_PERMIT" : "NO_PERMIT",
                       .context = {.pid = 7, .exe = "/usr/bin/cat"}},
                      Masker());
  return payload;
}

inline std::string Started(std::string_view config) {
  const std::vector<std::string> argv = {"make", "-j2"};
  std::string payload;
  AppendSessionStartedPayload(payload,
                              {.mode = "run",
                               .command = "make",
                               .argv = argv,
                               .config = config,
                               .dir = "/srv/app",
                               .tag = "nightly"},
                              Masker());
  return payload;
}

// A ledger directory with finished sessions of `entries` entries each.
class FilledLedger {
 public:
  explicit FilledLedger(const std::vector<std::string>& sessions, int entries = 10) {
    Ledger ledger = Get(Ledger::Open(directory.path(), Ledger::Mode::kCreate));
    for (const std::string& id : sessions) {
      AddSession(ledger, id, entries);
    }
  }

  static void AddSession(Ledger& ledger, const std::string& id, int entries) {
    JournalWriter writer =
        Get(JournalWriter::Create(ledger.JournalPath(id), TestIdentity(id), TestOptions()));
    Sequencer sequencer = Get(Sequencer::Attach(writer, ledger.store()));
    Get(writer.Append(kSessionStarted, Started("config-of-" + id), Durability::kOrdered));
    for (int i = 2; i < entries; ++i) {
      Get(writer.Append(kActionDecided,
                        Decided(i % 2 == 0 ? "FileRead" : "FileWrite",
                                "/srv/file-" + std::to_string(i), i % 3 == 0 ? "deny" : "allow"),
                        Durability::kOrdered));
    }
    Get(writer.Append(kSessionEnded, R"({"actions":8,"denials":3,"exit_code":0})",
                      Durability::kOrdered));
    Get(sequencer.Finish());
  }

  std::string database() const { return directory.File("audit.db"); }
  TempDirectory directory;
};

}  // namespace aegis::ledger
