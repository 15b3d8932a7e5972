#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "advice/question.h"
#include "policy/policy.h"

// What the tests share that ask about sets of policies.
namespace aegis::advice {

inline policy::Names TestNames() {
  return {.agent = "test", .home = "/home/u", .dir = "/home/u/app"};
}

// A set of one source "p.cedar"; a refusal fails the test.
inline policy::PolicySet MustLoad(std::string_view text) {
  auto loaded =
      policy::PolicySet::Load({{.file = "p.cedar", .text = std::string(text)}}, TestNames());
  if (!loaded.has_value()) {
    ADD_FAILURE() << loaded.error().message();
    return policy::PolicySet::Load({}, TestNames()).value();
  }
  return std::move(loaded).value();
}

// A question as the gate would ask it.
inline Question Asked(policy::Action action, std::string resource) {
  Question question{.action = action, .resource = std::move(resource)};
  EXPECT_TRUE(CheckName(question).has_value()) << question.resource;
  return question;
}

inline std::vector<std::string> IdsOf(const policy::PolicySet& policies,
                                      const std::vector<std::size_t>& numbers) {
  std::vector<std::string> ids;
  ids.reserve(numbers.size());
  for (const std::size_t number : numbers) {
    ids.push_back(policies.policies().at(number).id);
  }
  return ids;
}

}  // namespace aegis::advice
