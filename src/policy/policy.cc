#include "policy/policy.h"

#include <aegis_engines.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/text.h"
#include "canon/encoding.h"
#include "canon/sha256.h"
#include "policy/bound.h"
#include "policy/host_index.h"
#include "policy/host_name.h"
#include "policy/path_index.h"
#include "policy/templates.h"

namespace aegis::policy {
namespace {

struct FreeCedar {
  void operator()(AegisCedar* cedar) const { aegis_cedar_free(cedar); }
};
using CedarHandle = std::unique_ptr<AegisCedar, FreeCedar>;

AegisStr View(std::string_view text) { return {.data = text.data(), .size = text.size()}; }
std::string_view View(AegisStr text) { return {text.data, text.size}; }

// Takes a text of the engines over; an error nobody described has a text too.
std::string Take(AegisText* text) {
  if (text == nullptr) {
    return "the policy engine gave no reason";
  }
  std::string taken(View(aegis_text_view(text)));
  aegis_text_free(text);
  return taken;
}

bool IsPathAction(Action action) {
  return action != Action::kNetConnect && action != Action::kToolCall;
}

std::string_view BaseName(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

// In a comment Cedar takes them; but they end the parts of which the digest is made.
base::Result<> RefuseZeroBytes(const std::vector<Source>& sources) {
  for (const Source& source : sources) {
    const std::string_view text = source.text;
    const std::size_t at = text.find('\0');
    if (at == std::string_view::npos || !base::IsValidUtf8(text)) {
      continue;  // the latter is refused by the engine
    }
    const std::string_view before = text.substr(0, at);
    const auto line = 1 + std::ranges::count(before, '\n');
    const std::size_t column = at - (before.rfind('\n') + 1) + 1;  // npos + 1 is 0
    return base::Fail(base::Errc::kInvalid, base::ForDisplay(source.file) + ":" +
                                                std::to_string(line) + ":" +
                                                std::to_string(column) + ": a NUL byte");
  }
  return {};
}

std::string DigestOf(const std::vector<Source>& sources) {
  canon::Sha256Hasher hasher;
  hasher.Begin();
  // Neither holds a zero byte: names of files can't, and Load refuses such a text.
  constexpr std::string_view kEnd("\0", 1);
  for (const Source& source : sources) {
    hasher.Update(BaseName(source.file));
    hasher.Update(kEnd);
    hasher.Update(source.text);
    hasher.Update(kEnd);
  }
  return canon::HexEncode(hasher.Finish().view());
}

std::uint64_t SecretSeed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32U) | device();
}

// What the policies can say of a host whatever its port, for MayReach().
struct HostRules {
  bool permits_anywhere = false;
  bool forbids_everywhere = false;
  std::vector<bool> permitted;  // by mention: a permit may apply in it
  std::vector<bool> forbidden;  // by mention: all of it is forbidden
};

}  // namespace

struct PolicySet::Impl {
  CedarHandle cedar;
  std::vector<Info> infos;
  std::vector<Reach> reaches;  // views into the engine's mentions
  PathIndex index;
  HostIndex hosts;
  std::string digest;
  std::deque<std::string> targets;  // what links lead to: storage behind the reaches
  HostRules host_rules;

  std::vector<Place> PlacesOf(std::span<const AegisRoot> roots) const;
  void Describe(const std::vector<Source>& sources);
  void FollowLinks(const Names& names);
  void SumUpHosts();
  bool Ancestors(const Request& request, std::vector<std::uint32_t>& out) const;
  Verdict VerdictOf(std::int32_t outcome, std::span<const std::uint32_t> policies) const;
  Inspection InspectionOf(const Request& request, const Verdict& verdict,
                          std::span<const std::uint32_t> policies) const;
};

std::vector<PolicySet::Place> PolicySet::Impl::PlacesOf(std::span<const AegisRoot> roots) const {
  std::vector<Place> places;
  places.reserve(roots.size());
  for (const AegisRoot& root : roots) {
    places.push_back({.name = std::string(View(aegis_cedar_mention(cedar.get(), root.mention))),
                      .subtree = root.subtree != 0});
  }
  return places;
}

void PolicySet::Impl::Describe(const std::vector<Source>& sources) {
  const std::size_t count = aegis_cedar_policy_count(cedar.get());
  infos.reserve(count);
  reaches.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const AegisPolicyInfo info = aegis_cedar_policy(cedar.get(), i);
    infos.push_back(
        {.id = std::string(View(info.id)),
         .file = std::string(View(info.file)),
         .line = info.line,
         .text = sources.at(info.source).text.substr(info.begin, info.size),
         .forbid = info.forbid != 0,
         .ask = info.ask != 0,
         .opaque = info.opaque != 0,
         .reason = std::string(View(info.reason)),
         .actions = info.actions,
         .applies = info.applies != 0,
         .bounded = info.bounded != 0,
         .total = info.total != 0,
         .places = PlacesOf(std::span(info.roots, info.root_count)),
         .fails = static_cast<Fails>(std::min<std::uint8_t>(info.fails, 2)),
         .by_name = info.by_name != 0,
         .reads_more = info.reads != 0,
         .excluded = PlacesOf(std::span(info.excluded, info.excluded_count)),
         .excluded_but = PlacesOf(std::span(info.excluded_but, info.excluded_but_count))});
    Reach reach{.actions = info.actions,
                .forbid = info.forbid != 0,
                .applies = info.applies != 0,
                .bounded = info.bounded != 0,
                .total = info.total != 0,
                .roots = {}};
    for (const AegisRoot& root : std::span(info.roots, info.root_count)) {
      reach.roots.push_back({.name = View(aegis_cedar_mention(cedar.get(), root.mention)),
                             .subtree = root.subtree != 0});
    }
    reaches.push_back(std::move(reach));
  }
}

// A forbid of everything in a place holds for what the place leads to as well.
void PolicySet::Impl::FollowLinks(const Names& given) {
  if (!given.leads_to) {
    return;
  }
  std::unordered_map<std::uint32_t, std::string_view> followed;
  for (std::size_t i = 0; i < reaches.size(); ++i) {
    Reach& reach = reaches[i];
    if (!reach.forbid || !reach.applies || !reach.total || !reach.bounded) {
      continue;
    }
    const AegisPolicyInfo info = aegis_cedar_policy(cedar.get(), i);
    for (const AegisRoot& root : std::span(info.roots, info.root_count)) {
      const std::string_view name = View(aegis_cedar_mention(cedar.get(), root.mention));
      if (root.subtree == 0 || !name.starts_with('/')) {
        continue;
      }
      const auto [entry, fresh] = followed.try_emplace(root.mention);
      if (fresh) {
        entry->second = targets.emplace_back(given.leads_to(std::string(name)));
        if (!entry->second.empty()) {
          index.AddLink(entry->second, root.mention);
        }
      }
      if (!entry->second.empty()) {
        reach.roots.push_back({.name = entry->second, .subtree = true});
      }
    }
  }
}

void PolicySet::Impl::SumUpHosts() {
  const std::size_t mentions = aegis_cedar_mention_count(cedar.get());
  host_rules.permitted.resize(mentions);
  host_rules.forbidden.resize(mentions);
  for (std::size_t i = 0; i < infos.size(); ++i) {
    const Info& info = infos[i];
    if (!info.applies || !info.Covers(Action::kNetConnect) || (info.forbid && !info.total)) {
      continue;
    }
    bool& anywhere = info.forbid ? host_rules.forbids_everywhere : host_rules.permits_anywhere;
    anywhere = anywhere || !info.bounded;
    const AegisPolicyInfo known = aegis_cedar_policy(cedar.get(), i);
    for (const AegisRoot& root : std::span(known.roots, known.root_count)) {
      const std::string_view name = View(aegis_cedar_mention(cedar.get(), root.mention));
      if (!info.forbid) {
        host_rules.permitted[root.mention] = true;
      } else if (root.subtree != 0 && HostPart(name) == name) {
        host_rules.forbidden[root.mention] = true;
      }
    }
  }
}

// False for a resource that no request of this action can have.
bool PolicySet::Impl::Ancestors(const Request& request, std::vector<std::uint32_t>& out) const {
  if (IsPathAction(request.action)) {
    return index.Ancestors(request.resource, out);
  }
  // A path, a name group, a domain or a range as the name of a host or a tool would borrow their
  // rules.
  const std::string_view name = request.resource;
  if (name.empty() || name.starts_with('/') || name.starts_with('*') ||
      ParseAddressRange(HostPart(name))) {
    return false;
  }
  const bool net = request.action == Action::kNetConnect;
  hosts.Ancestors(name, net ? request.context.host : std::string_view(), out);
  return true;
}

Verdict PolicySet::Impl::VerdictOf(std::int32_t outcome,
                                   std::span<const std::uint32_t> policies) const {
  Verdict verdict;
  for (const std::uint32_t policy : policies) {
    verdict.policies.push_back(infos.at(policy).id);
    if (outcome == AEGIS_OUTCOME_FORBID && verdict.detail.empty()) {
      verdict.detail = infos.at(policy).reason;
    }
  }
  switch (outcome) {
    case AEGIS_OUTCOME_PERMIT:
      verdict.outcome = Outcome::kPermit;
      break;
    case AEGIS_OUTCOME_FORBID:
      verdict.outcome = Outcome::kForbid;
      break;
    case AEGIS_OUTCOME_NO_PERMIT:
      verdict.outcome = Outcome::kNoPermit;
      break;
    case AEGIS_OUTCOME_ASK:
      verdict.outcome = Outcome::kAsk;
      break;
    default:
      verdict.outcome = Outcome::kError;
      break;
  }
  return verdict;
}

// One matching permit with @opaque is enough; other permits beside it take nothing back.
Inspection PolicySet::Impl::InspectionOf(const Request& request, const Verdict& verdict,
                                         std::span<const std::uint32_t> policies) const {
  const auto is_opaque = [this](std::uint32_t policy) { return infos.at(policy).opaque; };
  const bool connects =
      request.action == Action::kNetConnect && verdict.outcome == Outcome::kPermit;
  return connects && std::ranges::any_of(policies, is_opaque) ? Inspection::kNone
                                                              : Inspection::kName;
}

base::Result<PolicySet> PolicySet::Load(const std::vector<Source>& sources, const Names& names) {
  AEGIS_TRY(RefuseZeroBytes(sources));
  std::vector<AegisSource> views;
  views.reserve(sources.size());
  for (const Source& source : sources) {
    views.push_back({.file = View(source.file),
                     .text = View(source.text),
                     .validated = source.validated || IsBuiltInText(source.text)
                                      ? std::uint8_t{1}
                                      : std::uint8_t{0}});
  }
  // Beside the engine's own work: OpenSSL takes a millisecond to get ready.
  std::future<std::string> digest = std::async(DigestOf, std::cref(sources));
  AegisText* error = nullptr;
  CedarHandle cedar(aegis_cedar_load(views.data(), views.size(), View(names.agent),
                                     View(names.home), View(names.dir), &error));
  if (cedar == nullptr) {
    return base::Fail(base::Errc::kInvalid, base::ForDisplay(Take(error)));
  }
  std::vector<std::string> mentions(aegis_cedar_mention_count(cedar.get()));
  for (std::size_t i = 0; i < mentions.size(); ++i) {
    mentions[i] = View(aegis_cedar_mention(cedar.get(), i));
  }
  auto impl = std::make_unique<Impl>(Impl{.cedar = std::move(cedar),
                                          .infos = {},
                                          .reaches = {},
                                          .index = PathIndex(mentions, SecretSeed()),
                                          .hosts = HostIndex(mentions),
                                          .digest = digest.get(),
                                          .targets = {},
                                          .host_rules = {}});
  impl->Describe(sources);
  impl->FollowLinks(names);
  impl->SumUpHosts();
  return PolicySet(std::move(impl));
}

PolicySet::PolicySet(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PolicySet::PolicySet(PolicySet&&) noexcept = default;
PolicySet& PolicySet::operator=(PolicySet&&) noexcept = default;
PolicySet::~PolicySet() = default;

Verdict PolicySet::Evaluate(const Request& request) const {
  std::vector<std::uint32_t> ancestors;
  if (!impl_->Ancestors(request, ancestors)) {
    return {.outcome = Outcome::kError, .policies = {}, .detail = "malformed resource name"};
  }
  std::vector<std::uint32_t> linked;
  if (IsPathAction(request.action)) {
    impl_->index.Linked(request.resource, linked);
  }
  std::vector<AegisStr> argv;
  argv.reserve(request.context.argv.size());
  for (const std::string& argument : request.context.argv) {
    argv.push_back(View(argument));
  }
  const AegisRequest question = {.action = static_cast<std::uint32_t>(request.action),
                                 .resource = View(request.resource),
                                 .ancestors = ancestors.data(),
                                 .ancestor_count = ancestors.size(),
                                 .linked = linked.data(),
                                 .linked_count = linked.size(),
                                 .pid = request.context.pid,
                                 .exe = View(request.context.exe),
                                 .argv = argv.data(),
                                 .argv_count = argv.size(),
                                 .host = View(request.context.host),
                                 .port = request.context.port,
                                 .protocol = View(request.context.protocol)};
  // Room for all of them: not filled, since a large set has far more than determine an answer.
  const auto policies = std::make_unique_for_overwrite<std::uint32_t[]>(impl_->infos.size());
  std::size_t count = 0;
  AegisText* error = nullptr;
  const std::int32_t outcome =
      aegis_cedar_evaluate(impl_->cedar.get(), &question, policies.get(), &count, &error);
  if (outcome == AEGIS_OUTCOME_ERROR) {
    return {.outcome = Outcome::kError, .policies = {}, .detail = Take(error)};
  }
  const std::span<const std::uint32_t> determining(policies.get(), count);
  Verdict verdict = impl_->VerdictOf(outcome, determining);
  verdict.inspection = impl_->InspectionOf(request, verdict, determining);
  return verdict;
}

const std::vector<PolicySet::Info>& PolicySet::policies() const { return impl_->infos; }

const std::string& PolicySet::digest() const { return impl_->digest; }

PolicySet::Reads PolicySet::reads(Action action) const {
  const std::uint32_t bits =
      aegis_cedar_reads(impl_->cedar.get(), static_cast<std::uint32_t>(action));
  return {.path = (bits & AEGIS_READS_PATH) != 0,
          .pid = (bits & AEGIS_READS_PID) != 0,
          .exe = (bits & AEGIS_READS_EXE) != 0,
          .argv = (bits & AEGIS_READS_ARGV) != 0,
          .host = (bits & AEGIS_READS_HOST) != 0,
          .port = (bits & AEGIS_READS_PORT) != 0,
          .protocol = (bits & AEGIS_READS_PROTOCOL) != 0};
}

std::vector<std::string> PolicySet::mentions() const {
  std::vector<std::string> mentions(aegis_cedar_mention_count(impl_->cedar.get()));
  for (std::size_t i = 0; i < mentions.size(); ++i) {
    mentions[i] = View(aegis_cedar_mention(impl_->cedar.get(), i));
  }
  return mentions;
}

std::vector<std::string> PolicySet::link_targets() const {
  std::vector<std::string> targets(impl_->targets.begin(), impl_->targets.end());
  std::erase(targets, "");
  std::ranges::sort(targets);
  targets.erase(std::ranges::unique(targets).begin(), targets.end());
  return targets;
}

bool PolicySet::IsGroupedName(std::string_view component) const {
  return impl_->index.TakesName(component);
}

std::uint64_t PolicySet::ClassOf(std::string_view path) const { return impl_->index.Class(path); }

bool PolicySet::PinsBelow(std::string_view path) const { return impl_->index.HasBelow(path); }

bool PolicySet::MayReach(std::string_view host) const {
  const HostRules& rules = impl_->host_rules;
  if (rules.forbids_everywhere) {
    return false;
  }
  std::vector<std::uint32_t> mentions;
  impl_->hosts.OfHost(host, mentions);
  const auto is_forbidden = [&rules](std::uint32_t id) { return rules.forbidden[id]; };
  const auto is_permitted = [&rules](std::uint32_t id) { return rules.permitted[id]; };
  return std::ranges::none_of(mentions, is_forbidden) &&
         (rules.permits_anywhere || std::ranges::any_of(mentions, is_permitted));
}

PolicySet::Bound PolicySet::bound() const { return BoundOf(impl_->reaches); }

}  // namespace aegis::policy
