#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/text.h"
#include "canon/canon.h"
#include "ledger/ledger.h"
#include "ledger/test_ledger.h"

namespace aegis::ledger {

// Entries as the runtime makes them, but of odd names and in odd company, and filters that some of
// them pass: for properties.
class RandomEntries {
 public:
  explicit RandomEntries(std::uint32_t seed) : random_(seed) {}

  std::size_t Below(std::size_t end) { return random_() % end; }
  bool Chance(std::size_t one_in) { return Below(one_in) == 0; }

  template <typename T, std::size_t N>
  T OneOf(const T (&choices)[N]) {
    return choices[Below(N)];
  }

  // Of letters in both cases, separators, quotes, escapes, control and non-ASCII characters, and
  // bytes that are no UTF-8.
  std::string Name() {
    std::string name;
    for (std::size_t left = 1 + Below(6); left > 0; --left) {
      name += OneOf({"/srv", "/Data", "/a b", "\"q\"", "\\", "\n", "\u00e4\u00d6", "\xff", "x",
                     "/lib", ".CC", "*", "?", "\u0001", "/report-", "7", "[Z]", "@"});
    }
    return name;
  }

  std::string EventType() {
    return OneOf({"ACTION_DECIDED", "ACTION_FINISHED", "Custom.Event", "X\"Y\n"});
  }

  std::string Payload() {
    if (Chance(12)) {
      return OneOf({"{}", R"({"action":7,"decision":null})", R"({"action":"\"\\\u0001"})",
                    R"({"aa":[1,{"action":"File"}],"decision":"DENY","resource":"/A"})",
                    R"({"context":{"decision":"deny","resource":"/x"},"decision":"Deny\n"})"});
    }
    const std::string name = base::EscapeName(Name());
    const std::string target = base::EscapeName(Chance(4) ? Name() : std::string());
    const bool denied = Chance(4);
    std::string payload;
    AppendActionPayload(payload,
                        {.action = OneOf({"FileRead", "FileWrite", "NetConnect"}),
                         .resource = name,
                         .decision = denied ? "deny" : "allow",
                         .reason = denied ? "NO_PERMIT" : "POLICY_PERMIT",
                         .context = {.pid = static_cast<std::int64_t>(Below(9)),
                                     .exe = "/usr/bin/cat",
                                     .target = target}},
                        Masker());
    return payload;
  }

  // Part of an entry's text, with the case of some letters changed.
  std::string TextFrom(const EntryView& entry) {
    const auto resource = canon::StringMember(entry.payload, "resource");
    std::string text(Chance(5)               ? entry.event_type
                     : resource && Chance(2) ? std::string_view(*resource)
                                             : entry.payload);
    text = text.substr(Below(text.size() + 1));
    text.resize(std::min(text.size(), Below(20)));
    for (char& c : text) {
      if (c >= 'a' && c <= 'z' && Chance(4)) {
        c = static_cast<char>(c - 'a' + 'A');
      }
    }
    return text;
  }

  Glob GlobFrom(const EntryView& entry) {
    std::string pattern;
    for (const char c : canon::StringMember(entry.payload, "resource").value_or("/x/y")) {
      const std::size_t what = Below(12);
      pattern += what == 0 ? "*" : what == 1 ? "**" : what == 2 ? "?" : std::string(1, c);
    }
    const auto glob = Glob::Parse(Chance(3) ? "**" + pattern.substr(pattern.size() / 2) : pattern);
    return glob ? *glob : Get(Glob::Parse("**/lib/**"));
  }

  // A filter that `entry` often passes; without the principal.
  QueryFilter FilterFrom(const EntryView& entry) {
    QueryFilter filter;
    const auto some = [this](auto&& value) {
      return Chance(4) ? std::optional(value) : std::nullopt;
    };
    const auto jitter = static_cast<std::int64_t>(Below(50));
    filter.from_ms = some(entry.ts_unix_ms - 25 + jitter);
    filter.to_ms = some(entry.ts_unix_ms + 25 - jitter);
    filter.session_id = some(std::string(entry.session_id));
    filter.event_type = some(std::string(entry.event_type));
    filter.action = some(canon::StringMember(entry.payload, "action").value_or("FileRead"));
    filter.decision = some(canon::StringMember(entry.payload, "decision").value_or("deny"));
    filter.text = some(TextFrom(entry));
    filter.path = some(GlobFrom(entry));
    return filter;
  }

 private:
  std::mt19937 random_;
};

}  // namespace aegis::ledger
