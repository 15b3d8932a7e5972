#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/policy.h"
#include "policy/templates.h"

// What the tests of policies share.
namespace aegis::policy {

inline Names TestNames() { return {.agent = "test", .home = "/home/u", .dir = "/home/u/app"}; }

// A set of one source "test.cedar"; a refusal fails the test.
inline PolicySet MustLoad(const std::vector<Source>& sources, const Names& names = TestNames()) {
  auto loaded = PolicySet::Load(sources, names);
  if (!loaded.has_value()) {
    ADD_FAILURE() << loaded.error().message();
    return PolicySet::Load({}, TestNames()).value();
  }
  return std::move(loaded).value();
}

inline PolicySet MustLoad(std::string_view text) {
  return MustLoad({{.file = "test.cedar", .text = std::string(text)}});
}

// A template as `init` installs it, with programs.cedar beside it.
inline PolicySet LoadTemplate(std::string_view name, const Names& names = TestNames()) {
  std::vector<Source> sources = {
      {.file = "policies/default.cedar", .text = std::string(TemplateText(name).value())}};
  if (name != "default-deny") {
    sources.push_back(
        {.file = "policies/programs.cedar", .text = std::string(ProgramsText().value())});
  }
  return MustLoad(sources, names);
}

inline Verdict Ask(const PolicySet& set, Action action, std::string_view resource) {
  return set.Evaluate({.action = action, .resource = resource, .context = {.pid = 7}});
}

// Why a text is refused; empty if it is not.
inline std::string Refusal(std::string text, const Names& names = TestNames()) {
  auto loaded = PolicySet::Load({{.file = "p/test.cedar", .text = std::move(text)}}, names);
  return loaded.has_value() ? std::string() : loaded.error().message();
}

}  // namespace aegis::policy
