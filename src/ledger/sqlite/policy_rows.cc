#include "ledger/sqlite/policy_rows.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "base/text.h"
#include "ledger/policy_set.h"
#include "ledger/sqlite/database.h"
#include "ledger/store.h"

namespace aegis::ledger {
namespace {

using base::Errc;
using base::Fail;
using base::Result;

// No set that was ever in force is larger: 1,024 files of 1 MiB are read, but not parsed.
constexpr std::size_t kMostBytes = std::size_t{256} << 20U;
constexpr std::int64_t kMostFiles = 1024;

Result<bool> HasTable(Database& database) {
  AEGIS_ASSIGN(const std::int64_t tables,
               database.QueryInteger("SELECT count(*) FROM sqlite_schema WHERE name = 'policies'"));
  return tables != 0;
}

bool IsText(const RawValue& value) {
  // A zero byte ends the parts of which a digest is made.
  return value.type == RawValue::Type::kText && base::IsValidUtf8(value.bytes) &&
         !value.bytes.contains('\0');
}

// Puts the rows of one digest after the other together.
class SetReader {
 public:
  explicit SetReader(const PolicySetVisitor& visit) : visit_(visit) {}

  // digest, position, file, text.
  Result<> Take(const Statement& row) {
    const RawValue digest = row.Raw(0);
    if (!IsText(digest)) {
      return Give(Fail(Errc::kCorrupt, "policies: a digest is no text"));
    }
    if (!started_ || digest.bytes != set_.digest) {
      AEGIS_TRY(Finish());
      set_ = {.digest = std::string(digest.bytes), .texts = {}};
      started_ = true;
    }
    Add(row.Raw(1), row.Raw(2), row.Raw(3));
    return {};
  }

  Result<> Finish() {
    if (!std::exchange(started_, false)) {
      return {};
    }
    Result<StoredPolicySet> set = std::move(set_);
    if (std::exchange(bad_, false)) {
      set = Fail(Errc::kCorrupt, "policies: the rows of " + set->digest + " are no set of files");
    }
    rows_ = 0;
    bytes_ = 0;
    return Give(set);
  }

  bool stopped() const { return stopped_; }

 private:
  void Add(const RawValue& position, const RawValue& file, const RawValue& text) {
    const bool in_place = position.type == RawValue::Type::kInteger && position.integer == rows_;
    const bool none =
        rows_ == 0 && file.type == RawValue::Type::kNull && text.type == RawValue::Type::kNull;
    bad_ |= !in_place || absent_row_ || rows_ >= kMostFiles;
    ++rows_;
    absent_row_ = none;
    bytes_ += file.bytes.size() + text.bytes.size();
    bad_ |= !none && (!IsText(file) || !IsText(text));
    bad_ |= bytes_ > kMostBytes;
    if (bad_) {
      set_.texts.clear();
    } else if (!none) {
      set_.texts.push_back({.file = std::string(file.bytes), .text = std::string(text.bytes)});
    }
  }

  Result<> Give(const Result<StoredPolicySet>& set) {
    absent_row_ = false;
    AEGIS_ASSIGN(const bool more, visit_(set));
    stopped_ = stopped_ || !more;
    return {};
  }

  const PolicySetVisitor& visit_;
  StoredPolicySet set_;
  std::int64_t rows_ = 0;  // of it
  std::size_t bytes_ = 0;
  bool started_ = false;
  bool absent_row_ = false;
  bool bad_ = false;
  bool stopped_ = false;
};

Result<> ReadRows(Statement& rows, const PolicySetVisitor& visit) {
  SetReader reader(visit);
  while (!reader.stopped()) {
    AEGIS_ASSIGN(const bool found, rows.Step());
    if (!found) {
      return reader.Finish();
    }
    AEGIS_TRY(reader.Take(rows));
  }
  return {};
}

// How many rows there are of a digest, and whether they say that its texts are missing.
struct Present {
  bool any = false;
  bool texts = false;
};

Result<Present> Look(Database& database, std::string_view digest) {
  AEGIS_ASSIGN(Statement find, database.Prepare("SELECT text FROM policies WHERE digest = ?1 "
                                                "AND position = 0"));
  AEGIS_ASSIGN(const bool found, find.Bind(1, digest).Step());
  return Present{.any = found, .texts = found && find.Raw(0).type != RawValue::Type::kNull};
}

Result<> Insert(Database& database, std::string_view digest, std::span<const PolicyText> texts) {
  AEGIS_ASSIGN(Statement insert,
               database.Prepare("INSERT INTO policies (digest, position, file, text) "
                                "VALUES (?1, ?2, ?3, ?4)"));
  for (std::size_t i = 0; i < texts.size(); ++i) {
    AEGIS_TRY(insert.Bind(1, digest)
                  .Bind(2, static_cast<std::int64_t>(i))
                  .Bind(3, std::string_view(texts[i].file))
                  .Bind(4, std::string_view(texts[i].text))
                  .Run());
  }
  return {};
}

}  // namespace

Result<> ReadPolicySets(Database& database, const PolicySetVisitor& visit) {
  AEGIS_ASSIGN(const bool has_table, HasTable(database));
  if (!has_table) {
    return {};
  }
  AEGIS_ASSIGN(Statement rows, database.Prepare("SELECT digest, position, file, text FROM policies "
                                                "ORDER BY digest, position"));
  return ReadRows(rows, visit);
}

Result<std::optional<StoredPolicySet>> FindPolicyRows(Database& database, std::string_view digest) {
  std::optional<StoredPolicySet> found;
  AEGIS_ASSIGN(const bool has_table, HasTable(database));
  if (!has_table) {
    return found;
  }
  AEGIS_ASSIGN(Statement rows, database.Prepare("SELECT digest, position, file, text FROM policies "
                                                "WHERE digest = ?1 ORDER BY position"));
  rows.Bind(1, digest);
  AEGIS_TRY(ReadRows(rows, [&found](const Result<StoredPolicySet>& set) -> Result<bool> {
    if (!set) {
      return Fail(set.error());
    }
    found = *set;
    return true;
  }));
  return found;
}

Result<std::string> PutPolicyRows(Database& database, std::span<const PolicyText> texts) {
  std::string digest = DigestOfPolicies(texts);
  AEGIS_ASSIGN(const Present before, Look(database, digest));
  if (before.texts) {
    return digest;  // the usual case: no change, and so no sync
  }
  AEGIS_ASSIGN(Transaction transaction, Transaction::Begin(database, true));
  AEGIS_ASSIGN(const Present now, Look(database, digest));
  if (now.texts) {
    return digest;
  }
  if (now.any) {
    AEGIS_ASSIGN(Statement remove, database.Prepare("DELETE FROM policies WHERE digest = ?1"));
    AEGIS_TRY(remove.Bind(1, std::string_view(digest)).Run());
  }
  AEGIS_TRY(Insert(database, digest, texts));
  AEGIS_TRY(transaction.Commit());
  return digest;
}

Result<> PutAbsentPolicyRow(Database& database, std::string_view digest) {
  AEGIS_ASSIGN(const Present before, Look(database, digest));
  if (before.any) {
    return {};
  }
  AEGIS_ASSIGN(Statement insert, database.Prepare("INSERT OR IGNORE INTO policies "
                                                  "(digest, position) VALUES (?1, 0)"));
  return insert.Bind(1, digest).Run();
}

}  // namespace aegis::ledger
