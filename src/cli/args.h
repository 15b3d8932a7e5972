#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace aegis::cli {

// One thing that a command takes. Tables of these drive the parser, --help and the documentation.
struct Option {
  enum class Kind : std::uint8_t {
    kFlag,
    kText,
    kTexts,       // may be given several times
    kNumber,      // a whole number from 1
    kCount,       // a whole number from 0
    kPositional,  // `names` is what --help calls it, e.g. "NAME"
    kCommand,     // the command to run: everything after `--`, at least one word
  };
  std::string_view names;  // as in "-q,--quiet": the last one is the key in Args
  Kind kind = Kind::kFlag;
  // What the value is called: "N". With a positional's name it also says what completion offers:
  // NAME, FILE, DIR, POLICY, TEMPLATE, ID and so on (complete.cc has the list).
  std::string_view metavar;
  std::string_view help;
  // Where these are all the values there are: any letter case is taken, and Args has the spelling
  // of the table.
  std::span<const std::string_view> choices = {};
};

// The key of an option in Args, and in messages.
std::string_view OptionKey(const Option& option);

// What was given, keyed by option. Asking for a key that the table lacks is a defect and aborts.
class Args {
 public:
  bool Has(std::string_view key) const;
  std::optional<std::string> Text(std::string_view key) const;
  std::vector<std::string> Texts(std::string_view key) const;  // of kTexts, as given
  std::optional<std::uint64_t> Number(std::string_view key) const;
  const std::vector<std::string>& command() const { return command_; }

 private:
  friend base::Result<Args> ParseArgs(std::span<const Option> options,
                                      std::span<const std::string> words);

  std::map<std::string, std::optional<std::string>, std::less<>> values_;
  std::map<std::string, std::vector<std::string>, std::less<>> lists_;
  std::vector<std::string> command_;
};

// Parses the words after a command's name. kInvalid, in words for the user, for what the table does
// not know, a value that is missing or no number, and anything given twice.
base::Result<Args> ParseArgs(std::span<const Option> options, std::span<const std::string> words);

}  // namespace aegis::cli
