#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/entry.h"
#include "ledger/session.h"

namespace aegis::ledger {

// Where imported entries go.
class ImportTarget {
 public:
  ImportTarget() = default;
  ImportTarget(const ImportTarget&) = delete;
  ImportTarget& operator=(const ImportTarget&) = delete;
  virtual ~ImportTarget() = default;

  virtual base::Result<std::optional<Session>> FindSession(std::string_view session_id) = 0;
  // Whether entry `seq` of a stored session, at most its head, has this hash.
  virtual base::Result<bool> Holds(const Session& session, std::uint64_t seq,
                                   const canon::Sha256& hash) = 0;
  // Adds entries that continue their sessions, of one or several of them.
  virtual base::Result<> Append(std::span<const EntryView> group) = 0;
};

struct ImportReport {
  std::uint64_t lines = 0;    // that were good
  std::uint64_t stored = 0;   // entries added
  std::uint64_t present = 0;  // entries that were there already
  std::uint64_t passed = 0;  // that can't be added: purged before they came, or of a purge's record
};

// Reads envelopes, one a line, as an export in JSON lines writes them, and adds those that are not
// there yet, in their order. Each line must be strict I-JSON (any order of members, any blanks)
// whose hash is right, and continue its session: from seq 0, or from what is stored. Sessions whose
// stored entries are others are refused. Of a purge nothing can be added: neither what it left of
// an entry, and what continues that, nor its record, which speaks of one ledger only. They are
// checked, counted and passed over, so that a source that purges can be imported again and again.
// Memory grows with the number of sessions alone.
class Importer {
 public:
  static constexpr std::size_t kMaxLine = std::size_t{8} << 20U;

  explicit Importer(ImportTarget& target) : target_(target) {}

  // The next bytes of the input. kInvalid or kConflict, with the number of the line: it is refused.
  // What was good before it is stored then; nothing behind it is read, and every later call fails.
  base::Result<> Add(std::string_view bytes);
  // The input ends here. Stores what is left.
  base::Result<> Finish();

  const ImportReport& report() const { return report_; }

 private:
  // How far a session is known.
  struct Chain {
    std::optional<Session> stored{};  // when its first line came
    std::string tenant_id{};
    std::string user_id{};  // empty while only erased entries were seen
    std::uint64_t seq = 0;  // of the last line
    canon::Sha256 hash{};
    std::uint64_t line = 0;
    bool passed = false;  // from the last line on it is passed over
  };
  struct Line {
    Entry entry{};
    bool erased = false;
  };

  static base::Result<Line> Parse(std::string_view text);
  static base::Result<> CheckLink(const Entry& entry, const Chain& chain, bool begins);
  static base::Result<> CheckOwner(const Line& line, Chain& chain, bool begins);
  void Stop(base::Error error);
  void TakeLine();
  base::Result<> Take(Line line);
  static bool IsOfAPurge(const Line& line, const Chain& chain);
  base::Result<> Rewind(const Entry& entry);
  base::Result<> CheckStored(const Chain& chain);
  base::Result<> Keep(Entry entry);
  base::Result<> Flush();

  ImportTarget& target_;
  ImportReport report_;
  std::uint64_t line_ = 0;
  std::string partial_;  // the beginning of a line whose end has not come
  std::map<std::string, Chain, std::less<>> chains_;
  std::vector<Entry> group_;
  std::size_t group_bytes_ = 0;
  canon::Sha256Hasher hasher_;
  std::string scratch_;
  std::optional<base::Error> stopped_;
};

}  // namespace aegis::ledger
