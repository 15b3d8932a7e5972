#include "base/result.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace aegis::base {
namespace {

Result<int> Half(int value) {
  if (value % 2 != 0) {
    return Fail(Errc::kInvalid, "odd");
  }
  return value / 2;
}

Result<int> Quarter(int value) {
  AEGIS_ASSIGN(const int half, Half(value));
  AEGIS_ASSIGN(const int quarter, Half(half));
  return quarter;
}

Result<> OnlyEven(int value) {
  AEGIS_TRY(Half(value));
  return {};
}

TEST(ResultTest, AssignYieldsTheValue) {
  const auto result = Quarter(8);
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(*result, 2);
}

TEST(ResultTest, AssignReturnsTheFirstError) {
  const auto result = Quarter(6);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code(), Errc::kInvalid);
  EXPECT_EQ(result.error().message(), "odd");
}

TEST(ResultTest, TryPassesOrReturns) {
  EXPECT_TRUE(OnlyEven(2).has_value());
  EXPECT_FALSE(OnlyEven(3).has_value());
}

TEST(ErrorTest, FromErrnoKeepsNumberAndNamesTheAttempt) {
  const Error error = Error::FromErrno("open /x", EACCES);
  EXPECT_EQ(error.code(), Errc::kDenied);
  EXPECT_EQ(error.sys_errno(), EACCES);
  EXPECT_EQ(error.message(), "open /x: Permission denied");
}

TEST(ErrorTest, FromErrnoReadsErrno) {
  errno = ENOENT;
  EXPECT_EQ(Error::FromErrno("a").sys_errno(), ENOENT);
  errno = EEXIST;
  EXPECT_EQ(FailErrno("a").error().code(), Errc::kExists);
}

TEST(ErrorTest, ErrnoFallsIntoAClass) {
  const std::pair<int, Errc> expected[] = {
      {ENOENT, Errc::kNotFound},
      {ENOTDIR, Errc::kNotFound},
      {EEXIST, Errc::kExists},
      {EPERM, Errc::kDenied},
      {EROFS, Errc::kDenied},
      {ENOSYS, Errc::kUnsupported},
      {ENOSPC, Errc::kExhausted},
      {EMFILE, Errc::kExhausted},
      {EINVAL, Errc::kInvalid},
      {ENAMETOOLONG, Errc::kInvalid},
      {ECONNREFUSED, Errc::kUnavailable},
      {EIO, Errc::kInternal},
  };
  for (const auto& [number, code] : expected) {
    EXPECT_EQ(Error::FromErrno("x", number).code(), code) << number;
  }
}

TEST(ErrorTest, WithinPutsTheContextOutermost) {
  const Error error = Error(Errc::kCorrupt, "bad hash", 0).Within("entry 3").Within("audit.db");
  EXPECT_EQ(error.message(), "audit.db: entry 3: bad hash");
  EXPECT_EQ(error.code(), Errc::kCorrupt);
}

TEST(ErrorTest, WithinKeepsErrno) {
  EXPECT_EQ(Error::FromErrno("open", EBUSY).Within("setup").sys_errno(), EBUSY);
}

TEST(ErrcTest, NamesAreDistinct) {
  std::set<std::string_view> names;
  for (const Errc code :
       {Errc::kInvalid, Errc::kNotFound, Errc::kExists, Errc::kDenied, Errc::kUnsupported,
        Errc::kCorrupt, Errc::kConflict, Errc::kExhausted, Errc::kUnavailable, Errc::kInternal}) {
    names.insert(ErrcName(code));
  }
  EXPECT_EQ(names.size(), 10U);
}

}  // namespace
}  // namespace aegis::base
