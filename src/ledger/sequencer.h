#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "ledger/entry.h"
#include "ledger/journal.h"
#include "ledger/journal_release.h"
#include "ledger/store.h"

namespace aegis::ledger {

// The end of the name of a journal whose entries are all in the store.
inline constexpr std::string_view kDoneSuffix = ".done";

struct SequencerOptions {
  // How much of the journal the store must have before its space is given back, which costs a sync.
  std::uint64_t release_bytes = std::uint64_t{4} << 20U;
};

// Carries a journal's records into the store, in groups, while the writer goes on. One per journal;
// the launcher has it. Call Drain every 50 ms at least: an `ordered` entry survives a power cut
// once the Drain after it has returned.
class Sequencer {
 public:
  // Sees each entry once it is stored, e.g. to collect denials for the summary.
  using Observer = std::function<void(const EntryView&)>;

  // Shares the writer's file and lock. `store` must outlive it.
  static base::Result<Sequencer> Attach(const JournalWriter& writer, Store& store,
                                        Observer observer = {}, SequencerOptions options = {});
  // Over a journal whose lock the caller holds through the reader's descriptor.
  static base::Result<Sequencer> Over(JournalReader reader, Store& store, Observer observer = {},
                                      SequencerOptions options = {});

  // Stores everything that is committed in the journal now, and gives the space of what was stored
  // back. A store that is merely busy is tried
  // again next time, for kMaxBusy times in a row; any other failure (and a corrupt journal) makes
  // the journal refuse all later Appends and is returned here and from every later call.
  base::Result<> Drain();

  // Whether Drain has given up: nothing can be appended any more, and Finish says why.
  bool failed() const { return broken_.has_value(); }

  // Drain, then take the journal's name away. Call when no writer is left. On an error the file
  // stays and is drained by whoever opens the ledger next. To free a file can take the disk longer
  // than all the rest: a small one is left behind as SESSION.journal.done, for RemoveDoneJournals.
  base::Result<> Finish();

  // Signs the tree together with the next group that reaches the journal's end; checkpoint() is the
  // one that was made last. If it can't be signed, the group is stored without, and sign_error()
  // says why.
  void SignNext(CheckpointSigner sign) { sign_ = std::move(sign); }
  const std::optional<StoredCheckpoint>& checkpoint() const { return checkpoint_; }
  const std::optional<base::Error>& sign_error() const { return sign_error_; }

  // Where the chain ends in the store, for JournalWriter::ResumeAt.
  const ChainPosition& position() const { return reader_.position(); }
  std::uint64_t entries() const { return entries_; }  // stored by this object

  static constexpr int kMaxBusy = 10;

 private:
  Sequencer(JournalReader reader, Store& store, Observer observer, SequencerOptions options)
      : reader_(std::move(reader)),
        store_(&store),
        observer_(std::move(observer)),
        releaser_(options.release_bytes) {}
  base::Result<> SkipStored(const JournalReader::Marks& marks);
  base::Result<bool> DrainGroup(std::uint64_t committed);
  base::Result<> StoreGroup(std::span<const EntryView> group, bool is_last);
  base::Result<> DrainOnce();
  void Summarize(std::uint64_t stored);

  JournalReader reader_;
  Store* store_;
  Observer observer_;
  JournalReleaser releaser_;
  std::uint64_t entries_ = 0;
  int busy_ = 0;
  std::uint64_t not_summarized_ = 0;  // entries stored since summaries were made last
  bool exhausted_ = false;            // the store has more than the journal
  bool skipped_ = false;              // what the store had already is behind us
  std::optional<base::Error> broken_;
  CheckpointSigner sign_;
  std::optional<StoredCheckpoint> checkpoint_;
  std::optional<base::Error> sign_error_;
};

}  // namespace aegis::ledger
