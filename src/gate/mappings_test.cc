#include "gate/mappings.h"

#include <gtest/gtest.h>

#include <string_view>

namespace aegis::gate {
namespace {

constexpr std::string_view kMaps =
    "00400000-00401000 r-xp 00000000 fd:00 17                         /srv/a b\\012c\n"
    "7f00000000-7f00002000 r-xp 00001000 00:1a 99   /lib/ld.so (deleted)\n"
    "7ffc00000000-7ffc00001000 rw-p 00000000 00:00 0   [stack]\n";

TEST(MappingsTest, FindsTheFileAtAnAddress) {
  EXPECT_EQ(MappingAt(kMaps, 0x400000)->path, "/srv/a b\nc");
  EXPECT_EQ(MappingAt(kMaps, 0x400fff)->inode, 17U);
  EXPECT_EQ(MappingAt(kMaps, 0x7f00001000)->path, "/lib/ld.so (deleted)");
}

TEST(MappingsTest, WhereNoFileIsIsNothing) {
  EXPECT_FALSE(MappingAt(kMaps, 0x401000).has_value());
  EXPECT_FALSE(MappingAt(kMaps, 0x7ffc00000010).has_value());
  EXPECT_FALSE(MappingAt("", 1).has_value());
  EXPECT_FALSE(MappingAt("nonsense\n\n-", 0).has_value());
}

}  // namespace
}  // namespace aegis::gate
