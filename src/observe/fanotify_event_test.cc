#include "observe/fanotify_event.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/fanotify.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/test_requirements.h"
#include "base/unique_fd.h"
#include "config/test_directory.h"

namespace aegis::observe {
namespace {

// The bytes of an event of the kernel: creation of "name" in the root of a directory.
std::string RealEvent() {
  const config::TestDirectory directory;
  const base::UniqueFd group(::fanotify_init(
      FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_REPORT_DFID_NAME_TARGET | FAN_REPORT_PIDFD,
      O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(
      ::fanotify_mark(group.get(), FAN_MARK_ADD, FAN_CREATE, AT_FDCWD, directory.path().c_str()),
      0);
  directory.Write("name", "");
  std::array<char, 4096> buffer{};
  const ssize_t size = ::read(group.get(), buffer.data(), buffer.size());
  return {buffer.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
}

TEST(FanotifyEventTest, ReadsWhatTheKernelWrites) {
  REQUIRE_ROOT();
  const std::string real = RealEvent();
  std::string_view bytes = real;
  const auto event = TakeFanotifyEvent(bytes);
  ASSERT_TRUE(event) << event.error().message();
  const base::UniqueFd pidfd(event->pidfd);
  EXPECT_TRUE(bytes.empty());
  EXPECT_EQ(event->mask, static_cast<std::uint64_t>(FAN_CREATE));
  EXPECT_EQ(event->pid, ::getpid());
  EXPECT_TRUE(pidfd.valid());
  ASSERT_TRUE(event->name);
  EXPECT_EQ(event->name->name, "name");
  ASSERT_TRUE(event->object);
  EXPECT_NE(event->object->handle, event->name->handle);
  EXPECT_EQ(event->object->file_system, event->name->file_system);
}

TEST(FanotifyEventTest, EveryCutEventIsRefused) {
  REQUIRE_ROOT();
  const std::string real = RealEvent();
  for (std::size_t size = 1; size < real.size(); ++size) {
    std::string_view bytes = std::string_view(real).substr(0, size);
    EXPECT_FALSE(TakeFanotifyEvent(bytes)) << size;
  }
}

TEST(FanotifyEventTest, LengthsThatLeadOutsideAreRefused) {
  fanotify_event_metadata metadata{};
  metadata.vers = FANOTIFY_METADATA_VERSION;
  metadata.metadata_len = sizeof(metadata);
  fanotify_event_info_header header{};
  header.info_type = FAN_EVENT_INFO_TYPE_DFID_NAME;
  for (const int length : {0, 3, 4, 11, 4000}) {
    header.len = static_cast<std::uint16_t>(length);
    metadata.event_len = sizeof(metadata) + sizeof(header) + 4;
    std::string text(reinterpret_cast<const char*>(&metadata), sizeof(metadata));
    text.append(reinterpret_cast<const char*>(&header), sizeof(header)).append(4, '\0');
    std::string_view bytes = text;
    EXPECT_FALSE(TakeFanotifyEvent(bytes)) << length;
  }
}

TEST(FanotifyEventTest, AHandleLeadsBackToItsDirectory) {
  REQUIRE_ROOT();
  const config::TestDirectory directory;
  const base::UniqueFd opened(::open(directory.path().c_str(), O_RDONLY | O_CLOEXEC));
  const auto name = HandleOf(opened.get());
  ASSERT_TRUE(name) << name.error().message();
  const base::UniqueFd again(OpenHandle(opened.get(), *name));
  ASSERT_TRUE(again.valid());
  EXPECT_EQ(::faccessat(again.get(), ".", F_OK, 0), 0);
}

}  // namespace
}  // namespace aegis::observe
