#pragma once

// Internal to aegis::ledger. Keeps RE2 out of the module's public headers.

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ledger/mask.h"

namespace re2 {
class RE2;
}

namespace aegis::ledger {

// Patterns that users give. RE2 searches in linear time, so neither a pattern nor a text can keep
// the gate busy. Immutable once made; safe for several threads.
class OwnPatterns {
 public:
  // As Masker::Make.
  static base::Result<OwnPatterns> Compile(std::span<const std::string> patterns);

  OwnPatterns(OwnPatterns&&) noexcept;
  OwnPatterns(const OwnPatterns&) = delete;
  OwnPatterns& operator=(const OwnPatterns&) = delete;
  OwnPatterns& operator=(OwnPatterns&&) = delete;
  ~OwnPatterns();

  // Appends what is to be masked in any bytes; the ranges of several patterns may overlap.
  void Find(std::string_view bytes, std::vector<TextRange>& secrets) const;

 private:
  OwnPatterns();
  std::vector<std::unique_ptr<const re2::RE2>> patterns_;
};

}  // namespace aegis::ledger
