#include "sandbox/syscall_document.h"

#include <string>
#include <string_view>

#include "sandbox/mode.h"
#include "sandbox/syscall_table.h"

namespace aegis::sandbox::testing_support {
namespace {

constexpr std::string_view kHead =
    R"(# System calls

What becomes of each system call under `aegis run` and `aegis wrap`. This page is written from the table (`src/sandbox/syscall_rows_*.h`) from which the filter and the supervisor's dispatcher are made; a test holds it to that.

The filter is an allowlist: a number that stands in no row, as that of a newer call, is ENOSYS, which programs take for an older kernel. Calls of another architecture (x32 too) are not let through. Where a row has a condition, the call is allowed when it does not hold; only registers are looked at, since memory could change after the check.

- **allowed**: the kernel does it, and Aegis is not asked.
- **judged, done**: the supervisor decides, records, and does it on the very object that it judged.
- **judged, given**: the supervisor decides, records, opens what it judged and hands the descriptor in.
- **judged, let on**: the supervisor decides and records, and the kernel does it. Where no action is named, the supervisor is told and nothing is recorded.
- **EPERM**, **ENOSYS**: refused by the filter, without an entry. `run` refuses more: powers that an agent must not have, but that hide nothing from the record of `wrap`.

Calls on a descriptor need it to be opened for what they do.
)";

std::string Number(int number) { return number < 0 ? "" : std::to_string(number); }

std::string_view Done(How how) {
  switch (how) {
    case How::kEmulate:
      return "judged, done";
    case How::kInject:
      return "judged, given";
    default:
      return "judged, let on";
  }
}

std::string_view Word(const SyscallRow& row, Mode mode) {
  switch (TreatmentIn(row, mode)) {
    case Treatment::kAllow:
      return "allowed";
    case Treatment::kNotify:
      return Done(row.how);
    case Treatment::kEperm:
      return "EPERM";
    case Treatment::kEnosys:
      return "ENOSYS";
  }
  return "";
}

std::string Line(const SyscallRow& row) {
  std::string line = "| `";
  line.append(row.name).append("` | ");
  line.append(Number(row.x86_64)).append(" | ").append(Number(row.arm64)).append(" | ");
  line.append(Describe(row.names)).append(" | ");
  line.append(row.actions).append(" | ");
  line.append(Word(row, Mode::kRun)).append(" | ");
  line.append(Word(row, Mode::kWrap)).append(" | ");
  line.append(Describe(row.when));
  if (row.at_writes != When::kAlways) {
    line.append("; at `writes`: ").append(Describe(row.at_writes));
  }
  line.append(" | ");
  line.append(row.why).append(" |\n");
  return line;
}

}  // namespace

std::string SyscallDocument() {
  std::string text(kHead);
  for (const SyscallGroup& group : SyscallGroups()) {
    text.append("\n## ").append(group.title).append("\n\n").append(group.about);
    text +=
        "\n\n| call | x86-64 | arm64 | names | judged as | run | wrap | when | why |\n"
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n";
    for (const SyscallRow& row : group.rows) {
      text += Line(row);
    }
  }
  return text;
}

}  // namespace aegis::sandbox::testing_support
