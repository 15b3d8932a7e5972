#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "canon/sha256.h"
#include "gate/scan_record.h"
#include "gate/scan_store.h"
#include "policy/policy.h"
#include "sandbox/directory_stamp.h"
#include "sandbox/host_view.h"

namespace aegis::gate {

// How directory listings are kept; without a store or an epoch they are not.
struct ScanKeeping {
  ScanStore* store = nullptr;      // not owned
  std::string epoch;               // ScanEpoch()
  std::chrono::sys_seconds begun;  // a moment before anything is listed
  // Less than this many new entries, a directory as eight, are not worth writing a file: a thousand
  // take about 2 ms to list, and as much to write.
  std::size_t worth = 1000;
};

// Lists directories for a search for the names that groups of policies take, and asks the file
// system again only about those that have changed since they were kept. A kept listing is used
// where the stamp of the directory that has the path now is the one that it had. It is kept if that
// stamp was not young then, so that any later change has given it another one.
class ScanCache {
 public:
  // Loads what is kept. All but `keeping` must outlive it.
  ScanCache(const policy::PolicySet& policies, const sandbox::HostView& host, ScanKeeping keeping);
  ScanCache(const ScanCache&) = delete;
  ScanCache& operator=(const ScanCache&) = delete;
  ~ScanCache() = default;

  // As HostView::List, but into `entries`, which is empty, come only directories and what a group
  // may take. `held`: how many there are of all kinds.
  sandbox::Listing List(const std::string& path, std::vector<sandbox::DirectoryEntry>& entries,
                        std::size_t& held);

  // Keeps what was listed, if that spares the next start more than it costs this one.
  void Save();

 private:
  struct Id {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::uint64_t mount = 0;
    friend bool operator==(const Id&, const Id&) = default;
  };
  struct IdHash {
    std::size_t operator()(const Id& id) const noexcept;
  };
  enum class Origin : std::uint8_t { kStored, kConfirmed, kListed, kReplaced };
  struct Known {
    ScanRecord record;  // into file_ or listed_
    Origin origin = Origin::kStored;
  };

  static Id IdOf(const sandbox::DirectoryStamp& stamp) {
    return {stamp.device, stamp.inode, stamp.mount};
  }
  bool Keeps() const { return keeping_.store != nullptr && !keeping_.epoch.empty(); }
  bool Matters(const sandbox::DirectoryEntry& entry) const;
  Known* Find(const std::string& path);
  void Keep(const sandbox::DirectoryStamp& stamp, std::size_t held,
            const std::vector<sandbox::DirectoryEntry>& entries);
  void AppendOf(Origin origin, std::size_t limit, std::string& records, std::size_t& saved) const;

  const policy::PolicySet& policies_;
  const sandbox::HostView& host_;
  ScanKeeping keeping_;
  canon::Sha256 key_;
  std::string file_;
  std::deque<std::string> listed_;
  std::deque<Known> known_;  // in the order of their latest use
  std::unordered_map<Id, Known*, IdHash> by_id_;
};

}  // namespace aegis::gate
