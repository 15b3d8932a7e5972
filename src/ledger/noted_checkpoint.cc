#include "ledger/noted_checkpoint.h"

#include <fcntl.h>
#include <stdio.h>  // renameat2 is declared here
#include <unistd.h>

#include <string>
#include <utility>

#include "base/file.h"
#include "base/result.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "canon/canon.h"
#include "ledger/checkpoint.h"
#include "ledger/store.h"

namespace aegis::ledger {
namespace {

using base::Errc;
using base::Fail;
using base::Result;

std::string PathIn(const std::string& directory) { return directory + "/checkpoint"; }

}  // namespace

Result<StoredCheckpoint> ReadNotedCheckpoint(const std::string& directory) {
  AEGIS_ASSIGN(std::string text, base::ReadFile(PathIn(directory), canon::kMaxNote));
  if (text.find_first_not_of('\0') == std::string::npos) {  // what a power cut leaves
    return Fail(Errc::kNotFound, base::EscapeName(PathIn(directory)) + " is empty");
  }
  const auto note = canon::SignedNote::Parse(text);
  const auto checkpoint =
      note ? Checkpoint::Parse(note->text) : Result<Checkpoint>(Fail(note.error()));
  if (!checkpoint) {
    return Fail(Errc::kCorrupt, base::EscapeName(PathIn(directory)) + " is no checkpoint");
  }
  return StoredCheckpoint{.size = checkpoint->size, .note = std::move(text)};
}

Result<> WriteNotedCheckpoint(const std::string& directory, const StoredCheckpoint& checkpoint) {
  // Of two processes that end a session at once, the one with the smaller tree may come last.
  if (const auto noted = ReadNotedCheckpoint(directory); noted && noted->size > checkpoint.size) {
    return {};
  }
  const std::string name = PathIn(directory) + "." + std::to_string(getpid()) + ".new";
  {
    AEGIS_ASSIGN(const base::UniqueFd fd,
                 base::Open(name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600));
    if (auto written = base::WriteAll(fd.get(), checkpoint.note); !written) {
      (void)unlink(name.c_str());
      return written;
    }
  }
  if (rename(name.c_str(), PathIn(directory).c_str()) != 0) {
    const auto failed = base::FailErrno("write " + base::EscapeName(PathIn(directory)));
    (void)unlink(name.c_str());
    return failed;
  }
  return {};
}

}  // namespace aegis::ledger
