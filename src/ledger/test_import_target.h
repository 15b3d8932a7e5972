#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/result.h"
#include "canon/canon.h"
#include "ledger/entry.h"
#include "ledger/import.h"
#include "ledger/session.h"

namespace aegis::ledger {

// A ledger in memory that takes nothing but chains whose hashes are right.
class MemoryTarget : public ImportTarget {
 public:
  base::Result<std::optional<Session>> FindSession(std::string_view session_id) override {
    const auto found = sessions_.find(session_id);
    return found == sessions_.end() ? std::nullopt : std::optional(found->second);
  }

  base::Result<bool> Holds(const Session& session, std::uint64_t seq,
                           const canon::Sha256& hash) override {
    return hashes_[session.session_id].at(seq) == hash;
  }

  base::Result<> Append(std::span<const EntryView> group) override {
    if (failure) {
      return base::Fail(*failure);
    }
    for (const EntryView& entry : group) {
      AEGIS_CHECK(!entry.erased && HashEntry(hasher_, entry, scratch_) == entry.hash);
      std::vector<canon::Sha256>& hashes = hashes_[std::string(entry.session_id)];
      AEGIS_CHECK(entry.seq == hashes.size());
      AEGIS_CHECK(hashes.empty() ? !entry.prev_hash : entry.prev_hash == hashes.back());
      hashes.push_back(entry.hash);
      const auto session = sessions_.find(entry.session_id);
      if (session == sessions_.end()) {
        sessions_.emplace(entry.session_id, BeginSession(entry));
      } else {
        AEGIS_CHECK(entry.tenant_id == session->second.tenant_id);
        Advance(session->second, entry);
      }
      AppendEnvelope(lines, entry);
      lines += '\n';
    }
    groups.push_back(group.size());
    return {};
  }

  std::optional<base::Error> failure;
  std::string lines;  // all entries, as they were appended
  std::vector<std::size_t> groups;

 private:
  std::map<std::string, Session, std::less<>> sessions_;
  std::map<std::string, std::vector<canon::Sha256>> hashes_;
  canon::Sha256Hasher hasher_;
  std::string scratch_;
};

}  // namespace aegis::ledger
