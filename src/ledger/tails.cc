#include "ledger/tails.h"

#include <cerrno>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/text.h"
#include "ledger/entry.h"
#include "ledger/journal.h"
#include "ledger/recovery.h"
#include "ledger/session.h"
#include "ledger/store.h"

namespace aegis::ledger {
namespace {

using base::Errc;
using base::Fail;
using base::Result;

}  // namespace

Result<Tails> Tails::Open(const std::string& journal_dir) {
  AEGIS_ASSIGN(const std::vector<std::string> paths, ListJournals(journal_dir));
  Tails tails;
  for (const std::string& path : paths) {
    auto reader = JournalReader::Open(path);
    if (!reader) {
      if (reader.error().sys_errno() != ENOENT) {
        tails.damage_ = std::move(reader).error();
      }
      continue;
    }
    const auto marks = reader->marks();
    if (!marks) {
      tails.damage_ = marks.error();
      continue;
    }
    if (!reader->empty_file()) {
      tails.tails_.push_back({.reader = std::move(*reader),
                              .committed = marks->committed,
                              .drained = marks->drained,
                              .begin = {},
                              .session = {}});
    }
  }
  return tails;
}

// What lies before `drained` was stored before the snapshot was taken, so the search begins there.
Result<> Tails::AlignOne(Tail& tail, Snapshot& snapshot) {
  tail.begin = tail.reader.position();
  const std::uint64_t committed = std::exchange(tail.committed, tail.begin.offset);
  AEGIS_ASSIGN(const std::optional<Session> stored,
               snapshot.FindSession(tail.reader.identity().session_id));
  tail.session = stored;
  if (stored && tail.drained >= tail.reader.position().offset && tail.drained <= committed) {
    tail.reader.SeekUnchecked(tail.drained);
  }
  tail.begin = tail.reader.position();
  std::uint64_t good = tail.begin.offset;  // end of what fits
  const auto read = tail.reader.Read(committed, [&](const EntryView& entry) -> Result<bool> {
    const bool known = stored && entry.seq <= stored->head_seq;
    const bool is_head = known && entry.seq == stored->head_seq;
    const bool is_next = stored && !known && tail.begin.next_seq == 0;
    if ((is_head && entry.hash != stored->head_hash) ||
        (is_next && (entry.seq != stored->head_seq + 1 || entry.prev_hash != stored->head_hash))) {
      return Fail(Errc::kCorrupt, "journal " + base::EscapeName(tail.reader.path()) +
                                      " does not continue its session in the store");
    }
    if (is_next) {
      tail.begin.next_seq = entry.seq;
      tail.begin.prev_hash = stored->head_hash;
    }
    if (known) {
      tail.begin = tail.reader.position();
    } else if (tail.session) {
      Advance(*tail.session, entry);
    } else {
      tail.session = BeginSession(entry);
    }
    good = tail.reader.position().offset;
    return true;
  });
  tail.committed = read ? committed : good;
  return read;
}

Result<> Tails::Align(Snapshot& snapshot) {
  for (Tail& tail : tails_) {
    auto aligned = AlignOne(tail, snapshot);
    if (!aligned && aligned.error().code() != Errc::kCorrupt) {
      return aligned;
    }
    if (!aligned) {
      damage_ = std::move(aligned).error();
    }
  }
  return {};
}

Result<> Tails::Visit(const EntryVisitor& visit) {
  bool stopped = false;
  for (Tail& tail : tails_) {
    tail.reader.SeekTo(tail.begin);
    AEGIS_TRY(tail.reader.Read(tail.committed, [&](const EntryView& entry) -> Result<bool> {
      AEGIS_ASSIGN(const bool more, visit(entry));
      stopped = !more;
      return more;
    }));
    if (stopped) {
      return {};
    }
  }
  return damage_ ? Result<>(Fail(*damage_)) : Result<>();
}

std::map<std::string, Session, std::less<>> Tails::Sessions() const {
  std::map<std::string, Session, std::less<>> sessions;
  for (const Tail& tail : tails_) {
    if (tail.session) {
      sessions.emplace(tail.session->session_id, *tail.session);
    }
  }
  return sessions;
}

std::optional<Session> Tails::FindSession(std::string_view session_id) const {
  for (const Tail& tail : tails_) {
    if (tail.session && tail.session->session_id == session_id) {
      return tail.session;
    }
  }
  return std::nullopt;
}

}  // namespace aegis::ledger
