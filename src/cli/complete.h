#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"

namespace aegis::cli {

// One word that may stand where the cursor is, and what it is, in one harmless line.
struct Candidate {
  std::string word;
  std::string about;

  friend bool operator==(const Candidate&, const Candidate&) = default;
};

// What a shell knows better than we do, and offers beside the candidates.
enum class ShellWords : std::uint8_t {
  kNone,
  kFiles,
  kDirectories,
  kCommand,  // a command line of its own begins at `command_at`
};

struct Completion {
  std::vector<Candidate> candidates;
  ShellWords shell = ShellWords::kNone;
  std::size_t command_at = 0;
};

// The names that lie on this machine. What can't be read has no names: completion never fails.
class NameSource {
 public:
  NameSource() = default;
  NameSource(const NameSource&) = delete;
  NameSource& operator=(const NameSource&) = delete;
  virtual ~NameSource() = default;
  virtual std::vector<Candidate> Configurations() const = 0;
  // The latest sessions of a configuration; "" means the active one.
  virtual std::vector<Candidate> Sessions(std::string_view config) const = 0;
  virtual std::vector<Candidate> Templates() const = 0;
};

// Completes the last of `words`, which follow `aegis` on a command line and of which the last may
// be empty. Candidates begin with it.
Completion Complete(std::span<const Command* const> commands, std::span<const std::string> words,
                    const NameSource& names);

}  // namespace aegis::cli
