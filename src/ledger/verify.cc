#include "ledger/verify.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/entry.h"
#include "ledger/session.h"
#include "ledger/store.h"

namespace aegis::ledger {
namespace {

using base::Errc;
using base::Fail;
using base::Result;

// Whether an error says something about the ledger rather than about the attempt to read it.
bool IsFinding(const base::Error& error) {
  return error.code() == Errc::kCorrupt || error.code() == Errc::kExhausted;
}

// Follows the chains of one snapshot, row by row in the order of session and seq.
class Verifier {
 public:
  explicit Verifier(Snapshot& snapshot) : snapshot_(snapshot) {}

  Result<VerifyReport> Run() {
    auto scanned = snapshot_.Scan({}, StoreOrder::kSession,
                                  [this](const RawRow& row) { return VisitRow(row); });
    if (!scanned) {
      if (!IsFinding(scanned.error())) {
        return Fail(std::move(scanned).error());
      }
      Add({.session_id = {}, .seq = {}, .id = {}, .what = scanned.error().message()});
    }
    AEGIS_TRY(EndSession());
    AEGIS_TRY(CheckCounts());
    return std::move(report_);
  }

 private:
  void Add(Finding finding) {
    ++report_.bad;
    session_is_bad_ = true;
    if (report_.findings.size() < VerifyReport::kMaxFindings) {
      report_.findings.push_back(std::move(finding));
    }
  }

  void AddRow(const RawRow& row, std::string what) {
    Finding finding{.session_id = {}, .seq = {}, .id = row.id, .what = std::move(what)};
    if (row.session_id.type == RawValue::Type::kText) {
      finding.session_id = row.session_id.bytes.substr(0, kMaxIdLength);
    }
    if (row.seq.type == RawValue::Type::kInteger) {
      finding.seq = row.seq.integer;
    }
    Add(std::move(finding));
  }

  Result<bool> VisitRow(const RawRow& row) {
    ++report_.entries;
    auto entry = ToEntry(row);
    if (!entry) {
      if (row.session_id.type == RawValue::Type::kText &&
          (!session_ || row.session_id.bytes != session_->session_id)) {
        AEGIS_TRY(EndSession());
      }
      AddRow(row, entry.error().message());
      link_known_ = false;
      return true;
    }
    if (!session_ || entry->session_id != session_->session_id) {
      const bool orphan = !session_ && !link_known_;  // its predecessors could not be read
      if (!orphan) {
        AEGIS_TRY(EndSession());
      }
      BeginSessionAt(row, *entry);
    } else {
      ContinueSession(row, *entry);
    }
    if (HashEntry(hasher_, *entry, scratch_) != entry->hash) {
      AddRow(row, "the hash does not match the content");
    }
    link_known_ = true;
    last_id_ = row.id;
    return true;
  }

  void BeginSessionAt(const RawRow& row, const EntryView& entry) {
    ++report_.sessions;
    if (entry.seq != 0 && link_known_) {
      AddRow(row, "the entries before it are missing");
    }
    session_ = BeginSession(entry);
  }

  void ContinueSession(const RawRow& row, const EntryView& entry) {
    Session& session = *session_;
    if (entry.tenant_id != session.tenant_id || entry.user_id != session.user_id) {
      AddRow(row, "tenant or user differ from the session's");
    }
    if (link_known_) {
      CheckLink(row, entry);
    }
    Advance(session, entry);
  }

  void CheckLink(const RawRow& row, const EntryView& entry) {
    const std::uint64_t expected = session_->head_seq + 1;
    if (entry.seq < expected) {
      AddRow(row, "the seq occurs twice");
    } else if (entry.seq > expected) {
      AddRow(row, "entries are missing before it, from seq " + std::to_string(expected));
    } else if (entry.prev_hash != session_->head_hash) {
      AddRow(row, "it does not continue the hash of the entry before it");
    } else if (row.id <= last_id_) {
      AddRow(row, "its row lies before that of the entry before it");
    }
  }

  // Holds the derived row against the entries. A session with bad entries needs no second finding.
  Result<> EndSession() {
    if (session_ && !session_is_bad_) {
      const Session& session = *session_;
      auto stored = snapshot_.FindSession(session.session_id);
      if (!stored && !IsFinding(stored.error())) {
        return Fail(std::move(stored).error());
      }
      const auto add = [this, &session](std::string what) {
        Add({.session_id = session.session_id,
             .seq = static_cast<std::int64_t>(session.head_seq),
             .id = {},
             .what = std::move(what)});
      };
      if (!stored) {
        add(stored.error().message());
      } else if (!*stored) {
        add("the session has entries but no row in table sessions");
      } else if ((*stored)->head_seq != session.head_seq ||
                 (*stored)->head_hash != session.head_hash) {
        add("the session's head in table sessions is another: entries are missing or added");
      } else if (**stored != session) {
        add("the session's row in table sessions differs from what its entries say");
      }
    }
    session_.reset();
    session_is_bad_ = false;
    link_known_ = true;
    return {};
  }

  // Rows that the walk along the index did not meet, and sessions without entries.
  Result<> CheckCounts() {
    const auto count = snapshot_.CountEntries();
    if (!count && !IsFinding(count.error())) {
      return Fail(count.error());
    }
    if (!count || static_cast<std::uint64_t>(*count) != report_.entries) {
      Add({.session_id = {}, .seq = {}, .id = {}, .what = "index and table hold different rows"});
    }
    auto walked = snapshot_.Sessions([this](const Result<Session>& session) -> Result<bool> {
      if (!session) {
        Add({.session_id = {}, .seq = {}, .id = {}, .what = session.error().message()});
        return true;
      }
      AEGIS_ASSIGN(const bool has_entries, HasEntries(session->session_id));
      if (!has_entries) {
        Add({.session_id = session->session_id,
             .seq = 0,
             .id = {},
             .what = "all entries of the session are missing"});
      }
      return true;
    });
    if (!walked && !IsFinding(walked.error())) {
      return Fail(std::move(walked).error());
    }
    if (!walked) {
      Add({.session_id = {}, .seq = {}, .id = {}, .what = walked.error().message()});
    }
    return {};
  }

  Result<bool> HasEntries(const std::string& session_id) {
    bool found = false;
    AEGIS_TRY(snapshot_.Scan({.session_id = session_id, .from_ms = {}, .to_ms = {}},
                             StoreOrder::kSession, [&found](const RawRow&) -> Result<bool> {
                               found = true;
                               return false;
                             }));
    return found;
  }

  Snapshot& snapshot_;
  VerifyReport report_;
  canon::Sha256Hasher hasher_;
  std::string scratch_;
  std::optional<Session> session_;
  bool session_is_bad_ = false;
  bool link_known_ = true;  // the row before was readable, so that this one can be held against it
  std::int64_t last_id_ = 0;
};

}  // namespace

Result<VerifyReport> VerifySnapshot(Snapshot& snapshot) { return Verifier(snapshot).Run(); }

}  // namespace aegis::ledger
