#include "ledger/sqlite/session_row.h"

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/text.h"
#include "canon/canon.h"
#include "ledger/session.h"
#include "ledger/sqlite/database.h"
#include "ledger/store.h"

namespace aegis::ledger {
namespace {

using base::Errc;
using base::Fail;
using base::Result;
using Type = RawValue::Type;

// Takes columns in order and remembers whether one had a wrong type.
class RowReader {
 public:
  explicit RowReader(const Statement& statement) : statement_(statement) {}

  std::optional<std::string> OptionalText() {
    const RawValue value = statement_.Raw(column_++);
    if (value.type == Type::kNull) {
      return std::nullopt;
    }
    ok_ &= value.type == Type::kText && base::IsValidUtf8(value.bytes);
    return std::string(value.bytes);
  }
  std::string Text() {
    auto text = OptionalText();
    ok_ &= text.has_value();
    return text.value_or(std::string());
  }
  std::optional<std::int64_t> OptionalInteger() {
    const RawValue value = statement_.Raw(column_++);
    if (value.type == Type::kNull) {
      return std::nullopt;
    }
    ok_ &= value.type == Type::kInteger;
    return value.integer;
  }
  std::int64_t Integer() {
    const auto value = OptionalInteger();
    ok_ &= value.has_value();
    return value.value_or(0);
  }
  canon::Sha256 Digest() {
    canon::Sha256 digest;
    const RawValue value = statement_.Raw(column_++);
    const bool fits = value.type == Type::kBlob && value.bytes.size() == digest.bytes.size();
    if (fits) {
      std::memcpy(digest.bytes.data(), value.bytes.data(), digest.bytes.size());
    }
    ok_ &= fits;
    return digest;
  }
  void Require(bool condition) { ok_ &= condition; }
  bool ok() const { return ok_; }

 private:
  const Statement& statement_;
  int column_ = 0;
  bool ok_ = true;
};

Statement& BindText(Statement& statement, int index, const std::optional<std::string>& text) {
  return text ? statement.Bind(index, std::string_view(*text)) : statement.BindNull(index);
}

}  // namespace

Result<> WriteSessionRow(Statement& statement, const Session& session,
                         const std::optional<Session>& before) {
  statement.Bind(1, std::string_view(session.session_id))
      .Bind(2, std::string_view(session.tenant_id))
      .Bind(3, std::string_view(session.user_id));
  int index = 4;
  for (const auto* text : {&session.mode, &session.command, &session.argv, &session.config,
                           &session.dir, &session.tag, &session.policy_digest}) {
    BindText(statement, index++, *text);
  }
  statement.Bind(11, session.started_ms)
      .Bind(12, session.ended_ms)
      .Bind(13, session.exit_code)
      .Bind(14, session.signal)
      .Bind(15, session.actions)
      .Bind(16, session.denials)
      .Bind(17, session.erased)
      .Bind(18, static_cast<std::int64_t>(session.head_seq))
      .BindBlob(19, session.head_hash.view())
      .Bind(20, session.first_id)
      .Bind(21, session.last_id);
  if (before) {
    statement.Bind(22, static_cast<std::int64_t>(before->head_seq))
        .BindBlob(23, before->head_hash.view());
  }
  return statement.Run();
}

Result<Session> ReadSessionRow(const Statement& statement) {
  RowReader row(statement);
  Session session;
  session.session_id = row.Text();
  session.tenant_id = row.Text();
  session.user_id = row.Text();
  for (auto* text : {&session.mode, &session.command, &session.argv, &session.config, &session.dir,
                     &session.tag, &session.policy_digest}) {
    *text = row.OptionalText();
  }
  session.started_ms = row.Integer();
  session.ended_ms = row.OptionalInteger();
  session.exit_code = row.OptionalInteger();
  session.signal = row.OptionalInteger();
  session.actions = row.Integer();
  session.denials = row.Integer();
  session.erased = row.Integer();
  const std::int64_t head_seq = row.Integer();
  row.Require(head_seq >= 0);
  session.head_seq = static_cast<std::uint64_t>(head_seq);
  session.head_hash = row.Digest();
  session.first_id = row.Integer();
  session.last_id = row.Integer();
  if (!row.ok()) {
    return Fail(Errc::kCorrupt,
                "the row of session " + base::EscapeName(session.session_id) + " is damaged");
  }
  return session;
}

Result<std::optional<Session>> FindSessionRow(Statement& statement, std::string_view session_id) {
  AEGIS_ASSIGN(const bool found, statement.Bind(1, session_id).Step());
  if (!found) {
    return std::nullopt;
  }
  AEGIS_ASSIGN(Session session, ReadSessionRow(statement));
  return session;
}

}  // namespace aegis::ledger
