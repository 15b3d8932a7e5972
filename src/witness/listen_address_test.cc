#include "witness/listen_address.h"

#include <gtest/gtest.h>

#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "witness/test_log.h"

namespace aegis::witness {
namespace {

TEST(ParseListenAddress, ReadsPortsAndAddresses) {
  const std::vector<std::pair<std::string_view, std::string_view>> cases = {
      {"0", "http://127.0.0.1:0"},
      {"8080", "http://127.0.0.1:8080"},
      {"localhost:8080", "http://127.0.0.1:8080"},
      {"0.0.0.0:65535", "http://0.0.0.0:65535"},
      {"[::1]:80", "http://[::1]:80"},
      {"[::]:0", "http://[::]:0"},
  };
  for (const auto& [text, url] : cases) {
    EXPECT_EQ(Url(Get(ParseListenAddress(text))), url) << text;
  }
}

TEST(ParseListenAddress, RefusesOtherForms) {
  for (const std::string_view text : {"",
                                      ":",
                                      ":80",
                                      "80:",
                                      "x",
                                      "host:80",
                                      "1.2.3:80",
                                      "127.0.0.1",
                                      "::1:80",
                                      "[::1]",
                                      "[::1:80",
                                      "::1]:80",
                                      "[127.0.0.1]:80",
                                      "127.0.0.1:65536",
                                      "127.0.0.1:-1",
                                      "127.0.0.1:080",
                                      "00",
                                      "127.0.0.1: 80",
                                      " 80",
                                      "80 ",
                                      "[]:80",
                                      "[:80",
                                      "http://127.0.0.1:80"}) {
    const auto address = ParseListenAddress(text);
    ASSERT_FALSE(address) << text;
    EXPECT_EQ(address.error().code(), base::Errc::kInvalid);
  }
  EXPECT_FALSE(ParseListenAddress(std::string_view("127.0.0.1\0:80", 13)));
}

}  // namespace
}  // namespace aegis::witness
