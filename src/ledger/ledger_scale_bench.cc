// Queries over a ledger of AEGIS_BENCH_ENTRIES entries (a million unless told). With
// AEGIS_BENCH_LEDGER, a directory, the ledger is kept there and used again.

#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/ledger.h"

namespace aegis::ledger {
namespace {

template <typename T>
T Must(base::Result<T> result) {
  if (!result) {
    std::cerr << result.error().message() << '\n';
    std::abort();
  }
  if constexpr (!std::is_void_v<T>) {
    return std::move(*result);
  }
}

constexpr std::int64_t kStart = 1'700'000'000'000;
constexpr std::int64_t kMillisPerEntry = 20;
constexpr std::string_view kRareName = "/home/dev/plans/merger-Q3-draft.odt";

std::int64_t WantedEntries() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
  const char* const wanted = getenv("AEGIS_BENCH_ENTRIES");
  return wanted != nullptr ? std::atoll(wanted) : 1'000'000;
}

// Entries as agents make them that build, test and edit projects, several sessions at a time. The
// same for each run.
class Workload {
 public:
  Workload() {
    for (int i = 0; i < 4000; ++i) {
      words_.push_back(Word());
    }
  }

  // One session's next entry. `sessions` of them run at once, each of some 2000 entries.
  Entry Next(std::int64_t number) {
    Running& session = running_.at(Below(running_.size()));
    if (session.left == 0) {
      Begin(session);
    }
    --session.left;
    Entry entry{.identity = session.identity,
                .seq = session.seq++,
                .ts_unix_ms = kStart + number * kMillisPerEntry,
                .event_type = std::string(kActionDecided),
                .prev_hash = session.head};
    if (entry.seq == 0) {
      entry.event_type = kSessionStarted;
      AppendSessionStartedPayload(entry.payload, {.mode = "run",
                                                  .command = "make",
                                                  .config = session.config,
                                                  .dir = "/home/dev/projects"});
    } else if (session.left == 0) {
      entry.event_type = kSessionEnded;
      AppendSessionEndedPayload(entry.payload, {.exit_code = 0, .actions = 1999});
    } else {
      AppendAction(entry.payload, session, number == rare_at_ ? kRareName : std::string_view());
    }
    entry.hash = HashEntry(hasher_, entry.view(), scratch_);
    session.head = entry.hash;
    return entry;
  }

  std::pair<std::string, std::string> TwoWords() const { return {words_[10], words_[20]}; }

  void PutRareAt(std::int64_t number) { rare_at_ = number; }

 private:
  struct Running {
    Identity identity{};
    std::string config{};
    std::string project{};
    std::int64_t pid = 0;
    std::uint64_t seq = 0;
    std::uint64_t left = 0;
    std::optional<canon::Sha256> head{};
  };

  std::size_t Below(std::size_t end) { return random_() % end; }

  std::string Word() {
    constexpr std::array<std::string_view, 16> kSyllables = {"ta",  "re",  "con", "mod", "el", "in",
                                                             "ser", "vi",  "pro", "ker", "lo", "ut",
                                                             "an",  "the", "qu",  "ad"};
    std::string word;
    for (std::size_t left = 2 + Below(3); left > 0; --left) {
      word += kSyllables.at(Below(kSyllables.size()));
    }
    return word;
  }
  const std::string& AWord() { return words_[Below(words_.size())]; }

  void Begin(Running& session) {
    const std::string number = std::to_string(++sessions_);
    session = {.identity = {.tenant_id = "local",
                            .user_id = "dev" + std::to_string(sessions_ % 5),
                            .session_id = "0193f6a0-0000-7000-8000-" +
                                          std::string(12 - number.size(), '0') + number},
               .config = "agent-" + std::to_string(sessions_ % 40),
               .project = "/home/dev/projects/" + AWord() + "/",
               .pid = static_cast<std::int64_t>(1000 + Below(30'000)),
               .left = 1000 + Below(2000)};
  }

  void AppendAction(std::string& payload, Running& session, std::string_view rare) {
    constexpr std::array<std::string_view, 4> kPrograms = {
        "/usr/lib/gcc/x86_64-linux-gnu/12/cc1plus", "/usr/bin/python3.11", "/usr/bin/node",
        "/usr/bin/git"};
    constexpr std::array<std::string_view, 4> kEndings = {".cc", ".py", ".js", ".o"};
    session.pid += Below(20) == 0 ? 1 : 0;
    const bool denied = Below(200) == 0;
    const bool connects = Below(100) == 0;
    std::string resource(rare);
    if (rare.empty() && connects) {
      resource = AWord() + ".example.org:443";
    } else if (rare.empty()) {
      const std::size_t kind = Below(10);
      resource = kind < 5   ? session.project + AWord() + "/" + AWord() + "-" + AWord()
                 : kind < 8 ? "/usr/include/" + AWord() + "/" + AWord()
                            : "/tmp/" + AWord() + "-" + std::to_string(random_());
      resource += kEndings.at(Below(kEndings.size()));
    }
    const std::vector<std::string> policies = {denied ? "programs-need-libraries"
                                                      : "project-read-project"};
    AppendActionPayload(payload, {.action = connects        ? "NetConnect"
                                            : Below(4) == 0 ? "FileWrite"
                                                            : "FileRead",
                                  .resource = resource,
                                  .decision = denied ? "deny" : "allow",
                                  .reason = denied ? "NO_PERMIT" : "POLICY_PERMIT",
                                  .policies = policies,
                                  .context = {.pid = session.pid,
                                              .exe = kPrograms.at(Below(kPrograms.size())),
                                              .operation = connects ? "connect" : "openat"}});
  }

  std::mt19937_64 random_{42};
  std::vector<std::string> words_;
  std::array<Running, 4> running_{};
  std::uint64_t sessions_ = 0;
  std::int64_t rare_at_ = -1;
  canon::Sha256Hasher hasher_;
  std::string scratch_;
};

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

}  // namespace
}  // namespace aegis::ledger
