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
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/result.h"
#include "ledger/merkle.h"
#include "ledger/store.h"
#include "ledger/verify.h"
#include "ledger/verify_checkpoints.h"
#include "ledger/verify_chunk.h"

namespace aegis::ledger {
namespace {

using base::Fail;
using base::Result;

// More threads than this gain nothing, and each has a connection.
constexpr std::int64_t kMaxReaders = 64;

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

// A connection of a reading thread, and what it shows.
struct Reader {
  std::unique_ptr<Store> store;
  std::unique_ptr<Snapshot> snapshot;
};

struct Moment {
  CompactRange tree;
  std::uint64_t keys = 0;
  friend bool operator==(const Moment&, const Moment&) = default;
};

// What everything that changes what stands in the rows of one moment moves: a purge appends its
// record, and signatures by a key follow its entry.
Result<Moment> MomentOf(Snapshot& snapshot) {
  Moment moment;
  AEGIS_ASSIGN(moment.tree, snapshot.Tree());
  AEGIS_TRY(snapshot.Keys([&moment](const Result<StoredKey>&) -> Result<bool> {
    ++moment.keys;
    return true;
  }));
  return moment;
}

// Up to `count` readers; none if the store has moved on since `snapshot`, or is damaged.
Result<std::vector<Reader>> OpenReaders(Snapshot& snapshot, std::size_t count,
                                        const StoreOpener& open) {
  const auto moment = MomentOf(snapshot);
  std::vector<Reader> readers(moment ? count : 0);
  for (Reader& reader : readers) {
    AEGIS_ASSIGN(reader.store, open());
    AEGIS_ASSIGN(reader.snapshot, reader.store->OpenSnapshot());
    const auto mine = MomentOf(*reader.snapshot);
    if (!mine || *mine != *moment) {
      return std::vector<Reader>();
    }
  }
  return readers;
}

Result<> ReadInTurn(Snapshot& snapshot, std::int64_t last, std::int64_t chunks,
                    const CheckpointCheck& checkpoints,
                    const std::function<Result<>(Chunk&)>& take) {
  for (std::int64_t number = 0; number < chunks; ++number) {
    AEGIS_ASSIGN(Chunk chunk, ReadChunk(snapshot, RangeOf(number, last), checkpoints));
    AEGIS_TRY(take(chunk));
  }
  return {};
}

void Work(Snapshot& snapshot, std::int64_t last, const CheckpointCheck& checkpoints,
          Exchange& exchange) {
  while (const auto number = exchange.Next()) {
    exchange.Put(*number, ReadChunk(snapshot, RangeOf(*number, last), checkpoints));
  }
}

}  // namespace

Result<> ReadChunks(Snapshot& snapshot, std::int64_t last, unsigned threads,
                    const StoreOpener& open, const CheckpointCheck& checkpoints,
                    const std::function<Result<>(Chunk&)>& take) {
  const std::int64_t chunks = last / kChunkRows + (last % kChunkRows == 0 ? 0 : 1);
  const auto workers =
      static_cast<std::size_t>(std::min<std::int64_t>({threads, chunks, kMaxReaders}));
  std::vector<Reader> readers;
  if (workers > 1) {
    AEGIS_ASSIGN(readers, OpenReaders(snapshot, workers, open));
  }
  if (readers.empty()) {
    return ReadInTurn(snapshot, last, chunks, checkpoints, take);
  }
  Exchange exchange(chunks, readers.size() * 2);
  std::vector<std::jthread> running;
  const StopAtEnd stop{exchange};  // before the threads are joined
  running.reserve(readers.size());
  try {
    for (const Reader& reader : readers) {
      running.emplace_back(
          [&, &mine = *reader.snapshot] { Work(mine, last, checkpoints, exchange); });
    }
  } catch (const std::system_error&) {  // a limit of threads: those that run do the work
    if (running.empty()) {
      return ReadInTurn(snapshot, last, chunks, checkpoints, take);
    }
  }
  for (std::int64_t number = 0; number < chunks; ++number) {
    AEGIS_ASSIGN(Chunk chunk, exchange.Take(number));
    AEGIS_TRY(take(chunk));
  }
  return {};
}

}  // namespace aegis::ledger
