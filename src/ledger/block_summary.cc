#include "ledger/block_summary.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "canon/canon.h"
#include "ledger/entry.h"
#include "ledger/grams.h"

namespace aegis::ledger {
namespace {

constexpr std::uint64_t kHashBasis = 0xcbf29ce484222325ULL;

// FNV-1a.
std::uint64_t HashBytes(std::uint64_t hash, std::string_view bytes) {
  for (const char c : bytes) {
    hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3ULL;
  }
  return hash;
}

// Spreads what FNV-1a leaves in the low bits (the finalizer of MurmurHash3).
std::uint64_t Mix(std::uint64_t hash) {
  hash = (hash ^ (hash >> 33U)) * 0xff51afd7ed558ccdULL;
  hash = (hash ^ (hash >> 33U)) * 0xc4ceb9fe1a85ec53ULL;
  return hash ^ (hash >> 33U);
}

std::uint64_t HashKind(TermKind kind) {
  const char byte = static_cast<char>(kind);
  return HashBytes(kHashBasis, {&byte, 1});
}

void SetBit(std::string& bits, std::size_t bit) {
  bits[bit / 8] = static_cast<char>(static_cast<std::uint8_t>(bits[bit / 8]) | (1U << (bit % 8)));
}

// The text of a member as canon::StringMember gives it; `scratch` holds what had escapes.
std::optional<std::string_view> Decoded(std::string_view raw, std::string& scratch) {
  if (!raw.starts_with('"')) {
    return std::nullopt;
  }
  if (!raw.contains('\\')) {
    return raw.substr(1, raw.size() - 2);
  }
  auto text = canon::DecodeString(raw);
  scratch = std::move(text).value_or(std::string());
  return scratch;
}

}  // namespace

std::uint64_t HashTerm(TermKind kind, std::string_view value) {
  return Mix(HashBytes(HashKind(kind), value));
}

std::uint64_t HashActionDecision(std::string_view action, std::string_view decision) {
  const std::uint64_t hash = HashBytes(HashKind(TermKind::kActionDecision), action);
  return Mix(HashBytes(HashBytes(hash, std::string_view("\0", 1)), decision));
}

BlockSummaryBuilder::BlockSummaryBuilder() { (void)Finish(); }

BlockSummary BlockSummaryBuilder::Finish() {
  entries_ = 0;
  user_id_.reset();
  session_id_.clear();
  event_type_.reset();
  action_.reset();
  decision_.reset();
  lower_decision_.clear();
  BlockSummary made = std::exchange(summary_, BlockSummary{});
  made.grams3 = grams_.set3();
  made.grams5 = grams_.set5();
  made.grams8 = grams_.set8();
  grams_.Clear();
  summary_.terms.resize(BlockSummary::kTermsBytes);
  summary_.denials.resize(BlockSummary::kDenialsBytes);
  return made;
}

void BlockSummaryBuilder::Add(const EntryView& entry) {
  if (entries_ == 0 || entry.session_id != session_id_) {
    session_id_ = entry.session_id;
    AddTerm(HashTerm(TermKind::kSession, session_id_));
  }
  if (!entry.erased) {
    summary_.min_ms = std::min(summary_.min_ms.value_or(entry.ts_unix_ms), entry.ts_unix_ms);
    summary_.max_ms = std::max(summary_.max_ms.value_or(entry.ts_unix_ms), entry.ts_unix_ms);
    if (entry.event_type != event_type_) {
      event_type_ = entry.event_type;
      AddTerm(HashTerm(TermKind::kEventType, entry.event_type));
      grams_.Add(entry.event_type);
    }
    AddTerms(entry);
    grams_.Add(entry.payload);
  }
  ++entries_;
}

void BlockSummaryBuilder::AddTerm(std::uint64_t hash) {
  ForEachTermBit(hash, [this](std::size_t bit) { SetBit(summary_.terms, bit); });
}

void BlockSummaryBuilder::AddTerms(const EntryView& entry) {
  if (!user_id_ || entry.user_id != *user_id_) {
    user_id_ = entry.user_id;
    AddTerm(HashTerm(TermKind::kUser, *user_id_));
  }
  std::string action_text;
  std::string decision_text;
  std::optional<std::string_view> action;
  std::optional<std::string_view> decision;
  // Both in one pass, and by the same reader as canon::Member, which decides what matches.
  canon::Cursor cursor(entry.payload);
  bool more = cursor.Literal("{");
  while (more) {
    std::string_view key;
    std::string_view value;
    if (!cursor.String(&key) || !cursor.Literal(":") || !cursor.Value(&value) ||
        key > R"("decision")") {
      break;
    }
    if (key == R"("action")") {
      action = Decoded(value, action_text);
    } else if (key == R"("decision")") {
      decision = Decoded(value, decision_text);
    }
    more = cursor.Literal(",");
  }
  AddActionTerms(action, decision);
}

void BlockSummaryBuilder::AddActionTerms(std::optional<std::string_view> action,
                                         std::optional<std::string_view> decision) {
  if (action_ != action || decision_ != decision) {
    action_ = action;
    decision_ = decision;
    lower_decision_.clear();
    AppendLower(lower_decision_, decision.value_or(std::string_view()));
    if (action) {
      AddTerm(HashTerm(TermKind::kAction, *action));
    }
    if (decision) {
      AddTerm(HashTerm(TermKind::kDecision, lower_decision_));
    }
    if (action && decision) {
      AddTerm(HashActionDecision(*action, lower_decision_));
    }
  }
  if (lower_decision_ == "deny") {
    SetBit(summary_.denials, static_cast<std::size_t>(entries_));
  }
}

}  // namespace aegis::ledger
