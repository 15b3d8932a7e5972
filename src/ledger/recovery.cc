#include "ledger/recovery.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "ledger/journal.h"
#include "ledger/sequencer.h"
#include "ledger/store.h"

namespace aegis::ledger {
namespace {

using base::Errc;
using base::Fail;
using base::Result;
using Kind = JournalFinding::Kind;

constexpr std::string_view kSuffix = ".journal";
constexpr std::string_view kUnfinishedSuffix = ".new";

struct CloseDirectory {
  void operator()(DIR* directory) const { (void)closedir(directory); }
};

Result<std::vector<std::string>> ListNames(const std::string& directory, std::string_view suffix) {
  std::vector<std::string> paths;
  auto fd = base::Open(directory, O_RDONLY | O_DIRECTORY);
  if (!fd) {
    if (fd.error().sys_errno() == ENOENT) {
      return paths;
    }
    return Fail(std::move(fd).error());
  }
  const std::unique_ptr<DIR, CloseDirectory> entries(fdopendir(fd->get()));
  if (entries == nullptr) {
    return base::FailErrno("list " + base::EscapeName(directory));
  }
  (void)fd->Release();
  errno = 0;
  for (const dirent* entry = readdir(entries.get()); entry != nullptr;
       entry = readdir(entries.get())) {
    const std::string_view name(&entry->d_name[0]);
    if (name.ends_with(suffix) && !name.starts_with('.')) {
      paths.push_back(directory + "/" + std::string(name));
    }
    errno = 0;
  }
  if (errno != 0) {
    return base::FailErrno("list " + base::EscapeName(directory));
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

// Opens a file of the journal directory and takes its lock. A file that another process holds or
// has removed meanwhile gives an invalid descriptor.
Result<base::UniqueFd> TakeDead(const std::string& path) {
  auto opened = base::Open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK);
  if (!opened && opened.error().sys_errno() == ENOENT) {
    return base::UniqueFd();
  }
  AEGIS_ASSIGN(base::UniqueFd fd, std::move(opened));
  if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    return errno == EWOULDBLOCK ? Result<base::UniqueFd>(base::UniqueFd())
                                : base::FailErrno("lock " + base::EscapeName(path));
  }
  struct stat held{};
  struct stat named{};
  if (fstat(fd.get(), &held) != 0 || lstat(path.c_str(), &named) != 0 ||
      held.st_ino != named.st_ino || held.st_dev != named.st_dev) {
    fd.Reset();
  }
  return fd;
}

// What a process left that died while it created a journal: nothing was ever appended to it.
void RemoveUnfinished(const std::string& path) {
  const auto fd = TakeDead(path);
  if (fd && fd->valid()) {
    (void)unlink(path.c_str());
  }
}

std::string SessionOf(const std::string& path) {
  const std::string name = path.substr(path.rfind('/') + 1);
  return name.substr(0, name.size() - kSuffix.size());
}

// After the machine went down, a record that was written but not synced may be lost, and with it
// the chain behind it. What a sync had promised must be there all the same, and so must the record
// that stands for those released.
bool IsLostTail(const JournalReader& reader, const Sequencer& sequencer, const base::Error& error) {
  const auto marks = reader.marks();
  return error.code() == Errc::kCorrupt && !reader.same_boot() && marks &&
         sequencer.position().offset >= marks->synced &&
         (!marks->any_released() || sequencer.position().offset > marks->released);
}

Result<> Drain(base::UniqueFd fd, Store& store, JournalFinding& finding) {
  base::UniqueFd marks_fd(fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
  AEGIS_ASSIGN(JournalReader reader, JournalReader::FromFd(std::move(fd), finding.path));
  AEGIS_ASSIGN(const JournalReader marks, JournalReader::FromFd(std::move(marks_fd), finding.path));
  if (!reader.empty_file() && reader.identity().session_id != finding.session_id) {
    return Fail(Errc::kCorrupt, "the file name is not its session's");
  }
  AEGIS_ASSIGN(Sequencer sequencer, Sequencer::Over(std::move(reader), store));
  auto finished = sequencer.Finish();
  finding.entries = sequencer.entries();
  if (finished) {
    finding.kind = Kind::kDrained;
    return {};
  }
  if (!IsLostTail(marks, sequencer, finished.error())) {
    return Fail(std::move(finished).error());
  }
  if (unlink(finding.path.c_str()) != 0) {
    return base::FailErrno("remove journal");
  }
  finding.kind = Kind::kLostTail;
  finding.detail = "the machine went down before its last records were on the disk";
  return {};
}

JournalFinding DrainIfDead(const std::string& path, Store& store) {
  JournalFinding finding{.path = path, .session_id = SessionOf(path), .detail = {}};
  auto fd = TakeDead(path);
  if (fd && !fd->valid()) {
    return finding;
  }
  auto drained = fd ? Drain(std::move(*fd), store, finding) : Result<>(Fail(fd.error()));
  if (!drained) {
    finding.kind = Kind::kUndrained;
    finding.detail = drained.error().message();
  }
  return finding;
}

}  // namespace

Result<std::vector<std::string>> ListJournals(const std::string& journal_dir) {
  return ListNames(journal_dir, kSuffix);
}

Result<std::vector<JournalFinding>> DrainDeadJournals(const std::string& journal_dir,
                                                      Store& store) {
  AEGIS_ASSIGN(const std::vector<std::string> unfinished,
               ListNames(journal_dir, kUnfinishedSuffix));
  for (const std::string& path : unfinished) {
    RemoveUnfinished(path);
  }
  AEGIS_ASSIGN(const std::vector<std::string> journals, ListJournals(journal_dir));
  std::vector<JournalFinding> findings;
  findings.reserve(journals.size());
  for (const std::string& path : journals) {
    JournalFinding finding = DrainIfDead(path, store);
    if (finding.kind != Kind::kLive || IsJournalLive(path)) {
      findings.push_back(std::move(finding));
    }
  }
  return findings;
}

void RemoveDoneJournals(const std::string& journal_dir) {
  const auto done = ListNames(journal_dir, std::string(kSuffix) + std::string(kDoneSuffix));
  if (!done) {
    return;  // who can't list the directory can't open the ledger either, and says so
  }
  for (const std::string& path : *done) {
    (void)unlink(path.c_str());
  }
}

bool IsJournalLive(const std::string& path) {
  const auto fd = base::Open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  return fd && flock(fd->get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

}  // namespace aegis::ledger
