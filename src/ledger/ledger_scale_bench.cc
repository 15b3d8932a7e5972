// Queries, proofs, appends and a verification over a ledger of AEGIS_BENCH_ENTRIES entries (a
// million unless told). With AEGIS_BENCH_LEDGER, a directory, the ledger is kept there and used
// again.

#include <benchmark/benchmark.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "ledger/bench_workload.h"
#include "ledger/ledger.h"

namespace aegis::ledger {
namespace {

using bench::kMillisPerEntry;
using bench::kRareName;
using bench::kStart;
using bench::Must;
using bench::ScratchDirectory;
using bench::Workload;

std::int64_t WantedEntries() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
  const char* const wanted = getenv("AEGIS_BENCH_ENTRIES");
  return wanted != nullptr ? std::atoll(wanted) : 1'000'000;
}

void Fill(Ledger& ledger, std::int64_t entries) {
  constexpr std::int64_t kGroup = 8192;
  Workload workload;
  workload.PutRareAt(entries * 6 / 10);
  std::vector<Entry> group;
  for (std::int64_t i = 0; i < entries; ++i) {
    group.push_back(workload.Next(i));
    if (static_cast<std::int64_t>(group.size()) == kGroup || i + 1 == entries) {
      std::vector<EntryView> views;
      views.reserve(group.size());
      for (const Entry& entry : group) {
        views.push_back(entry.view());
      }
      Must(ledger.store().Append(views));
      Must(ledger.store().SummarizeBlocks());
      group.clear();
    }
  }
}

// The ledger that all share.
class ScaleLedger {
 public:
  ScaleLedger() {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
    const char* const kept = getenv("AEGIS_BENCH_LEDGER");
    path_ = kept != nullptr ? kept : (std::filesystem::current_path() / "scale-XXXXXX").string();
    keep_ = kept != nullptr;
    if (!keep_ && mkdtemp(path_.data()) == nullptr) {
      std::abort();
    }
    std::filesystem::create_directories(path_);
    ledger_.emplace(Must(Ledger::Open(path_, Ledger::Mode::kCreate)));
    if (Must(ledger_->CountStored()) == 0) {
      Fill(*ledger_, WantedEntries());
    }
  }
  ~ScaleLedger() {
    ledger_.reset();
    if (!keep_) {
      std::filesystem::remove_all(path_);
    }
  }
  ScaleLedger(const ScaleLedger&) = delete;
  ScaleLedger& operator=(const ScaleLedger&) = delete;

  Ledger& ledger() { return *ledger_; }

 private:
  std::string path_;
  bool keep_ = false;
  std::optional<Ledger> ledger_;
};

ScaleLedger& Shared() {
  static ScaleLedger ledger;
  return ledger;
}

constexpr std::uint64_t kPage = 100;

void Ask(benchmark::State& state, const QueryFilter& filter) {
  Ledger& ledger = Shared().ledger();
  std::size_t found = 0;
  for ([[maybe_unused]] auto _ : state) {
    found = 0;
    Must(ledger.Query(filter, [&found](const EntryView&) -> base::Result<bool> {
      ++found;
      return true;
    }));
  }
  state.counters["found"] = static_cast<double>(found);
  state.counters["entries"] = static_cast<double>(WantedEntries());
}

QueryFilter OfSomeSession() {
  std::string session;
  const std::int64_t middle = kStart + WantedEntries() / 2 * kMillisPerEntry;
  Must(Shared().ledger().Query({.from_ms = middle, .limit = 1},
                               [&session](const EntryView& entry) -> base::Result<bool> {
                                 session = entry.session_id;
                                 return true;
                               }));
  return {.session_id = session};
}

std::optional<Glob> Path(std::string_view pattern) { return Must(Glob::Parse(pattern)); }

void RareText(benchmark::State& state) { Ask(state, {.text = "merger-q3"}); }
void AbsentText(benchmark::State& state) { Ask(state, {.text = "/etc/shadow"}); }
// Both words are in every block, but never like this.
void AbsentTextOfCommonPieces(benchmark::State& state) {
  const auto words = Workload().TwoWords();
  Ask(state, {.text = words.first + "/" + words.second + ".odt"});
}
void AbsentShortText(benchmark::State& state) { Ask(state, {.text = "zzz"}); }
void CommonText(benchmark::State& state) { Ask(state, {.text = "python", .limit = kPage}); }
void RarePath(benchmark::State& state) { Ask(state, {.path = Path("/home/**/merger-*.odt")}); }
void AbsentPath(benchmark::State& state) { Ask(state, {.path = Path("/root/.ssh/**")}); }
void OneSession(benchmark::State& state) { Ask(state, OfSomeSession()); }
void DenialsOfOneSession(benchmark::State& state) {
  QueryFilter filter = OfSomeSession();
  filter.decision = "deny";
  Ask(state, filter);
}
void TimeRange(benchmark::State& state) {
  const std::int64_t middle = kStart + WantedEntries() / 2 * kMillisPerEntry;
  Ask(state, {.from_ms = middle, .to_ms = middle + 200 * kMillisPerEntry});
}
void FirstDenials(benchmark::State& state) { Ask(state, {.decision = "deny", .limit = kPage}); }
void LastDenials(benchmark::State& state) { Ask(state, {.last = kPage, .decision = "deny"}); }
void DenialsOfAnAgent(benchmark::State& state) {
  Ask(state, {.last = kPage, .decision = "deny", .principal = "agent-7"});
}
void AnAgent(benchmark::State& state) { Ask(state, {.last = kPage, .principal = "agent-7"}); }
void AnAbsentAgent(benchmark::State& state) { Ask(state, {.principal = "nobody"}); }
void AnAbsentAction(benchmark::State& state) { Ask(state, {.action = "FileDelete"}); }
void LastEntries(benchmark::State& state) { Ask(state, {.last = kPage}); }
void PageInTheMiddle(benchmark::State& state) {
  Ask(state, {.limit = kPage,
              .cursor = QueryCursor{.position = static_cast<std::uint64_t>(WantedEntries() / 2)}});
}

// A proof that an entry is there, from the store to its text.
void ProveAnEntry(benchmark::State& state) {
  Ledger& ledger = Shared().ledger();
  const StoredCheckpoint checkpoint = Must(ledger.CheckpointAll());
  std::mt19937_64 random(7);
  for ([[maybe_unused]] auto _ : state) {
    const auto snapshot = Must(ledger.store().OpenSnapshot());
    benchmark::DoNotOptimize(Must(ProveEntry(*snapshot, random() % checkpoint.size, checkpoint)));
  }
}

// Groups of a session's entries from its journal into the store, committed and synced.
void Drain(benchmark::State& state, Ledger& ledger) {
  constexpr std::int64_t kGroup = 512;
  const std::string id = Must(NewSessionId(SystemClock()));
  JournalWriter writer = Must(JournalWriter::Create(
      ledger.JournalPath(id), {.tenant_id = "local", .user_id = "agent", .session_id = id}));
  Sequencer sequencer = Must(Sequencer::Attach(writer, ledger.store()));
  Workload workload;
  std::vector<Entry> entries;
  entries.reserve(kGroup);
  for (std::int64_t i = 0; i < kGroup; ++i) {
    entries.push_back(workload.Next(i));
  }
  for ([[maybe_unused]] auto _ : state) {
    state.PauseTiming();
    for (const Entry& entry : entries) {
      Must(writer.Append(entry.event_type, entry.payload, Durability::kOrdered));
    }
    state.ResumeTiming();
    Must(sequencer.Drain());
  }
  Must(sequencer.Finish());
  state.SetItemsProcessed(state.iterations() * kGroup);
}
void DrainIntoThisLedger(benchmark::State& state) { Drain(state, Shared().ledger()); }
void DrainIntoAnEmptyLedger(benchmark::State& state) {
  const ScratchDirectory directory;
  Ledger ledger = Must(Ledger::Open(directory.path(), Ledger::Mode::kCreate));
  Drain(state, ledger);
}

// Everything that `audit verify` reads, on two threads. Run it alone: the memory is the process'.
void VerifyAll(benchmark::State& state) {
  Ledger& ledger = Shared().ledger();
  std::uint64_t entries = 0;
  for ([[maybe_unused]] auto _ : state) {
    const VerifyReport report = Must(ledger.Verify({.threads = 2}));
    if (!report.ok()) {
      std::abort();
    }
    entries = report.entries;
  }
  rusage usage{};
  (void)::getrusage(RUSAGE_SELF, &usage);
  state.counters["peak_mib"] = static_cast<double>(usage.ru_maxrss) / 1024;
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(entries));
}

BENCHMARK(RareText)->Unit(benchmark::kMillisecond);
BENCHMARK(AbsentText)->Unit(benchmark::kMillisecond);
BENCHMARK(AbsentTextOfCommonPieces)->Unit(benchmark::kMillisecond);
BENCHMARK(AbsentShortText)->Unit(benchmark::kMillisecond);
BENCHMARK(CommonText)->Unit(benchmark::kMillisecond);
BENCHMARK(RarePath)->Unit(benchmark::kMillisecond);
BENCHMARK(AbsentPath)->Unit(benchmark::kMillisecond);
BENCHMARK(OneSession)->Unit(benchmark::kMillisecond);
BENCHMARK(DenialsOfOneSession)->Unit(benchmark::kMillisecond);
BENCHMARK(TimeRange)->Unit(benchmark::kMillisecond);
BENCHMARK(FirstDenials)->Unit(benchmark::kMillisecond);
BENCHMARK(LastDenials)->Unit(benchmark::kMillisecond);
BENCHMARK(DenialsOfAnAgent)->Unit(benchmark::kMillisecond);
BENCHMARK(AnAgent)->Unit(benchmark::kMillisecond);
BENCHMARK(AnAbsentAgent)->Unit(benchmark::kMillisecond);
BENCHMARK(AnAbsentAction)->Unit(benchmark::kMillisecond);
BENCHMARK(LastEntries)->Unit(benchmark::kMillisecond);
BENCHMARK(PageInTheMiddle)->Unit(benchmark::kMillisecond);
BENCHMARK(ProveAnEntry)->Unit(benchmark::kMillisecond);
BENCHMARK(DrainIntoAnEmptyLedger)->Iterations(40)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(DrainIntoThisLedger)->Iterations(40)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(VerifyAll)->Iterations(1)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace aegis::ledger
