#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/file.h"
#include "base/result.h"
#include "base/text.h"
#include "cli/args.h"
#include "cli/command.h"
#include "cli/context.h"
#include "cli/entries.h"
#include "cli/stop_signals.h"
#include "cli/text.h"
#include "cli/version.h"
#include "config/config.h"
#include "ledger/ledger.h"

namespace aegis::cli {
namespace {

using Kind = Option::Kind;
using ledger::ExportFormat;

constexpr auto kFormats = std::to_array<std::string_view>({"jsonl", "json", "csv", "cef"});

constexpr std::array<Option, 8> kOptions = {{
    {"NAME", Kind::kPositional, "", "Configuration (default: the active one)"},
    {"--config", Kind::kText, "NAME", "The same"},
    {"-f,--format", Kind::kText, "FORMAT",
     "jsonl: one envelope per line (the default); json: an array; csv; cef", kFormats},
    {"-n,--last", Kind::kCount, "N", "Only the last N entries (default: all)"},
    {"--limit", Kind::kCount, "N", "The same"},
    {"--follow", Kind::kFlag, "", "Go on with what is stored from now on, until interrupted"},
    {"--position", Kind::kCount, "N", "Go on behind the first N stored entries"},
    {"--position-file", Kind::kText, "FILE",
     "Go on where the last export with this file ended, and keep the place there"},
}};

constexpr std::array<Example, 4> kExamples = {{
    {"aegis audit export work --format jsonl > work.jsonl", "The whole ledger as JSON lines."},
    {"aegis audit export work --format csv > work.csv", "For a spreadsheet."},
    {"aegis audit export work --format cef --follow --position-file /var/lib/siem/work | logger",
     "For a SIEM, from where it ended the last time."},
    {"aegis audit export work --follow --last 0", "Only what comes."},
}};

struct Wanted {
  ExportFormat format = ExportFormat::kJsonLines;
  std::optional<std::uint64_t> last;
  bool follow = false;
  std::optional<std::uint64_t> position;
  std::optional<std::string> position_file;

  // Positions are those of stored entries: others have none yet.
  bool stored_only() const { return follow || position || position_file; }
};

base::Result<Wanted> WantedBy(const Args& args) {
  const std::string name = args.Text("--format").value_or("jsonl");
  const auto format = ledger::ParseExportFormat(name);
  if (!format) {
    return base::Fail(base::Errc::kInvalid,
                      "--format is json, jsonl, csv or cef, not \"" + name + "\"");
  }
  if (args.Has("--last") && args.Has("--limit")) {
    return base::Fail(base::Errc::kInvalid, "--last and --limit mean the same: give one");
  }
  Wanted wanted{.format = *format,
                .last = args.Has("--limit") ? args.Number("--limit") : args.Number("--last"),
                .follow = args.Has("--follow"),
                .position = args.Number("--position"),
                .position_file = args.Text("--position-file")};
  if (wanted.follow && *format == ExportFormat::kJson) {
    return base::Fail(base::Errc::kInvalid,
                      "--follow has no end, so it can't be an array: use --format jsonl");
  }
  if (int{wanted.last.has_value()} + int{wanted.position.has_value()} +
          int{wanted.position_file.has_value()} >
      1) {
    return base::Fail(base::Errc::kInvalid,
                      "--last, --position and --position-file exclude each other");
  }
  return wanted;
}

// A file with one number. One that is not there yet says 0.
base::Result<std::uint64_t> ReadPosition(const std::string& path) {
  constexpr std::size_t kLongest = 64;
  auto text = base::ReadFile(path, kLongest);
  if (!text) {
    return text.error().code() == base::Errc::kNotFound ? base::Result<std::uint64_t>(0)
                                                        : base::Fail(std::move(text).error());
  }
  std::uint64_t position = 0;
  const char* const end = text->data() + text->size();
  const auto read = std::from_chars(text->data(), end, position);
  if (read.ec != std::errc() || std::string_view(read.ptr, end) != "\n") {
    return base::Fail(base::Errc::kInvalid,
                      "position file " + base::EscapeName(path) + ": it holds no position");
  }
  return position;
}

// One export: pages of stored entries, one after the other, each of which is out before its end is
// noted. What an interruption may cost is that a page comes again, never that one is missing.
class Exporting {
 public:
  Exporting(Context& context, const Wanted& wanted)
      : context_(context), wanted_(wanted), writer_(wanted.format, kVersion) {}

  base::Result<> Begin(ledger::Ledger& ledger) {
    AEGIS_ASSIGN(const std::uint64_t stored, ledger.CountStored());
    if (wanted_.position_file) {
      AEGIS_ASSIGN(position_, ReadPosition(*wanted_.position_file));
      noted_ = position_;
    } else if (wanted_.position) {
      position_ = *wanted_.position;
    } else if (wanted_.last && wanted_.stored_only()) {
      position_ = stored - std::min(stored, *wanted_.last);
    }
    if (position_ > stored) {
      return base::Fail(base::Errc::kInvalid,
                        "position " + std::to_string(position_) + " is beyond the ledger's " +
                            std::to_string(stored) + " stored entries: it is of another one");
    }
    std::string begin;
    writer_.AppendBegin(begin, position_ > 0);
    context_.out.Write(begin);
    return {};
  }

  // All at one moment, with what is not stored yet.
  base::Result<> Everything(ledger::Ledger& ledger) {
    ledger::QueryFilter filter;
    filter.last = wanted_.last;
    AEGIS_TRY(Write(ledger, filter));
    return {};
  }

  // What is stored now behind the position. True: there may be more.
  base::Result<bool> Page(ledger::Ledger& ledger) {
    constexpr std::uint64_t kPage = 10'000;
    ledger::QueryFilter filter;
    filter.limit = kPage;
    filter.cursor = ledger::QueryCursor{.position = position_};
    filter.stored_only = true;
    AEGIS_ASSIGN(const ledger::QueryPage page, Write(ledger, filter));
    AEGIS_TRY(context_.out.Flush());
    position_ = page.searched;
    AEGIS_TRY(Note());
    return page.next.has_value();
  }

  base::Result<> End() {
    std::string end;
    writer_.AppendEnd(end);
    context_.out.Write(end);
    AEGIS_TRY(context_.out.Flush());
    if (wanted_.stored_only()) {
      context_.Note("exported up to position " + std::to_string(position_));
    }
    return {};
  }

 private:
  base::Result<ledger::QueryPage> Write(ledger::Ledger& ledger, const ledger::QueryFilter& filter) {
    const bool json =
        wanted_.format == ExportFormat::kJson || wanted_.format == ExportFormat::kJsonLines;
    return ledger.Export(filter, writer_, [&](std::string_view piece) -> base::Result<> {
      // The other formats are harmless by themselves.
      context_.out.Write(json ? HarmlessJson(piece) : std::string(piece));
      return {};
    });
  }

  base::Result<> Note() {
    if (wanted_.position_file && noted_ != position_) {
      AEGIS_TRY(
          base::WriteFileAtomic(*wanted_.position_file, std::to_string(position_) + "\n", 0600));
      noted_ = position_;
    }
    return {};
  }

  Context& context_;
  const Wanted& wanted_;
  ledger::ExportWriter writer_;
  std::uint64_t position_ = 0;
  std::optional<std::uint64_t> noted_;
};

// Until somebody stops it. The ledger is opened anew now and then, which drains the journals of
// runs that died: nobody else may come to do it.
base::Result<> Follow(Context& context, const config::Configuration& configuration,
                      std::optional<ledger::Ledger> ledger, Exporting& exporting) {
  constexpr auto kPoll = std::chrono::milliseconds(100);
  constexpr int kPollsPerOpening = 100;
  StopSignals signals;
  int polls = 0;
  while (true) {
    AEGIS_ASSIGN(const bool more, exporting.Page(*ledger));
    if (signals.Wait(more ? std::chrono::milliseconds(0) : kPoll, context.out.fd())) {
      return {};
    }
    if (++polls % kPollsPerOpening == 0) {
      ledger.reset();
      AEGIS_ASSIGN(ledger, OpenLedger(context, configuration));
    }
  }
}

base::Result<int> Run(Context& context, const Args& args) {
  const auto wanted = WantedBy(args);
  if (!wanted) {
    return context.Usage(wanted.error().message());
  }
  AEGIS_ASSIGN(const Places places, FindPlaces(context));
  AEGIS_ASSIGN(const auto name, ConfigArgument(args));
  AEGIS_ASSIGN(const auto configuration, LoadChosen(places, name));
  AEGIS_ASSIGN(auto ledger, OpenLedger(context, configuration));
  Exporting exporting(context, *wanted);
  AEGIS_TRY(exporting.Begin(ledger));
  if (wanted->follow) {
    AEGIS_TRY(Follow(context, configuration, std::move(ledger), exporting));
  } else if (wanted->stored_only()) {
    bool more = true;
    while (more) {
      AEGIS_ASSIGN(more, exporting.Page(ledger));
    }
  } else {
    AEGIS_TRY(exporting.Everything(ledger));
  }
  AEGIS_TRY(exporting.End());
  return 0;
}

}  // namespace

const Command kAuditExportCommand = {
    .name = "audit export",
    .summary = "Print the ledger for other programs",
    .options = kOptions,
    .examples = kExamples,
    .notes =
        "In ledger order. By itself it is complete, also while a run is writing; with --follow or "
        "a\n"
        "position only stored entries are given, which a run's are within 50 ms, and no entry is\n"
        "left out: after an interruption some may come again. docs/ledger-format.md says what an\n"
        "envelope is. Characters that could steer a terminal come as escapes.\n",
    .run = Run,
};

}  // namespace aegis::cli
