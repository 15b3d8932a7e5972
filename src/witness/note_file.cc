#include "witness/note_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "canon/canon.h"
#include "ledger/ledger.h"

namespace aegis::witness {
namespace {

using base::Errc;
using base::Fail;
using base::Result;

constexpr char kSeparator = '\f';
constexpr std::size_t kBlock = std::size_t{64} << 10U;

// Finds the chunks between separators from the end to the beginning.
class BackwardReader {
 public:
  BackwardReader(std::size_t size, const ReadAt& read) : read_(read), unread_(size) {}

  // The next chunk in front, without its separator; nullopt at the file's beginning. One longer
  // than any note comes cut.
  Result<std::optional<std::string>> Next() {
    std::size_t searched_from = kept_.size();
    for (;;) {
      const std::size_t at =
          searched_from == 0 ? kept_.npos : kept_.rfind(kSeparator, searched_from - 1);
      if (at != kept_.npos) {
        std::string chunk = kept_.substr(at + 1);
        kept_.resize(at);
        return std::optional(std::move(chunk));
      }
      if (unread_ == 0) {
        return AtBeginning();
      }
      kept_.resize(std::min(kept_.size(), kLongest));
      AEGIS_ASSIGN(searched_from, ReadBlock());
    }
  }

 private:
  // The end of an endless chunk is enough to see that it is no note.
  static constexpr std::size_t kLongest = canon::kMaxNote + 2;

  std::optional<std::string> AtBeginning() {
    if (std::exchange(finished_, true) || kept_.empty()) {
      return std::nullopt;
    }
    return "\n" + std::exchange(kept_, {});
  }

  // Puts a block in front of what is kept; gives its length.
  Result<std::size_t> ReadBlock() {
    const std::size_t length = std::min(unread_, kBlock);
    std::string block(length, '\0');
    AEGIS_TRY(read_(unread_ - length, block));
    unread_ -= length;
    kept_.insert(0, block);
    return length;
  }

  const ReadAt& read_;
  std::size_t unread_;  // bytes in front of `kept_`
  std::string kept_;
  bool finished_ = false;
};

Result<canon::SignedNote> ParseChunk(std::string_view chunk) {
  if (!chunk.starts_with('\n')) {
    return Fail(Errc::kInvalid, "a form feed that is no line of its own");
  }
  auto note = canon::SignedNote::Parse(chunk.substr(1));
  if (!note) {
    return Fail(Errc::kInvalid, note.error().message());
  }
  return note;
}

Result<base::UniqueFd> OpenNotes(const std::string& path, std::size_t& size) {
  AEGIS_ASSIGN(base::UniqueFd fd, base::Open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) {
    return base::FailErrno("read " + base::EscapeName(path));
  }
  if (!S_ISREG(info.st_mode)) {
    return Fail(Errc::kInvalid, "read " + base::EscapeName(path) + ": not a regular file");
  }
  size = static_cast<std::size_t>(info.st_size);
  return fd;
}

Result<> ReadFully(int fd, std::size_t offset, std::span<char> out) {
  while (!out.empty()) {
    const ssize_t got = ::pread(fd, out.data(), out.size(), static_cast<off_t>(offset));
    if (got < 0 && errno != EINTR) {
      return base::FailErrno("read");
    }
    if (got == 0) {
      return Fail(Errc::kCorrupt, "the file became shorter");
    }
    offset += static_cast<std::size_t>(std::max<ssize_t>(got, 0));
    out = out.subspan(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  }
  return {};
}

std::vector<canon::VerifierKey> KeysOf(std::span<const canon::VerifierKey> keys,
                                       const std::string& name) {
  std::vector<canon::VerifierKey> own;
  std::ranges::copy_if(keys, std::back_inserter(own),
                       [&](const canon::VerifierKey& key) { return key.name == name; });
  return own;
}

}  // namespace

std::string NoteRecord(std::string_view note) {
  std::string record = {kSeparator, '\n'};
  record += note;
  return record;
}

Result<> ForEachNoteIn(std::size_t size, const ReadAt& read, const NoteVisitor& visit) {
  BackwardReader reader(size, read);
  for (;;) {
    AEGIS_ASSIGN(const auto chunk, reader.Next());
    if (!chunk) {
      return {};
    }
    if (chunk->empty()) {
      continue;
    }
    AEGIS_ASSIGN(const bool more, visit(ParseChunk(*chunk)));
    if (!more) {
      return {};
    }
  }
}

Result<> ForEachNote(const std::string& path, const NoteVisitor& visit) {
  std::size_t size = 0;
  AEGIS_ASSIGN(const base::UniqueFd fd, OpenNotes(path, size));
  const std::string shown = base::EscapeName(path);
  return ForEachNoteIn(
      size,
      [&](std::size_t offset, std::span<char> out) -> Result<> {
        auto read = ReadFully(fd.get(), offset, out);
        return read ? read : Fail(std::move(read).error().Within("read " + shown));
      },
      visit);
}

Result<std::optional<WitnessedCheckpoint>> ReadNewest(
    const std::string& path, std::span<const canon::VerifierKey> log_keys) {
  std::optional<WitnessedCheckpoint> newest;
  AEGIS_TRY(ForEachNote(path, [&](const Result<canon::SignedNote>& note) -> Result<bool> {
    const auto checkpoint = note ? ledger::Checkpoint::Parse(note->text)
                                 : base::Result<ledger::Checkpoint>(Fail(note.error()));
    if (checkpoint && (!newest || checkpoint->size > newest->checkpoint.size) &&
        canon::VerifyNote(*note, KeysOf(log_keys, checkpoint->origin))) {
      newest = WitnessedCheckpoint{.note = *note, .checkpoint = *checkpoint};
    }
    return true;
  }));
  return newest;
}

}  // namespace aegis::witness
