#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ratio>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "policy/plain_engine.h"
#include "policy/policy.h"
#include "policy/templates.h"

namespace aegis::policy {
namespace {

// Rules over subtrees: beside each other, or ten on the way to each resource.
enum class Shape : std::uint8_t { kWide, kDeep };

constexpr std::int64_t kNesting = 10;

std::string DirectoryOf(Shape shape, std::int64_t number) {
  if (shape == Shape::kWide) {
    return "/srv/d" + std::to_string(number);
  }
  static constexpr std::string_view kBelow = "/a/b/c/d/e/f/g/h/i";
  return "/t" + std::to_string(number / kNesting) +
         std::string(kBelow.substr(0, static_cast<std::size_t>(number % kNesting) * 2));
}

// `count` policies over as many directories; one in ten forbids an action that nobody asks for.
std::string Subtrees(Shape shape, std::int64_t count) {
  std::string text;
  for (std::int64_t i = 0; i < count; ++i) {
    text += i % kNesting == 7
                ? R"(forbid(principal, action == Aegis::Action::"FileDelete", resource in )"
                : "permit(principal, action, resource in ";
    text += "Aegis::Resource::\"" + DirectoryOf(shape, i) + "\");\n";
  }
  return text;
}

// Files in directories of all over the set.
std::vector<std::string> Files(Shape shape, std::int64_t count) {
  constexpr std::int64_t kFiles = 64;
  std::vector<std::string> files;
  for (std::int64_t i = 0; i < kFiles; ++i) {
    const std::int64_t number = i * 7919 % count;
    const std::int64_t chosen = number - (number % kNesting) + (shape == Shape::kDeep ? 9 : 3);
    files.push_back(DirectoryOf(shape, chosen) + "/src/main.cc");
  }
  return files;
}

// The entities of files as Cedar reads them: each directory below the one above it.
std::string EntitiesOf(const std::vector<std::string>& files) {
  std::set<std::string> known;
  std::string json;
  for (std::string path : files) {
    while (!path.empty() && known.insert(path).second) {
      const std::string above = path.substr(0, path.rfind('/'));
      json += json.empty() ? "[" : ",";
      json.append(R"({"uid":{"type":"Aegis::Resource","id":")").append(path);
      json.append(R"("},"attrs":{"path":")").append(path).append(R"("},"parents":[)");
      if (!above.empty()) {
        json.append(R"({"type":"Aegis::Resource","id":")").append(above).append(R"("})");
      }
      json += "]}";
      path = above;
    }
  }
  return json + "]";
}

const Names& BenchNames() {
  static const Names kNames = {.agent = "a", .home = "/home/u", .dir = "/home/u/app"};
  return kNames;
}

// Runs `ask(i)` and counts the median of its times.
template <typename Ask>
void MeasureMedian(benchmark::State& state, Ask ask) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> times;
  for (std::size_t i = 0; state.KeepRunning(); ++i) {
    const Clock::time_point begin = Clock::now();
    benchmark::DoNotOptimize(ask(i));
    times.push_back(std::chrono::duration<double, std::micro>(Clock::now() - begin).count());
  }
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::ranges::nth_element(times, middle);
  state.counters["p50_us"] = *middle;
}

std::vector<Source> ProjectSources() {
  return {{.file = "default.cedar", .text = std::string(TemplateText("project").value())},
          {.file = "programs.cedar", .text = std::string(ProgramsText().value())}};
}

PolicySet Project() { return PolicySet::Load(ProjectSources(), BenchNames()).value(); }

void EvaluateSubtrees(benchmark::State& state, Shape shape) {
  const PolicySet set =
      PolicySet::Load({{.file = "bench", .text = Subtrees(shape, state.range(0))}}, BenchNames())
          .value();
  const std::vector<std::string> files = Files(shape, state.range(0));
  MeasureMedian(state, [&](std::size_t i) {
    const Verdict verdict = set.Evaluate(
        {.action = Action::kFileRead, .resource = files[i % files.size()], .context = {.pid = 7}});
    if (verdict.outcome != Outcome::kPermit) {
      state.SkipWithError("not permitted");
    }
    return verdict;
  });
}

// The authorizer alone over the same policies; its entities lie ready.
void EvaluatePlainly(benchmark::State& state, Shape shape) {
  const std::vector<std::string> files = Files(shape, state.range(0));
  const PlainEngine plain =
      PlainEngine::Load("", Subtrees(shape, state.range(0)), EntitiesOf(files)).value();
  MeasureMedian(state, [&](std::size_t i) {
    const auto answer =
        plain.Evaluate({.principal = {.type = "Aegis::Agent", .id = "a"},
                        .action = {.type = "Aegis::Action", .id = "FileRead"},
                        .resource = {.type = "Aegis::Resource", .id = files[i % files.size()]},
                        .context = R"({"pid":7})"});
    if (!answer.has_value() || !answer->allow) {
      state.SkipWithError("not permitted");
    }
    return answer;
  });
}

constexpr std::int64_t kMostPolicies = 10'000;

BENCHMARK_CAPTURE(EvaluateSubtrees, Wide, Shape::kWide)
    ->RangeMultiplier(10)
    ->Range(10, kMostPolicies);
BENCHMARK_CAPTURE(EvaluateSubtrees, Deep, Shape::kDeep)
    ->RangeMultiplier(10)
    ->Range(10, kMostPolicies);
BENCHMARK_CAPTURE(EvaluatePlainly, Wide, Shape::kWide)
    ->RangeMultiplier(10)
    ->Range(10, kMostPolicies);
BENCHMARK_CAPTURE(EvaluatePlainly, Deep, Shape::kDeep)
    ->RangeMultiplier(10)
    ->Range(10, kMostPolicies);

void LoadSubtrees(benchmark::State& state, Shape shape) {
  const std::string text = Subtrees(shape, kMostPolicies);
  while (state.KeepRunning()) {
    auto set = PolicySet::Load({{.file = "bench", .text = text}}, BenchNames());
    benchmark::DoNotOptimize(set);
  }
}
BENCHMARK_CAPTURE(LoadSubtrees, Wide, Shape::kWide)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(LoadSubtrees, Deep, Shape::kDeep)->Unit(benchmark::kMillisecond)->UseRealTime();

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
    auto set = PolicySet::Load(ProjectSources(), BenchNames());
    benchmark::DoNotOptimize(set);
  }
}
BENCHMARK(LoadProject)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace aegis::policy
