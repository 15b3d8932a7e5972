#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/unique_fd.h"
#include "ledger/bench_workload.h"
#include "ledger/block_summary.h"
#include "ledger/ledger.h"

namespace aegis::ledger {
namespace {

using bench::Must;
using bench::ScratchDirectory;

// About 400 bytes, as a file action of a build has.
std::string TypicalPayload(std::string_view file = "handlers/request.cc",
                           std::int64_t pid = 12345) {
  const std::vector<std::string> policies = {"project-read-project", "programs-need-libraries"};
  const std::string resource =
      "/home/someone/projects/a-typical-service/src/components/" + std::string(file);
  std::string payload;
  AppendActionPayload(payload,
                      {.action = "FileRead",
                       .resource = resource,
                       .decision = "allow",
                       .reason = "POLICY_PERMIT",
                       .policies = policies,
                       .context = {.pid = pid,
                                   .exe = "/usr/lib/gcc/x86_64-linux-gnu/12/cc1plus",
                                   .operation = "openat",
                                   .detail = std::string(60, 'd')}},
                      Masker());
  return payload;
}

JournalWriter NewWriter(const std::string& directory) {
  const std::string id = Must(NewSessionId(SystemClock()));
  return Must(JournalWriter::Create(directory + "/" + id + ".journal",
                                    {.tenant_id = "local", .user_id = "agent", .session_id = id}));
}

void Percentiles(benchmark::State& state, std::vector<std::int64_t>& nanoseconds) {
  std::sort(nanoseconds.begin(), nanoseconds.end());
  const auto at = [&](double part) {
    return static_cast<double>(nanoseconds[static_cast<std::size_t>(
               part * static_cast<double>(nanoseconds.size() - 1))]) /
           1000.0;
  };
  state.counters["p50_us"] = at(0.5);
  state.counters["p99_us"] = at(0.99);
  state.counters["p999_us"] = at(0.999);
}

void Append(benchmark::State& state, Durability durability) {
  const ScratchDirectory directory;
  JournalWriter writer = NewWriter(directory.path());
  const std::string payload = TypicalPayload();
  std::vector<std::int64_t> samples;
  for ([[maybe_unused]] auto _ : state) {
    const auto start = std::chrono::steady_clock::now();
    Must(writer.Append(kActionDecided, payload, durability));
    samples.push_back((std::chrono::steady_clock::now() - start).count());
  }
  state.counters["payload_bytes"] = static_cast<double>(payload.size());
  Percentiles(state, samples);
}

// What the disk itself takes to hold a record, in a file that has its blocks.
void DiskSync(benchmark::State& state) {
  const ScratchDirectory directory;
  const base::UniqueFd fd(
      ::open((directory.path() + "/file").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  const std::string record = TypicalPayload();
  constexpr off_t kSize = off_t{1} << 20;
  if (::fallocate(fd.get(), 0, 0, kSize) != 0 || ::fsync(fd.get()) != 0) {
    std::abort();
  }
  off_t at = 0;
  std::vector<std::int64_t> samples;
  for ([[maybe_unused]] auto _ : state) {
    const auto start = std::chrono::steady_clock::now();
    if (::pwrite(fd.get(), record.data(), record.size(), at) < 0 || ::fdatasync(fd.get()) != 0) {
      std::abort();
    }
    samples.push_back((std::chrono::steady_clock::now() - start).count());
    at = (at + static_cast<off_t>(record.size())) % (kSize / 2);
  }
  Percentiles(state, samples);
}
BENCHMARK(DiskSync)->Iterations(500);

// Threads that each wait for the disk, entry after entry, over one journal.
void AppendDurableByThreads(benchmark::State& state) {
  constexpr int kEach = 50;
  const ScratchDirectory directory;
  JournalWriter writer = NewWriter(directory.path());
  const std::string payload = TypicalPayload();
  for ([[maybe_unused]] auto _ : state) {
    std::vector<std::jthread> threads;
    threads.reserve(static_cast<std::size_t>(state.range(0)));
    for (int i = 0; i < state.range(0); ++i) {
      threads.emplace_back([&] {
        for (int n = 0; n < kEach; ++n) {
          Must(writer.Append(kActionDecided, payload, Durability::kDurable));
        }
      });
    }
  }
  state.SetItemsProcessed(state.iterations() * state.range(0) * kEach);
}
BENCHMARK(AppendDurableByThreads)->Arg(64)->Iterations(10)->UseRealTime();

// What the figure above is held against: each entry in a transaction of its own.
void CommitPerEntry(benchmark::State& state) {
  const ScratchDirectory directory;
  Ledger ledger = Must(Ledger::Open(directory.path(), Ledger::Mode::kCreate));
  bench::Workload workload;
  std::int64_t number = 0;
  for ([[maybe_unused]] auto _ : state) {
    const Entry entry = workload.Next(number++);
    const EntryView view = entry.view();
    Must(ledger.store().Append({&view, 1}));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(CommitPerEntry)->Iterations(500)->UseRealTime();

void AppendOrdered(benchmark::State& state) { Append(state, Durability::kOrdered); }
void AppendDurable(benchmark::State& state) { Append(state, Durability::kDurable); }
BENCHMARK(AppendOrdered);
BENCHMARK(AppendDurable)->Iterations(500);

void BuildPayload(benchmark::State& state) {
  const std::vector<std::string> policies = {"project-read-project"};
  std::string payload;
  for ([[maybe_unused]] auto _ : state) {
    payload.clear();
    AppendActionPayload(payload,
                        {.action = "FileRead",
                         .resource = "/home/someone/projects/service/src/request.cc",
                         .decision = "allow",
                         .reason = "POLICY_PERMIT",
                         .policies = policies,
                         .context = {.pid = 12345, .exe = "/usr/bin/cc1plus"}},
                        Masker());
    benchmark::DoNotOptimize(payload.data());
  }
}
BENCHMARK(BuildPayload);

// One drained group, committed and synced.
void DrainGroup(benchmark::State& state) {
  const ScratchDirectory directory;
  Ledger ledger = Must(Ledger::Open(directory.path(), Ledger::Mode::kCreate));
  JournalWriter writer = NewWriter(directory.path() + "/journal");
  Sequencer sequencer = Must(Sequencer::Attach(writer, ledger.store()));
  const std::string payload = TypicalPayload();
  for ([[maybe_unused]] auto _ : state) {
    state.PauseTiming();
    for (int i = 0; i < state.range(0); ++i) {
      Must(writer.Append(kActionDecided, payload, Durability::kOrdered));
    }
    state.ResumeTiming();
    Must(sequencer.Drain());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(DrainGroup)->Arg(1)->Arg(64)->Arg(512)->Arg(4096);

// What a run pays around its command: ledger opened, journal made, two entries, all closed.
void WholeSession(benchmark::State& state) {
  const ScratchDirectory directory;
  Must(Ledger::Open(directory.path(), Ledger::Mode::kCreate));
  for ([[maybe_unused]] auto _ : state) {
    Ledger ledger = Must(Ledger::Open(directory.path(), Ledger::Mode::kCreate));
    JournalWriter writer = NewWriter(directory.path() + "/journal");
    Sequencer sequencer = Must(Sequencer::Attach(writer, ledger.store()));
    Must(writer.Append(kSessionStarted, R"({"mode":"run"})", Durability::kOrdered));
    Must(writer.Append(kSessionEnded, R"({"actions":0,"denials":0})", Durability::kOrdered));
    Must(sequencer.Finish());
  }
}
BENCHMARK(WholeSession)->Unit(benchmark::kMillisecond);

void VerifyEntries(benchmark::State& state) {
  const ScratchDirectory directory;
  Ledger ledger = Must(Ledger::Open(directory.path(), Ledger::Mode::kCreate));
  {
    JournalWriter writer = NewWriter(directory.path() + "/journal");
    Sequencer sequencer = Must(Sequencer::Attach(writer, ledger.store()));
    const std::string payload = TypicalPayload();
    for (int i = 0; i < state.range(0); ++i) {
      Must(writer.Append(kActionDecided, payload, Durability::kOrdered));
    }
    Must(sequencer.Finish());
  }
  for ([[maybe_unused]] auto _ : state) {
    if (!Must(ledger.Verify()).ok()) {
      std::abort();
    }
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(VerifyEntries)->Arg(50000)->Unit(benchmark::kMillisecond);

// What a block's summary costs an entry, over the files of a build.
void SummarizeEntries(benchmark::State& state) {
  constexpr std::size_t kFiles = 997;
  std::vector<std::string> payloads;
  payloads.reserve(kFiles);
  for (std::size_t i = 0; i < kFiles; ++i) {
    payloads.push_back(TypicalPayload("handlers/request-" + std::to_string(i * 7919) + ".cc",
                                      static_cast<std::int64_t>(12000 + i / 20)));
  }
  BlockSummaryBuilder builder;
  std::size_t next = 0;
  for ([[maybe_unused]] auto _ : state) {
    for (std::int64_t i = 0; i < kBlockEntries; ++i) {
      builder.Add({.tenant_id = "local",
                   .user_id = "agent",
                   .session_id = "0193f6a0-0000-7000-8000-000000000000",
                   .event_type = kActionDecided,
                   .payload = payloads[next++ % kFiles]});
    }
    benchmark::DoNotOptimize(builder.Finish());
  }
  state.SetItemsProcessed(state.iterations() * kBlockEntries);
}
BENCHMARK(SummarizeEntries)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace aegis::ledger
