#include "witness/sink.h"

#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "witness/file_sink.h"
#include "witness/http_client.h"
#include "witness/http_sink.h"
#include "witness/settings.h"
#include "witness/syslog_sink.h"
#include "witness/target.h"

namespace aegis::witness {
namespace {

base::Result<std::unique_ptr<Sink>> MakeSink(const Target& target, const Settings& settings) {
  if (const auto* const file = std::get_if<FileTarget>(&target)) {
    return FileSink::Open(*file);
  }
  if (const auto* const http = std::get_if<HttpTarget>(&target)) {
    AEGIS_ASSIGN(auto client, MakeHttpClient(*http, settings.ca_file));
    return std::make_unique<HttpSink>(*http, settings.keys, std::move(client));
  }
  return std::make_unique<SyslogSink>();
}

}  // namespace

base::Result<std::vector<std::unique_ptr<Sink>>> MakeSinks(const Settings& settings) {
  std::vector<std::unique_ptr<Sink>> sinks;
  for (const Target& target : settings.targets) {
    auto sink = MakeSink(target, settings);
    if (!sink) {
      return base::Fail(std::move(sink).error().Within("witness"));
    }
    sinks.push_back(std::move(*sink));
  }
  return sinks;
}

}  // namespace aegis::witness
