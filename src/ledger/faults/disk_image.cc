#include "ledger/faults/disk_image.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/faults/shim_log.h"
#include "ledger/test_ledger.h"

namespace aegis::ledger::faults {
namespace {

constexpr std::size_t kSector = 512;

std::string DirectoryOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

bool Chosen(Unsynced unsynced, std::mt19937& random) {
  return unsynced == Unsynced::kEverything || (unsynced == Unsynced::kSome && random() % 2 == 0);
}

// A write whose sectors reach the disk one by one.
void PutSectors(std::string& content, std::size_t offset, std::string_view bytes, Unsynced unsynced,
                std::mt19937& random) {
  content.resize(std::max(content.size(), offset + bytes.size()), '\0');
  while (!bytes.empty()) {
    const std::size_t size = std::min(kSector - (offset % kSector), bytes.size());
    if (Chosen(unsynced, random)) {
      content.replace(offset, size, bytes.substr(0, size));
    }
    offset += size;
    bytes.remove_prefix(size);
  }
}

}  // namespace

std::vector<LoggedOp> ReadShimLog(std::string_view text) {
  std::vector<LoggedOp> ops;
  while (text.size() >= sizeof(ShimRecord)) {
    LoggedOp op;
    std::memcpy(&op.record, text.data(), sizeof(ShimRecord));
    text.remove_prefix(sizeof(ShimRecord));
    const auto take = [&text](std::size_t size) {
      std::string taken(text.substr(0, size));
      text.remove_prefix(taken.size());
      return taken;
    };
    op.path = take(op.record.path_size);
    op.other = take(op.record.other_size);
    op.bytes = take(op.record.bytes_size);
    ops.push_back(op);
  }
  return ops;
}

Disk::Disk() {
  const auto root = std::make_shared<Node>();
  root->is_directory = true;
  names_["."] = root;
}

void Disk::Apply(Names& names, const NameChange& change) {
  if (change.op != ShimOp::kCreate && change.op != ShimOp::kMkdir) {
    names.erase(change.path);
  }
  if (change.op != ShimOp::kUnlink) {
    names[change.op == ShimOp::kRename ? change.other : change.path] = change.node;
  }
}

void Disk::Apply(const LoggedOp& op) {
  switch (op.record.op) {
    case ShimOp::kAcknowledge:
      return;
    case ShimOp::kCreate:
    case ShimOp::kMkdir:
    case ShimOp::kRename:
    case ShimOp::kUnlink: {
      NameChange change{.op = op.record.op, .path = op.path, .other = op.other, .node = {}};
      if (op.record.op == ShimOp::kCreate || op.record.op == ShimOp::kMkdir) {
        change.node = std::make_shared<Node>();
        change.node->is_directory = op.record.op == ShimOp::kMkdir;
      } else {
        change.node = names_.at(op.path);
      }
      Apply(names_, change);
      name_changes_[DirectoryOf(op.path)].push_back(change);
      return;
    }
    case ShimOp::kSyncNames:
      for (const NameChange& change : name_changes_[op.path]) {
        Apply(kept_, change);
      }
      name_changes_[op.path].clear();
      return;
    case ShimOp::kSync: {
      Node& node = *names_.at(op.path);
      std::mt19937 unused;
      node.content = Settle(node, Unsynced::kEverything, unused);
      node.changes.clear();
      return;
    }
    case ShimOp::kWrite:
    case ShimOp::kTruncate:
    case ShimOp::kAllocate:
    case ShimOp::kPunch:
      names_.at(op.path)->changes.push_back({op.record, op.bytes});
      return;
  }
}

std::string Disk::Settle(const Node& node, Unsynced unsynced, std::mt19937& random) {
  std::string content = node.content;
  for (const auto& [record, bytes] : node.changes) {
    if (!Chosen(unsynced, random)) {
      continue;
    }
    const auto offset = static_cast<std::size_t>(record.offset);
    const auto size = static_cast<std::size_t>(record.size);
    if (record.op == ShimOp::kWrite) {
      PutSectors(content, offset, bytes, unsynced, random);
    } else if (record.op == ShimOp::kTruncate) {
      content.resize(size, '\0');
    } else if (record.op == ShimOp::kAllocate) {
      content.resize(std::max(content.size(), offset + size), '\0');
    } else if (offset < content.size()) {
      const std::size_t within = std::min(size, content.size() - offset);
      content.replace(offset, within, within, '\0');
    }
  }
  return content;
}

Disk::Names Disk::SettleNames(Unsynced unsynced, std::mt19937& random) const {
  Names names = kept_;
  for (const auto& [directory, changes] : name_changes_) {
    std::size_t count = unsynced == Unsynced::kEverything ? changes.size() : 0;
    count = unsynced == Unsynced::kSome ? random() % (changes.size() + 1) : count;
    for (std::size_t i = 0; i < count; ++i) {
      Apply(names, changes[i]);
    }
  }
  return names;
}

void Disk::Leave(const std::string& directory, Unsynced unsynced, std::mt19937& random) const {
  const std::filesystem::path root(directory);
  // A directory sorts before what is in it.
  for (const auto& [path, node] : SettleNames(unsynced, random)) {
    const std::filesystem::path at = root / path;
    if (node->is_directory) {
      std::filesystem::create_directory(at);
    } else if (std::filesystem::is_directory(root / DirectoryOf(path))) {
      Spill(at, Settle(*node, unsynced, random));
      std::filesystem::permissions(at, std::filesystem::perms(0600));
    }
  }
}

}  // namespace aegis::ledger::faults
