#include "ledger/signer.h"

#include <fcntl.h>
#include <stdio.h>  // renameat2
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "base/file.h"
#include "base/result.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "canon/canon.h"
#include "ledger/checkpoint.h"
#include "ledger/log_keys.h"
#include "ledger/store.h"
#include "ledger/transparency.h"

namespace aegis::ledger {
namespace {

using base::Errc;
using base::Fail;
using base::Result;

constexpr std::size_t kMaxKeyFile = 4096;
// How long one who needs the key waits for another, and how often it may change under our hands.
constexpr int kLockAttempts = 500;
constexpr auto kLockRetry = std::chrono::milliseconds(10);
constexpr int kOpenAttempts = 10;

std::string KeyPath(const std::string& directory) { return directory + "/ledger.key"; }
// The next key while the store is being told of it.
std::string NextKeyPath(const std::string& directory) { return directory + "/ledger.key.next"; }

// The log's name, which never changes: the ledger's own and 64 random bits.
Result<std::string> NewOrigin(const std::string& directory) {
  std::array<char, 8> random{};
  if (getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
    return base::FailErrno("name the ledger");
  }
  std::string origin = "localhost/aegis/";
  for (const char c : directory.substr(directory.rfind('/') + 1)) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       c == '-' || c == '_' || c == '.';
    origin += plain ? c : '-';
  }
  return origin + "/" + canon::HexEncode({random.data(), random.size()});
}

// The key's file, open, and the key in it.
struct KeyFile {
  base::UniqueFd fd;
  canon::NoteSigner key;
};

// Only we may read it, or nobody can say whose signature it makes.
Result<KeyFile> Load(const std::string& path) {
  AEGIS_ASSIGN(base::UniqueFd fd, base::Open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  struct stat status{};
  if (fstat(fd.get(), &status) != 0) {
    return base::FailErrno("look at " + base::EscapeName(path));
  }
  if (!S_ISREG(status.st_mode) || (status.st_mode & 077U) != 0 ||
      (status.st_uid != geteuid() && geteuid() != 0)) {
    return Fail(Errc::kDenied, "key " + base::EscapeName(path) +
                                   ": must be a file that only its owner can read (mode 0600)");
  }
  std::string text(kMaxKeyFile, '\0');
  const ssize_t size = read(fd.get(), text.data(), text.size());
  if (size < 0) {
    return base::FailErrno("read " + base::EscapeName(path));
  }
  text.resize(static_cast<std::size_t>(size));
  if (text.ends_with('\n')) {
    text.pop_back();
  }
  auto key = canon::NoteSigner::Parse(text);
  canon::Wipe(text);
  if (!key) {
    return Fail(Errc::kCorrupt, "key " + base::EscapeName(path) + ": " + key.error().message());
  }
  return KeyFile{.fd = std::move(fd), .key = std::move(*key)};
}

// Those who sign share the lock of the key's file, who changes the key has it alone. Only who may
// read the key can take it.
Result<> Lock(const base::UniqueFd& fd, int operation) {
  for (int attempt = 1; flock(fd.get(), operation | LOCK_NB) != 0; ++attempt) {
    if (errno != EWOULDBLOCK && errno != EINTR) {
      return base::FailErrno("lock the ledger's key");
    }
    if (attempt == kLockAttempts) {
      return Fail(Errc::kUnavailable, "lock the ledger's key: another process uses it");
    }
    std::this_thread::sleep_for(kLockRetry);
  }
  return {};
}

// Whether a path still names the file: another key may have taken its place.
bool IsAt(const base::UniqueFd& fd, const std::string& path) {
  struct stat mine{};
  struct stat there{};
  return fstat(fd.get(), &mine) == 0 && lstat(path.c_str(), &there) == 0 &&
         mine.st_dev == there.st_dev && mine.st_ino == there.st_ino;
}

Result<> Save(const std::string& path, const canon::NoteSigner& key) {
  std::string text = key.PrivateText() + "\n";
  auto saved = base::WriteFileAtomic(path, text, 0600);
  canon::Wipe(text);
  return saved;
}

// What was renamed in a directory stays so after a power cut.
Result<> SyncDirectory(const std::string& directory) {
  AEGIS_ASSIGN(const base::UniqueFd fd, base::Open(directory, O_RDONLY | O_DIRECTORY));
  return fsync(fd.get()) == 0 ? Result<>() : base::FailErrno("sync " + base::EscapeName(directory));
}

// Of two processes that make the first key at once, one wins; both then find the winner's.
Result<> MakeFirst(const std::string& directory) {
  AEGIS_ASSIGN(const std::string origin, NewOrigin(directory));
  AEGIS_ASSIGN(const canon::NoteSigner key, canon::NoteSigner::Generate(origin));
  const std::string unnamed = KeyPath(directory) + "." + std::to_string(getpid()) + ".new";
  AEGIS_TRY(Save(unnamed, key));
  const bool named = renameat2(AT_FDCWD, unnamed.c_str(), AT_FDCWD, KeyPath(directory).c_str(),
                               RENAME_NOREPLACE) == 0;
  const int failed = errno;
  if (!named) {
    (void)unlink(unnamed.c_str());
    if (failed != EEXIST) {
      return Fail(base::Error::FromErrno("make " + base::EscapeName(KeyPath(directory)), failed));
    }
  }
  return {};
}

Result<LogKeys> ReadKeys(Store& store) {
  AEGIS_ASSIGN(const std::unique_ptr<Snapshot> snapshot, store.OpenSnapshot());
  return LogKeys::Read(*snapshot);
}

// The keys with `key` among them, entered if it is the first.
Result<LogKeys> EnterFirst(const std::string& directory, Store& store,
                           const canon::VerifierKey& key) {
  AEGIS_ASSIGN(LogKeys keys, ReadKeys(store));
  if (!keys.log().empty()) {
    return keys;
  }
  // Its name must be on the disk before the store knows the key, whoever made it: without it the
  // ledger could never be signed again.
  AEGIS_TRY(SyncDirectory(directory));
  const auto added = store.AddKey({.id = keys.next_id(),
                                   .role = std::string(kLogRole),
                                   .verifier = key.Text(),
                                   .endorsement = {}});
  if (!added && added.error().code() != Errc::kConflict) {
    return Fail(added.error());
  }
  return ReadKeys(store);
}

Result<> NameNext(const std::string& directory) {
  if (rename(NextKeyPath(directory).c_str(), KeyPath(directory).c_str()) != 0) {
    return base::FailErrno("replace " + base::EscapeName(KeyPath(directory)));
  }
  return SyncDirectory(directory);
}

// Ends what a rotation began that died before it renamed the key. `old` is the key's file still.
Result<> TakeNext(const std::string& directory, const base::UniqueFd& old, Store& store) {
  AEGIS_TRY(Lock(old, LOCK_EX));
  if (!IsAt(old, KeyPath(directory))) {
    return {};  // somebody else has ended it meanwhile
  }
  AEGIS_ASSIGN(const LogKeys keys, ReadKeys(store));
  const auto next = Load(NextKeyPath(directory));
  if (!next || keys.log().empty() || next->key.verifier() != keys.log().back().verifier) {
    return Fail(Errc::kCorrupt, "key " + base::EscapeName(KeyPath(directory)) +
                                    ": is not the one that the ledger knows");
  }
  return NameNext(directory);
}

}  // namespace

// Nothing: the key has changed meanwhile, and all begins anew.
Result<std::optional<LedgerSigner>> LedgerSigner::TryOpen(const std::string& directory,
                                                          Store& store) {
  AEGIS_ASSIGN(const LogKeys known, ReadKeys(store));
  auto loaded = Load(KeyPath(directory));
  if (!loaded && loaded.error().sys_errno() == ENOENT) {
    if (!known.log().empty()) {
      return Fail(Errc::kCorrupt, "key " + base::EscapeName(KeyPath(directory)) +
                                      ": is missing, and only it can sign for the ledger");
    }
    AEGIS_TRY(MakeFirst(directory));
    return std::optional<LedgerSigner>();
  }
  AEGIS_ASSIGN(KeyFile file, std::move(loaded));
  AEGIS_TRY(Lock(file.fd, LOCK_SH));
  if (!IsAt(file.fd, KeyPath(directory))) {
    return std::optional<LedgerSigner>();
  }
  AEGIS_ASSIGN(const LogKeys keys, EnterFirst(directory, store, file.key.verifier()));
  if (keys.log().empty() || keys.log().back().verifier != file.key.verifier()) {
    AEGIS_TRY(TakeNext(directory, file.fd, store));
    return std::optional<LedgerSigner>();
  }
  return LedgerSigner(std::move(file.fd), std::move(file.key));
}

Result<LedgerSigner> LedgerSigner::Open(const std::string& directory, Store& store) {
  for (int attempt = 0; attempt < kOpenAttempts; ++attempt) {
    AEGIS_ASSIGN(std::optional<LedgerSigner> signer, TryOpen(directory, store));
    if (signer) {
      return *std::move(signer);
    }
  }
  return Fail(Errc::kUnavailable,
              "key " + base::EscapeName(KeyPath(directory)) + ": other processes keep changing it");
}

Result<std::string> LedgerSigner::Sign(std::uint64_t size, const canon::Sha256& root) const {
  const Checkpoint checkpoint{.origin = verifier().name, .size = size, .root = root};
  canon::SignedNote note{.text = checkpoint.BodyText(), .signatures = {}};
  AEGIS_ASSIGN(canon::NoteSignature signature, key_.Sign(note.text));
  note.signatures.push_back(std::move(signature));
  return note.Text();
}

CheckpointSigner LedgerSigner::AsCheckpointSigner() const {
  return [this](std::uint64_t size, const canon::Sha256& root) { return Sign(size, root); };
}

Result<> LedgerSigner::Rotate(const std::string& directory, Store& store) {
  AEGIS_TRY(Lock(lock_, LOCK_EX));
  // Taking it alone lets go of it first.
  AEGIS_ASSIGN(const LogKeys keys, ReadKeys(store));
  if (!IsAt(lock_, KeyPath(directory)) || keys.log().empty() ||
      keys.log().back().verifier != verifier()) {
    return Fail(Errc::kConflict, "change the ledger's key: another process has done so meanwhile");
  }
  // From here on nobody signs: no tree behind this one can get a checkpoint by the old key.
  AEGIS_ASSIGN(const StoredCheckpoint last, CheckpointOfAll(store, *this));
  AEGIS_ASSIGN(canon::NoteSigner next, canon::NoteSigner::Generate(verifier().name));
  canon::SignedNote note{.text = EndorsementText(next.verifier(), last.size), .signatures = {}};
  AEGIS_ASSIGN(canon::NoteSignature signature, key_.Sign(note.text));
  note.signatures.push_back(std::move(signature));
  AEGIS_TRY(Save(NextKeyPath(directory), next));
  const auto added = store.AddKey({.id = keys.next_id(),
                                   .role = std::string(kLogRole),
                                   .verifier = next.verifier().Text(),
                                   .endorsement = note.Text()});
  if (!added) {
    // It may have been added all the same.
    const auto now = ReadKeys(store);
    if (!now || now->log().back().verifier != next.verifier()) {
      return Fail(added.error());
    }
  }
  key_ = std::move(next);  // from now on the old one's signatures are wrong, whatever the file is
  AEGIS_TRY(NameNext(directory));
  lock_ = {};
  AEGIS_ASSIGN(*this, Open(directory, store));
  return {};
}

}  // namespace aegis::ledger
