#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace aegis::base {

// Why an operation failed, coarse enough to choose an exit code and a message by.
enum class Errc {
  kInvalid,      // input that we refuse: a bad flag, a broken file, a hostile name
  kNotFound,     // a name that does not exist
  kExists,       // a name that exists already
  kDenied,       // the operating system or a policy refuses
  kUnsupported,  // the kernel or the build lacks what is needed
  kCorrupt,      // stored data that does not hold together
  kConflict,     // another writer was first
  kExhausted,    // a limit or a full disk
  kUnavailable,  // a peer or a store that can't be reached
  kInternal,     // a defect of ours
};

// The name of a code as shown to people, e.g. "not found".
std::string_view ErrcName(Errc code);

// An error value: a closed code, the errno behind it (0 if none), and a message that says what was
// attempted, on what, and why it failed, outermost first. Holds no secrets: it is shown and logged.
class Error {
 public:
  Error(Errc code, std::string message, int sys_errno = 0)
      : code_(code), errno_(sys_errno), message_(std::move(message)) {}

  // An error from `errno`, e.g. FromErrno("open /etc/x") -> "open /etc/x: Permission denied".
  static Error FromErrno(std::string_view attempted);
  static Error FromErrno(std::string_view attempted, int sys_errno);

  Errc code() const { return code_; }
  int sys_errno() const { return errno_; }
  const std::string& message() const { return message_; }

  // The same error seen from one level further out: "context: message".
  Error Within(std::string_view context) &&;

 private:
  Errc code_;
  int errno_;
  std::string message_;
};

template <typename T = void>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> Fail(Errc code, std::string message) {
  return std::unexpected<Error>(Error(code, std::move(message)));
}
inline std::unexpected<Error> FailErrno(std::string_view attempted) {
  return std::unexpected<Error>(Error::FromErrno(attempted));
}
inline std::unexpected<Error> Fail(Error error) { return std::unexpected<Error>(std::move(error)); }

}  // namespace aegis::base

#define AEGIS_CONCAT_INNER(a, b) a##b
#define AEGIS_CONCAT(a, b) AEGIS_CONCAT_INNER(a, b)

// Evaluates an expression of type Result<…>; on error returns it from the calling function.
#define AEGIS_TRY(expression)                                                  \
  do {                                                                         \
    if (auto aegis_try_result = (expression); !aegis_try_result.has_value()) { \
      return std::unexpected(std::move(aegis_try_result).error());             \
    }                                                                          \
  } while (false)

// NOLINTBEGIN(bugprone-macro-parentheses): a declaration can't stand in parentheses
#define AEGIS_ASSIGN_INNER(temporary, declaration, expression) \
  auto temporary = (expression);                               \
  if (!temporary.has_value()) {                                \
    return std::unexpected(std::move(temporary).error());      \
  }                                                            \
  declaration = std::move(temporary).value()

// AEGIS_ASSIGN(auto x, F()): declares x with the value of the Result, or returns its error.
#define AEGIS_ASSIGN(declaration, expression) \
  AEGIS_ASSIGN_INNER(AEGIS_CONCAT(aegis_assign_, __LINE__), declaration, expression)
// NOLINTEND(bugprone-macro-parentheses)
