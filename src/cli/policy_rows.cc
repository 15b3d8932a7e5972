#include "cli/policy_rows.h"

#include <algorithm>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "canon/encoding.h"
#include "canon/sha256.h"
#include "cli/output.h"
#include "cli/text.h"
#include "policy/policy.h"

namespace aegis::cli {
namespace {

using Info = policy::PolicySet::Info;

std::vector<std::string_view> ActionNames(const Info& info) {
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < policy::kActionCount; ++i) {
    if (const auto action = static_cast<policy::Action>(i); info.Covers(action)) {
      names.push_back(policy::ActionName(action));
    }
  }
  return names;
}

// What a row says before its file: aligned with the others.
struct Cells {
  std::string effect;  // "permit", "forbid", "ask"
  std::string id;
  std::string actions;
  std::string place;
};

Cells CellsOf(const Info& info) {
  return {.effect = info.forbid ? "forbid" : (info.ask ? "ask" : "permit"),
          .id = base::ForDisplay(info.id),
          .actions = ActionsOf(info),
          .place = base::ForDisplay(info.file) + ":" + std::to_string(info.line)};
}

std::string Painted(const Output& out, const Info& info, const std::string& effect) {
  return info.forbid ? out.Bad(effect) : out.Good(effect);
}

}  // namespace

std::string Policies(std::size_t number) {
  return std::to_string(number) + (number == 1 ? " policy" : " policies");
}

std::string ActionsOf(const Info& info) {
  const std::vector<std::string_view> names = ActionNames(info);
  if (names.size() == policy::kActionCount) {
    return "any action";
  }
  std::string text;
  for (const std::string_view name : names) {
    text.append(text.empty() ? "" : ", ").append(name);
  }
  return text.empty() ? "no action" : text;
}

nlohmann::ordered_json PolicyRows(std::span<const Info> policies) {
  auto rows = nlohmann::ordered_json::array();
  for (const Info& info : policies) {
    rows.push_back({{"id", info.id},
                    {"effect", info.forbid ? "forbid" : "permit"},
                    {"ask", info.ask},
                    {"opaque", info.opaque},
                    {"actions", ActionNames(info)},
                    {"applies", info.applies},
                    {"file", info.file},
                    {"line", info.line},
                    {"reason", info.reason}});
  }
  return rows;
}

std::vector<std::string> PolicyLines(const Output& out, std::span<const Info> policies) {
  constexpr std::size_t kEffectWidth = 6;
  constexpr std::size_t kWidestActions = 40;
  std::size_t ids = 0;
  std::size_t actions = 0;
  for (const Info& info : policies) {
    const Cells cells = CellsOf(info);
    ids = std::max(ids, cells.id.size());
    actions = std::max(actions, std::min(cells.actions.size(), kWidestActions));
  }
  std::vector<std::string> lines;
  lines.reserve(policies.size());
  for (const Info& info : policies) {
    const Cells cells = CellsOf(info);
    std::string line = Painted(out, info, Padded(cells.effect, kEffectWidth)) + "  " +
                       Padded(cells.id, ids) + "  " + Padded(cells.actions, actions) + "  " +
                       cells.place;
    if (info.opaque) {
      line += "  " + out.Faint("(opaque)");
    }
    if (!info.applies) {
      line += "  " + out.Faint("(for another agent)");
    }
    if (!info.reason.empty()) {
      line += "  " + out.Faint(base::ForDisplay(info.reason));
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

nlohmann::ordered_json FileRows(std::span<const policy::Source> sources) {
  auto rows = nlohmann::ordered_json::array();
  for (const policy::Source& source : sources) {
    rows.push_back({{"file", source.file},
                    {"digest", canon::HexEncode(canon::HashSha256(source.text).view())}});
  }
  return rows;
}

}  // namespace aegis::cli
