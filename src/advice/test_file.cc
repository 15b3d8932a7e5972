#include "advice/test_file.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "advice/document.h"
#include "advice/question.h"
#include "base/file.h"
#include "base/result.h"
#include "config/config.h"
#include "policy/policy.h"

namespace aegis::advice {
namespace {

using Kind = Node::Kind;

constexpr std::size_t kMaxCases = 20'000;

constexpr auto kAnswers = std::to_array<std::string_view>({"allow", "deny", "ask"});

constexpr auto kFileKeys = std::to_array<std::string_view>(
    {"policies", "agent", "home", "dir", "aegis_home", "network", "cases"});
constexpr auto kCaseKeys = std::to_array<std::string_view>(
    {"name", "action", "resource", "expect", "policy", "reason", "context"});
constexpr auto kContextKeys = std::to_array<std::string_view>({"exe", "argv", "pid", "protocol"});

// The codes that a decision can have here.
constexpr auto kReasons =
    std::to_array<std::string_view>({"POLICY_PERMIT", "POLICY_FORBID", "NO_PERMIT", "POLICY_ERROR",
                                     "APPROVAL_UNAVAILABLE", "AEGIS_STATE", "NETWORK_CLOSED"});

const Node* Find(const Node& table, std::string_view key) {
  const auto found = std::ranges::find(table.items, key, &Node::key);
  return found == table.items.end() ? nullptr : &*found;
}

std::string Hint(std::string_view word, std::span<const std::string_view> known) {
  const std::string_view nearest = config::Nearest(word, known);
  return nearest.empty() ? "" : " (did you mean \"" + std::string(nearest) + "\"?)";
}

class Interpreter {
 public:
  explicit Interpreter(std::string_view file) : file_(file) {}

  base::Result<TestFile> File(const Node& top) {
    AEGIS_TRY(Keys(top, kFileKeys, "the file"));
    AEGIS_ASSIGN(const Node* const policies, Needed(top, "policies"));
    AEGIS_ASSIGN(out_.policies, Texts(*policies));
    AEGIS_TRY(TakeText(top, "agent", out_.agent));
    AEGIS_TRY(TakePath(top, "home", out_.home));
    AEGIS_TRY(TakePath(top, "dir", out_.dir));
    out_.aegis_home = (out_.home == "/" ? "" : out_.home) + "/.aegis";
    AEGIS_TRY(TakePath(top, "aegis_home", out_.aegis_home));
    AEGIS_TRY(TakeNetwork(top));
    AEGIS_ASSIGN(const Node* const cases, Needed(top, "cases"));
    if (cases->kind != Kind::kList || cases->items.empty()) {
      return Refuse(*cases, "\"cases\" must be a list of cases");
    }
    for (const Node& one : cases->items) {
      AEGIS_TRY(Case(one));
    }
    return std::move(out_);
  }

 private:
  std::unexpected<base::Error> Refuse(const Node& node, std::string_view message) const {
    return base::Fail(Fault(file_, node.at, message));
  }

  base::Result<> Keys(const Node& table, std::span<const std::string_view> known,
                      const std::string& what) const {
    if (table.kind != Kind::kTable) {
      return Refuse(table, what + " must be a table of keys and values");
    }
    for (const Node& member : table.items) {
      if (std::ranges::find(known, member.key) == known.end()) {
        return base::Fail(Fault(file_, member.key_at,
                                "unknown key \"" + member.key + "\"" + Hint(member.key, known)));
      }
    }
    return {};
  }

  base::Result<const Node*> Needed(const Node& table, const char* key) const {
    const Node* const found = Find(table, key);
    if (found == nullptr) {
      return Refuse(table, "\"" + std::string(key) + "\" is missing");
    }
    return found;
  }

  base::Result<std::string> Text(const Node& node) const {
    if (node.kind != Kind::kText || node.text.empty()) {
      return Refuse(node, (node.key.empty() ? "this" : "\"" + node.key + "\"") +
                              " must be text (in quotes, if it looks like something else)");
    }
    return node.text;
  }

  // One text, or a list of texts.
  base::Result<std::vector<std::string>> Texts(const Node& node) const {
    std::vector<std::string> texts;
    if (node.kind != Kind::kList) {
      AEGIS_ASSIGN(std::string one, Text(node));
      texts.push_back(std::move(one));
      return texts;
    }
    for (const Node& item : node.items) {
      AEGIS_ASSIGN(std::string one, Text(item));
      texts.push_back(std::move(one));
    }
    return texts;
  }

  base::Result<> TakeText(const Node& table, std::string_view key, std::string& into) const {
    if (const Node* const node = Find(table, key)) {
      AEGIS_ASSIGN(into, Text(*node));
    }
    return {};
  }

  base::Result<> TakePath(const Node& table, std::string_view key, std::string& into) const {
    const Node* const node = Find(table, key);
    if (node == nullptr) {
      return {};
    }
    AEGIS_ASSIGN(into, Text(*node));
    if (!base::IsCanonicalText(into)) {
      return Refuse(*node, "\"" + node->key +
                               "\" must be an absolute path without `.`, `..` and a trailing `/`");
    }
    return {};
  }

  base::Result<> TakeNetwork(const Node& top) {
    const Node* const node = Find(top, "network");
    if (node == nullptr) {
      return {};
    }
    AEGIS_ASSIGN(const std::string word, Text(*node));
    if (word != "open" && word != "closed") {
      return Refuse(*node, "\"network\" is open or closed");
    }
    out_.network_open = word == "open";
    return {};
  }

  base::Result<> Case(const Node& node) {
    AEGIS_TRY(Keys(node, kCaseKeys, "a case"));
    TestCase base{.line = node.at.line};
    AEGIS_TRY(TakeText(node, "name", base.name));
    AEGIS_TRY(Expected(node, base));
    AEGIS_TRY(Around(node, base.question));
    AEGIS_ASSIGN(const Node* const action, Needed(node, "action"));
    AEGIS_ASSIGN(const Node* const resource, Needed(node, "resource"));
    AEGIS_TRY(Texts(*action));
    AEGIS_TRY(Texts(*resource));
    for (const Node* const list : {action, resource}) {
      if (list->kind == Kind::kList && list->items.empty()) {
        return Refuse(*list, "\"" + list->key + "\" names none: it would test nothing");
      }
    }
    return Pairs(base, Items(*action), Items(*resource));
  }

  // The nodes of what may be one or several.
  static std::vector<const Node*> Items(const Node& node) {
    if (node.kind != Kind::kList) {
      return {&node};
    }
    std::vector<const Node*> items;
    items.reserve(node.items.size());
    for (const Node& item : node.items) {
      items.push_back(&item);
    }
    return items;
  }

  base::Result<> Pairs(const TestCase& base, const std::vector<const Node*>& actions,
                       const std::vector<const Node*>& resources) {
    for (const Node* const action : actions) {
      for (const Node* const resource : resources) {
        TestCase one = base;
        AEGIS_ASSIGN(one.question.action, ActionOf(*action));
        AEGIS_TRY(Name(*resource, one.question));
        if (out_.cases.size() == kMaxCases) {
          return Refuse(*resource, "more than " + std::to_string(kMaxCases) + " cases");
        }
        out_.cases.push_back(std::move(one));
      }
    }
    return {};
  }

  base::Result<policy::Action> ActionOf(const Node& node) const {
    if (const auto action = policy::ParseAction(node.text)) {
      return *action;
    }
    std::array<std::string_view, policy::kActionCount> names;
    for (std::size_t i = 0; i < names.size(); ++i) {
      names.at(i) = policy::ActionName(static_cast<policy::Action>(i));
    }
    return Refuse(node, "there is no action \"" + node.text + "\"" + Hint(node.text, names));
  }

  base::Result<> Name(const Node& node, Question& question) const {
    question.resource = NamesPaths(question.action) ? Absolute(node.text) : node.text;
    if (auto checked = CheckName(question); !checked) {
      return Refuse(node, checked.error().message());
    }
    return {};
  }

  // "~/x" and "@dir/x" as they are in policies.
  std::string Absolute(const std::string& name) const {
    for (const auto& [alias, path] :
         {std::pair<std::string_view, const std::string&>("~", out_.home), {"@dir", out_.dir}}) {
      if (name == alias) {
        return path;
      }
      if (name.starts_with(alias) && name[alias.size()] == '/') {
        return (path == "/" ? "" : path) + name.substr(alias.size());
      }
    }
    return name;
  }

  base::Result<> Expected(const Node& node, TestCase& into) const {
    AEGIS_ASSIGN(const Node* const expect, Needed(node, "expect"));
    AEGIS_ASSIGN(const std::string word, Text(*expect));
    const auto found = std::ranges::find(kAnswers, word);
    if (found == kAnswers.end()) {
      return Refuse(*expect, "\"expect\" is allow, deny or ask");
    }
    into.expect = static_cast<Answer>(found - kAnswers.begin());
    if (const Node* const reason = Find(node, "reason")) {
      AEGIS_ASSIGN(into.reason, Text(*reason));
      if (std::ranges::find(kReasons, *into.reason) == kReasons.end()) {
        return Refuse(*reason, "no decision has the reason \"" + *into.reason + "\"" +
                                   Hint(*into.reason, kReasons));
      }
    }
    if (const Node* const policies = Find(node, "policy")) {
      AEGIS_ASSIGN(into.policies, Texts(*policies));
      std::ranges::sort(*into.policies);
    }
    return {};
  }

  base::Result<> Around(const Node& node, Question& question) const {
    const Node* const context = Find(node, "context");
    if (context == nullptr) {
      return {};
    }
    AEGIS_TRY(Keys(*context, kContextKeys, "\"context\""));
    AEGIS_TRY(TakeText(*context, "exe", question.exe));
    AEGIS_TRY(TakeText(*context, "protocol", question.protocol));
    if (const Node* const argv = Find(*context, "argv")) {
      AEGIS_ASSIGN(question.argv, Texts(*argv));
    }
    if (const Node* const pid = Find(*context, "pid")) {
      if (pid->kind != Kind::kInteger) {
        return Refuse(*pid, "\"pid\" must be a whole number");
      }
      question.pid = pid->integer;
    }
    return {};
  }

  std::string_view file_;
  TestFile out_;
};

}  // namespace

std::string_view AnswerName(Answer answer) { return kAnswers.at(static_cast<std::size_t>(answer)); }

base::Result<TestFile> ReadTestFile(std::string_view text, std::string_view file, Format format) {
  AEGIS_ASSIGN(const Node top, ReadDocument(text, file, format));
  return Interpreter(file).File(top);
}

}  // namespace aegis::advice
