#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "base/file.h"
#include "base/result.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "cli/args.h"
#include "cli/command.h"
#include "cli/context.h"
#include "cli/entries.h"
#include "cli/json.h"
#include "ledger/ledger.h"

namespace aegis::cli {
namespace {

using Kind = Option::Kind;

constexpr std::array<Option, 4> kOptions = {{
    {"FILE", Kind::kPositional, "",
     "What `audit export --format jsonl` wrote; - is standard input"},
    {"NAME", Kind::kPositional, "", "Configuration (default: the active one)"},
    {"--config", Kind::kText, "NAME", "The same"},
    {"--json", Kind::kFlag, "", "What was done as JSON"},
}};

constexpr std::array<Example, 2> kExamples = {{
    {"aegis audit import work.jsonl archive", "Add what the ledger of archive lacks."},
    {"ssh host aegis audit export work | aegis audit import - archive", "From another machine."},
}};

// The bytes of a file, piece by piece.
class Reader {
 public:
  static base::Result<Reader> Open(const std::string& name) {
    Reader reader;
    if (name == "-") {
      reader.fd_ = STDIN_FILENO;
      reader.name_ = "standard input";
      return reader;
    }
    AEGIS_ASSIGN(reader.opened_, base::Open(name, O_RDONLY));
    reader.fd_ = reader.opened_.get();
    reader.name_ = base::EscapeName(name);
    return reader;
  }

  base::Result<std::string_view> Next() {
    constexpr std::size_t kPiece = std::size_t{1} << 20U;
    buffer_.resize(kPiece);
    ssize_t size = -1;
    do {
      size = read(fd_, buffer_.data(), buffer_.size());
    } while (size < 0 && errno == EINTR);
    if (size < 0) {
      return base::FailErrno("read " + name_);
    }
    return std::string_view(buffer_).substr(0, static_cast<std::size_t>(size));
  }

 private:
  base::UniqueFd opened_;
  int fd_ = -1;
  std::string name_;
  std::string buffer_;
};

std::string Described(const ledger::ImportReport& report) {
  return std::to_string(report.stored) +
         (report.stored == 1 ? " entry added, " : " entries added, ") +
         std::to_string(report.present) + " there already" +
         (report.passed == 0 ? ""
                             : ", " + std::to_string(report.passed) +
                                   " passed over: purged before they came here, or of a purge");
}

base::Result<int> Run(Context& context, const Args& args) {
  const auto file = args.Text("FILE");
  if (!file) {
    return context.Usage("which file? give its name, or - for standard input");
  }
  AEGIS_ASSIGN(const Places places, FindPlaces(context));
  AEGIS_ASSIGN(const auto name, ConfigArgument(args));
  AEGIS_ASSIGN(const auto configuration, LoadChosen(places, name));
  AEGIS_ASSIGN(Reader reader, Reader::Open(*file));
  AEGIS_ASSIGN(auto ledger, OpenLedger(context, configuration, ledger::Ledger::Mode::kCreate));
  ledger::ImportReport report;
  auto imported = ledger.Import([&reader] { return reader.Next(); }, report);
  if (!imported) {
    return base::Fail(std::move(imported).error().Within("import (" + Described(report) + ")"));
  }
  if (args.Has("--json")) {
    PrintJson(context.out, {{"lines", report.lines},
                            {"stored", report.stored},
                            {"present", report.present},
                            {"passed", report.passed}});
  } else {
    context.out.Line(Described(report));
  }
  return 0;
}

}  // namespace

const Command kAuditImportCommand = {
    .name = "audit import",
    .summary = "Add exported entries to the ledger",
    .options = kOptions,
    .examples = kExamples,
    .notes =
        "Every line is checked: its form, its hash, and that it continues its session. What is\n"
        "there already is passed over, so that an import can be repeated; sessions of which the\n"
        "ledger holds other entries are refused. A bad line ends it, and is named; what came\n"
        "before is added.\n",
    .run = Run,
};

}  // namespace aegis::cli
