#include "proxy/http1_relay.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "proxy/http1_body.h"
#include "proxy/http1_fault.h"
#include "proxy/http1_lines.h"
#include "proxy/http1_request.h"
#include "proxy/http1_response.h"

namespace aegis::proxy {
namespace {

constexpr unsigned kContinueStatus = 100;
constexpr unsigned kSwitchingProtocols = 101;
constexpr unsigned kLeastFinalStatus = 200;

Http1Step Pass(std::size_t bytes) {
  return bytes == 0 ? Http1Step{} : Http1Step{.action = Http1Action::kPass, .bytes = bytes};
}

}  // namespace

Http1Step Http1Relay::Refuse(Http1Fault fault) {
  fault_ = fault;
  return {.action = Http1Action::kRefused, .fault = fault};
}

Http1Step Http1Relay::FromClient(std::span<const std::uint8_t> bytes) {
  if (fault_ != Http1Fault::kNone) {
    return Refuse(fault_);
  }
  if (client_ == Client::kEnded) {
    return {.action = Http1Action::kEnded};
  }
  if (bytes.empty()) {
    return {};
  }
  switch (client_) {
    case Client::kHead:
      return TakeRequestHead(bytes);
    case Client::kJudged:
      return {.action = Http1Action::kJudge, .bytes = head_left_};
    case Client::kPermitted:
      return PassRequestHead(bytes);
    case Client::kBody:
      return PassRequestBody(bytes);
    case Client::kOpaque:
      return Pass(bytes.size());
    case Client::kContinue:
    case Client::kUpgrade:
    case Client::kEnded:
      break;
  }
  return {.action = Http1Action::kWait};
}

Http1Step Http1Relay::TakeRequestHead(std::span<const std::uint8_t> bytes) {
  if (exchanges_.size() == kMostHttp1Exchanges) {
    return {.action = Http1Action::kWait};
  }
  const auto end = client_lines_.Find(bytes, Http1LineFinder::Until::kEmptyLine, kLongestHttp1Head);
  if (!end) {
    return Refuse(end.error());
  }
  if (*end == 0) {
    return {};
  }
  auto request = ParseHttp1Request(AsText(bytes.first(*end)));
  if (!request) {
    return Refuse(request.error());
  }
  request_ = std::move(*request);
  head_left_ = *end;
  client_ = Client::kJudged;
  return {.action = Http1Action::kJudge, .bytes = head_left_};
}

void Http1Relay::Permit() {
  if (fault_ == Http1Fault::kNone && client_ == Client::kJudged) {
    client_ = Client::kPermitted;
  }
}

Http1Step Http1Relay::PassRequestHead(std::span<const std::uint8_t> bytes) {
  const std::size_t passed = std::min(bytes.size(), head_left_);
  head_left_ -= passed;
  if (head_left_ == 0) {
    exchanges_.push_back({.method = request_.method, .upgrade = !request_.upgrade.empty()});
    no_more_requests_ = request_.last;
    client_body_ = Http1Body(request_.framing, Http1Body::Sender::kClient);
    client_ = request_.expects_continue ? Client::kContinue : Client::kBody;
    if (client_body_.Done()) {
      EndRequest();
    }
  }
  return Pass(passed);
}

Http1Step Http1Relay::PassRequestBody(std::span<const std::uint8_t> bytes) {
  const auto passed = client_body_.Take(bytes);
  if (!passed) {
    return Refuse(passed.error());
  }
  if (client_body_.Done()) {
    EndRequest();
  }
  return Pass(*passed);
}

void Http1Relay::EndRequest() {
  if (!exchanges_.empty() && exchanges_.back().upgrade) {
    client_ = Client::kUpgrade;
  } else {
    client_ = no_more_requests_ ? Client::kEnded : Client::kHead;
  }
}

Http1Step Http1Relay::FromServer(std::span<const std::uint8_t> bytes) {
  if (fault_ != Http1Fault::kNone) {
    return Refuse(fault_);
  }
  if (server_ == Server::kEnded) {
    return {.action = Http1Action::kEnded};
  }
  if (bytes.empty()) {
    return {};
  }
  switch (server_) {
    case Server::kHead:
      return PassResponseHead(bytes);
    case Server::kBody:
      return PassResponseBody(bytes);
    case Server::kOpaque:
    case Server::kEnded:
      break;
  }
  return Pass(bytes.size());
}

Http1Step Http1Relay::PassResponseHead(std::span<const std::uint8_t> bytes) {
  if (exchanges_.empty()) {
    return Refuse(Http1Fault::kNotAsked);
  }
  const auto end = server_lines_.Find(bytes, Http1LineFinder::Until::kEmptyLine, kLongestHttp1Head);
  if (!end) {
    return Refuse(end.error());
  }
  if (*end == 0) {
    return {};
  }
  const auto response = ParseHttp1Response(AsText(bytes.first(*end)), exchanges_.front().method);
  if (!response) {
    return Refuse(response.error());
  }
  if (response->status == kSwitchingProtocols && !exchanges_.front().upgrade) {
    return Refuse(Http1Fault::kNoUpgrade);
  }
  if (response->status < kLeastFinalStatus) {
    TakeInterim(response->status);
  } else {
    TakeFinal(*response);
  }
  return Pass(*end);
}

void Http1Relay::TakeInterim(unsigned status) {
  if (status == kSwitchingProtocols) {
    client_ = Client::kOpaque;
    server_ = Server::kOpaque;
  } else if (status == kContinueStatus && client_ == Client::kContinue && exchanges_.size() == 1) {
    client_ = Client::kBody;
  }
}

void Http1Relay::TakeFinal(const Http1Response& response) {
  exchanges_.pop_front();
  const bool current = exchanges_.empty();
  if (response.last) {
    exchanges_.clear();  // the others will have no response
    no_more_responses_ = true;
    EndRequests();
  } else if (current && client_ == Client::kContinue) {
    // The server may not expect the body any more, and would take it for a request.
    EndRequests();
  } else if (current && client_ == Client::kBody) {
    no_more_requests_ = true;  // an answer to half a request: how the server goes on is unsure
  } else if (current && client_ == Client::kUpgrade) {
    client_ = no_more_requests_ ? Client::kEnded : Client::kHead;
  }
  server_body_ = Http1Body(response.framing, Http1Body::Sender::kServer);
  server_ = Server::kBody;
  if (server_body_.Done()) {
    EndResponse();
  }
}

// A body that is being passed on goes on to its end.
void Http1Relay::EndRequests() {
  no_more_requests_ = true;
  if (client_ != Client::kBody) {
    client_ = Client::kEnded;
  }
}

Http1Step Http1Relay::PassResponseBody(std::span<const std::uint8_t> bytes) {
  const auto passed = server_body_.Take(bytes);
  if (!passed) {
    return Refuse(passed.error());
  }
  if (server_body_.Done()) {
    EndResponse();
  }
  return Pass(*passed);
}

void Http1Relay::EndResponse() {
  const bool none_left = client_ == Client::kEnded && exchanges_.empty();
  server_ = no_more_responses_ || none_left ? Server::kEnded : Server::kHead;
}

}  // namespace aegis::proxy
