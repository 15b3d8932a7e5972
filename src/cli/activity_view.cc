#include "cli/activity_view.h"

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/activity.h"

namespace aegis::cli {
namespace {

using nlohmann::ordered_json;

void AddFates(ordered_json& row, const Fates& fates) {
  row["permitted"] = fates.permitted;
  row["denied"] = fates.denied;
  row["let_through"] = fates.let_through;
}

void AppendCount(std::string& text, std::uint64_t count, std::string_view what) {
  if (count > 0) {
    text.append(text.empty() ? "" : ", ").append(std::to_string(count)).append(what);
  }
}

}  // namespace

ordered_json RowsJson(std::string_view name, const std::vector<Tally<std::string>::Row>& rows) {
  ordered_json array = ordered_json::array();
  for (const auto& [text, fates] : rows) {
    ordered_json row = {{std::string(name), text}};
    AddFates(row, fates);
    array.push_back(std::move(row));
  }
  return array;
}

ordered_json ProgramsJson(const std::vector<Tally<std::string>::Row>& rows) {
  ordered_json array = RowsJson("program", rows);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    array[i]["began"] = rows[i].second.began;
  }
  return array;
}

ordered_json HostsJson(const std::vector<Tally<std::string>::Row>& rows) {
  ordered_json array = RowsJson("host", rows);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    array[i]["opaque"] = rows[i].second.opaque;
  }
  return array;
}

ordered_json DenialsJson(const std::vector<Tally<Denial>::Row>& rows) {
  ordered_json array = ordered_json::array();
  for (const auto& [denial, fates] : rows) {
    array.push_back({{"action", denial.action},
                     {"resource", denial.resource},
                     {"reason", denial.reason},
                     {"policies", denial.policies},
                     {"denied", fates.denied},
                     {"let_through", fates.let_through}});
  }
  return array;
}

std::string FatesText(const Fates& fates) {
  std::string text;
  AppendCount(text, fates.began, " began");
  AppendCount(text, fates.permitted, " permitted");
  AppendCount(text, fates.denied, " denied");
  AppendCount(text, fates.let_through, " let through");
  AppendCount(text, fates.opaque, " opaque: can carry anything");
  return text;
}

std::string DenialText(const Denial& denial) {
  std::string text = denial.action + " " + denial.resource + "  " + denial.reason;
  std::string_view before = " (";
  for (const std::string& id : denial.policies) {
    text.append(before).append(id);
    before = ", ";
  }
  return denial.policies.empty() ? text : text + ")";
}

}  // namespace aegis::cli
