#include "proxy/http_pass.h"

#include <sys/socket.h>
#include <sys/types.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "base/unique_fd.h"
#include "proxy/http1_authority.h"
#include "proxy/http1_fault.h"
#include "proxy/http1_relay.h"
#include "proxy/http1_request.h"
#include "proxy/protocol.h"

namespace aegis::proxy {
namespace {

constexpr int kStepsAtOnce = 256;  // of 16 KiB at most
constexpr std::size_t kChunk = 16'384;

bool IsFor(const Http1Authority& authority, const HttpPass::Host& host) {
  return authority.host == host.name && authority.port.value_or(host.port) == host.port;
}

std::string TextOf(const Http1Authority& authority) {
  return authority.port ? authority.host + ":" + std::to_string(*authority.port) : authority.host;
}

}  // namespace

HttpPass::State HttpPass::Pass(const base::UniqueFd& client, const base::UniqueFd& server) {
  for (int left = kStepsAtOnce; left > 0; --left) {
    const Step out = refused_ ? Step::kWait : PassOn(client_, client, server);
    if (refused_ && relay_.idle() && server_.passed == 0) {
      return State::kRefused;
    }
    const Step in = PassOn(server_, server, client);
    if (out == Step::kBroken || in == Step::kBroken) {
      return State::kBroken;
    }
    if (client_.over && server_.over) {
      return State::kEnded;
    }
    if (out == Step::kWait && in == Step::kWait) {
      return State::kWaiting;
    }
  }
  return State::kMore;
}

std::optional<HttpPass::Refusal> HttpPass::TakeRefusal() {
  return std::exchange(refusal_, std::nullopt);
}

HttpPass::Step HttpPass::PassOn(Stream& stream, const base::UniqueFd& from,
                                const base::UniqueFd& to) {
  if (stream.ended) {
    return Step::kWait;
  }
  if (stream.passed != 0) {
    return Send(stream, to);
  }
  const Http1Step step =
      &stream == &client_ ? relay_.FromClient(stream.unread) : relay_.FromServer(stream.unread);
  switch (step.action) {
    case Http1Action::kPass:
      stream.passed = step.bytes;
      return Step::kDone;
    case Http1Action::kNeedMore:
      return Receive(stream, from, to);
    case Http1Action::kJudge:
      return Judge();
    case Http1Action::kWait:
      return Step::kWait;
    case Http1Action::kEnded:
      return End(stream, from, to);
    case Http1Action::kRefused:
      if (&stream == &server_ && step.fault == Http1Fault::kNotAsked && relay_.idle()) {
        return EndBoth();
      }
      return Refuse(Objection::kMalformed,
                    (&stream == &client_ ? "" : "the response: ") + std::string(Text(step.fault)));
  }
  return Step::kBroken;
}

HttpPass::Step HttpPass::Receive(Stream& stream, const base::UniqueFd& from,
                                 const base::UniqueFd& to) {
  std::array<std::uint8_t, kChunk> bytes{};
  const ssize_t got = ::recv(from.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (got < 0) {
    return errno == EAGAIN ? Step::kWait : Step::kBroken;
  }
  if (got == 0 && &stream == &client_ && !stream.unread.empty()) {
    return Refuse(Objection::kMalformed, "it ended too soon");
  }
  if (got == 0) {
    stream.over = stream.ended = true;
    return ::shutdown(to.get(), SHUT_WR) == 0 ? Step::kDone : Step::kBroken;
  }
  stream.unread.insert(stream.unread.end(), bytes.begin(), bytes.begin() + got);
  return Step::kDone;
}

// A host that hears the end of a client's stream may take the client for gone, and drop its
// request: it hears of it when the client says so, and not with the last request.
HttpPass::Step HttpPass::End(Stream& stream, const base::UniqueFd& from, const base::UniqueFd& to) {
  stream.over = true;
  if (&stream == &client_) {
    stream.unread.clear();
    return Receive(stream, from, to);
  }
  stream.ended = true;
  return ::shutdown(to.get(), SHUT_WR) == 0 ? Step::kDone : Step::kBroken;
}

// A server that has waited for long enough may say so, though nobody has asked, and ends.
HttpPass::Step HttpPass::EndBoth() {
  client_.ended = server_.ended = true;
  return Step::kDone;
}

HttpPass::Step HttpPass::Send(Stream& stream, const base::UniqueFd& to) {
  const ssize_t sent =
      ::send(to.get(), stream.unread.data(), stream.passed, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent < 0) {
    return errno == EAGAIN ? Step::kWait : Step::kBroken;
  }
  stream.unread.erase(stream.unread.begin(), stream.unread.begin() + sent);
  stream.passed -= static_cast<std::size_t>(sent);
  return Step::kDone;
}

HttpPass::Step HttpPass::Judge() {
  const Http1Authority& asked = relay_.request().authority;
  if (!IsFor(asked, host_)) {
    return Refuse(Objection::kOtherName, TextOf(asked));
  }
  relay_.Permit();
  return Step::kDone;
}

// Once. What was refused because it can't be read ends both directions.
HttpPass::Step HttpPass::Refuse(Objection objection, std::string seen) {
  if (refused_) {
    return Step::kBroken;
  }
  refused_ = true;
  refusal_ = {.objection = objection, .seen = std::move(seen)};
  return Step::kDone;
}

}  // namespace aegis::proxy
