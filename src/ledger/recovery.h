#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "ledger/store.h"

namespace aegis::ledger {

// What happened to one journal file found beside a store.
struct JournalFinding {
  enum class Kind : std::uint8_t {
    kLive,       // a process still writes or drains it: left alone
    kDrained,    // its processes were dead: all it held is in the store now, the file is gone
    kLostTail,   // as kDrained, but the machine went down before the last records reached the disk
    kUndrained,  // could not be drained; the file is kept. `detail` says why
  };
  Kind kind = Kind::kLive;
  std::string path;
  std::string session_id;
  std::uint64_t entries = 0;  // moved into the store
  std::string detail;
};

// Drains the journals of dead processes in `journal_dir` into `store` and removes them. A missing
// directory holds none. One bad journal never keeps the others from being drained. Safe to call
// from several processes at once. An error only if the directory can't be read.
base::Result<std::vector<JournalFinding>> DrainDeadJournals(const std::string& journal_dir,
                                                            Store& store);

// Removes what finished sessions have left in `journal_dir`. May wait for the disk.
void RemoveDoneJournals(const std::string& journal_dir);

// Whether a process holds the journal's lock.
bool IsJournalLive(const std::string& path);

// Paths of the journals in a directory, sorted; empty if it doesn't exist.
base::Result<std::vector<std::string>> ListJournals(const std::string& journal_dir);

}  // namespace aegis::ledger
