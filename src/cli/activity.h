#pragma once

#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ledger/ledger.h"

// What agents did, added up from the entries that say so.
namespace aegis::cli {

// What became of an action.
enum class Fate : std::uint8_t {
  kPermitted,
  kDenied,      // and refused
  kLetThrough,  // denied by the policies, and done all the same: `aegis wrap`
};

struct Fates {
  std::uint64_t permitted = 0;
  std::uint64_t denied = 0;
  std::uint64_t let_through = 0;
  std::uint64_t began = 0;   // of a program: how often its image, or an interpreter with it, ran
  std::uint64_t opaque = 0;  // of a host by name: how often what passed was permitted unseen

  void Add(Fate fate);
  Fates& operator+=(const Fates& other);
  std::uint64_t total() const { return permitted + denied + let_through; }
  // How often it happened, and how often the policies said no.
  std::uint64_t done() const { return permitted + let_through; }
  std::uint64_t refusals() const { return denied + let_through; }
  // Whether it is known at all, and the order of programs: what began, before what was asked for.
  std::uint64_t known() const { return total() + began; }
  friend bool operator==(const Fates&, const Fates&) = default;
};

// An ACTION_DECIDED, or an ACTION_OBSERVED. Names as the ledger has them: show them through
// base::ForDisplay.
struct Decided {
  std::string action{};
  std::string resource{};
  std::string reason{};
  std::vector<std::string> policies{};
  Fate fate = Fate::kDenied;
  bool opaque = false;  // a permitted connection of which nothing was looked at
};
// nullopt for other entries, erased ones, and payloads of another form.
std::optional<Decided> DecidedIn(const ledger::EntryView& entry);

// The programs that an ACTION_FINISHED says have begun: the image, and the script that it runs.
// Empty for other entries.
std::vector<std::string> BegunIn(const ledger::EntryView& entry);

// Counts by name, in bounded memory: once so many names are known, others are counted together.
template <typename Name>
class Tally {
 public:
  using Row = std::pair<Name, Fates>;

  explicit Tally(std::size_t most_names) : most_(most_names) {}

  template <typename Key>
  void Add(const Key& name, Fate fate) {
    Of(name).Add(fate);
  }
  template <typename Key>
  void AddBegun(const Key& name) {
    ++Of(name).began;
  }
  template <typename Key>
  void AddOpaque(const Key& name) {
    ++Of(name).opaque;
  }

  const std::map<Name, Fates, std::less<>>& rows() const { return rows_; }  // by name
  const Fates& others() const { return others_; }
  Fates Sum() const {
    Fates sum = others_;
    for (const auto& [name, fates] : rows_) {
      sum += fates;
    }
    return sum;
  }

  // The `count` rows of which `value` is greatest, without those of which it is 0; equal ones by
  // name.
  std::vector<Row> Top(std::size_t count, std::uint64_t (Fates::*value)() const) const {
    std::vector<Row> top;
    for (const auto& [name, fates] : rows_) {
      if ((fates.*value)() > 0) {
        top.emplace_back(name, fates);
      }
    }
    std::sort(top.begin(), top.end(), [value](const Row& a, const Row& b) {
      const std::uint64_t x = (a.second.*value)();
      const std::uint64_t y = (b.second.*value)();
      return x != y ? x > y : a.first < b.first;
    });
    top.resize(std::min(count, top.size()));
    return top;
  }

 private:
  template <typename Key>
  Fates& Of(const Key& name) {
    auto row = rows_.find(name);
    if (row == rows_.end() && rows_.size() < most_) {
      row = rows_.emplace(Name(name), Fates()).first;
    }
    return row == rows_.end() ? others_ : row->second;
  }

  std::size_t most_;
  std::map<Name, Fates, std::less<>> rows_;
  Fates others_;
};

// What was denied, and why.
struct Denial {
  std::string action{};
  std::string resource{};
  std::string reason{};
  std::vector<std::string> policies{};

  friend auto operator<=>(const Denial&, const Denial&) = default;
};

class Activity {
 public:
  // `most_names`: of which each of the tallies keeps the counts.
  explicit Activity(std::size_t most_names)
      : actions(most_names),
        denials(most_names),
        denying_policies(most_names),
        denied_resources(most_names),
        read(most_names),
        written(most_names),
        deleted(most_names),
        programs(most_names),
        hosts(most_names),
        tools(most_names) {}

  void Add(const Decided& decided);
  void AddBegun(const std::vector<std::string>& begun);

  // At most `count` programs: those that began before those that were only asked for (a name that
  // is no file, as a search along PATH asks for it, too), and the more frequent ones first.
  std::vector<Tally<std::string>::Row> Programs(std::size_t count) const;

  Tally<std::string> actions;  // by kind
  Tally<Denial> denials;
  Tally<std::string> denying_policies;  // ids; "" where no policy permitted it
  Tally<std::string> denied_resources;
  Tally<std::string> read;     // files
  Tally<std::string> written;  // files, and directories made
  Tally<std::string> deleted;
  Tally<std::string> programs;
  Tally<std::string> hosts;
  Tally<std::string> tools;

 private:
  void AddDenial(const Decided& decided);
};

}  // namespace aegis::cli
