#include "gate/scan_record.h"

#include <gtest/gtest.h>

#include <cstddef>
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

const DirectoryStamp kStamp{.device = 0xfe01,
                            .inode = 12345,
                            .seconds = -7,
                            .nanoseconds = 999'999'999,
                            .mount = 1U << 31U};

std::vector<DirectoryEntry> Some() {
  return {{.name = "sub", .kind = FileKind::kDirectory},
          {.name = ".env\xff", .kind = FileKind::kFile},
          {.name = std::string(255, 'x'), .kind = FileKind::kSymlink}};
}

std::string Record() { return EncodeScanRecord(kStamp, 70'000, Some()).value(); }

TEST(ScanRecord, ComesBack) {
  const canon::Sha256 key = canon::HashSha256("k");
  const std::string file = EncodeScanFile(key, Record() + Record());
  const auto parsed = ParseScanFile(file, key);
  ASSERT_TRUE(parsed && parsed->size() == 2U);
  for (const ScanRecord& record : *parsed) {
    EXPECT_EQ(record.stamp, kStamp);
    EXPECT_EQ(record.held, 70'000U);
    EXPECT_EQ(record.bytes, Record());
    std::vector<DirectoryEntry> entries;
    EntriesOf(record, entries);
    ASSERT_EQ(entries.size(), 3U);
    for (std::size_t i = 0; i < entries.size(); ++i) {
      EXPECT_EQ(entries[i].name, Some()[i].name);
      EXPECT_EQ(entries[i].kind, Some()[i].kind);
    }
  }
  EXPECT_TRUE(ParseScanFile(EncodeScanFile(key, ""), key)->empty());
}

TEST(ScanRecord, IsNotMadeOfWhatNoDirectoryHolds) {
  for (const std::string& name :
       {std::string(), std::string("."), std::string(".."), std::string("a/b"),
        std::string("a\0b", 3), std::string(256, 'x')}) {
    EXPECT_FALSE(EncodeScanRecord(kStamp, 1, {{.name = name, .kind = FileKind::kFile}})) << name;
  }
  EXPECT_FALSE(EncodeScanRecord(kStamp, 1, {{.name = "a", .kind = FileKind::kMissing}}));
  EXPECT_FALSE(EncodeScanRecord(kStamp, std::size_t{1} << 32U, {}));
}

TEST(ScanRecord, AnyDamageOfAFileIsNoticed) {
  const canon::Sha256 key = canon::HashSha256("k");
  const std::string file = EncodeScanFile(key, Record());
  for (std::size_t at = 0; at < file.size(); ++at) {
    EXPECT_FALSE(ParseScanFile(std::string_view(file).substr(0, at), key)) << at;
    std::string flipped = file;
    flipped[at] = static_cast<char>(flipped[at] ^ 1);
    EXPECT_FALSE(ParseScanFile(flipped, key)) << at;
  }
  EXPECT_FALSE(ParseScanFile(file + "x", key));
  EXPECT_FALSE(ParseScanFile(file, canon::HashSha256("other")));
}

// With a digest that fits: what is read can be relied upon without looking again.
TEST(ScanRecord, BadRecordsAreRefusedWhateverTheirDigest) {
  const std::string record = Record();
  for (std::size_t at = 1; at < record.size(); ++at) {
    EXPECT_FALSE(ParseScanRecords(std::string_view(record).substr(0, at))) << at;
  }
  const auto with = [](std::string bytes, std::string_view from, std::string_view to) {
    return bytes.replace(bytes.find(from), from.size(), to);
  };
  EXPECT_TRUE(ParseScanRecords(record));
  EXPECT_FALSE(ParseScanRecords(with(record, "sub", "s/b")));
  EXPECT_FALSE(ParseScanRecords(with(record, "\3sub", "\4sub")));
  EXPECT_FALSE(ParseScanRecords(with(record, "\1\3sub", "\7\3sub")));
  EXPECT_FALSE(ParseScanRecords(EncodeScanRecord(kStamp, 2, Some()).value()))
      << "more than it held";
}

}  // namespace
}  // namespace aegis::gate
