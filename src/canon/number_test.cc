// Numbers against the file that the author of RFC 8785 publishes for them: its doubles are
// generated as tests/vectors/README.md says, its text is known by its SHA-256.

#include "canon/number.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "canon/encoding.h"
#include "canon/json.h"
#include "canon/sha256.h"
#include "canon/test_oracle.h"

namespace aegis::canon {
namespace {

std::vector<double> ChosenNumbers() {
  const auto text = base::ReadFile(std::string(AEGIS_TEST_VECTORS) + "/jcs/numbers.txt");
  std::istringstream lines(text.value_or(""));
  std::vector<double> numbers;
  for (std::string line; std::getline(lines, line);) {
    std::uint64_t bits = 0;
    (void)std::from_chars(line.data(), line.data() + line.size(), bits, 16);
    numbers.push_back(std::bit_cast<double>(bits));
  }
  return numbers;
}

// The numbers of the file, one after the other.
class NumberFile {
 public:
  double Next() {
    const std::size_t index = index_++;
    if (index < chosen_.size()) {
      return chosen_[index];
    }
    if (index - chosen_.size() < kSerial) {
      return std::bit_cast<double>(kSmallestNormal + (index - chosen_.size()));
    }
    double number = 0;
    while (number == 0 || !std::isfinite(number)) {
      number = NextRandom();
    }
    return number;
  }

 private:
  static constexpr std::size_t kSerial = 2000;
  static constexpr std::uint64_t kSmallestNormal = 0x0010000000000000;

  double NextRandom() {
    if (left_ == 0) {
      block_ = hasher_.Hash(block_.view());
      left_ = block_.bytes.size();
    }
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < sizeof(bits); ++i) {
      bits |= std::uint64_t{block_.bytes.at(block_.bytes.size() - left_ + i)} << (8 * i);
    }
    left_ -= sizeof(bits);
    return std::bit_cast<double>(bits);
  }

  std::vector<double> chosen_ = ChosenNumbers();
  std::size_t index_ = 0;
  Sha256Hasher hasher_;
  Sha256 block_;
  std::size_t left_ = 0;
};

void AppendLine(std::string& out, double number) {
  std::array<char, 16> hex{};
  const auto written =
      std::to_chars(hex.begin(), hex.end(), std::bit_cast<std::uint64_t>(number), 16);
  out.append(hex.begin(), written.ptr);
  out += ',';
  EXPECT_TRUE(AppendJsonNumber(out, number));
  out += '\n';
}

TEST(NumberTest, WritesThePublishedFileToAMillionLines) {
  struct Prefix {
    std::size_t lines;
    std::size_t bytes;
    std::string_view digest;
  };
  constexpr std::array<Prefix, 4> kPublished = {{
      {1000, 37967, "be18b62b6f69cdab33a7e0dae0d9cfa869fda80ddc712221570f9f40a5878687"},
      {10000, 399022, "b9f7a8e75ef22a835685a52ccba7f7d6bdc99e34b010992cbc5864cd12be6892"},
      {100000, 4031728, "22776e6d4b49fa294a0d0f349268e5c28808fe7e0cb2bcbe28f63894e494d4c7"},
      {1000000, 40357417, "49415fee2c56c77864931bd3624faad425c3c577d6d74e89a83bc725506dad16"},
  }};
  NumberFile file;
  std::string text;
  std::size_t lines = 0;
  for (const Prefix& prefix : kPublished) {
    for (; lines < prefix.lines; ++lines) {
      AppendLine(text, file.Next());
    }
    EXPECT_EQ(text.size(), prefix.bytes);
    EXPECT_EQ(HexEncode(HashSha256(text).view()), prefix.digest) << prefix.lines << " lines";
  }
}

TEST(NumberTest, AnIndependentImplementationAgrees) {
  NumberFile file;
  for (int i = 0; i < 20000; ++i) {
    const double number = file.Next();
    std::string text;
    ASSERT_TRUE(AppendJsonNumber(text, number));
    ASSERT_EQ(text, OracleNumber(number));
  }
  for (int exponent = -1074; exponent < 1024; ++exponent) {
    const double number = std::ldexp(1.0, exponent);
    std::string text;
    ASSERT_TRUE(AppendJsonNumber(text, number));
    ASSERT_EQ(text, OracleNumber(number)) << exponent;
  }
}

TEST(NumberTest, ReadsBackWhatItWrites) {
  NumberFile file;
  for (int i = 0; i < 100000; ++i) {
    const double number = file.Next();
    std::string text;
    ASSERT_TRUE(AppendJsonNumber(text, number));
    ASSERT_EQ(ParseJsonNumber(text), std::optional(number)) << text;
    ASSERT_TRUE(IsCanonicalNumber(text)) << text;
    const std::string other = text + (text.contains('e') ? " " : "e0");
    ASSERT_FALSE(IsCanonicalNumber(other)) << other;
  }
}

}  // namespace
}  // namespace aegis::canon
