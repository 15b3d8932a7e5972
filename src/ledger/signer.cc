#include "ledger/signer.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/file.h"
#include "base/result.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "canon/canon.h"
#include "ledger/checkpoint.h"
#include "ledger/log_keys.h"
#include "ledger/store.h"

namespace aegis::ledger {
namespace {

using base::Errc;
using base::Fail;
using base::Result;

constexpr std::size_t kMaxKeyFile = 4096;

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

// Only we may read it, or nobody can say whose signature it makes.
Result<canon::NoteSigner> Load(const std::string& path) {
  AEGIS_ASSIGN(const base::UniqueFd fd, base::Open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
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
  return key;
}

Result<> Save(const std::string& path, const canon::NoteSigner& key) {
  std::string text = key.PrivateText() + "\n";
  auto saved = base::WriteFileAtomic(path, text, 0600);
  canon::Wipe(text);
  return saved;
}

// Of two processes that make the first key at once, one wins, and the other loads the winner's.
Result<canon::NoteSigner> MakeFirst(const std::string& directory) {
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
  return Load(KeyPath(directory));
}

Result<LogKeys> ReadKeys(Store& store) {
  AEGIS_ASSIGN(const std::unique_ptr<Snapshot> snapshot, store.OpenSnapshot());
  return LogKeys::Read(*snapshot);
}

// Ends what a rotation began that died before it renamed the key.
Result<canon::NoteSigner> TakeNext(const std::string& directory, const LogKeys& keys) {
  AEGIS_ASSIGN(canon::NoteSigner key, Load(NextKeyPath(directory)));
  if (key.verifier() != keys.log().back().verifier) {
    return Fail(Errc::kCorrupt, "the next key is another");
  }
  if (rename(NextKeyPath(directory).c_str(), KeyPath(directory).c_str()) != 0) {
    return base::FailErrno("replace " + base::EscapeName(KeyPath(directory)));
  }
  return key;
}

}  // namespace

Result<LedgerSigner> LedgerSigner::Open(const std::string& directory, Store& store) {
  auto loaded = Load(KeyPath(directory));
  if (!loaded && loaded.error().sys_errno() == ENOENT) {
    loaded = MakeFirst(directory);
  }
  AEGIS_ASSIGN(canon::NoteSigner key, std::move(loaded));
  AEGIS_ASSIGN(LogKeys keys, ReadKeys(store));
  if (keys.log().empty()) {
    const auto added = store.AddKey({.id = keys.next_id(),
                                     .role = std::string(kLogRole),
                                     .verifier = key.verifier().Text(),
                                     .endorsement = {}});
    if (!added && added.error().code() != Errc::kConflict) {
      return Fail(added.error());
    }
    AEGIS_ASSIGN(keys, ReadKeys(store));
  }
  if (keys.log().empty() || keys.log().back().verifier != key.verifier()) {
    auto next = keys.log().empty() ? Result<canon::NoteSigner>(Fail(Errc::kCorrupt, "no key"))
                                   : TakeNext(directory, keys);
    if (!next) {
      return Fail(Errc::kCorrupt, "key " + base::EscapeName(KeyPath(directory)) +
                                      ": is not the one that the ledger knows");
    }
    key = std::move(*next);
  }
  return LedgerSigner(std::move(key));
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
  std::uint64_t size = 0;
  std::int64_t id = 0;
  {
    AEGIS_ASSIGN(const std::unique_ptr<Snapshot> snapshot, store.OpenSnapshot());
    AEGIS_ASSIGN(const CompactRange tree, snapshot->Tree());
    AEGIS_ASSIGN(const LogKeys keys, LogKeys::Read(*snapshot));
    size = tree.size();
    id = keys.next_id();
  }
  AEGIS_ASSIGN(canon::NoteSigner next, canon::NoteSigner::Generate(verifier().name));
  canon::SignedNote note{.text = EndorsementText(next.verifier(), size), .signatures = {}};
  AEGIS_ASSIGN(canon::NoteSignature signature, key_.Sign(note.text));
  note.signatures.push_back(std::move(signature));
  AEGIS_TRY(Save(NextKeyPath(directory), next));
  AEGIS_TRY(store.AddKey({.id = id,
                          .role = std::string(kLogRole),
                          .verifier = next.verifier().Text(),
                          .endorsement = note.Text()}));
  if (rename(NextKeyPath(directory).c_str(), KeyPath(directory).c_str()) != 0) {
    return base::FailErrno("replace " + base::EscapeName(KeyPath(directory)));
  }
  key_ = std::move(next);
  return {};
}

}  // namespace aegis::ledger
