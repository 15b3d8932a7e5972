#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <regex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Reads Seatbelt profiles, as far as ours use the language, and says what they let through: an
// independent second opinion for tests.
namespace aegis::policy::seatbelt {

// A list, or a leaf.
struct Form {
  enum class Kind : std::uint8_t { kList, kWord, kString, kRegex };
  Kind kind = Kind::kList;
  std::string text;
  std::regex regex;
  std::vector<Form> items;

  bool Is(std::string_view head) const {
    return kind == Kind::kList && !items.empty() && items[0].text == head;
  }
};

// One pass over the text; nothing if it is malformed.
class FormReader {
 public:
  explicit FormReader(std::string_view text) : text_(text) {}

  std::optional<std::vector<Form>> All() {
    std::vector<Form> forms;
    for (SkipBlanks(); at_ < text_.size(); SkipBlanks()) {
      Form form;
      if (text_[at_] != '(' || !Read(form)) {
        return std::nullopt;
      }
      forms.push_back(std::move(form));
    }
    return forms;
  }

 private:
  void SkipBlanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == ';')) {
      at_ = text_[at_] == ';' ? std::min(text_.find('\n', at_), text_.size()) : at_ + 1;
    }
  }

  bool Read(Form& form) {  // NOLINT(misc-no-recursion): our nesting is a few deep
    if (text_[at_] == '(') {
      return ReadList(form);
    }
    if (text_.substr(at_).starts_with("#\"")) {
      const std::size_t end = text_.find('"', at_ + 2);
      if (end == std::string_view::npos) {
        return false;
      }
      form.kind = Form::Kind::kRegex;
      form.text = text_.substr(at_ + 2, end - at_ - 2);
      form.regex = std::regex(form.text);
      at_ = end + 1;
      return true;
    }
    return text_[at_] == '"' ? ReadString(form) : ReadWord(form);
  }

  bool ReadList(Form& form) {  // NOLINT(misc-no-recursion): as above
    ++at_;
    for (SkipBlanks(); at_ < text_.size(); SkipBlanks()) {
      if (text_[at_] == ')') {
        ++at_;
        return true;
      }
      if (!Read(form.items.emplace_back())) {
        return false;
      }
    }
    return false;
  }

  bool ReadString(Form& form) {
    form.kind = Form::Kind::kString;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '"') {
        ++at_;
        return true;
      }
      if (text_[at_] == '\\') {
        ++at_;
      }
      if (at_ < text_.size()) {
        form.text += text_[at_];
      }
    }
    return false;
  }

  bool ReadWord(Form& form) {
    form.kind = Form::Kind::kWord;
    const std::size_t end = std::min(text_.find_first_of(" \n()\";#", at_), text_.size());
    form.text = text_.substr(at_, end - at_);
    at_ = end;
    return !form.text.empty();
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

class Profile {
 public:
  // Nothing unless it has the form of ours: a version, a default, and rules for files with filters.
  static std::optional<Profile> Parse(std::string_view text) {
    auto forms = FormReader(text).All();
    if (!forms || forms->size() < 2 || !(*forms)[0].Is("version") || !(*forms)[1].Is("deny") ||
        (*forms)[1].items.size() != 2 || (*forms)[1].items[1].text != "default") {
      return std::nullopt;
    }
    Profile profile;
    for (std::size_t i = 2; i < forms->size(); ++i) {
      Form& form = (*forms)[i];
      if (!form.Is("allow") && !form.Is("deny")) {
        return std::nullopt;
      }
      const bool file = form.items.size() > 1 && form.items[1].text.starts_with("file-");
      if (file && form.items.back().kind != Form::Kind::kList) {
        return std::nullopt;  // a rule without a filter would not count as its place suggests
      }
      profile.rules_.push_back(std::move(form));
    }
    return profile;
  }

  bool Allows(std::string_view operation, const std::string& path, bool directory) const {
    bool allowed = false;
    for (const Form& rule : rules_) {
      if (Concerns(rule, operation) && Matches(rule, path, directory)) {
        allowed = rule.items[0].text == "allow";
      }
    }
    return allowed;
  }

 private:
  static bool Concerns(const Form& rule, std::string_view operation) {
    for (const Form& item : rule.items) {
      const std::string_view word = item.text;
      if (item.kind != Form::Kind::kWord) {
        continue;
      }
      if (word == operation ||
          (word.ends_with('*') && operation.starts_with(word.substr(0, word.size() - 1)))) {
        return true;
      }
    }
    return false;
  }

  static bool Matches(const Form& rule, const std::string& path, bool directory) {
    bool any = false;
    for (const Form& item : rule.items) {
      any = any || (item.kind == Form::Kind::kList && Filters(item, path, directory));
    }
    return any;
  }

  // NOLINTNEXTLINE(misc-no-recursion): as deep as the form
  static bool Filters(const Form& filter, const std::string& path, bool directory) {
    const Form& value = filter.items.at(1);
    if (filter.Is("literal")) {
      return path == value.text;
    }
    if (filter.Is("subpath")) {
      return value.text == "/" || path == value.text || path.starts_with(value.text + "/");
    }
    if (filter.Is("regex")) {
      return std::regex_search(path, value.regex);
    }
    if (filter.Is("vnode-type")) {
      return directory;
    }
    if (filter.Is("require-not")) {
      return !Filters(value, path, directory);
    }
    return filter.Is("require-all") && Filters(value, path, directory) &&
           Filters(filter.items.at(2), path, directory);
  }

  std::vector<Form> rules_;
};

}  // namespace aegis::policy::seatbelt
