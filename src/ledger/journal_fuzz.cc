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
  // need not find its digest.
  if (bytes.starts_with('R')) {
    journal::Header header;
    header.committed = journal::kHeaderSize + bytes.size() - 1;
    header.identity = {.tenant_id = "t", .user_id = "u", .session_id = "s"};
    bytes = EncodeHeader(header, 0) + bytes.substr(1);
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
  std::uint64_t next = 0;
  (void)reader->Read(marks->committed, [&next](const EntryView& entry) {
    AEGIS_CHECK(entry.seq == next);
    ++next;
    return aegis::base::Result<bool>(true);
  });
  AEGIS_CHECK(reader->position().next_seq == next);
  return 0;
}
