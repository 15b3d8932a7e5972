#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "policy/dry_run.h"
#include "policy/policy.h"

// What parent and child of a dry run tell each other. Internal to the module.
namespace aegis::policy {

struct DryRunRequest {
  int parent = 0;  // its process id
  DryRunLimits limits{};
  Names names{};
  std::vector<Source> sources{};
};

// Numbers and lengths as eight bytes, little-endian.
std::string EncodeDryRunRequest(int parent, const DryRunLimits& limits, const Names& names,
                                const std::vector<Source>& sources);
std::optional<DryRunRequest> DecodeDryRunRequest(std::string_view message);

// No answer is longer; a longer error text is cut.
inline constexpr std::size_t kLongestDryRunAnswer = std::size_t{32} << 10U;

std::string EncodeDryRunAnswer(const base::Result<>& result);
// The result that the child came to (every refusal is kInvalid); nothing for what is no answer.
std::optional<base::Result<>> DecodeDryRunAnswer(std::string_view message);

}  // namespace aegis::policy
