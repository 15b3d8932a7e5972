#include "ledger/token_prefixes.h"

#include <array>
#include <cstddef>
#include <string_view>

#include "ledger/mask.h"

namespace aegis::ledger {
namespace {

bool IsAlphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// Of what a token consists after its prefix.
enum class Alphabet {
  kName,    // letters, digits, _ and -
  kDotted,  // the same and dots
  kWord,    // letters and digits
  kHex,
};

bool IsIn(Alphabet alphabet, char c) {
  switch (alphabet) {
    case Alphabet::kName:
      return IsAlphanumeric(c) || c == '_' || c == '-';
    case Alphabet::kDotted:
      return IsAlphanumeric(c) || c == '_' || c == '-' || c == '.';
    case Alphabet::kWord:
      return IsAlphanumeric(c);
    case Alphabet::kHex:
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  }
  return false;
}

// How tokens begin, and how many characters of which alphabet must follow at least: fewer than any
// real one has, more than names of other things do.
struct Prefix {
  std::string_view text;
  std::size_t least;
  Alphabet alphabet = Alphabet::kName;
};
constexpr auto kPrefixes = std::to_array<Prefix>({
    // Code hosts and package registries.
    {"ghp_", 20},
    {"gho_", 20},
    {"ghu_", 20},
    {"ghs_", 20},
    {"ghr_", 20},
    {"github_pat_", 20},
    {"glpat-", 16},
    {"gldt-", 16},
    {"glrt-", 16},
    {"ATATT3", 60},  // Atlassian
    {"npm_", 30},
    {"pypi-AgEI", 40},
    {"rubygems_", 40, Alphabet::kHex},
    {"dckr_pat_", 20},
    // Models.
    {"sk-", 16},  // OpenAI, Anthropic (sk-ant-) and others
    {"hf_", 20},
    {"gsk_", 40, Alphabet::kWord},
    {"xai-", 60, Alphabet::kWord},
    {"nvapi-", 40},
    {"r8_", 36, Alphabet::kWord},
    // Clouds.
    {"AKIA", 16},
    {"ASIA", 16},
    {"AIza", 30},
    {"ya29.", 30},
    {"GOCSPX-", 20},
    {"dapi", 32, Alphabet::kHex},  // Databricks
    {"dop_v1_", 40, Alphabet::kHex},
    {"doo_v1_", 40, Alphabet::kHex},
    {"dor_v1_", 40, Alphabet::kHex},
    {"hvs.", 24},  // Vault
    {"hvb.", 24},
    {"hvr.", 24},
    {"tskey-", 20},
    // Shops, mail and chat.
    {"sk_live_", 12},
    {"rk_live_", 12},
    {"sk_test_", 12},
    {"whsec_", 24},
    {"shpat_", 32, Alphabet::kHex},
    {"shpca_", 32, Alphabet::kHex},
    {"shppa_", 32, Alphabet::kHex},
    {"shpss_", 32, Alphabet::kHex},
    {"SG.", 60, Alphabet::kDotted},  // SendGrid
    {"xoxb-", 10},
    {"xoxp-", 10},
    {"xoxa-", 10},
    {"xoxr-", 10},
    {"xoxs-", 10},
    {"xapp-", 20},
    // Keys of people.
    {"AGE-SECRET-KEY-1", 50, Alphabet::kWord},
});

// Which characters a prefix begins with, so that most places of a text take one look.
constexpr std::array<bool, 256> Starts() {
  std::array<bool, 256> starts{};
  for (const Prefix& prefix : kPrefixes) {
    starts[static_cast<unsigned char>(prefix.text.front())] = true;
  }
  return starts;
}
constexpr std::array<bool, 256> kStarts = Starts();

// Where the token that begins at `at` ends, or kNone.
std::size_t EndOfToken(std::string_view text, std::size_t at) {
  const std::string_view rest = text.substr(at);
  for (const Prefix& prefix : kPrefixes) {
    if (rest.starts_with(prefix.text)) {
      std::size_t end = prefix.text.size();
      while (end < rest.size() && IsIn(prefix.alphabet, rest[end])) {
        ++end;
      }
      if (end - prefix.text.size() < prefix.least) {
        continue;
      }
      while (end < rest.size() && IsIn(Alphabet::kName, rest[end])) {
        ++end;  // what hangs on to it may be part of a longer kind
      }
      return at + end;
    }
  }
  return TextRange::kNone;
}

// A letter after a backslash is the end of an escape such as \n, in a script or in JSON.
bool StartsWord(std::string_view text, std::size_t at) {
  return at == 0 || !IsAlphanumeric(text[at - 1]) || (at > 1 && text[at - 2] == '\\');
}

}  // namespace

TextRange FindPrefixed(std::string_view text, std::size_t from) {
  for (std::size_t at = from; at < text.size(); ++at) {
    if (kStarts[static_cast<unsigned char>(text[at])] && StartsWord(text, at)) {
      const std::size_t end = EndOfToken(text, at);
      if (end != TextRange::kNone) {
        return {at, end};
      }
    }
  }
  return {};
}

}  // namespace aegis::ledger
