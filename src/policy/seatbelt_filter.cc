#include "policy/seatbelt_filter.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/text.h"
#include "policy/bound.h"
#include "policy/policy.h"

namespace aegis::policy::seatbelt {
namespace {

constexpr std::string_view kInComponent = "[^/]*";
constexpr std::string_view kHereOrBelow = "($|/)";

bool IsPlain(char c) { return c >= ' ' && c <= '~'; }

bool IsPlain(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return IsPlain(c); });
}

// A regular expression for bytes of a path. `*` is a wildcard in groups alone. Counts what it could
// not say exactly.
class Regex {
 public:
  explicit Regex(bool group) : group_(group) {}

  void Append(std::string_view name) {
    for (const char c : name) {
      Append(c);
    }
  }
  bool exact() const { return exact_; }
  const std::string& text() const { return text_; }

 private:
  void Append(char c) {
    if (!IsPlain(c)) {
      AppendAny();
      return;
    }
    any_ = false;
    last_ = text_.size();
    if (c == '*' && group_) {
      text_ += kInComponent;
    } else if (std::string_view("^[]\\\"").contains(c)) {
      // These end or open something even within brackets.
      text_ += '.';
      exact_ = false;
    } else if (std::string_view(".*+?(){}|$").contains(c)) {
      text_.append("[").append(1, c).append("]");
    } else {
      text_ += c;
    }
  }

  // The character before may be a part of what is spelt in two ways ("u" and a combining mark).
  void AppendAny() {
    exact_ = false;
    if (any_) {
      return;
    }
    if (last_ < text_.size() && text_[last_] != '/') {
      text_.resize(last_);
    }
    text_ += kInComponent;
    last_ = text_.size();
    any_ = true;
  }

  bool group_;
  bool exact_ = true;
  bool any_ = false;
  std::size_t last_ = 0;  // where what the last byte became begins
  std::string text_;
};

std::string RegexFilter(const std::string& text) { return "(regex #\"" + text + "\")"; }

std::string PathFilter(const Area& area) {
  return (area.kind == Area::Kind::kTree ? "(subpath " : "(literal ") + Quoted(area.name) + ")";
}

Regex GroupRegex(const Area& area) {
  Regex regex(true);
  regex.Append(area.name);
  return regex;
}

std::string GroupFilter(const Regex& regex) {
  return RegexFilter("/" + regex.text() + std::string(kHereOrBelow));
}

}  // namespace

std::string OnMac(std::string_view path) {
  constexpr std::array<std::string_view, 3> kLinks = {"/tmp", "/var", "/etc"};
  const bool linked =
      std::ranges::any_of(kLinks, [&](std::string_view link) { return IsWithin(path, link); });
  return (linked ? "/private" : "") + std::string(path);
}

std::optional<Area> AreaOf(const PolicySet::Place& place) {
  if (place.name.starts_with('/')) {
    return Area{.kind = place.subtree ? Area::Kind::kTree : Area::Kind::kPath,
                .name = OnMac(base::UnescapeName(place.name))};
  }
  if (place.name.starts_with("*/") && place.subtree) {
    return Area{.kind = Area::Kind::kGroup, .name = base::UnescapeName(place.name.substr(2))};
  }
  return std::nullopt;
}

bool Holds(const Area& outer, const Area& inner) {
  if (outer == inner) {
    return true;
  }
  return outer.kind == Area::Kind::kTree &&
         (outer.name == "/" ||
          (inner.kind != Area::Kind::kGroup && IsWithin(inner.name, outer.name)));
}

std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
    }
    quoted += c;
  }
  return quoted + '"';
}

std::optional<std::string> ExactFilter(const Area& area) {
  if (area.kind == Area::Kind::kGroup) {
    const Regex regex = GroupRegex(area);
    return regex.exact() ? std::optional(GroupFilter(regex)) : std::nullopt;
  }
  // What is shown otherwise than it stands is a control, an invisible character, or no UTF-8.
  if (!base::IsValidUtf8(area.name) || base::ForDisplay(area.name) != area.name) {
    return std::nullopt;
  }
  return PathFilter(area);
}

std::string WideFilter(const Area& area) {
  if (area.kind == Area::Kind::kGroup) {
    return GroupFilter(GroupRegex(area));
  }
  if (IsPlain(area.name)) {
    return PathFilter(area);
  }
  Regex regex(false);
  regex.Append(area.name);
  const bool tree = area.kind == Area::Kind::kTree;
  return RegexFilter("^" + regex.text() + std::string(tree ? kHereOrBelow : "$"));
}

}  // namespace aegis::policy::seatbelt
