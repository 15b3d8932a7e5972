#include "ledger/sqlite/sqlite_store.h"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/test_ledger.h"

namespace aegis::ledger {
namespace {

// A chain made by hand.
class Chain {
 public:
  explicit Chain(std::string id) : id_(std::move(id)) {}

  EntryView Next(std::string_view payload = "{}") {
    EntryView entry{.tenant_id = "local",
                    .user_id = "tester",
                    .session_id = id_,
                    .seq = next_++,
                    .ts_unix_ms = 1700000000000,
                    .event_type = "E",
                    .payload = payload,
                    .prev_hash = last_};
    std::string scratch;
    entry.hash = HashEntry(hasher_, entry, scratch);
    last_ = entry.hash;
    return entry;
  }

 private:
  std::string id_;
  std::uint64_t next_ = 0;
  std::optional<canon::Sha256> last_;
  canon::Sha256Hasher hasher_;
};

base::Result<> AppendOne(Store& store, const EntryView& entry) {
  return store.Append(std::vector<EntryView>{entry});
}

void Sql(const std::string& path, const std::string& sql) {
  sqlite3* handle = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &handle), SQLITE_OK);
  char* error = nullptr;
  EXPECT_EQ(sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, &error), SQLITE_OK)
      << (error != nullptr ? error : "");
  sqlite3_free(error);
  sqlite3_close(handle);
}

class SqliteStoreTest : public testing::Test {
 protected:
  std::unique_ptr<Store> Open(OpenMode mode = OpenMode::kCreate) {
    return Get(OpenSqliteStore(path_, mode));
  }
  base::Errc OpenError(OpenMode mode = OpenMode::kCreate) {
    const auto store = OpenSqliteStore(path_, mode);
    if (store) {
      ADD_FAILURE() << "opened";
      return base::Errc::kInternal;
    }
    EXPECT_NE(store.error().message().find("audit.db"), std::string::npos);
    EXPECT_EQ(store.error().message().find('\n'), std::string::npos);
    return store.error().code();
  }

  TempDirectory directory_;
  std::string path_ = directory_.File("audit.db");
};

// What would be written nobody would find.
TEST_F(SqliteStoreTest, AFileThatWasMovedOrReplacedTakesNothing) {
  Chain chain("s1");
  const auto store = Open();
  Get(AppendOne(*store, chain.Next()));
  const std::string elsewhere = directory_.File("elsewhere");
  const EntryView entry = chain.Next();
  std::filesystem::rename(path_, elsewhere);
  EXPECT_EQ(AppendOne(*store, entry).error().code(), base::Errc::kConflict);
  std::filesystem::copy_file(elsewhere, path_);
  EXPECT_EQ(AppendOne(*store, entry).error().code(), base::Errc::kConflict);
  std::filesystem::rename(elsewhere, path_);
  Get(AppendOne(*store, entry));
}

TEST_F(SqliteStoreTest, KeepsWhatIsAppended) {
  Chain chain("s1");
  const std::vector<EntryView> first = {chain.Next(R"({"n":0})"), chain.Next(R"({"n":1})")};
  {
    const auto store = Open();
    Get(store->Append(first));
    Get(AppendOne(*store, chain.Next()));
  }
  const auto store = Open(OpenMode::kReadWrite);
  const auto session = Get(store->FindSession("s1"));
  ASSERT_TRUE(session);
  EXPECT_EQ(session->head_seq, 2U);
  EXPECT_EQ(Get(store->FindSession("s2")), std::nullopt);
  std::vector<std::string> payloads;
  Get(Get(store->OpenSnapshot())
          ->Scan({}, StoreOrder::kLedger, [&](const RawRow& row) -> base::Result<bool> {
            payloads.emplace_back(Get(ToEntry(row)).payload);
            return true;
          }));
  EXPECT_EQ(payloads, (std::vector<std::string>{R"({"n":0})", R"({"n":1})", "{}"}));
}

TEST_F(SqliteStoreTest, AfterACleanCloseOneFileIsThere) {
  {
    const auto store = Open();
    Chain chain("s1");
    Get(AppendOne(*store, chain.Next()));
  }
  {
    const auto reader = Open(OpenMode::kReadWrite);
  }
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory_.path())) {
    EXPECT_EQ(entry.path().filename(), "audit.db");
    ++files;
  }
  EXPECT_EQ(files, 1U);
  struct stat status{};
  ASSERT_EQ(stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(SqliteStoreTest, TheHeadMovesByCompareAndSwap) {
  const auto one = Open();
  const auto two = Open();
  Chain chain("s1");
  Get(AppendOne(*one, chain.Next()));
  Chain other = Chain("s1");
  (void)other.Next();
  const EntryView mine = chain.Next(R"({"by":1})");
  const EntryView theirs = other.Next(R"({"by":2})");
  Get(AppendOne(*one, mine));
  for (const EntryView& late : {theirs, mine}) {
    const auto appended = AppendOne(*two, late);
    ASSERT_FALSE(appended);
    EXPECT_EQ(appended.error().code(), base::Errc::kConflict);
  }
  EXPECT_EQ(Get(two->FindSession("s1"))->head_hash, mine.hash);
  Get(AppendOne(*two, chain.Next()));
  EXPECT_EQ(Get(Get(one->OpenSnapshot())->LastId()), 3);
}

TEST_F(SqliteStoreTest, ChainsBeginAtZeroAndHaveNoGaps) {
  const auto store = Open();
  Chain chain("s1");
  const EntryView zero = chain.Next();
  const EntryView one = chain.Next();
  const EntryView two = chain.Next();
  EXPECT_EQ(AppendOne(*store, one).error().code(), base::Errc::kConflict);
  Get(AppendOne(*store, zero));
  EXPECT_EQ(AppendOne(*store, zero).error().code(), base::Errc::kConflict);
  EXPECT_EQ(AppendOne(*store, two).error().code(), base::Errc::kConflict);
  EXPECT_FALSE(store->Append(std::vector<EntryView>{one, zero}));
  EXPECT_EQ(Get(Get(store->OpenSnapshot())->LastId()), 1);
  Get(store->Append(std::vector<EntryView>{one, two}));
}

TEST_F(SqliteStoreTest, ASnapshotDoesNotMoveWhileOthersWrite) {
  const auto writer = Open();
  const auto reader = Open(OpenMode::kReadWrite);
  Chain chain("s1");
  Get(AppendOne(*writer, chain.Next()));
  {
    const auto snapshot = Get(reader->OpenSnapshot());
    Get(AppendOne(*writer, chain.Next()));
    EXPECT_EQ(Get(snapshot->LastId()), 1);
  }
  EXPECT_EQ(Get(Get(reader->OpenSnapshot())->LastId()), 2);
}

TEST_F(SqliteStoreTest, MissingLedgersAreMadeOnlyWhenAsked) {
  EXPECT_EQ(OpenError(OpenMode::kReadWrite), base::Errc::kNotFound);
  EXPECT_EQ(OpenError(OpenMode::kReadOnly), base::Errc::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(path_));
  Open();
  Open(OpenMode::kReadOnly);
}

TEST_F(SqliteStoreTest, ForeignFilesAreRefusedAndUntouched) {
  for (const std::string& content : {std::string("hello, world"), std::string(8192, 'x')}) {
    Spill(path_, content);
    for (const OpenMode mode : {OpenMode::kCreate, OpenMode::kReadWrite, OpenMode::kReadOnly}) {
      EXPECT_EQ(OpenError(mode), base::Errc::kCorrupt);
    }
    EXPECT_EQ(Slurp(path_), content);
  }
}

TEST_F(SqliteStoreTest, ForeignDatabasesAreRefusedAndUntouched) {
  Sql(path_, "CREATE TABLE t (x); INSERT INTO t VALUES (1)");
  const std::string before = Slurp(path_);
  EXPECT_EQ(OpenError(), base::Errc::kCorrupt);
  EXPECT_EQ(OpenError(OpenMode::kReadOnly), base::Errc::kCorrupt);
  EXPECT_EQ(Slurp(path_), before);
}

TEST_F(SqliteStoreTest, ChangedSchemasAreRefused) {
  for (const std::string_view change :
       {"CREATE TRIGGER x AFTER INSERT ON entries BEGIN DELETE FROM entries; END",
        "CREATE VIEW v AS SELECT 1", "CREATE TABLE t (x)", "DROP TABLE sessions",
        "ALTER TABLE entries ADD COLUMN x", "CREATE INDEX i ON entries (payload)",
        "PRAGMA user_version = 0", "PRAGMA application_id = 7"}) {
    Open();
    Sql(path_, std::string(change));
    EXPECT_EQ(OpenError(), base::Errc::kCorrupt) << change;
    std::filesystem::remove(path_);
  }
  Open();
  Sql(path_, "PRAGMA user_version = 4");
  EXPECT_EQ(OpenError(), base::Errc::kUnsupported);
}

// As the version before wrote it.
TEST_F(SqliteStoreTest, ALedgerWithoutPoliciesIsReadAsItIsAndGrowsThem) {
  {
    const auto store = Open();
    Get(AppendOne(*store, Chain("s1").Next()));
  }
  Sql(path_, "DROP TABLE policies; PRAGMA user_version = 2");
  {
    const auto store = Open(OpenMode::kReadOnly);
    const auto snapshot = Get(store->OpenSnapshot());
    EXPECT_EQ(Get(snapshot->LastId()), 1);
    EXPECT_FALSE(Get(snapshot->FindPolicySet("x")));
    Get(snapshot->PolicySets([](const auto&) -> base::Result<bool> { return false; }));
  }
  const auto store = Open();
  const std::vector<PolicyText> texts = {{.file = "a.cedar", .text = "// a"}};
  const std::string digest = Get(store->PutPolicySet(texts));
  EXPECT_EQ(Get(Get(store->OpenSnapshot())->FindPolicySet(digest))->texts, texts);
  EXPECT_EQ(Get(Get(store->OpenSnapshot())->LastId()), 1);
}

TEST_F(SqliteStoreTest, AForeignTableIsNoReasonToUpgrade) {
  Open();
  Sql(path_, "DROP TABLE policies; CREATE TABLE x (y); PRAGMA user_version = 2");
  EXPECT_EQ(OpenError(), base::Errc::kCorrupt);
  Sql(path_, "DROP TABLE x; CREATE TABLE policies (digest)");
  EXPECT_EQ(OpenError(), base::Errc::kCorrupt);
}

TEST_F(SqliteStoreTest, ASetOfPoliciesIsKeptOnce) {
  const auto store = Open();
  const std::vector<PolicyText> texts = {{.file = "b.cedar", .text = ""},
                                         {.file = "a.cedar", .text = "// \u00e9"}};
  const std::string digest = Get(store->PutPolicySet(texts));
  EXPECT_EQ(Get(store->PutPolicySet(texts)), digest);
  const auto other = Open();  // another process
  EXPECT_EQ(Get(other->PutPolicySet(texts)), digest);
  const auto snapshot = Get(other->OpenSnapshot());
  const auto found = Get(snapshot->FindPolicySet(digest));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->texts, texts);
  EXPECT_FALSE(Get(snapshot->FindPolicySet(std::string(64, '0'))));
}

TEST_F(SqliteStoreTest, AnAbsentSetIsReplacedWhenItComes) {
  const auto store = Open();
  const std::vector<PolicyText> texts = {{.file = "a.cedar", .text = "x"}};
  const std::string digest = DigestOfPolicies(texts);
  Get(store->NoteAbsentPolicySet(digest));
  Get(store->NoteAbsentPolicySet(digest));
  EXPECT_TRUE(Get(Get(store->OpenSnapshot())->FindPolicySet(digest))->absent());
  Get(store->PutPolicySet(texts));
  EXPECT_EQ(Get(Get(store->OpenSnapshot())->FindPolicySet(digest))->texts, texts);
  Get(store->NoteAbsentPolicySet(digest));
  EXPECT_FALSE(Get(Get(store->OpenSnapshot())->FindPolicySet(digest))->absent());
}

TEST_F(SqliteStoreTest, NamesThatAreNoFilesAreRefused) {
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ(OpenError(), base::Errc::kInvalid);
  std::filesystem::remove(path_);
  std::filesystem::create_directory(path_);
  EXPECT_EQ(OpenError(), base::Errc::kInvalid);
  std::filesystem::remove(path_);
  ASSERT_EQ(symlink("elsewhere.db", path_.c_str()), 0);
  EXPECT_EQ(OpenError(), base::Errc::kInvalid);
  std::filesystem::remove(path_);
  EXPECT_FALSE(std::filesystem::exists(directory_.File("elsewhere.db")));
}

TEST_F(SqliteStoreTest, ALinkedDirectoryIsFollowedALinkedFileIsNot) {
  ASSERT_EQ(symlink(directory_.path().c_str(), directory_.File("link").c_str()), 0);
  Get(OpenSqliteStore(directory_.File("link/audit.db"), OpenMode::kCreate));
  EXPECT_TRUE(std::filesystem::exists(path_));
  EXPECT_FALSE(OpenSqliteStore(directory_.File("none/audit.db"), OpenMode::kCreate));
}

TEST_F(SqliteStoreTest, AnInterruptedCreationIsFinished) {
  Spill(path_, "");  // the file was made, nothing more
  Open();
  Open(OpenMode::kReadOnly);
}

TEST_F(SqliteStoreTest, DamagedPagesAreAnError) {
  {
    const auto store = Open();
    Chain chain("s1");
    for (int i = 0; i < 200; ++i) {
      Get(AppendOne(*store, chain.Next(R"({"x":"0123456789012345678901234567890123456789"})")));
    }
  }
  std::string content = Slurp(path_);
  content.replace(4096, std::size_t{3} * 4096, std::string(std::size_t{3} * 4096, '\xff'));
  Spill(path_, content);
  const auto store = OpenSqliteStore(path_, OpenMode::kReadWrite);
  if (store) {
    Chain chain("s2");
    EXPECT_FALSE(AppendOne(**store, chain.Next()));
  }
}

}  // namespace
}  // namespace aegis::ledger
