#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "decision/decision.h"
#include "policy/policy.h"
#include "policy/templates.h"

namespace aegis::decision {
namespace {

const policy::Names& BenchNames() {
  static const policy::Names kNames = {.agent = "a", .home = "/home/u", .dir = "/home/u/app"};
  return kNames;
}

Decider Project() {
  auto set = policy::PolicySet::Load(
      {{.file = "default.cedar", .text = std::string(policy::TemplateText("project").value())},
       {.file = "programs.cedar", .text = std::string(policy::ProgramsText().value())}},
      BenchNames());
  return {std::move(set).value(), {.network_closed = true, .aegis_state = {"/home/u/.aegis"}}};
}

policy::Request Read(std::string_view path) {
  return {.action = policy::Action::kFileRead, .resource = path, .context = {.pid = 7}};
}

void DecideHit(benchmark::State& state) {
  Decider decider = Project();
  const policy::Request request = Read("/home/u/app/src/engine/include/main.cc");
  while (state.KeepRunning()) {
    benchmark::DoNotOptimize(decider.Decide(request));
  }
}
BENCHMARK(DecideHit);

// Policies that read paths: the path is part of the key.
void DecideHitByPath(benchmark::State& state) {
  Decider decider(
      policy::PolicySet::Load(
          {{.file = "b",
            .text =
                "permit(principal, action, resource) when { resource.path like \"/home/*\" };"}},
          BenchNames())
          .value(),
      {});
  const policy::Request request = Read("/home/u/app/src/engine/include/main.cc");
  while (state.KeepRunning()) {
    benchmark::DoNotOptimize(decider.Decide(request));
  }
}
BENCHMARK(DecideHitByPath);

// Every decision is the first of its class.
void DecideMiss(benchmark::State& state) {
  std::string text;
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    text += "permit(principal, action, resource in Aegis::Resource::\"/srv/d" + std::to_string(i) +
            "\") when { context.pid > 1 };\n";
  }
  Decider decider(policy::PolicySet::Load({{.file = "b", .text = text}}, BenchNames()).value(), {});
  policy::Request request = Read("/srv/d5/src/main.cc");
  while (state.KeepRunning()) {
    ++request.context.pid;
    benchmark::DoNotOptimize(decider.Decide(request));
  }
}
BENCHMARK(DecideMiss)->Arg(10)->Arg(100);

}  // namespace
}  // namespace aegis::decision
