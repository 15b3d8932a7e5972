#include "gate/mount_names.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace aegis::gate {
namespace {

using Names = std::vector<std::string>;

constexpr const char* kMounts =
    "20 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
    "21 20 8:2 / /home rw - ext4 /dev/sda2 rw\n"
    "22 20 8:2 /u/state /mnt/state rw - ext4 /dev/sda2 rw\n"
    "23 20 8:2 /u /srv/all\\040of\\134u rw - ext4 /dev/sda2 rw\n"
    "24 20 8:2 /u/state/default /srv/part rw - ext4 /dev/sda2 rw\n"
    "25 20 8:2 /u/statement /srv/other rw - ext4 /dev/sda2 rw\n"
    "26 20 8:1 / /mnt/root rw - ext4 /dev/sda1 rw\n"
    "27 20 0:5 /u/state /srv/foreign rw - tmpfs none rw\n";

TEST(MountNames, KnowsEachPlaceOfADirectory) {
  EXPECT_EQ(NamesThroughMounts(kMounts, "/home/u/state"),
            (Names{"/home/u/state", "/mnt/state", "/srv/all of\\u/state", "/srv/part"}));
  EXPECT_EQ(NamesThroughMounts(kMounts, "/root/.aegis"),
            (Names{"/root/.aegis", "/mnt/root/root/.aegis"}));
}

TEST(MountNames, StartsFromAnyOfThem) {
  EXPECT_EQ(NamesThroughMounts(kMounts, "/mnt/state"),
            (Names{"/mnt/state", "/home/u/state", "/srv/all of\\u/state", "/srv/part"}));
}

TEST(MountNames, IsContentWithLittle) {
  EXPECT_EQ(NamesThroughMounts("", "/a"), Names{"/a"});
  EXPECT_EQ(NamesThroughMounts("20 1\n\n \\\n", "/a"), Names{"/a"});
}

}  // namespace
}  // namespace aegis::gate
