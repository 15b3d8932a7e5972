#include "decision/decision.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"
#include "policy/policy.h"

namespace aegis::decision {
namespace {

using policy::Action;
using policy::Outcome;
using Policies = std::shared_ptr<const std::vector<std::string>>;

constexpr std::size_t kMaxCached = 65'536;
// A path as long as this is not worth remembering when policies read it.
constexpr std::size_t kMaxCachedText = 8'192;

// What an answer depends on: the texts stay empty where no policy reads them.
struct Key {
  std::uint64_t path_class = 0;
  std::int64_t pid = 0;
  Action action = Action::kFileRead;
  std::string texts;  // path and executable, each with its length in front
  bool operator==(const Key&) const = default;
};

struct KeyHash {
  std::size_t operator()(const Key& key) const {
    constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15ULL;
    std::uint64_t hash = (key.path_class ^ (static_cast<std::uint64_t>(key.action) << 58U)) * kOdd;
    hash = (hash ^ (hash >> 32U) ^ static_cast<std::uint64_t>(key.pid)) * kOdd;
    if (!key.texts.empty()) {
      hash ^= std::hash<std::string>()(key.texts);
    }
    return hash ^ (hash >> 29U);
  }
};

bool IsBelow(std::string_view path, std::string_view root) {
  return path.size() > root.size() && path.starts_with(root) &&
         (root == "/" || path[root.size()] == '/');
}

Reason ReasonFor(Outcome outcome) {
  switch (outcome) {
    case Outcome::kPermit:
      return Reason::kPolicyPermit;
    case Outcome::kForbid:
      return Reason::kPolicyForbid;
    case Outcome::kNoPermit:
      return Reason::kNoPermit;
    case Outcome::kAsk:
      return Reason::kApprovalUnavailable;
    case Outcome::kError:
      break;
  }
  return Reason::kPolicyError;
}

Decision Judged(policy::Verdict verdict) {
  const Reason reason = ReasonFor(verdict.outcome);
  return {.effect = reason == Reason::kPolicyPermit ? Effect::kAllow : Effect::kDeny,
          .reason = reason,
          .policies = std::make_shared<const std::vector<std::string>>(std::move(verdict.policies)),
          .inspection = verdict.inspection};
}

void AppendText(std::string& out, std::string_view text) {
  out += std::to_string(text.size());
  out += ':';
  out += text;
}

}  // namespace

std::string_view ReasonCode(Reason reason) {
  switch (reason) {
    case Reason::kPolicyPermit:
      return "POLICY_PERMIT";
    case Reason::kPolicyForbid:
      return "POLICY_FORBID";
    case Reason::kNoPermit:
      return "NO_PERMIT";
    case Reason::kPolicyError:
      return "POLICY_ERROR";
    case Reason::kApprovalUnavailable:
      return "APPROVAL_UNAVAILABLE";
    case Reason::kAegisState:
      return "AEGIS_STATE";
    case Reason::kNetworkClosed:
      return "NETWORK_CLOSED";
    case Reason::kPinnedPath:
      return "PINNED_PATH";
    case Reason::kImageChanged:
      return "IMAGE_CHANGED";
    case Reason::kUnsupported:
      return "UNSUPPORTED";
    case Reason::kLedgerUnavailable:
      return "LEDGER_UNAVAILABLE";
    case Reason::kNameMismatch:
      return "NAME_MISMATCH";
    case Reason::kNameUnknown:
      return "NAME_UNKNOWN";
    case Reason::kMalformed:
      return "MALFORMED";
    case Reason::kInternalError:
      break;
  }
  return "INTERNAL_ERROR";
}

struct Decider::Impl {
  policy::PolicySet policies;
  Guards guards;
  std::array<policy::PolicySet::Reads, policy::kActionCount> reads{};
  Policies none = std::make_shared<const std::vector<std::string>>();
  std::unordered_map<Key, Decision, KeyHash> cache;

  std::optional<Decision> Guarded(const policy::Request& request) const;
  std::optional<Key> KeyOf(const policy::Request& request) const;
};

// What no policy can permit.
std::optional<Decision> Decider::Impl::Guarded(const policy::Request& request) const {
  if (request.action == Action::kNetConnect) {
    if (!guards.network_closed) {
      return std::nullopt;
    }
    return Decision{.effect = Effect::kDeny, .reason = Reason::kNetworkClosed, .policies = none};
  }
  for (const std::string& state : guards.aegis_state) {
    if (request.resource == state || IsBelow(request.resource, state)) {
      return Decision{.effect = Effect::kDeny, .reason = Reason::kAegisState, .policies = none};
    }
  }
  return std::nullopt;
}

// The cache key of a request; nullopt where its answer can't be remembered.
std::optional<Key> Decider::Impl::KeyOf(const policy::Request& request) const {
  const policy::PolicySet::Reads& read = reads.at(static_cast<std::size_t>(request.action));
  if (request.action == Action::kNetConnect || request.action == Action::kToolCall || read.argv) {
    return std::nullopt;
  }
  Key key{.path_class = policies.ClassOf(request.resource),
          .pid = read.pid ? request.context.pid : 0,
          .action = request.action,
          .texts = {}};
  if (key.path_class == policy::PolicySet::kNotCanonical) {
    return std::nullopt;
  }
  if (read.path) {
    AppendText(key.texts, request.resource);
  }
  if (read.exe) {
    AppendText(key.texts, request.context.exe);
  }
  if (key.texts.size() > kMaxCachedText) {
    return std::nullopt;
  }
  return key;
}

Decider::Decider(policy::PolicySet policies, Guards guards)
    : impl_(std::make_unique<Impl>(
          Impl{.policies = std::move(policies), .guards = std::move(guards), .cache = {}})) {
  for (std::size_t i = 0; i < policy::kActionCount; ++i) {
    impl_->reads.at(i) = impl_->policies.reads(static_cast<Action>(i));
  }
}

Decider::Decider(Decider&&) noexcept = default;
Decider& Decider::operator=(Decider&&) noexcept = default;
Decider::~Decider() = default;

Decision Decider::Decide(const policy::Request& request) {
  if (auto guarded = impl_->Guarded(request)) {
    return *std::move(guarded);
  }
  std::optional<Key> key = impl_->KeyOf(request);
  if (!key.has_value()) {
    return Judged(impl_->policies.Evaluate(request));
  }
  if (const auto found = impl_->cache.find(*key); found != impl_->cache.end()) {
    return found->second;
  }
  Decision decision = Judged(impl_->policies.Evaluate(request));
  if (impl_->cache.size() >= kMaxCached) {
    impl_->cache.clear();
  }
  impl_->cache.emplace(*std::move(key), decision);
  return decision;
}

std::optional<Reason> Decider::Pins(std::string_view path) const {
  const auto below = [path](std::string_view state) { return IsBelow(state, path); };
  if (std::ranges::any_of(impl_->guards.aegis_state, below)) {
    return Reason::kAegisState;
  }
  return impl_->policies.PinsBelow(path) ? std::optional(Reason::kPinnedPath) : std::nullopt;
}

bool Decider::MayReach(std::string_view host) const {
  return !impl_->guards.network_closed && impl_->policies.MayReach(host);
}

const policy::PolicySet& Decider::policies() const { return impl_->policies; }

const Guards& Decider::guards() const { return impl_->guards; }

std::size_t Decider::cached() const { return impl_->cache.size(); }

Decision Deny(Reason reason) {
  return {.effect = Effect::kDeny,
          .reason = reason,
          .policies = std::make_shared<const std::vector<std::string>>()};
}

Decision DenyFor(const base::Error& error) {
  switch (error.code()) {
    case base::Errc::kUnsupported:
      return Deny(Reason::kUnsupported);
    default:
      return Deny(Reason::kInternalError);
  }
}

}  // namespace aegis::decision
