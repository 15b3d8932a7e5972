#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "cli/output.h"

namespace aegis::cli {

// A document in lines. Everything but printable ASCII comes as \u escapes; bytes that are no UTF-8
// as U+FFFD.
std::string JsonText(const nlohmann::ordered_json& document);
void PrintJson(Output& out, const nlohmann::ordered_json& document);

// The value, or null.
template <typename T>
nlohmann::ordered_json OrNull(const std::optional<T>& value) {
  return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json(nullptr);
}

}  // namespace aegis::cli
