#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/context.h"
#include "config/config.h"

namespace aegis::cli {

// What there is to say of a watch when it begins or has ended. Names are escaped.
struct WatchTold {
  bool ended = false;
  std::string config;
  std::int64_t pid = 0;
  std::string session_id;
  std::string dir;
  std::string source;
  std::uint64_t names = 0;  // in the latest snapshot
  std::uint64_t gaps = 0;
  std::vector<std::string> first_gaps;  // a few, for people
  std::uint64_t actions = 0;
  std::uint64_t denials = 0;
  std::map<std::string, std::uint64_t> changes;  // once it has ended
  std::optional<std::string> why;                // once it has ended
};

// As JSON, and back: nullopt for what is none of it.
nlohmann::ordered_json WatchJson(const WatchTold& told);
std::optional<WatchTold> ParseWatch(const nlohmann::ordered_json& document);

// For people, on standard error, unless --quiet.
void SayWatch(Context& context, const WatchTold& told);

// What the ledger knows of a watch that has ended. kUnavailable if it died before it could record
// its end.
base::Result<WatchTold> ReadWatch(Context& context, const config::Configuration& configuration,
                                  const std::string& session_id);

}  // namespace aegis::cli
