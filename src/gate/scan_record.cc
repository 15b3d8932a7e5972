#include "gate/scan_record.h"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "canon/sha256.h"
#include "sandbox/directory_stamp.h"
#include "sandbox/host_view.h"

namespace aegis::gate {
namespace {

using sandbox::DirectoryEntry;
using sandbox::DirectoryStamp;
using sandbox::FileKind;

static_assert(std::endian::native == std::endian::little);

// The version is its last letter: another one for another form, or another sense of it.
constexpr std::string_view kMagic = "AEGSCAN1";
constexpr std::size_t kDigestSize = sizeof(canon::Sha256);
constexpr std::size_t kHeadSize = kMagic.size() + (2 * kDigestSize);
constexpr std::size_t kLongestName = 255;
constexpr std::uint32_t kNanoseconds = 1'000'000'000;

template <typename T>
void Append(std::string& out, T value) {
  const auto bytes = std::bit_cast<std::array<char, sizeof(T)>>(value);
  out.append(bytes.data(), bytes.size());
}

// Reads from the front of a view; once something is missing all is empty.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  std::string_view Take(std::size_t size) {
    whole_ = whole_ && size <= bytes_.size();
    const std::string_view taken = whole_ ? bytes_.substr(0, size) : std::string_view();
    bytes_.remove_prefix(taken.size());
    return taken;
  }

  template <typename T>
  T Integer() {
    std::array<char, sizeof(T)> raw{};
    Take(raw.size()).copy(raw.data(), raw.size());
    return std::bit_cast<T>(raw);
  }

  bool whole() const { return whole_; }
  bool more() const { return whole_ && !bytes_.empty(); }
  std::string_view rest() const { return bytes_; }

 private:
  std::string_view bytes_;
  bool whole_ = true;
};

bool IsName(std::string_view name) {
  return !name.empty() && name.size() <= kLongestName && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\0", 2)) == std::string_view::npos;
}

bool IsKnown(FileKind kind) { return kind > FileKind::kMissing && kind <= FileKind::kOther; }

bool AreEntries(std::string_view encoded, std::uint32_t held) {
  Reader reader(encoded);
  for (; reader.more(); --held) {
    const auto kind = FileKind{reader.Integer<std::uint8_t>()};
    const std::string_view name = reader.Take(reader.Integer<std::uint8_t>());
    if (held == 0 || !IsKnown(kind) || !IsName(name)) {
      return false;
    }
  }
  return reader.whole();
}

ScanRecord TakeRecord(Reader& reader) {
  const std::string_view from = reader.rest();
  ScanRecord record;
  record.stamp.device = reader.Integer<std::uint64_t>();
  record.stamp.inode = reader.Integer<std::uint64_t>();
  record.stamp.seconds = reader.Integer<std::int64_t>();
  record.stamp.nanoseconds = reader.Integer<std::uint32_t>();
  record.stamp.mount = reader.Integer<std::uint64_t>();
  record.held = reader.Integer<std::uint32_t>();
  record.entries = reader.Take(reader.Integer<std::uint32_t>());
  record.bytes = from.substr(0, from.size() - reader.rest().size());
  return record;
}

}  // namespace

std::optional<std::string> EncodeScanRecord(const DirectoryStamp& stamp, std::size_t held,
                                            const std::vector<DirectoryEntry>& entries) {
  std::string names;
  for (const DirectoryEntry& entry : entries) {
    if (!IsKnown(entry.kind) || !IsName(entry.name)) {
      return {};
    }
    Append(names, static_cast<std::uint8_t>(entry.kind));
    Append(names, static_cast<std::uint8_t>(entry.name.size()));
    names += entry.name;
  }
  constexpr std::size_t kMost = std::numeric_limits<std::uint32_t>::max();
  if (held > kMost || names.size() > kMost) {
    return {};
  }
  std::string record;
  Append(record, stamp.device);
  Append(record, stamp.inode);
  Append(record, stamp.seconds);
  Append(record, stamp.nanoseconds);
  Append(record, stamp.mount);
  Append(record, static_cast<std::uint32_t>(held));
  Append(record, static_cast<std::uint32_t>(names.size()));
  return record + names;
}

std::string EncodeScanFile(const canon::Sha256& key, std::string_view records) {
  std::string file(kMagic);
  file.append(key.view()).append(canon::HashSha256(records).view()).append(records);
  return file;
}

std::optional<std::vector<ScanRecord>> ParseScanFile(std::string_view file,
                                                     const canon::Sha256& key) {
  if (file.size() < kHeadSize || !file.starts_with(kMagic) ||
      file.substr(kMagic.size(), kDigestSize) != key.view()) {
    return {};
  }
  const std::string_view records = file.substr(kHeadSize);
  if (file.substr(kMagic.size() + kDigestSize, kDigestSize) != canon::HashSha256(records).view()) {
    return {};
  }
  return ParseScanRecords(records);
}

std::optional<std::vector<ScanRecord>> ParseScanRecords(std::string_view records) {
  std::vector<ScanRecord> parsed;
  Reader reader(records);
  while (reader.more()) {
    parsed.push_back(TakeRecord(reader));
    const ScanRecord& record = parsed.back();
    if (!reader.whole() || record.stamp.nanoseconds >= kNanoseconds ||
        !AreEntries(record.entries, record.held)) {
      return {};
    }
  }
  return parsed;
}

void EntriesOf(const ScanRecord& record, std::vector<DirectoryEntry>& entries) {
  for (Reader reader(record.entries); reader.more();) {
    const auto kind = FileKind{reader.Integer<std::uint8_t>()};
    const std::string_view name = reader.Take(reader.Integer<std::uint8_t>());
    entries.push_back({.name = std::string(name), .kind = kind});
  }
}

}  // namespace aegis::gate
