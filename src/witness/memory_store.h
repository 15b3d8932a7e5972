#pragma once

// A witness's state in memory, for tests and fuzz targets.

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "canon/canon.h"
#include "witness/cosigner.h"

namespace aegis::witness {

class MemoryStore final : public CheckpointStore {
 public:
  base::Result<std::optional<canon::SignedNote>> Latest(std::string_view origin) override {
    const auto found = latest.find(std::string(origin));
    return found == latest.end() ? std::nullopt : std::optional(found->second);
  }
  base::Result<> Put(std::string_view origin, const canon::SignedNote& checkpoint) override {
    if (failing) {
      return base::Fail(base::Errc::kExhausted, "the disk is full");
    }
    latest[std::string(origin)] = checkpoint;
    return {};
  }
  base::Result<> KeepConflict(std::string_view origin,
                              const canon::SignedNote& checkpoint) override {
    conflicts[std::string(origin)] = checkpoint;
    return {};
  }

  std::map<std::string, canon::SignedNote> latest{};
  std::map<std::string, canon::SignedNote> conflicts{};
  bool failing = false;
};

}  // namespace aegis::witness
