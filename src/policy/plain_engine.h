#pragma once

#include <aegis_engines.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

// Cedar's authorizer over one set of all policies, without an index: what tests and benchmarks hold
// PolicySet against. No part of the product calls it.
namespace aegis::policy {

class PlainEngine {
 public:
  struct Name {
    std::string_view type;
    std::string_view id;
  };

  struct Question {
    Name principal;
    Name action;
    Name resource;
    std::string_view context = "{}";  // a JSON object
  };

  // Policies by their place in the text, ascending.
  struct Answer {
    bool allow = false;
    std::vector<std::uint32_t> determining;
    std::vector<std::uint32_t> erring;
    bool operator==(const Answer&) const = default;
  };

  // `schema` in Cedar's syntax (empty: the schema of Aegis), `entities` as a JSON array. kInvalid
  // for what does not parse or is beyond the limits of docs/policy.md; policies that the schema
  // refuses load, and are not valid().
  static base::Result<PlainEngine> Load(std::string_view schema, std::string_view policies,
                                        std::string_view entities) {
    AegisText* error = nullptr;
    Handle plain(aegis_plain_load(View(schema), View(policies), View(entities), &error));
    if (plain == nullptr) {
      return base::Fail(base::Errc::kInvalid, Take(error));
    }
    return PlainEngine(std::move(plain));
  }

  bool valid() const { return aegis_plain_valid(plain_.get()) != 0; }

  // kInvalid for a question that the schema refuses.
  base::Result<Answer> Evaluate(const Question& question) const {
    const AegisPlainRequest request = {.principal = View(question.principal),
                                       .action = View(question.action),
                                       .resource = View(question.resource),
                                       .context = View(question.context)};
    const std::size_t count = aegis_plain_policy_count(plain_.get());
    Answer answer{.allow = false,
                  .determining = std::vector<std::uint32_t>(count),
                  .erring = std::vector<std::uint32_t>(count)};
    AegisPlaces determining = {.places = answer.determining.data(), .count = 0};
    AegisPlaces erring = {.places = answer.erring.data(), .count = 0};
    AegisText* error = nullptr;
    const std::int32_t outcome =
        aegis_plain_evaluate(plain_.get(), &request, &determining, &erring, &error);
    if (outcome == AEGIS_OUTCOME_ERROR) {
      return base::Fail(base::Errc::kInvalid, Take(error));
    }
    answer.allow = outcome == AEGIS_OUTCOME_PERMIT;
    answer.determining.resize(determining.count);
    answer.erring.resize(erring.count);
    return answer;
  }

 private:
  struct Free {
    void operator()(AegisPlain* plain) const { aegis_plain_free(plain); }
  };
  using Handle = std::unique_ptr<AegisPlain, Free>;

  explicit PlainEngine(Handle plain) : plain_(std::move(plain)) {}

  static AegisStr View(std::string_view text) { return {.data = text.data(), .size = text.size()}; }
  static AegisEntity View(const Name& name) {
    return {.type = View(name.type), .id = View(name.id)};
  }
  static std::string Take(AegisText* text) {
    const AegisStr view = aegis_text_view(text);
    std::string taken(view.data, view.size);
    aegis_text_free(text);
    return taken;
  }

  Handle plain_;
};

}  // namespace aegis::policy
