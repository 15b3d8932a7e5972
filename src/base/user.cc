#include "base/user.h"

#include <pwd.h>
#include <unistd.h>

#include <string>

#include "base/text.h"

namespace aegis::base {

std::string UserName() {
  const passwd* entry = ::getpwuid(::getuid());  // NOLINT(concurrency-mt-unsafe): one thread
  return entry != nullptr ? EscapeName(entry->pw_name) : "uid:" + std::to_string(::getuid());
}

}  // namespace aegis::base
