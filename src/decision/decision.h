#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "policy/policy.h"

// The decision point: one function that every enforcement point asks before an effect.
namespace aegis::decision {

enum class Effect : std::uint8_t { kAllow, kDeny };

enum class Reason : std::uint8_t {
  kPolicyPermit,
  kPolicyForbid,
  kNoPermit,
  kPolicyError,
  kApprovalUnavailable,  // the policies ask for a human, and no approval channel exists
  kAegisState,
  kNetworkClosed,
  kPinnedPath,
  kImageChanged,  // not the program that was judged had begun; it was killed
  kUnsupported,
  kNameMismatch,  // a connection asks for another host than the one that was permitted
  kNameUnknown,   // it does not say for which host it is, and no rule lets it pass unseen
  kMalformed,     // it can't be read, or in two ways
  kInternalError,
  kLedgerUnavailable,
};

// The closed code as the ledger writes it, e.g. "POLICY_PERMIT".
std::string_view ReasonCode(Reason reason);

// A decision; cheap to copy. `policies` is never null: the ids that determined it, perhaps none.
struct Decision {
  Effect effect = Effect::kDeny;
  Reason reason = Reason::kInternalError;
  std::shared_ptr<const std::vector<std::string>> policies{};  // shared with the cache
  // Of an allowed NetConnect to a host by name; kName for everything else.
  policy::Inspection inspection = policy::Inspection::kName;

  bool allowed() const { return effect == Effect::kAllow; }
};

// What holds whatever the policies say.
struct Guards {
  bool network_closed = false;  // every NetConnect is denied NETWORK_CLOSED
  std::vector<std::string>
      aegis_state{};  // canonical escaped paths: they and all below: AEGIS_STATE
};

// Decides for one run. Single thread; holds the decision cache (bounded), keyed by what the loaded
// policies can read.
class Decider {
 public:
  Decider(policy::PolicySet policies, Guards guards);
  Decider(Decider&&) noexcept;
  Decider& operator=(Decider&&) noexcept;
  Decider(const Decider&) = delete;
  Decider& operator=(const Decider&) = delete;
  ~Decider();

  // THE decision function. Any failure to decide is a Deny.
  Decision Decide(const policy::Request& request);

  // Why `path` must stay where it is and what it is: renaming or replacing it would move Aegis'
  // state (kAegisState) or a rule (kPinnedPath) away from its name. The caller denies that with
  // Deny().
  std::optional<Reason> Pins(std::string_view path) const;

  // Whether a connection to this host could be allowed on some port: an upper bound, for those who
  // answer look-ups of names. `host` as policy::ParseHost() gives it.
  bool MayReach(std::string_view host) const;

  const policy::PolicySet& policies() const;
  const Guards& guards() const;
  std::size_t cached() const;  // entries in the cache, for tests and status

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// A Deny that no policy determined, e.g. Deny(Reason::kPinnedPath).
Decision Deny(Reason reason);

// The one place where an Error on a decision path becomes a Deny.
Decision DenyFor(const base::Error& error);

}  // namespace aegis::decision
