#include "ledger/mask.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <vector>

#include "ledger/masker.h"
#include "ledger/token_prefixes.h"

namespace aegis::ledger {
namespace {

constexpr std::size_t kNone = TextRange::kNone;

bool IsAlphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool IsTokenCharacter(char c) {
  return IsAlphanumeric(c) || c == '_' || c == '-' || c == '.' || c == '=' || c == '+' || c == '/';
}
bool IsNameCharacter(char c) { return IsAlphanumeric(c) || c == '_' || c == '-'; }
bool IsBreak(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\'' || c == '"' || c == '&' ||
         c == ';' || c == ',';
}

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::size_t FindIgnoringCase(std::string_view text, std::string_view lower, std::size_t from) {
  const auto found = std::search(
      text.begin() + static_cast<std::ptrdiff_t>(std::min(from, text.size())), text.end(),
      lower.begin(), lower.end(), [](char a, char b) { return Lower(a) == b; });
  return found == text.end() ? kNone : static_cast<std::size_t>(found - text.begin());
}

template <typename Predicate>
std::size_t SpanWhile(std::string_view text, std::size_t from, Predicate predicate) {
  while (from < text.size() && predicate(text[from])) {
    ++from;
  }
  return from;
}

// Three base64url parts, the first of which is a JSON object: eyJ....eyJ....sig
TextRange FindJwt(std::string_view text, std::size_t from) {
  const auto is_part = [](char c) { return IsNameCharacter(c); };
  std::size_t at = text.find("eyJ", from);
  while (at != kNone) {
    const std::size_t first = SpanWhile(text, at, is_part);
    if (first < text.size() && text[first] == '.') {
      const std::size_t second = SpanWhile(text, first + 1, is_part);
      if (second > first + 8 && second < text.size() && text[second] == '.') {
        return {at, SpanWhile(text, second + 1, is_part)};
      }
    }
    at = text.find("eyJ", first);  // one within the same part would fail alike
  }
  return {};
}

// user:password@ or token@ between :// and the next slash.
TextRange FindUserInfo(std::string_view text, std::size_t from) {
  for (std::size_t at = text.find("://", from); at != kNone; at = text.find("://", at + 3)) {
    const std::size_t begin = at + 3;
    const std::size_t end =
        SpanWhile(text, begin, [](char c) { return c != '/' && c != '?' && c != '#' && c > ' '; });
    const std::size_t sign = text.substr(begin, end - begin).rfind('@');
    if (sign != kNone && sign > 0) {
      return {begin, begin + sign};
    }
  }
  return {};
}

TextRange FindAuthorization(std::string_view text, std::size_t from) {
  for (const std::string_view scheme : {"bearer ", "basic ", "authorization: token "}) {
    for (std::size_t at = FindIgnoringCase(text, scheme, from); at != kNone;
         at = FindIgnoringCase(text, scheme, at + 1)) {
      const std::size_t begin = at + scheme.size();
      const std::size_t end = SpanWhile(text, begin, IsTokenCharacter);
      const bool plain_word = scheme == "basic " && end - begin < 8;  // "basic usage"
      if (end > begin && !plain_word) {
        return {begin, end};
      }
    }
  }
  return {};
}

TextRange FindPrivateKey(std::string_view text, std::size_t from) {
  const std::size_t at = text.find("-----BEGIN ", from);
  const std::size_t label = at == kNone ? kNone : text.find("PRIVATE KEY-----", at);
  if (label == kNone || label - at > 40) {
    return {};
  }
  const std::size_t end = text.find("-----END ", label);
  const std::size_t line = end == kNone ? kNone : text.find("-----", end + 9);
  return {at, line == kNone ? text.size() : line + 5};
}

// Whether a variable's or option's name says that its value is secret: it ends in one of these
// words, or one ends before a `-` or `_`. So --max-tokens=9 and TOKENIZER=x stay as they are.
bool IsSecretName(std::string_view name) {
  constexpr std::array<std::string_view, 18> kWords = {
      "password",   "passwd",      "passphrase", "secret",     "token",       "api-key",
      "api_key",    "apikey",      "access-key", "access_key", "private-key", "private_key",
      "credential", "credentials", "_pwd",       "-pwd",       "accountkey",  "sharedaccesskey"};
  return std::any_of(kWords.begin(), kWords.end(), [name](std::string_view word) {
    for (std::size_t at = FindIgnoringCase(name, word, 0); at != kNone;
         at = FindIgnoringCase(name, word, at + 1)) {
      const std::size_t end = at + word.size();
      if (end == name.size() || !IsAlphanumeric(name[end])) {
        return true;
      }
    }
    return false;
  });
}

// The value in NAME=value, --name=value or "name: value" where the name is a secret's.
TextRange FindNamedValue(std::string_view text, std::size_t from) {
  for (std::size_t at = text.find_first_of("=:", from); at != kNone;
       at = text.find_first_of("=:", at + 1)) {
    const bool quoted = at > from && (text[at - 1] == '"' || text[at - 1] == '\'');
    const std::size_t name_end = quoted ? at - 1 : at;
    std::size_t name = name_end;
    while (name > from && IsNameCharacter(text[name - 1])) {
      --name;
    }
    if (!IsSecretName(text.substr(name, name_end - name))) {
      continue;
    }
    const std::size_t begin =
        SpanWhile(text, at + 1, [](char c) { return c == ' ' || c == '"' || c == '\''; });
    const std::size_t end = SpanWhile(text, begin, [](char c) { return !IsBreak(c); });
    const bool is_path = text[at] == ':' && begin < text.size() && text[begin] == '/';
    if (end > begin && !is_path && !text.substr(begin).starts_with(kMasked)) {
      return {begin, end};
    }
  }
  return {};
}

TextRange FindSecret(std::string_view text, std::size_t from) {
  TextRange first;
  for (const auto find :
       {FindPrefixed, FindJwt, FindUserInfo, FindAuthorization, FindPrivateKey, FindNamedValue}) {
    const TextRange range = find(text, from);
    first = range.begin < first.begin ? range : first;
  }
  return first;
}

}  // namespace

void FindSecrets(std::string_view text, std::vector<TextRange>& secrets) {
  std::size_t from = 0;
  std::size_t count = 0;
  for (TextRange range = FindSecret(text, 0); range.found(); range = FindSecret(text, from)) {
    if (count == kMaxSecrets) {
      secrets.push_back({from, text.size()});
      return;
    }
    secrets.push_back(range);
    from = range.end;
    ++count;
  }
}

bool IsSecretOption(std::string_view argument) {
  const bool is_option = argument.starts_with("-") && !argument.contains('=');
  return is_option && argument.size() > 2 && IsSecretName(argument);
}

}  // namespace aegis::ledger
