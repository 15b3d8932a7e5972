#pragma once

#include <string_view>

#include "sandbox/syscall_table.h"

// How rows of syscall_rows_*.h are written. The two numbers are those of x86-64 and arm64.
namespace aegis::sandbox::rows {

using enum Names;
using enum How;
using enum Treatment;
using enum When;

inline constexpr int kNone = -1;  // the architecture does not have the call

// Allowed in every mode, whatever the arguments.
constexpr SyscallRow Free(std::string_view name, int x86_64, int arm64, Names names = kNothing,
                          std::string_view why = {}) {
  return {.name = name, .x86_64 = x86_64, .arm64 = arm64, .names = names, .why = why};
}

// The supervisor is asked in every mode.
constexpr SyscallRow Asked(std::string_view name, int x86_64, int arm64, Names names,
                           std::string_view actions, How how, When when = kAlways,
                           std::string_view why = {}) {
  return {.name = name,
          .x86_64 = x86_64,
          .arm64 = arm64,
          .run = kNotify,
          .wrap = kNotify,
          .when = when,
          .how = how,
          .names = names,
          .actions = actions,
          .why = why};
}

// The supervisor is asked under run; under wrap nothing depends on the answer.
constexpr SyscallRow AskedByRun(std::string_view name, int x86_64, int arm64, Names names, How how,
                                std::string_view why) {
  SyscallRow row = Asked(name, x86_64, arm64, names, {}, how, kAlways, why);
  row.wrap = kAllow;
  return row;
}

// A row of which less is asked at the level `writes`.
constexpr SyscallRow AtWrites(SyscallRow row, When when) {
  row.at_writes = when;
  return row;
}

// Refused under run; under wrap it is left alone, as it hides nothing from the record.
constexpr SyscallRow RefusedByRun(std::string_view name, int x86_64, int arm64, Names names,
                                  std::string_view why, When when = kAlways) {
  return {.name = name,
          .x86_64 = x86_64,
          .arm64 = arm64,
          .run = kEperm,
          .when = when,
          .how = kRefuse,
          .names = names,
          .why = why};
}

// Refused in every mode.
constexpr SyscallRow Refused(std::string_view name, int x86_64, int arm64, Names names,
                             Treatment treatment, std::string_view why = {}, When when = kAlways) {
  return {.name = name,
          .x86_64 = x86_64,
          .arm64 = arm64,
          .run = treatment,
          .wrap = treatment,
          .when = when,
          .how = kRefuse,
          .names = names,
          .why = why};
}

}  // namespace aegis::sandbox::rows
