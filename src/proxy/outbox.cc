#include "proxy/outbox.h"

#include <cerrno>

#include "base/result.h"
#include "proxy/channel.h"

namespace aegis::proxy {

base::Result<> Outbox::Flush() {
  while (!messages_.empty()) {
    if (const auto sent = Send(supervisor_, messages_.front()); !sent) {
      const int error = sent.error().sys_errno();
      return error == EAGAIN || error == EPIPE ? base::Result<>() : base::Fail(sent.error());
    }
    messages_.pop_front();
  }
  return {};
}

}  // namespace aegis::proxy
