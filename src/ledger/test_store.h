#pragma once

// A store in memory, for tests. It keeps the rules of a Store: chains are continued, never forked.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "ledger/entry.h"
#include "ledger/policy_set.h"
#include "ledger/session.h"
#include "ledger/store.h"

namespace aegis::ledger {

class MemoryStore final : public Store {
 public:
  struct Chain {
    Session session;
    std::vector<std::string> payloads;
  };
  using Chains = std::map<std::string, Chain, std::less<>>;

  using Store::Append;
  base::Result<> Append(std::span<const EntryView> group, const CheckpointSigner&) override {
    std::map<std::string_view, const EntryView*> heads;
    for (const EntryView& entry : group) {
      const EntryView*& head = heads[entry.session_id];
      if (!(head == nullptr ? ContinuesStored(entry)
                            : entry.seq == head->seq + 1 && entry.prev_hash == head->hash)) {
        return base::Fail(base::Errc::kConflict, "the chain stands elsewhere");
      }
      head = &entry;
    }
    for (const EntryView& entry : group) {
      Add(entry);
    }
    ++groups_;
    return {};
  }

  base::Result<std::optional<Session>> FindSession(std::string_view session_id) override {
    const auto found = chains_.find(session_id);
    return found == chains_.end() ? std::nullopt : std::optional(found->second.session);
  }

  base::Result<std::unique_ptr<Snapshot>> OpenSnapshot() override {
    return base::Fail(base::Errc::kUnsupported, "no snapshots");
  }
  base::Result<bool> SummarizeBlocks() override {
    ++summaries_;
    return false;
  }
  base::Result<> PutCheckpoint(const StoredCheckpoint&) override { return {}; }
  base::Result<> AddKey(const StoredKey&) override { return {}; }
  base::Result<std::string> PutPolicySet(std::span<const PolicyText> texts) override {
    return DigestOfPolicies(texts);
  }
  base::Result<> NoteAbsentPolicySet(std::string_view) override { return {}; }
  base::Result<> Erase(std::span<const IdRange>, const EntryView&) override { return {}; }

  // What a session's entries say, in order.
  std::vector<std::string> payloads(std::string_view session_id) const {
    const auto found = chains_.find(session_id);
    return found == chains_.end() ? std::vector<std::string>() : found->second.payloads;
  }
  int groups() const { return groups_; }
  int summaries() const { return summaries_; }  // how often they were asked for

  // To put it back later to what it is now.
  Chains Save() const { return chains_; }
  void Restore(Chains chains) { chains_ = std::move(chains); }

 private:
  bool ContinuesStored(const EntryView& entry) const {
    const auto found = chains_.find(entry.session_id);
    return found == chains_.end() ? entry.seq == 0 && !entry.prev_hash
                                  : entry.seq == found->second.session.head_seq + 1 &&
                                        entry.prev_hash == found->second.session.head_hash;
  }

  void Add(const EntryView& entry) {
    auto found = chains_.find(entry.session_id);
    if (found == chains_.end()) {
      const Chain chain{.session = BeginSession(entry), .payloads = {}};
      found = chains_.emplace(entry.session_id, chain).first;
    } else {
      Advance(found->second.session, entry);
    }
    found->second.payloads.emplace_back(entry.payload);
  }

  Chains chains_;
  int groups_ = 0;
  int summaries_ = 0;
};

}  // namespace aegis::ledger
