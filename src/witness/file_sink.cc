#include "witness/file_sink.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "canon/canon.h"
#include "witness/note_file.h"
#include "witness/sink.h"
#include "witness/submission.h"
#include "witness/target.h"

namespace aegis::witness {
namespace {

using base::Errc;
using base::Fail;
using base::Result;

Result<> WriteOnce(int fd, const std::string& record) {
  ssize_t wrote = 0;
  do {
    wrote = ::write(fd, record.data(), record.size());
  } while (wrote < 0 && errno == EINTR);
  if (wrote < 0) {
    return base::FailErrno("write");
  }
  if (static_cast<std::size_t>(wrote) != record.size()) {
    return Fail(Errc::kExhausted, "write: only a part fitted");
  }
  return {};
}

// A new file's name must last too. A directory that may be searched but not read can't be synced.
void SyncDirectory(int directory) {
  const base::UniqueFd fd(::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.valid()) {
    ::fsync(fd.get());
  }
}

}  // namespace

FileSink::FileSink(const FileTarget& target, base::UniqueFd directory, std::string name)
    : Sink(target), directory_(std::move(directory)), name_(std::move(name)) {}

Result<std::unique_ptr<FileSink>> FileSink::Open(const FileTarget& target) {
  const std::size_t slash = target.path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : target.path.substr(0, slash + 1);
  AEGIS_ASSIGN(base::UniqueFd fd, base::Open(directory, O_PATH | O_DIRECTORY));
  std::string name = slash == std::string::npos ? target.path : target.path.substr(slash + 1);
  std::unique_ptr<FileSink> sink(new FileSink(target, std::move(fd), std::move(name)));
  AEGIS_TRY(sink->OpenFile());
  SyncDirectory(sink->directory_.get());
  return sink;
}

Result<base::UniqueFd> FileSink::OpenFile() const {
  const std::string shown = base::EscapeName(TargetText(target()));
  // O_NONBLOCK: a FIFO without a reader must not hold us up.
  base::UniqueFd fd(
      ::openat(directory_.get(), name_.c_str(),
               O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
               S_IRUSR | S_IWUSR));
  if (!fd.valid()) {
    if (errno == ELOOP) {
      return Fail(Errc::kInvalid, "open " + shown + ": it is a symbolic link");
    }
    return base::FailErrno("open " + shown);
  }
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) {
    return base::FailErrno("open " + shown);
  }
  if (!S_ISREG(info.st_mode)) {
    return Fail(Errc::kInvalid, "open " + shown + ": not a regular file");
  }
  return fd;
}

Result<std::vector<canon::NoteSignature>> FileSink::Publish(const Submission& submission,
                                                            const std::stop_token& /*stop*/) {
  AEGIS_ASSIGN(const base::UniqueFd fd, OpenFile());
  auto wrote = WriteOnce(fd.get(), NoteRecord(submission.note));
  if (wrote && ::fdatasync(fd.get()) != 0) {
    wrote = base::FailErrno("sync");
  }
  if (!wrote) {
    return Fail(std::move(wrote).error().Within(base::EscapeName(TargetText(target()))));
  }
  return {};
}

}  // namespace aegis::witness
