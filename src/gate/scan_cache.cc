#include "gate/scan_cache.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "canon/sha256.h"
#include "gate/scan_record.h"
#include "gate/scan_store.h"
#include "policy/policy.h"
#include "sandbox/directory_stamp.h"
#include "sandbox/host_view.h"

namespace aegis::gate {
namespace {

using sandbox::DirectoryEntry;
using sandbox::DirectoryStamp;
using sandbox::FileKind;
using sandbox::Listing;

// Clocks of file systems have steps of up to a second (two would be as much as FAT's). Whole
// seconds are compared, so that three of them are at least two.
constexpr std::chrono::seconds kYoung{3};

// In entries: a directory costs as much as some of them to open.
constexpr std::size_t kCostOfDirectory = 8;

// Of directories that this start did not meet: other projects', or gone.
constexpr std::size_t kMostUnmetBytes = std::size_t{1} << 20U;
constexpr std::size_t kMostRecordBytes = kMostScanBytes - 4096;

std::size_t CostOf(const ScanRecord& record) { return record.held + kCostOfDirectory; }

// What tells which entries matter: the groups of names, and the epoch.
canon::Sha256 KeyOf(const policy::PolicySet& policies, const std::string& epoch) {
  std::vector<std::string> groups = policies.mentions();
  std::erase_if(groups, [](const std::string& name) { return name.starts_with('/'); });
  std::ranges::sort(groups);
  canon::Sha256Hasher hasher;
  hasher.Begin();
  hasher.Update(epoch);
  for (const std::string& group : groups) {
    hasher.Update("\n" + std::to_string(group.size()) + " " + group);
  }
  return hasher.Finish();
}

}  // namespace

std::size_t ScanCache::IdHash::operator()(const Id& id) const noexcept {
  constexpr std::uint64_t kSpread = 0x9E3779B97F4A7C15;  // 2^64 divided by the golden ratio
  return (id.inode ^ (id.device << 32U) ^ id.mount) * kSpread;
}

ScanCache::ScanCache(const policy::PolicySet& policies, const sandbox::HostView& host,
                     ScanKeeping keeping)
    : policies_(policies), host_(host), keeping_(std::move(keeping)) {
  if (!Keeps()) {
    return;
  }
  key_ = KeyOf(policies_, keeping_.epoch);
  file_ = keeping_.store->Load();
  const auto records = ParseScanFile(file_, key_);
  if (!records) {
    return;
  }
  by_id_.reserve(records->size());
  for (const ScanRecord& record : *records) {
    known_.push_back({.record = record});
    by_id_.try_emplace(IdOf(record.stamp), &known_.back());
  }
}

bool ScanCache::Matters(const DirectoryEntry& entry) const {
  return entry.kind == FileKind::kDirectory ||
         policies_.IsGroupedName(base::EscapeName(entry.name));
}

ScanCache::Known* ScanCache::Find(const std::string& path) {
  if (by_id_.empty()) {
    return nullptr;
  }
  const auto stamp = host_.StampOf(path);
  if (!stamp) {
    return nullptr;
  }
  const auto known = by_id_.find(IdOf(*stamp));
  return known != by_id_.end() && known->second->record.stamp == *stamp ? known->second : nullptr;
}

Listing ScanCache::List(const std::string& path, std::vector<DirectoryEntry>& entries,
                        std::size_t& held) {
  if (Known* const known = Find(path); known != nullptr) {
    if (known->origin == Origin::kStored) {
      known->origin = Origin::kConfirmed;
    }
    EntriesOf(known->record, entries);
    held = known->record.held;
    return Listing::kWhole;
  }
  std::optional<DirectoryStamp> stamp;
  const Listing listing =
      Keeps() ? host_.ListStamped(path, entries, stamp) : host_.List(path, entries);
  held = entries.size();
  // A kind that could not be told may be another one next time.
  const bool told = std::ranges::none_of(
      entries, [](const DirectoryEntry& entry) { return entry.kind == FileKind::kMissing; });
  std::erase_if(entries, [this](const DirectoryEntry& entry) { return !Matters(entry); });
  const auto old = keeping_.begun.time_since_epoch() - kYoung;
  if (listing == Listing::kWhole && told && stamp && stamp->seconds <= old.count()) {
    Keep(*stamp, held, entries);
  }
  return listing;
}

void ScanCache::Keep(const DirectoryStamp& stamp, std::size_t held,
                     const std::vector<DirectoryEntry>& entries) {
  auto bytes = EncodeScanRecord(stamp, held, entries);
  if (!bytes) {
    return;
  }
  listed_.push_back(*std::move(bytes));
  const auto parsed = ParseScanRecords(listed_.back());
  if (!parsed || parsed->size() != 1) {
    return;
  }
  known_.push_back({.record = parsed->front(), .origin = Origin::kListed});
  Known*& known = by_id_[IdOf(stamp)];
  if (known != nullptr) {
    known->origin = Origin::kReplaced;
  }
  known = &known_.back();
}

// What fits into `limit` bytes of the file; `saved` grows by what listing it has cost.
void ScanCache::AppendOf(Origin origin, std::size_t limit, std::string& records,
                         std::size_t& saved) const {
  for (const Known& known : known_) {
    if (known.origin == origin && records.size() + known.record.bytes.size() <= limit) {
      records += known.record.bytes;
      saved += CostOf(known.record);
    }
  }
}

void ScanCache::Save() {
  if (!Keeps()) {
    return;
  }
  std::string records;
  std::size_t ignored = 0;
  std::size_t saved = 0;
  AppendOf(Origin::kConfirmed, kMostRecordBytes, records, ignored);
  AppendOf(Origin::kListed, kMostRecordBytes, records, saved);
  if (saved == 0 || saved < keeping_.worth) {
    return;
  }
  AppendOf(Origin::kStored, std::min(kMostRecordBytes, records.size() + kMostUnmetBytes), records,
           ignored);
  keeping_.store->Save(EncodeScanFile(key_, records));
}

}  // namespace aegis::gate
