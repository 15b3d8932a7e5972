// A run of a ledger in steps, for a process in which storage goes wrong: fault_driver DIRECTORY FD.
// Whatever a step is refused, the next one is tried. Tells on descriptor FD, a line each:
//
//   ordered SESSION SEQ    an entry was appended
//   durable SESSION SEQ    the same, synced
//   stored SESSION COUNT   that many entries of the session are in the store
//   signed LOG SIZE        a checkpoint over that many entries is in the store
//   purging SESSION 0      from here on the session's content may be erased
//   erased SESSION 0       it is
//   policies DIGEST 0      the set is in the store
//   refused STEP: WHY
//
// Exits with the number of refused steps.

#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "ledger/ledger.h"

namespace aegis::ledger {
namespace {

using base::Errc;
using base::Fail;
using base::Result;

// What the steps work on: a ledger and the session that was begun last.
class Scene {
 public:
  Scene(std::string directory, int fd) : directory_(std::move(directory)), fd_(fd) {}

  void Say(const std::string& line) const {
    const std::string text = line + "\n";
    if (write(fd_, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
      std::abort();
    }
  }

  Result<> Open() {
    ledger_.reset();
    AEGIS_ASSIGN(Ledger ledger, Ledger::Open(directory_, Ledger::Mode::kCreate));
    ledger_.emplace(std::move(ledger));
    return {};
  }

  Result<> Begin() {
    sequencer_.reset();
    writer_.reset();
    session_ = "s" + std::to_string(++sessions_);
    if (!ledger_) {
      return Fail(Errc::kUnavailable, "no ledger");
    }
    AEGIS_ASSIGN(
        JournalWriter writer,
        JournalWriter::Create(ledger_->JournalPath(session_),
                              {.tenant_id = "local", .user_id = "driver", .session_id = session_},
                              {.first_segment = 16384, .segment = 16384}));
    AEGIS_ASSIGN(Sequencer sequencer,
                 Sequencer::Attach(writer, ledger_->store(), {}, {.release_bytes = 4096}));
    writer_.emplace(std::move(writer));
    sequencer_.emplace(std::move(sequencer));
    return {};
  }

  template <Durability Promise, int Count>
  Result<> Append() {
    Result<> all;
    for (int i = 0; i < Count; ++i) {
      auto appended = AppendOne(Promise);
      if (!appended) {
        all = std::move(appended);
      }
    }
    return all;
  }

  Result<> Drain() {
    if (!sequencer_) {
      return Fail(Errc::kUnavailable, "no session");
    }
    AEGIS_TRY(sequencer_->Drain());
    SayStored();
    return {};
  }

  Result<> Finish() {
    if (!sequencer_) {
      return Fail(Errc::kUnavailable, "no session");
    }
    AEGIS_TRY(sequencer_->Finish());
    SayStored();
    if (sequencer_->sign_error()) {
      return Fail(*sequencer_->sign_error());
    }
    if (sequencer_->checkpoint()) {
      Say("signed log " + std::to_string(sequencer_->checkpoint()->size));
      return ledger_->NoteCheckpoint(*sequencer_->checkpoint());
    }
    return {};
  }

  Result<> Sign() {
    if (!sequencer_) {
      return Fail(Errc::kUnavailable, "no session");
    }
    AEGIS_ASSIGN(const LedgerSigner* const signer, ledger_->Signer());
    sequencer_->SignNext(signer->AsCheckpointSigner());
    return {};
  }

  // Of the session that was begun first; in a session of its own, which records it.
  Result<> Purge() {
    if (!ledger_) {
      return Fail(Errc::kUnavailable, "no ledger");
    }
    const std::string own = "p" + std::to_string(++purges_);
    Say("purging s1 0");
    AEGIS_ASSIGN(const LedgerSigner* const signer, ledger_->Signer());
    AEGIS_TRY(
        ledger::Purge(ledger_->store(), {.session_id = "s1"},
                      {.identity = {.tenant_id = "local", .user_id = "driver", .session_id = own},
                       .reason = "command",
                       .progress = [this](std::uint64_t) { Say("erased s1 0"); }},
                      signer));
    return {};
  }

  Result<> Rotate() {
    if (!ledger_) {
      return Fail(Errc::kUnavailable, "no ledger");
    }
    AEGIS_ASSIGN(LedgerSigner* const signer, ledger_->Signer());
    return signer->Rotate(directory_, ledger_->store());
  }

  // As a launcher does: the session names its policies, then they are stored, then it goes on.
  Result<> BeginGoverned() {
    AEGIS_TRY(Begin());
    const std::vector<PolicyText> policies = {
        {.file = "a.cedar", .text = "permit(principal, action, resource);"},
        {.file = "b.cedar", .text = std::string(20'000, ' ')}};
    AEGIS_TRY(writer_->Append(
        kSessionStarted,
        R"({"n":0,"policy_digest":")" + DigestOfPolicies(policies) + R"(","policy_stored":true})",
        Durability::kOrdered));
    Say("ordered " + session_ + " 0");
    const auto stored = ledger_->store().PutPolicySet(policies);
    if (!stored) {
      writer_.reset();  // nothing runs
      return Fail(stored.error());
    }
    Say("policies " + *stored + " 0");
    return Append<Durability::kOrdered, 2>();
  }

  // Its processes have died.
  Result<> Leave() {
    sequencer_.reset();
    writer_.reset();
    return {};
  }

  Result<> Verify() {
    if (!ledger_) {
      return Fail(Errc::kUnavailable, "no ledger");
    }
    AEGIS_ASSIGN(const VerifyReport report, ledger_->Verify({.threads = 1}));
    return report.ok() ? Result<>() : Fail(Errc::kCorrupt, report.findings.first().front().what);
  }

 private:
  Result<> AppendOne(Durability durability) {
    if (!writer_) {
      return Fail(Errc::kUnavailable, "no session");
    }
    const std::uint64_t seq = writer_->next_seq();
    const std::string payload =
        R"({"n":)" + std::to_string(seq) + R"(,"pad":")" + std::string(300, 'x') + R"("})";
    AEGIS_TRY(writer_->Append("E", payload, durability));
    Say((durability == Durability::kDurable ? "durable " : "ordered ") + session_ + " " +
        std::to_string(seq));
    return {};
  }

  void SayStored() {
    // A store that is busy gives no error until it was so for long.
    const auto session = ledger_->store().FindSession(session_);
    if (session && session->has_value()) {
      Say("stored " + session_ + " " + std::to_string((*session)->head_seq + 1));
    }
  }

  std::string directory_;
  int fd_;
  int sessions_ = 0;
  int purges_ = 0;
  std::string session_;
  std::optional<Ledger> ledger_;
  std::optional<JournalWriter> writer_;
  std::optional<Sequencer> sequencer_;
};

struct Step {
  const char* name;
  Result<> (Scene::*run)();
};
constexpr auto kOrdered = Durability::kOrdered;
constexpr auto kDurable = Durability::kDurable;
constexpr std::array kSteps = {
    Step{"create the ledger", &Scene::Open},
    Step{"begin a session", &Scene::Begin},
    Step{"append", &Scene::Append<kOrdered, 3>},
    Step{"append durably", &Scene::Append<kDurable, 2>},
    Step{"drain", &Scene::Drain},
    Step{"append", &Scene::Append<kOrdered, 20>},
    Step{"drain and mark", &Scene::Drain},
    Step{"append", &Scene::Append<kOrdered, 20>},
    Step{"drain and release", &Scene::Drain},
    Step{"append durably", &Scene::Append<kDurable, 1>},
    Step{"append and grow", &Scene::Append<kOrdered, 30>},
    Step{"drain and release more", &Scene::Drain},
    Step{"verify", &Scene::Verify},
    Step{"append", &Scene::Append<kOrdered, 1>},
    Step{"sign", &Scene::Sign},
    Step{"finish", &Scene::Finish},
    Step{"verify", &Scene::Verify},
    Step{"purge", &Scene::Purge},
    Step{"verify", &Scene::Verify},
    Step{"begin a short session", &Scene::Begin},
    Step{"append", &Scene::Append<kOrdered, 1>},
    Step{"sign", &Scene::Sign},
    Step{"finish", &Scene::Finish},
    Step{"rotate the key", &Scene::Rotate},
    Step{"begin a session", &Scene::Begin},
    Step{"append", &Scene::Append<kOrdered, 1>},
    Step{"sign with the new key", &Scene::Sign},
    Step{"finish", &Scene::Finish},
    Step{"begin a session to leave", &Scene::Begin},
    Step{"append durably", &Scene::Append<kDurable, 2>},
    Step{"drain", &Scene::Drain},
    Step{"append", &Scene::Append<kOrdered, 3>},
    Step{"leave it", &Scene::Leave},
    Step{"recover", &Scene::Open},
    Step{"verify", &Scene::Verify},
    Step{"begin a session under policies", &Scene::BeginGoverned},
    Step{"finish", &Scene::Finish},
    Step{"verify", &Scene::Verify},
};

int Main(const std::string& directory, int fd) {
  Scene scene(directory, fd);
  int refused = 0;
  for (const Step& step : kSteps) {
    if (auto done = (scene.*step.run)(); !done) {
      scene.Say("refused " + std::string(step.name) + ": " + done.error().message());
      ++refused;
    }
  }
  return refused;
}

}  // namespace
}  // namespace aegis::ledger

int main(int argc, char** argv) {
  if (argc != 3) {
    (void)std::fputs("usage: fault_driver DIRECTORY FD\n", stderr);
    return 100;
  }
  return aegis::ledger::Main(argv[1], std::atoi(argv[2]));
}
