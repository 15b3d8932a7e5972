#pragma once

// What a power cut may leave of a directory, for tests: a disk that replays the shim's log.

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/faults/shim_log.h"

namespace aegis::ledger::faults {

struct LoggedOp {
  ShimRecord record;
  std::string path;
  std::string other;
  std::string bytes;
};
std::vector<LoggedOp> ReadShimLog(std::string_view text);

// How much of what was not synced reaches the disk.
enum class Unsynced : std::uint8_t { kNothing, kSome, kEverything };

// Two states of each file and of each directory: what is certainly on the disk, and what was done
// since. Only a sync moves the former: of a file, for its content and size; of a directory, for its
// names.
class Disk {
 public:
  Disk();
  void Apply(const LoggedOp& op);

  // Puts the disk after a power cut into an empty directory. Of a file's content any sectors may
  // have been written since its last sync, in any state that they had since then; of a directory's
  // names any number of changes, the first ones first.
  void Leave(const std::string& directory, Unsynced unsynced, std::mt19937& random) const;

 private:
  struct Change {
    ShimRecord record;
    std::string bytes;
  };
  struct Node {
    bool is_directory = false;
    std::string content;          // on the disk
    std::vector<Change> changes;  // since
  };
  using Names = std::map<std::string, std::shared_ptr<Node>>;
  struct NameChange {
    ShimOp op = ShimOp::kCreate;
    std::string path;
    std::string other;
    std::shared_ptr<Node> node;
  };

  static void Apply(Names& names, const NameChange& change);
  static std::string Settle(const Node& node, Unsynced unsynced, std::mt19937& random);
  Names SettleNames(Unsynced unsynced, std::mt19937& random) const;

  Names names_;                                                  // as processes see them
  Names kept_;                                                   // on the disk
  std::map<std::string, std::vector<NameChange>> name_changes_;  // since, by directory
};

}  // namespace aegis::ledger::faults
