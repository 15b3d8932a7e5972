#include "ledger/verify_pool.h"

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "base/result.h"
#include "ledger/store.h"
#include "ledger/verify.h"
#include "ledger/verify_checkpoints.h"
#include "ledger/verify_chunk.h"

namespace aegis::ledger {
namespace {

using base::Fail;
using base::Result;

IdRange RangeOf(std::int64_t number, std::int64_t last) {
  return {.first = number * kChunkRows + 1, .last = std::min((number + 1) * kChunkRows, last)};
}

// Hands out numbers of chunks and takes back what was read.
class Exchange {
 public:
  Exchange(std::int64_t chunks, std::size_t ahead) : chunks_(chunks), ahead_(ahead) {}

  // The next chunk to read; waits while too many are read ahead. Nothing: there is no more to do.
  std::optional<std::int64_t> Next() {
    std::unique_lock lock(mutex_);
    changed_.wait(
        lock, [this] { return stopped_ || next_ - taken_ < static_cast<std::int64_t>(ahead_); });
    if (stopped_ || next_ >= chunks_) {
      return std::nullopt;
    }
    return next_++;
  }

  void Put(std::int64_t number, Result<Chunk> chunk) {
    const std::lock_guard lock(mutex_);
    read_.emplace(number, std::move(chunk));
    changed_.notify_all();
  }

  Result<Chunk> Take(std::int64_t number) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return read_.contains(number); });
    auto node = read_.extract(number);
    taken_ = number + 1;
    changed_.notify_all();
    return std::move(node.mapped());
  }

  void Stop() {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    changed_.notify_all();
  }

 private:
  const std::int64_t chunks_;
  const std::size_t ahead_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::int64_t next_ = 0;
  std::int64_t taken_ = 0;
  bool stopped_ = false;
  std::map<std::int64_t, Result<Chunk>> read_;
};

struct StopAtEnd {
  Exchange& exchange;
  ~StopAtEnd() { exchange.Stop(); }
};

void Work(Store& store, std::int64_t last, const CheckpointCheck& checkpoints, Exchange& exchange) {
  auto snapshot = store.OpenSnapshot();
  while (const auto number = exchange.Next()) {
    exchange.Put(*number, snapshot ? ReadChunk(**snapshot, RangeOf(*number, last), checkpoints)
                                   : Result<Chunk>(Fail(snapshot.error())));
  }
}

}  // namespace

Result<> ReadChunks(Snapshot& snapshot, std::int64_t last, unsigned threads,
                    const StoreOpener& open, const CheckpointCheck& checkpoints,
                    const std::function<Result<>(Chunk&)>& take) {
  const std::int64_t chunks = (last + kChunkRows - 1) / kChunkRows;
  const auto workers = static_cast<std::size_t>(std::min<std::int64_t>(threads, chunks));
  if (workers < 2) {
    for (std::int64_t number = 0; number < chunks; ++number) {
      AEGIS_ASSIGN(Chunk chunk, ReadChunk(snapshot, RangeOf(number, last), checkpoints));
      AEGIS_TRY(take(chunk));
    }
    return {};
  }
  std::vector<std::unique_ptr<Store>> stores(workers);
  for (auto& store : stores) {
    AEGIS_ASSIGN(store, open());
  }
  Exchange exchange(chunks, workers * 2);
  std::vector<std::jthread> running;
  const StopAtEnd stop{exchange};  // before the threads are joined
  running.reserve(workers);
  for (auto& store : stores) {
    running.emplace_back([&, &mine = *store] { Work(mine, last, checkpoints, exchange); });
  }
  for (std::int64_t number = 0; number < chunks; ++number) {
    AEGIS_ASSIGN(Chunk chunk, exchange.Take(number));
    AEGIS_TRY(take(chunk));
  }
  return {};
}

}  // namespace aegis::ledger
