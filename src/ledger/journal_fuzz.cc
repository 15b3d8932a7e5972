// A journal of arbitrary bytes is read to the first thing that is wrong, and no further.

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "base/check.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "ledger/journal_format.h"
#include "ledger/ledger.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using aegis::ledger::EntryView;
  namespace journal = aegis::ledger::journal;
  std::string bytes(reinterpret_cast<const char*>(data), size);
  // Inputs that begin with `R` are records: they get a header that is right, so that the fuzzer
  // need not find its digest. After an `M` comes the mark that says where the first kept one is.
  const bool marked = bytes.starts_with('M') && bytes.size() > sizeof(std::uint64_t);
  if (bytes.starts_with('R') || marked) {
    journal::Header header;
    const std::size_t skip = 1 + (marked ? sizeof(std::uint64_t) : 0);
    header.committed = journal::kHeaderSize + bytes.size() - skip;
    header.released = marked ? journal::LoadInteger<std::uint64_t>(bytes, 1) : journal::kHeaderSize;
    header.identity = {.tenant_id = "t", .user_id = "u", .session_id = "s"};
    bytes = EncodeHeader(header, 0) + bytes.substr(skip);
  }
  aegis::base::UniqueFd fd(memfd_create("journal", MFD_CLOEXEC));
  AEGIS_CHECK(fd.valid());
  AEGIS_CHECK(write(fd.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  auto reader = aegis::ledger::JournalReader::FromFd(std::move(fd), "fuzz");
  if (!reader) {
    return 0;
  }
  const auto marks = reader->marks();
  if (!marks) {
    return 0;
  }
  bool first = marks->any_released();
  std::uint64_t next = 0;
  (void)reader->Read(marks->committed, [&](const EntryView& entry) {
    AEGIS_CHECK(first || entry.seq == next);
    first = false;
    next = entry.seq + 1;
    return aegis::base::Result<bool>(true);
  });
  AEGIS_CHECK(reader->position().next_seq == next);
  return 0;
}
