#include "witness/state_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/file.h"
#include "base/result.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "canon/canon.h"

namespace aegis::witness {
namespace {

using base::Errc;
using base::Fail;
using base::Result;

constexpr mode_t kOthersWrite = S_IWGRP | S_IWOTH;
constexpr mode_t kOthersAnything = S_IRWXG | S_IRWXO;

// What is open must be ours, and nobody else may have any of `refused`.
Result<> CheckOwner(int fd, mode_t refused, const std::string& path) {
  struct stat info{};
  if (::fstat(fd, &info) != 0) {
    return base::FailErrno("open " + base::EscapeName(path));
  }
  if (info.st_uid != ::geteuid() || (info.st_mode & refused) != 0) {
    return Fail(Errc::kDenied, base::EscapeName(path) +
                                   ": unsafe, it must be yours and closed to others (try: chmod "
                                   "go= " +
                                   base::EscapeName(path) + ")");
  }
  return {};
}

Result<> WriteNewKey(const std::string& path, const canon::NoteSigner& signer) {
  std::string text = signer.PrivateText();
  text += '\n';
  auto wrote = base::WriteFileAtomic(path, text, S_IRUSR | S_IWUSR);
  canon::Wipe(text);
  return wrote;
}

Result<canon::NoteSigner> ReadKey(const std::string& path) {
  AEGIS_ASSIGN(const base::UniqueFd fd, base::Open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  AEGIS_TRY(CheckOwner(fd.get(), kOthersAnything, path));
  AEGIS_ASSIGN(std::string text, base::ReadFile("/proc/self/fd/" + std::to_string(fd.get()), 4096));
  std::string_view line = text;
  if (line.ends_with('\n')) {
    line.remove_suffix(1);
  }
  auto signer = canon::NoteSigner::Parse(line);
  canon::Wipe(text);
  if (!signer) {
    return Fail(std::move(signer).error().Within(base::EscapeName(path)));
  }
  return signer;
}

}  // namespace

StateDirectory::StateDirectory(std::string path, base::UniqueFd lock)
    : path_(std::move(path)), lock_(std::move(lock)) {}

Result<std::unique_ptr<StateDirectory>> StateDirectory::Open(const std::string& path) {
  AEGIS_TRY(base::MakeDirectories(path, S_IRWXU));
  AEGIS_ASSIGN(std::string canonical, base::CanonicalPath(path));
  AEGIS_ASSIGN(base::UniqueFd fd, base::Open(canonical, O_RDONLY | O_DIRECTORY));
  AEGIS_TRY(CheckOwner(fd.get(), kOthersWrite, canonical));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    return errno == EWOULDBLOCK
               ? Fail(Errc::kConflict, "another witness works in " + base::EscapeName(canonical))
               : base::FailErrno("lock " + base::EscapeName(canonical));
  }
  return std::unique_ptr<StateDirectory>(new StateDirectory(std::move(canonical), std::move(fd)));
}

Result<canon::NoteSigner> StateDirectory::Key(const std::optional<std::string>& name) const {
  const std::string path = path_ + "/witness.key";
  auto signer = ReadKey(path);
  if (!signer && signer.error().code() == Errc::kNotFound) {
    if (!name) {
      return Fail(Errc::kInvalid, base::EscapeName(path_) +
                                      " has no key yet; name the witness to make one (--name)");
    }
    AEGIS_ASSIGN(auto made, canon::NoteSigner::Generate(*name));
    AEGIS_TRY(WriteNewKey(path, made));
    return made;
  }
  if (signer && name && signer->cosigner().name != *name) {
    return Fail(Errc::kInvalid, base::EscapeName(path_) + " has the key of the witness \"" +
                                    base::ForDisplay(signer->cosigner().name) + "\"");
  }
  return signer;
}

Result<std::optional<canon::SignedNote>> StateDirectory::Latest(std::string_view origin) {
  const std::string path = FileOf(origin, ".checkpoint");
  const auto text = base::ReadFile(path, canon::kMaxNote);
  if (!text) {
    if (text.error().code() == Errc::kNotFound) {
      return std::nullopt;
    }
    return Fail(text.error());
  }
  auto note = canon::SignedNote::Parse(*text);
  if (!note) {
    return Fail(Errc::kCorrupt, base::EscapeName(path) + ": " + note.error().message());
  }
  return std::move(*note);
}

Result<> StateDirectory::Put(std::string_view origin, const canon::SignedNote& checkpoint) {
  return base::WriteFileAtomic(FileOf(origin, ".checkpoint"), checkpoint.Text(), S_IRUSR | S_IWUSR);
}

Result<> StateDirectory::KeepConflict(std::string_view origin,
                                      const canon::SignedNote& checkpoint) {
  return base::WriteFileAtomic(FileOf(origin, ".conflict"), checkpoint.Text(), S_IRUSR | S_IWUSR);
}

std::string StateDirectory::FileOf(std::string_view origin, std::string_view suffix) const {
  return path_ + "/" + canon::HexEncode(canon::HashSha256(origin).view()) + std::string(suffix);
}

}  // namespace aegis::witness
