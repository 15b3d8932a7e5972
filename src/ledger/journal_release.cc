#include "ledger/journal_release.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <utility>

#include "base/file.h"
#include "base/result.h"
#include "ledger/journal.h"
#include "ledger/journal_format.h"

namespace aegis::ledger {

using base::Result;

// By a descriptor of our own: the kernel tells each open file once that a write has failed, and the
// writer's, which the reader shares, must not miss it.
bool JournalReleaser::Open(const JournalReader& reader) {
  auto fd = base::Open("/proc/self/fd/" + std::to_string(reader.fd()), O_RDWR);
  if (fd) {
    fd_ = std::move(*fd);
  }
  return fd.has_value();
}

// False if the file system can't do it at all.
bool JournalReleaser::PunchUpTo(std::uint64_t end) {
  end -= end % journal::kHeaderSize;
  if (end <= punched_ || !journal::LockRecords(fd_.get(), F_WRLCK)) {
    return true;
  }
  const bool punched =
      fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(punched_),
                static_cast<off_t>(end - punched_)) == 0;
  const bool unsupported = !punched && (errno == EOPNOTSUPP || errno == ENOSYS);
  (void)journal::LockRecords(fd_.get(), F_UNLCK);
  punched_ = punched ? end : punched_;
  return !unsupported;
}

Result<> JournalReleaser::Advance(const JournalReader& reader, std::uint64_t last) {
  if (off_) {
    return {};
  }
  if (released_ == 0) {
    AEGIS_ASSIGN(const JournalReader::Marks marks, reader.marks());
    released_ = marks.released;
    punched_ = journal::kHeaderSize;  // whoever set the mark may have died before it punched
  }
  if (last < released_ || last - released_ < every_) {
    return {};
  }
  if (!fd_.valid() && !Open(reader)) {
    off_ = true;
    return {};
  }
  if (fdatasync(fd_.get()) != 0) {
    return base::FailErrno("sync journal");
  }
  off_ = !PunchUpTo(released_);
  if (!off_) {
    AEGIS_TRY(reader.SetReleased(last));
    released_ = last;
  }
  return {};
}

}  // namespace aegis::ledger
