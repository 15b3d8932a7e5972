#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "policy/policy.h"

// Policies that nobody vouches for are first loaded and asked in a process of their own, so that a
// text made to exhaust the parser takes that process down and nothing else.
namespace aegis::policy {

// What the child may use. The defaults take the largest set that docs/policy.md allows.
struct DryRunLimits {
  unsigned cpu_seconds = 20;
  std::size_t memory = std::size_t{3} << 29U;  // address space; 512 MiB of it are stacks
  std::chrono::milliseconds patience{120'000};
};

// How to start the child: a program that calls RunDryRunStage(), and its words from argv[0].
struct DryRunStage {
  std::string program;
  std::vector<std::string> argv;
};

// The name by which Aegis' own executable is asked for the stage (argv[0]).
inline constexpr std::string_view kDryRunName = "aegis-policy-check";

// Loads the set in a child, asks it some questions of each action, and waits for its answer.
// kInvalid: the set is refused, with the message of PolicySet::Load (links are not followed).
// kExhausted: "FILE: too costly to check: ..."; the child was killed, or died of it. Anything else
// that the child does but accept the set is an error too. The caller must not parse what failed.
// Nothing is left behind on return; the child dies with its parent's thread.
base::Result<> DryRun(const std::vector<Source>& sources, const Names& names,
                      const DryRunStage& stage, const DryRunLimits& limits = {});

// The child's side: reads what DryRun() sends from `in`, limits itself, answers on `out`; the exit
// code. Takes hold of the whole process: limits, descriptors from 3 on, death with the parent.
int RunDryRunStage(int in, int out);

// SHA-256 (lower-case hex) over a version of the judge and the sources, by which a set that passed
// can be remembered. Unlike PolicySet::digest() no two lists of sources of any bytes share it.
std::string DryRunKey(std::string_view version, const std::vector<Source>& sources);

}  // namespace aegis::policy
