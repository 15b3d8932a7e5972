#include "ledger/signer.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>  // WEXITSTATUS, WIFSIGNALED
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/faulty_store.h"
#include "ledger/test_ledger.h"

namespace aegis::ledger {
namespace {

using base::Errc;

// How a child process ended that did `work`: its exit code, or minus the signal.
int InChild(const std::function<int()>& work) {
  const pid_t child = fork();
  if (child == 0) {
    _exit(work());
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

class SignerTest : public testing::Test {
 protected:
  base::Result<LedgerSigner> Open() { return LedgerSigner::Open(directory(), *store_); }
  base::Errc Refusal() {
    const auto signer = Open();
    EXPECT_FALSE(signer);
    return signer ? Errc::kInternal : signer.error().code();
  }
  LogKeys Keys() { return Get(LogKeys::Read(*Get(store_->OpenSnapshot()))); }
  // What a process finds that opens the ledger anew.
  VerifyReport Verify() {
    return Get(Get(Ledger::Open(directory(), Ledger::Mode::kRead)).Verify());
  }
  void Append(int entries) {
    Ledger ledger = Get(Ledger::Open(directory(), Ledger::Mode::kCreate));
    FilledLedger::AddSession(ledger, "s" + std::to_string(++sessions_), entries);
  }
  // Nothing half done is left: one key, that signs, beside the store.
  void ExpectSound() {
    {
      const LedgerSigner signer = Get(Open());
      EXPECT_EQ(Keys().log().back().verifier, signer.verifier());
      Append(3);
      Get(CheckpointOfAll(*store_, signer));
    }
    const VerifyReport report = Verify();
    EXPECT_TRUE(report.ok()) << (report.ok() ? "" : report.findings.first()[0].what);
  }

  const std::string& directory() const { return temp_.path(); }
  std::string key() const { return temp_.File("ledger.key"); }

  TempDirectory temp_;
  std::unique_ptr<Store> store_ = Get(OpenSqliteStore(temp_.File("audit.db"), OpenMode::kCreate));
  int sessions_ = 0;
};

TEST_F(SignerTest, MakesAKeyOnceForItsOwnerAlone) {
  const canon::VerifierKey made = Get(Open()).verifier();
  EXPECT_EQ(std::filesystem::status(key()).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  const std::string text = Slurp(key());
  EXPECT_TRUE(text.starts_with("PRIVATE+KEY+localhost/aegis/"));
  EXPECT_TRUE(made.name.starts_with("localhost/aegis/ledger-"));
  EXPECT_EQ(Get(Open()).verifier(), made);
  EXPECT_EQ(Slurp(key()), text);
  ASSERT_EQ(Keys().log().size(), 1U);
  EXPECT_EQ(Keys().log()[0].verifier, made);
  for (const auto& entry : std::filesystem::directory_iterator(directory())) {
    EXPECT_EQ(entry.path().string().find(".new"), std::string::npos) << entry.path();
  }
}

TEST_F(SignerTest, TwoLedgersHaveTwoNames) {
  const TempDirectory other;
  const auto store = Get(OpenSqliteStore(other.File("audit.db"), OpenMode::kCreate));
  EXPECT_NE(Get(Open()).verifier().name,
            Get(LedgerSigner::Open(other.path(), *store)).verifier().name);
}

TEST_F(SignerTest, SignsWhatItsVerifierKeyVerifies) {
  const LedgerSigner signer = Get(Open());
  const canon::Sha256 root = canon::HashSha256("root");
  const auto note = Get(canon::SignedNote::Parse(Get(signer.Sign(7, root))));
  const std::vector<canon::VerifierKey> keys = {signer.verifier()};
  EXPECT_EQ(Get(canon::VerifyNote(note, keys)).size(), 1U);
  const Checkpoint checkpoint = Get(Checkpoint::Parse(note.text));
  EXPECT_EQ(checkpoint.origin, signer.verifier().name);
  EXPECT_EQ(checkpoint.size, 7U);
  EXPECT_EQ(checkpoint.root, root);
}

TEST_F(SignerTest, ProcessesThatMakeTheKeyAtOnceGetTheSame) {
  constexpr int kChildren = 8;
  for (int round = 0; round < 5; ++round) {
    const TempDirectory place;
    std::vector<pid_t> children;
    for (int i = 0; i < kChildren; ++i) {
      const pid_t child = fork();
      if (child == 0) {
        auto ledger = Ledger::Open(place.path(), Ledger::Mode::kCreate);
        const auto signer = ledger ? ledger->Signer() : base::Fail(ledger.error());
        if (signer) {
          Spill(place.File("seen-" + std::to_string(i)), (*signer)->verifier().Text());
        }
        _exit(signer ? 0 : 1);
      }
      children.push_back(child);
    }
    for (const pid_t child : children) {
      int status = 0;
      ASSERT_EQ(waitpid(child, &status, 0), child);
      EXPECT_EQ(status, 0);
    }
    for (int i = 0; i < kChildren; ++i) {
      EXPECT_EQ(Slurp(place.File("seen-" + std::to_string(i))), Slurp(place.File("seen-0")));
    }
    Ledger ledger = Get(Ledger::Open(place.path(), Ledger::Mode::kRead));
    EXPECT_EQ(Get(LogKeys::Read(*Get(ledger.store().OpenSnapshot()))).log().size(), 1U);
  }
}

TEST_F(SignerTest, AFileThatOthersCanReadIsRefused) {
  Get(Open());
  for (const mode_t mode : {0640U, 0604U, 0644U, 0660U, 0610U, 0601U, 0777U}) {
    ASSERT_EQ(chmod(key().c_str(), mode), 0);
    EXPECT_EQ(Refusal(), Errc::kDenied) << mode;
  }
  ASSERT_EQ(chmod(key().c_str(), 0400), 0);
  Get(Open());
}

TEST_F(SignerTest, WhatIsNoFileIsRefused) {
  Get(Open());
  const std::string kept = temp_.File("kept");
  std::filesystem::rename(key(), kept);
  std::filesystem::create_symlink(kept, key());
  EXPECT_FALSE(Open());
  std::filesystem::remove(key());
  std::filesystem::create_directory(key());
  EXPECT_FALSE(Open());
  std::filesystem::remove(key());
  ASSERT_EQ(mkfifo(key().c_str(), 0600), 0);
  EXPECT_EQ(Refusal(), Errc::kDenied);  // and nobody waited for a writer
  std::filesystem::remove(key());
  std::filesystem::rename(kept, key());
  Get(Open());
}

TEST_F(SignerTest, SomebodyElsesFileIsRefused) {
  if (geteuid() != 0) {
    GTEST_SKIP() << "only root can give a file away";
  }
  Get(Open());
  ASSERT_EQ(chmod(directory().c_str(), 0777), 0);
  constexpr uid_t kOther = 65533;
  ASSERT_EQ(chown(key().c_str(), kOther, 0), 0);
  EXPECT_EQ(InChild([this] {
              if (setuid(65534) != 0) {
                return 2;
              }
              return Open() ? 1 : 0;
            }),
            0);
}

TEST_F(SignerTest, GarbageIsRefused) {
  Get(Open());
  const std::string good = Slurp(key());
  for (const std::string& text :
       {std::string(), std::string("\n"), std::string("x"), std::string(5000, 'P'), good + good,
        good + "\n", " " + good, good.substr(1), good.substr(0, good.size() - 3) + "\n",
        std::string(good).replace(30, 1, "+"), std::string(100, '\0')}) {
    Spill(key(), text);
    EXPECT_EQ(Refusal(), Errc::kCorrupt) << text;
    EXPECT_EQ(Slurp(key()), text);  // not overwritten
  }
  Spill(key(), good);
  Get(Open());
}

TEST_F(SignerTest, ErrorsDoNotHoldTheSecret) {
  Get(Open());
  const std::string good = Slurp(key());
  Spill(key(), good.substr(0, good.size() - 2));
  const auto signer = Open();
  ASSERT_FALSE(signer);
  const std::string secret = good.substr(good.rfind('+') + 1, 20);
  EXPECT_EQ(signer.error().message().find(secret), std::string::npos);
}

TEST_F(SignerTest, AnotherKeyThanTheStoreKnowsIsRefused) {
  Get(Open());
  const std::string mine = Slurp(key());
  const TempDirectory other;
  const auto store = Get(OpenSqliteStore(other.File("audit.db"), OpenMode::kCreate));
  Get(LedgerSigner::Open(other.path(), *store));
  Spill(key(), Slurp(other.File("ledger.key")));
  EXPECT_EQ(Refusal(), Errc::kCorrupt);
  EXPECT_EQ(Keys().log().size(), 1U);
  Spill(key(), mine);
  Get(Open());
}

TEST_F(SignerTest, ALostKeyIsNotReplacedByAFreshOne) {
  Get(Open());
  const std::string mine = Slurp(key());
  std::filesystem::remove(key());
  EXPECT_EQ(Refusal(), Errc::kCorrupt);
  EXPECT_FALSE(std::filesystem::exists(key()));
  Spill(key(), mine);  // as from a backup
  ASSERT_EQ(chmod(key().c_str(), 0600), 0);
  Get(Open());
}

TEST_F(SignerTest, RotationHandsOverFromTheTreeThatIsSigned) {
  Append(5);
  LedgerSigner signer = Get(Open());
  const canon::VerifierKey first = signer.verifier();
  Get(signer.Rotate(directory(), *store_));  // signs the five first
  EXPECT_NE(signer.verifier(), first);
  EXPECT_EQ(signer.verifier().name, first.name);
  const LogKeys keys = Keys();
  ASSERT_EQ(keys.log().size(), 2U);
  EXPECT_EQ(keys.log()[1].after, 5U);
  EXPECT_EQ(keys.KeyOf(5)->verifier, first);
  EXPECT_EQ(keys.KeyOf(6)->verifier, signer.verifier());
  EXPECT_EQ(Get(CheckpointOfAll(*store_, signer)).size, 5U);  // the one that is there
  EXPECT_TRUE(Verify().ok());
  EXPECT_FALSE(std::filesystem::exists(key() + ".next"));
  EXPECT_EQ(Slurp(key()).find(first.Text().substr(first.name.size())), std::string::npos);
  ExpectSound();
}

TEST_F(SignerTest, RotatesAgainAndAgainAlsoWithoutEntries) {
  LedgerSigner signer = Get(Open());
  for (int round = 0; round < 3; ++round) {
    Get(signer.Rotate(directory(), *store_));
  }
  EXPECT_TRUE(Verify().ok());
  Append(4);
  for (int round = 0; round < 3; ++round) {
    Get(signer.Rotate(directory(), *store_));
  }
  EXPECT_EQ(Keys().log().size(), 7U);
  EXPECT_TRUE(Verify().ok());
  signer = Get(Open());
  ExpectSound();
}

TEST_F(SignerTest, ADeathInARotationLeavesOneKeyThatSigns) {
  Append(5);
  Get(CheckpointOfAll(*store_, Get(Open())));
  using Fault = FaultyStore::Fault;
  for (const Fault fault : {Fault::kDie, Fault::kDieAfter, Fault::kFail, Fault::kFailAfter}) {
    const std::size_t keys = Keys().log().size();
    const bool after = fault == Fault::kDieAfter || fault == Fault::kFailAfter;
    const int ended = InChild([&] {
      const auto store = Get(OpenSqliteStore(temp_.File("audit.db"), OpenMode::kReadWrite));
      FaultyStore faulty(*store);
      LedgerSigner signer = Get(LedgerSigner::Open(directory(), faulty));
      faulty.Arrange({.call = FaultyStore::Call::kAddKey, .fault = fault});
      return signer.Rotate(directory(), faulty) ? 1 : 0;
    });
    const bool died = fault == Fault::kDie || fault == Fault::kDieAfter;
    EXPECT_EQ(ended, died ? -SIGKILL : after ? 1 : 0);
    EXPECT_EQ(std::filesystem::exists(key() + ".next"), fault != Fault::kFailAfter);
    ExpectSound();
    EXPECT_EQ(Keys().log().size(), keys + (after ? 1 : 0));
    EXPECT_EQ(std::filesystem::exists(key() + ".next"), !after);
  }
  LedgerSigner signer = Get(Open());
  Get(signer.Rotate(directory(), *store_));
  EXPECT_FALSE(std::filesystem::exists(key() + ".next"));
}

TEST_F(SignerTest, AForeignNextKeyIsNotTaken) {
  Append(5);
  Get(Open());
  const std::string old = Slurp(key());
  Get(Get(Open()).Rotate(directory(), *store_));
  const std::string next = Slurp(key());
  // As if it had died before it renamed, and somebody had changed the file.
  const TempDirectory other;
  const auto store = Get(OpenSqliteStore(other.File("audit.db"), OpenMode::kCreate));
  Get(LedgerSigner::Open(other.path(), *store));
  Spill(key(), old);
  for (const std::string& text : {Slurp(other.File("ledger.key")), std::string("x"), old}) {
    Spill(key() + ".next", text);
    ASSERT_EQ(chmod((key() + ".next").c_str(), 0600), 0);
    EXPECT_EQ(Refusal(), Errc::kCorrupt);
    EXPECT_EQ(Slurp(key()), old);
  }
  Spill(key() + ".next", next);
  Get(Open());
  EXPECT_EQ(Slurp(key()), next);
}

TEST_F(SignerTest, WhoeverSignsIsWaitedFor) {
  Append(5);
  std::optional<LedgerSigner> signing = Get(Open());
  std::jthread later([&signing] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    signing.reset();
  });
  EXPECT_EQ(InChild([this, &signing] {
              signing.reset();  // the child's own descriptor of it
              const auto store = Get(OpenSqliteStore(temp_.File("audit.db"), OpenMode::kReadWrite));
              LedgerSigner signer = Get(LedgerSigner::Open(directory(), *store));
              const auto begun = std::chrono::steady_clock::now();
              Get(signer.Rotate(directory(), *store));
              return std::chrono::steady_clock::now() - begun > std::chrono::milliseconds(50) ? 0
                                                                                              : 1;
            }),
            0);
  later.join();
  ExpectSound();
}

// Sessions end, and the key is changed, in several processes at once: no checkpoint is by a key
// that may not sign it.
TEST_F(SignerTest, RotationsAndSignaturesAtOnce) {
  Get(Open());
  std::vector<pid_t> children;
  for (int i = 0; i < 6; ++i) {
    const pid_t child = fork();
    if (child != 0) {
      children.push_back(child);
      continue;
    }
    for (int round = 0; round < 8; ++round) {
      auto ledger = Ledger::Open(directory(), Ledger::Mode::kCreate);
      if (!ledger) {
        _exit(1);
      }
      if (i < 4) {
        FilledLedger::AddSession(*ledger, "p" + std::to_string(i) + "-" + std::to_string(round), 3);
        if (!ledger->CheckpointAll()) {
          _exit(2);
        }
        continue;
      }
      const auto signer = ledger->Signer();
      if (!signer) {
        _exit(3);
      }
      const auto rotated = (*signer)->Rotate(directory(), ledger->store());
      if (!rotated && rotated.error().code() != Errc::kConflict) {
        _exit(4);
      }
    }
    _exit(0);
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0) << WEXITSTATUS(status);
  }
  EXPECT_GT(Keys().log().size(), 2U);
  const VerifyReport report = Verify();
  EXPECT_TRUE(report.ok()) << (report.ok() ? "" : report.findings.first()[0].what);
  EXPECT_EQ(report.entries, 4U * 8 * 3);
  ExpectSound();
}

}  // namespace
}  // namespace aegis::ledger
