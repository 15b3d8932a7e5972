#include "base/test_requirements.h"

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>
#include <stdlib.h>  // setenv: POSIX, absent from <cstdlib>

#include <optional>
#include <string>

namespace aegis::base {
namespace {

// Sets AEGIS_REQUIRE_ALL for one test and puts back what was there.
class RequireAll {
 public:
  explicit RequireAll(const char* value) {
    if (const char* old = ::getenv("AEGIS_REQUIRE_ALL"); old != nullptr) {
      old_ = old;
    }
    ::setenv("AEGIS_REQUIRE_ALL", value, 1);
  }
  RequireAll(const RequireAll&) = delete;
  RequireAll& operator=(const RequireAll&) = delete;
  ~RequireAll() {
    if (old_) {
      ::setenv("AEGIS_REQUIRE_ALL", old_->c_str(), 1);
    } else {
      ::unsetenv("AEGIS_REQUIRE_ALL");
    }
  }

 private:
  std::optional<std::string> old_;
};

void NeedAMissingProgram() { REQUIRE_PROGRAM("no-such-program-of-aegis"); }

TEST(TestRequirementsTest, AMissingNeedFailsWhenAllIsRequired) {
  const RequireAll required("1");
  EXPECT_FATAL_FAILURE(NeedAMissingProgram(), "the program no-such-program-of-aegis");
}

TEST(TestRequirementsTest, ANeedThatIsMetGoesOn) {
  const RequireAll required("1");
  bool went_on = false;
  [&went_on] {
    REQUIRE_PROGRAM("sh");
    REQUIRE_LANDLOCK(0);
    went_on = true;
  }();
  EXPECT_TRUE(went_on);
}

TEST(TestRequirementsTest, OnlyTheValueOneRequiresAll) {
  const RequireAll zero("0");
  EXPECT_FALSE(testing_support::EverythingIsRequired());
  const RequireAll one("1");
  EXPECT_TRUE(testing_support::EverythingIsRequired());
}

TEST(TestRequirementsTest, FindsProgramsOnThePathOnly) {
  EXPECT_TRUE(testing_support::HasProgram("sh"));
  EXPECT_FALSE(testing_support::HasProgram("no-such-program-of-aegis"));
}

}  // namespace
}  // namespace aegis::base
