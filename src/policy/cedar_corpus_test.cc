#include <gtest/gtest.h>
#include <lzma.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "base/file.h"
#include "policy/plain_engine.h"

// The cases that the Cedar project publishes, through the engines' C header: its bounds, its
// parser, its guard against panics. tests/vectors/cedar/README.md tells where they come from.
namespace aegis::policy {
namespace {

using nlohmann::json;

constexpr std::size_t kUnpackedLimit = std::size_t{64} << 20U;

std::string Unpacked(const std::string& path) {
  const std::string packed = base::ReadFile(path).value();
  std::string text(kUnpackedLimit, '\0');
  const auto bytes = [](auto& string) {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): liblzma takes unsigned bytes
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(string.data()));
  };
  std::uint64_t memory = kUnpackedLimit * 2;
  std::size_t read = 0;
  std::size_t written = 0;
  const lzma_ret result = lzma_stream_buffer_decode(
      &memory, 0, nullptr, bytes(packed), &read, packed.size(), bytes(text), &written, text.size());
  EXPECT_EQ(result, LZMA_OK) << path;
  text.resize(result == LZMA_OK ? written : 0);
  return text;
}

// "policy3" is the fourth policy of its text.
std::vector<std::uint32_t> Places(const json& ids) {
  std::vector<std::uint32_t> places;
  for (const std::string id : ids) {
    places.push_back(
        static_cast<std::uint32_t>(std::stoul(id.substr(id.find_first_of("0123456789")))));
  }
  std::ranges::sort(places);
  return places;
}

PlainEngine::Answer Expected(const json& request) {
  return {.allow = request.at("decision") == "allow",
          .determining = Places(request.at("reason")),
          .erring = Places(request.at("errors"))};
}

struct Tally {
  std::size_t cases = 0;
  std::size_t requests = 0;
  std::size_t distinct = 0;
  std::map<std::string, std::size_t> refused;  // by reason
};

PlainEngine::Name NameOf(const json& entity) {
  return {.type = entity.at("type").get_ref<const std::string&>(),
          .id = entity.at("id").get_ref<const std::string&>()};
}

void RunCase(const json& test, Tally& tally) {
  const std::string& name = test.at("name").get_ref<const std::string&>();
  const auto plain = PlainEngine::Load(test.at("schema").get_ref<const std::string&>(),
                                       test.at("policies").get_ref<const std::string&>(),
                                       test.at("entities").get_ref<const std::string&>());
  if (!plain.has_value()) {
    ++tally.refused[name + ": " + plain.error().message()];
    return;
  }
  ++tally.cases;
  EXPECT_EQ(plain->valid(), test.at("valid").get<bool>()) << name;
  for (const json& request : test.at("requests")) {
    const auto answer =
        plain->Evaluate({.principal = NameOf(request.at("principal")),
                         .action = NameOf(request.at("action")),
                         .resource = NameOf(request.at("resource")),
                         .context = request.at("context").get_ref<const std::string&>()});
    ASSERT_TRUE(answer.has_value()) << name << ": " << answer.error().message();
    EXPECT_EQ(*answer, Expected(request)) << name << ' ' << request.dump();
    ++tally.distinct;
    tally.requests += request.at("times").get<std::size_t>();
  }
}

TEST(CedarCorpusTest, PublishedCasesHaveTheirAnswers) {
  std::istringstream lines(Unpacked(AEGIS_TEST_VECTORS "/cedar/corpus.jsonl.xz"));
  Tally tally;
  for (std::string line; std::getline(lines, line);) {
    RunCase(json::parse(line), tally);
  }
  for (const auto& [why, count] : tally.refused) {
    ADD_FAILURE() << count << " refused: " << why;
  }
  EXPECT_EQ(tally.cases, 7'750U);
  EXPECT_EQ(tally.requests, 62'000U);
  EXPECT_EQ(tally.distinct, 11'312U);
}

}  // namespace
}  // namespace aegis::policy
