#pragma once

#include <string>
#include <utility>

#include "base/result.h"
#include "ledger/journal.h"

namespace aegis::ledger {

// The journal of a session that begins. Until it is kept its file is removed with the object:
// nothing happened that it could tell of.
class NewJournal {
 public:
  // Below `state_dir`/journal, of this user, with a fresh session id.
  static base::Result<NewJournal> Make(const std::string& state_dir);
  NewJournal(NewJournal&& other) noexcept
      : writer_(std::move(other.writer_)), path_(std::exchange(other.path_, {})) {}
  NewJournal(const NewJournal&) = delete;
  NewJournal& operator=(const NewJournal&) = delete;
  NewJournal& operator=(NewJournal&&) = delete;
  ~NewJournal();

  void Keep() { path_.clear(); }
  JournalWriter& writer() { return writer_; }

 private:
  NewJournal(JournalWriter writer, std::string path)
      : writer_(std::move(writer)), path_(std::move(path)) {}

  JournalWriter writer_;
  std::string path_;  // empty once it is kept
};

}  // namespace aegis::ledger
