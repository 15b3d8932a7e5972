#include "ledger/sqlite/session_row.h"

#include <cstdint>
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
  const std::string head_hash = canon::HexEncode(session.head_hash.view());
  const std::string old_hash = before ? canon::HexEncode(before->head_hash.view()) : "";
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
      .Bind(17, static_cast<std::int64_t>(session.head_seq))
      .Bind(18, std::string_view(head_hash));
  if (before) {
    statement.Bind(19, static_cast<std::int64_t>(before->head_seq))
        .Bind(20, std::string_view(old_hash));
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
  const std::int64_t head_seq = row.Integer();
  row.Require(head_seq >= 0);
  session.head_seq = static_cast<std::uint64_t>(head_seq);
  const auto head_hash = canon::Sha256FromHex(row.Text());
  row.Require(head_hash.has_value());
  if (!row.ok()) {
    return Fail(Errc::kCorrupt,
                "the row of session " + base::EscapeName(session.session_id) + " is damaged");
  }
  session.head_hash = *head_hash;
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
