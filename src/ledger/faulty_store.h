#pragma once

// A store for tests that fails, or kills its process, at chosen calls.

#include <signal.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "ledger/entry.h"
#include "ledger/policy_set.h"
#include "ledger/session.h"
#include "ledger/store.h"

namespace aegis::ledger {

// Passes every call on to another store, which must outlive it, but for those that are to go wrong.
class FaultyStore final : public Store {
 public:
  enum class Call : std::uint8_t {
    kAppend,
    kFindSession,
    kSummarizeBlocks,
    kPutCheckpoint,
    kAddKey,
    kPutPolicySet,
    kNoteAbsentPolicySet,
    kErase,
    kOpenSnapshot,
  };
  enum class Fault : std::uint8_t {
    kFail,       // an error, nothing was done
    kFailAfter,  // an error, though it was done: a commit whose outcome was not learnt
    kDie,        // SIGKILL before it is done
    kDieAfter,   // SIGKILL once it is done
  };
  struct Plan {
    Call call = Call::kAppend;
    int at = 1;  // counting this kind of call from 1 on
    int times = 1;
    Fault fault = Fault::kFail;
    base::Errc error = base::Errc::kExhausted;
  };

  explicit FaultyStore(Store& inner) : inner_(&inner) {}

  // Replaces the plan before; counting begins anew.
  void Arrange(const Plan& plan) {
    plan_ = plan;
    calls_ = {};
  }
  int calls(Call call) const { return calls_[Index(call)]; }

  using Store::Append;
  base::Result<> Append(std::span<const EntryView> group, const CheckpointSigner& sign) override {
    return Run<base::Result<>>(Call::kAppend, [&] { return inner_->Append(group, sign); });
  }
  base::Result<std::optional<Session>> FindSession(std::string_view session_id) override {
    return Run<base::Result<std::optional<Session>>>(
        Call::kFindSession, [&] { return inner_->FindSession(session_id); });
  }
  base::Result<bool> SummarizeBlocks() override {
    return Run<base::Result<bool>>(Call::kSummarizeBlocks,
                                   [&] { return inner_->SummarizeBlocks(); });
  }
  base::Result<> PutCheckpoint(const StoredCheckpoint& checkpoint) override {
    return Run<base::Result<>>(Call::kPutCheckpoint,
                               [&] { return inner_->PutCheckpoint(checkpoint); });
  }
  base::Result<> AddKey(const StoredKey& key) override {
    return Run<base::Result<>>(Call::kAddKey, [&] { return inner_->AddKey(key); });
  }
  base::Result<std::string> PutPolicySet(std::span<const PolicyText> texts) override {
    return Run<base::Result<std::string>>(Call::kPutPolicySet,
                                          [&] { return inner_->PutPolicySet(texts); });
  }
  base::Result<> NoteAbsentPolicySet(std::string_view digest) override {
    return Run<base::Result<>>(Call::kNoteAbsentPolicySet,
                               [&] { return inner_->NoteAbsentPolicySet(digest); });
  }
  base::Result<> Erase(std::span<const IdRange> ranges, const EntryView& record) override {
    return Run<base::Result<>>(Call::kErase, [&] { return inner_->Erase(ranges, record); });
  }
  base::Result<std::unique_ptr<Snapshot>> OpenSnapshot() override {
    return Run<base::Result<std::unique_ptr<Snapshot>>>(Call::kOpenSnapshot,
                                                        [&] { return inner_->OpenSnapshot(); });
  }

 private:
  static std::size_t Index(Call call) { return static_cast<std::size_t>(call); }

  template <typename R, typename F>
  R Run(Call call, F&& pass_on) {
    const int number = ++calls_[Index(call)];
    const bool now =
        plan_ && plan_->call == call && number >= plan_->at && number < plan_->at + plan_->times;
    if (!now) {
      return pass_on();
    }
    if (plan_->fault == Fault::kDie) {
      (void)raise(SIGKILL);
    }
    if (plan_->fault != Fault::kFail) {
      (void)pass_on();
    }
    if (plan_->fault == Fault::kDieAfter) {
      (void)raise(SIGKILL);
    }
    return base::Fail(plan_->error, "told to fail");
  }

  Store* inner_;
  std::optional<Plan> plan_;
  std::array<int, 9> calls_{};
};

}  // namespace aegis::ledger
