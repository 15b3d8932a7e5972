#include "observe/fanotify_event.h"

#include <fcntl.h>
#include <sys/fanotify.h>
#include <sys/statfs.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace aegis::observe {
namespace {

using base::Errc;
using base::Fail;
using base::Result;

constexpr std::size_t kHandleHead = offsetof(file_handle, f_handle);
constexpr std::size_t kFsidSize = sizeof(__kernel_fsid_t);

template <typename T>
std::optional<T> Peek(std::string_view bytes) {
  T value{};
  if (bytes.copy(reinterpret_cast<char*>(&value), sizeof(T)) < sizeof(T)) {
    return std::nullopt;
  }
  return value;
}

// fsid, file_handle and, if the record has one, a name with a zero byte behind it.
Result<FanotifyName> ParseName(std::string_view record, bool named) {
  record.remove_prefix(sizeof(fanotify_event_info_header));
  FanotifyName parsed;
  const auto size = Peek<std::uint32_t>(record.substr(std::min(record.size(), kFsidSize)));
  if (!size || *size > MAX_HANDLE_SZ || record.size() < kFsidSize + kHandleHead + *size) {
    return Fail(Errc::kCorrupt, "an event of fanotify has a handle that leads outside of it");
  }
  parsed.file_system = record.substr(0, kFsidSize);
  parsed.handle = record.substr(kFsidSize, kHandleHead + *size);
  record.remove_prefix(kFsidSize + kHandleHead + *size);
  if (named) {
    parsed.name = record.substr(0, record.find('\0'));
  }
  return parsed;
}

Result<> TakeInfo(FanotifyEvent& event, const fanotify_event_info_header& header,
                  std::string_view record) {
  const auto keep = [&](std::optional<FanotifyName>& place, bool named) -> Result<> {
    AEGIS_ASSIGN(place, ParseName(record, named));
    return {};
  };
  switch (header.info_type) {
    case FAN_EVENT_INFO_TYPE_FID:
      return keep(event.object, false);
    case FAN_EVENT_INFO_TYPE_DFID_NAME:
      return keep(event.name, true);
    case FAN_EVENT_INFO_TYPE_OLD_DFID_NAME:
      return keep(event.from, true);
    case FAN_EVENT_INFO_TYPE_NEW_DFID_NAME:
      return keep(event.to, true);
    case FAN_EVENT_INFO_TYPE_PIDFD:
      if (const auto pidfd = Peek<fanotify_event_info_pidfd>(record)) {
        event.pidfd = pidfd->pidfd;
      }
      return {};
    default:
      return {};
  }
}

}  // namespace

bool FanotifyEvent::directory() const { return (mask & FAN_ONDIR) != 0; }

Result<FanotifyEvent> TakeFanotifyEvent(std::string_view& bytes) {
  const auto metadata = Peek<fanotify_event_metadata>(bytes);
  if (!metadata || metadata->vers != FANOTIFY_METADATA_VERSION ||
      metadata->metadata_len < sizeof(fanotify_event_metadata) ||
      metadata->event_len < metadata->metadata_len || metadata->event_len > bytes.size()) {
    return Fail(Errc::kCorrupt, "an event of fanotify has a length that leads outside of it");
  }
  FanotifyEvent event;
  event.mask = metadata->mask;
  event.pid = metadata->pid;
  std::string_view infos =
      bytes.substr(metadata->metadata_len, metadata->event_len - metadata->metadata_len);
  bytes.remove_prefix(metadata->event_len);
  while (!infos.empty()) {
    const auto header = Peek<fanotify_event_info_header>(infos);
    if (!header || header->len < sizeof(*header) || header->len > infos.size()) {
      return Fail(Errc::kCorrupt, "a record of fanotify has a length that leads outside of it");
    }
    const std::string_view record = infos.substr(0, header->len);
    AEGIS_TRY(TakeInfo(event, *header, record));
    infos.remove_prefix(header->len);
  }
  return event;
}

Result<FanotifyName> HandleOf(int directory) {
  alignas(file_handle) std::array<char, sizeof(file_handle) + MAX_HANDLE_SZ> buffer{};
  auto* const handle = reinterpret_cast<file_handle*>(buffer.data());
  handle->handle_bytes = MAX_HANDLE_SZ;
  int mount = 0;
  if (::name_to_handle_at(directory, "", handle, &mount, AT_EMPTY_PATH) != 0) {
    return base::FailErrno("get its handle");
  }
  struct statfs status{};
  if (::fstatfs(directory, &status) != 0) {
    return base::FailErrno("look at its file system");
  }
  FanotifyName name;
  name.file_system.assign(reinterpret_cast<const char*>(&status.f_fsid), kFsidSize);
  name.handle.assign(buffer.data(), kHandleHead + handle->handle_bytes);
  return name;
}

int OpenHandle(int mount, const FanotifyName& name) {
  alignas(file_handle) std::array<char, sizeof(file_handle) + MAX_HANDLE_SZ> buffer{};
  name.handle.copy(buffer.data(), buffer.size());
  return ::open_by_handle_at(mount, reinterpret_cast<file_handle*>(buffer.data()),
                             O_PATH | O_CLOEXEC);
}

}  // namespace aegis::observe
