#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "canon/sha256.h"
#include "sandbox/directory_stamp.h"
#include "sandbox/host_view.h"

namespace aegis::gate {

// A directory as it is kept from one start to the next: those of its entries that a search for
// names asks about.
struct ScanRecord {
  sandbox::DirectoryStamp stamp;
  std::uint32_t held = 0;    // entries of every kind that it had
  std::string_view entries;  // encoded: EntriesOf
  std::string_view bytes;    // the whole record, encoded
};

// A record in the form of the file. Nothing for what can't be written: an entry of unknown kind, or
// a name that no file has.
std::optional<std::string> EncodeScanRecord(const sandbox::DirectoryStamp& stamp, std::size_t held,
                                            const std::vector<sandbox::DirectoryEntry>& entries);

// The file: a magic with the version, the key (what the records depend on beside the directories),
// the SHA-256 of all records, the records one after the other.
//   record  the stamp (device u64, inode u64, seconds i64, nanoseconds u32, mount u64), held u32,
//   size
//           of the entries u32, the entries
//   entry   kind u8 (sandbox::FileKind), length of the name u8, the name
// Integers are little-endian.
std::string EncodeScanFile(const canon::Sha256& key, std::string_view records);

// The records of a file of that key, as views into it; nothing for a file of another key or
// version, and for one that is not to the byte what the functions above write.
std::optional<std::vector<ScanRecord>> ParseScanFile(std::string_view file,
                                                     const canon::Sha256& key);

// The same for the records alone, which no digest protects then.
std::optional<std::vector<ScanRecord>> ParseScanRecords(std::string_view records);

// Appends the entries of a parsed record.
void EntriesOf(const ScanRecord& record, std::vector<sandbox::DirectoryEntry>& entries);

}  // namespace aegis::gate
