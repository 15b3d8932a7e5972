#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <vector>

#include "policy/policy.h"
#include "policy/templates.h"

namespace aegis::policy {
namespace {

// `count` policies over as many directories.
PolicySet Subtrees(std::int64_t count) {
  std::string text;
  for (std::int64_t i = 0; i < count; ++i) {
    text += "permit(principal, action, resource in Aegis::Resource::\"/srv/d" + std::to_string(i) +
            "\");\n";
  }
  return PolicySet::Load({{.file = "bench", .text = text}},
                         {.agent = "a", .home = "/home/u", .dir = "/home/u/app"})
      .value();
}

std::vector<Source> ProjectSources() {
  return {{.file = "default.cedar", .text = std::string(TemplateText("project").value())},
          {.file = "programs.cedar", .text = std::string(ProgramsText().value())}};
}

PolicySet Project() {
  return PolicySet::Load(ProjectSources(), {.agent = "a", .home = "/home/u", .dir = "/home/u/app"})
      .value();
}

void EvaluateSubtrees(benchmark::State& state) {
  const PolicySet set = Subtrees(state.range(0));
  const Request request = {
      .action = Action::kFileRead, .resource = "/srv/d5/src/main.cc", .context = {.pid = 7}};
  while (state.KeepRunning()) {
    benchmark::DoNotOptimize(set.Evaluate(request));
  }
}
BENCHMARK(EvaluateSubtrees)->Arg(10)->Arg(100)->Arg(1000);

void EvaluatePathPatterns(benchmark::State& state) {
  std::string text;
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    text += "permit(principal, action, resource) when { resource.path like \"/srv/d" +
            std::to_string(i) + "/*\" };\n";
  }
  const PolicySet set =
      PolicySet::Load({{.file = "bench", .text = text}}, {.agent = "a", .home = "/h", .dir = "/d"})
          .value();
  const Request request = {
      .action = Action::kFileRead, .resource = "/srv/d5/src/main.cc", .context = {.pid = 7}};
  while (state.KeepRunning()) {
    benchmark::DoNotOptimize(set.Evaluate(request));
  }
}
BENCHMARK(EvaluatePathPatterns)->Arg(10)->Arg(100);

void EvaluateProject(benchmark::State& state) {
  const PolicySet set = Project();
  const Request request = {.action = Action::kFileRead,
                           .resource = "/home/u/app/src/engine/main.cc",
                           .context = {.pid = 7}};
  while (state.KeepRunning()) {
    benchmark::DoNotOptimize(set.Evaluate(request));
  }
}
BENCHMARK(EvaluateProject);

void ClassOfProject(benchmark::State& state) {
  const PolicySet set = Project();
  const std::string path = "/home/u/app/src/engine/include/detail/main.cc";
  while (state.KeepRunning()) {
    benchmark::DoNotOptimize(set.ClassOf(path));
  }
}
BENCHMARK(ClassOfProject);

void LoadProject(benchmark::State& state) {
  while (state.KeepRunning()) {
    auto set =
        PolicySet::Load(ProjectSources(), {.agent = "a", .home = "/home/u", .dir = "/home/u/app"});
    benchmark::DoNotOptimize(set);
  }
}
BENCHMARK(LoadProject)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace aegis::policy
