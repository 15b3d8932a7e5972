#pragma once

// A server of the module's tests that says what it is told, right or wrong, over TLS or not.

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "base/unique_fd.h"

namespace aegis::witness {

// A certificate that vouches for itself, and a server's context with it.
class TestCertificate {
 public:
  explicit TestCertificate(const std::string& alternative_name)
      : key_(EVP_EC_gen("P-256"), &::EVP_PKEY_free), certificate_(::X509_new(), &::X509_free) {
    X509* const x509 = certificate_.get();
    ::X509_set_version(x509, X509_VERSION_3);
    ::ASN1_INTEGER_set(::X509_get_serialNumber(x509), 1);
    ::X509_gmtime_adj(::X509_getm_notBefore(x509), -3600);
    ::X509_gmtime_adj(::X509_getm_notAfter(x509), 3600);
    ::X509_set_pubkey(x509, key_.get());
    const std::array<unsigned char, 5> name = {'t', 'e', 's', 't', 0};
    ::X509_NAME_add_entry_by_txt(::X509_get_subject_name(x509), "CN", MBSTRING_ASC, name.data(), -1,
                                 -1, 0);
    ::X509_set_issuer_name(x509, ::X509_get_subject_name(x509));
    X509_EXTENSION* const extension =
        ::X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, alternative_name.c_str());
    EXPECT_EQ(::X509_add_ext(x509, extension, -1), 1);
    ::X509_EXTENSION_free(extension);
    EXPECT_GT(::X509_sign(x509, key_.get(), ::EVP_sha256()), 0);
  }

  void WritePem(const std::string& path) const {
    const std::unique_ptr<FILE, decltype(&::fclose)> file(::fopen(path.c_str(), "we"), &::fclose);
    EXPECT_EQ(::PEM_write_X509(file.get(), certificate_.get()), 1);
  }

  std::shared_ptr<SSL_CTX> Context() const {
    std::shared_ptr<SSL_CTX> context(::SSL_CTX_new(::TLS_server_method()), &::SSL_CTX_free);
    EXPECT_EQ(::SSL_CTX_use_certificate(context.get(), certificate_.get()), 1);
    EXPECT_EQ(::SSL_CTX_use_PrivateKey(context.get(), key_.get()), 1);
    return context;
  }

 private:
  std::unique_ptr<EVP_PKEY, decltype(&::EVP_PKEY_free)> key_;
  std::unique_ptr<X509, decltype(&::X509_free)> certificate_;
};

// What the server does after a request.
struct Act {
  std::string bytes{};
  bool close = false;
  bool hang = false;                    // say no more, and keep the connection open
  std::chrono::milliseconds pause{0};   // before each byte
  std::chrono::milliseconds before{0};  // before all
};

inline std::string Answer(unsigned status, std::string_view body, std::string_view more = "") {
  return "HTTP/1.1 " + std::to_string(status) +
         " X\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + std::string(more) +
         "\r\n" + std::string(body);
}

// Serves one connection after the other, on a thread of its own.
class ScriptedServer {
 public:
  // `connection` counts from 1.
  using Script = std::function<Act(const std::string& request, int connection)>;

  explicit ScriptedServer(Script script, std::shared_ptr<SSL_CTX> tls = nullptr)
      : script_(std::move(script)),
        tls_(std::move(tls)),
        listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* const raw = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(listener_.get(), raw, length), 0);
    EXPECT_EQ(::listen(listener_.get(), 8), 0);
    EXPECT_EQ(::getsockname(listener_.get(), raw, &length), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::jthread([this](const std::stop_token& stop) { Serve(stop); });
  }

  std::uint16_t port() const { return port_; }
  int connections() const { return connections_; }

 private:
  // One connection, encrypted or not.
  class Peer {
   public:
    Peer(base::UniqueFd fd, SSL_CTX* tls) : fd_(std::move(fd)), ssl_(nullptr, &::SSL_free) {
      if (tls != nullptr) {
        ssl_.reset(::SSL_new(tls));
        ::SSL_set_fd(ssl_.get(), fd_.get());
      }
    }
    bool Begin() { return ssl_ == nullptr || ::SSL_accept(ssl_.get()) == 1; }
    std::string Read() {
      std::array<char, 4096> buffer{};
      const int size = static_cast<int>(buffer.size());
      const long got = ssl_ != nullptr ? ::SSL_read(ssl_.get(), buffer.data(), size)
                                       : ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
      return {buffer.data(), static_cast<std::size_t>(std::max(got, 0L))};
    }
    bool Write(std::string_view bytes) {
      const int size = static_cast<int>(bytes.size());
      return size == 0 || (ssl_ != nullptr ? ::SSL_write(ssl_.get(), bytes.data(), size) == size
                                           : ::send(fd_.get(), bytes.data(), bytes.size(),
                                                    MSG_NOSIGNAL) == static_cast<ssize_t>(size));
    }
    int fd() const { return fd_.get(); }

   private:
    base::UniqueFd fd_;
    std::unique_ptr<SSL, decltype(&::SSL_free)> ssl_;
  };

  static bool Wait(int fd, const std::stop_token& stop) {
    pollfd poll{.fd = fd, .events = POLLIN, .revents = 0};
    while (!stop.stop_requested()) {
      if (::poll(&poll, 1, 10) > 0) {
        return true;
      }
    }
    return false;
  }

  void Serve(const std::stop_token& stop) {
    while (Wait(listener_.get(), stop)) {
      Peer peer(base::UniqueFd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)),
                tls_.get());
      ++connections_;
      if (peer.Begin()) {
        Talk(peer, stop);
      }
    }
  }

  void Talk(Peer& peer, const std::stop_token& stop) {
    std::string request;
    while (Wait(peer.fd(), stop)) {
      const std::string more = peer.Read();
      if (more.empty()) {
        return;
      }
      request += more;
      if (!IsWhole(request)) {
        continue;
      }
      const Act act = script_(std::exchange(request, {}), connections_);
      if (!Perform(act, peer, stop)) {
        return;
      }
    }
  }

  static bool Perform(const Act& act, Peer& peer, const std::stop_token& stop) {
    std::this_thread::sleep_for(act.before);
    if (act.pause.count() == 0) {
      peer.Write(act.bytes);
    }
    for (std::size_t i = 0; act.pause.count() != 0 && i < act.bytes.size(); ++i) {
      std::this_thread::sleep_for(act.pause);
      if (stop.stop_requested() || !peer.Write(act.bytes.substr(i, 1))) {
        return false;
      }
    }
    while (act.hang && Wait(peer.fd(), stop) && !peer.Read().empty()) {
    }
    return !act.close && !act.hang;
  }

  static bool IsWhole(const std::string& request) {
    const std::size_t end = request.find("\r\n\r\n");
    const std::size_t field = request.find("Content-Length: ");
    return end != std::string::npos && field != std::string::npos &&
           request.size() >= end + 4 + std::strtoul(request.c_str() + field + 16, nullptr, 10);
  }

  Script script_;
  std::shared_ptr<SSL_CTX> tls_;  // shared with the test, which may make several servers of it
  base::UniqueFd listener_;
  std::uint16_t port_ = 0;
  std::atomic<int> connections_ = 0;
  std::jthread thread_;
};

}  // namespace aegis::witness
