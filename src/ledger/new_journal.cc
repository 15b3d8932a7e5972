#include "ledger/new_journal.h"

#include <unistd.h>

#include <string>
#include <utility>

#include "base/file.h"
#include "base/result.h"
#include "base/user.h"
#include "ledger/entry.h"
#include "ledger/journal.h"

namespace aegis::ledger {

base::Result<NewJournal> NewJournal::Make(const std::string& state_dir) {
  AEGIS_ASSIGN(std::string session_id, NewSessionId(SystemClock()));
  const std::string directory = state_dir + "/journal";
  AEGIS_TRY(base::MakeDirectories(directory, 0700));
  const std::string path = directory + "/" + session_id + ".journal";
  Identity identity{"local", base::UserName(), std::move(session_id)};
  AEGIS_ASSIGN(auto writer, JournalWriter::Create(path, std::move(identity)));
  return NewJournal(std::move(writer), path);
}

NewJournal::~NewJournal() {
  if (!path_.empty()) {
    ::unlink(path_.c_str());
  }
}

}  // namespace aegis::ledger
