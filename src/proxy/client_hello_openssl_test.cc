#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "proxy/bytes.h"
#include "proxy/client_hello.h"
#include "proxy/test_client_hello.h"

// OpenSSL's server as a second reader: it never sees another name than ParseClientHello() does.
namespace aegis::proxy {
namespace {

using testing_support::AlpnExtension;
using testing_support::Append;
using testing_support::Records;
using testing_support::ServerNameExtension;
using testing_support::TestExtension;
using testing_support::TestHello;

struct Seen {
  bool hello = false;  // it was well-formed enough to be read to the end of its extensions
  std::optional<std::string> server_name{};
  bool early_data = false;
  std::string alpn{};  // as in the message
};

int OnHello(SSL* ssl, int* /*alert*/, void* argument) {
  auto& seen = *static_cast<Seen*>(argument);
  const unsigned char* data = nullptr;
  std::size_t size = 0;
  seen.hello = true;
  seen.early_data = SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_early_data, &data, &size) == 1;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &data,
                                &size) == 1) {
    seen.alpn = AsText({data, size});
  }
  return SSL_CLIENT_HELLO_SUCCESS;
}

class OpenSslServer {
 public:
  Seen Read(const Bytes& bytes) {
    Seen seen;
    SSL_CTX_set_client_hello_cb(context_.get(), OnHello, &seen);
    const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context_.get()), SSL_free);
    BIO* in = BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size()));
    SSL_set_bio(ssl.get(), in, BIO_new(BIO_s_mem()));
    static_cast<void>(SSL_accept(ssl.get()));  // it has no certificate to go on with
    if (const char* name = SSL_get_servername(ssl.get(), TLSEXT_NAMETYPE_host_name)) {
      seen.server_name = name;
    }
    return seen;
  }

 private:
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_{SSL_CTX_new(TLS_server_method()),
                                                             SSL_CTX_free};
};

std::string Lower(std::string text) {
  for (char& c : text) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return text;
}

class Random {
 public:
  // Below `limit`.
  std::size_t Number(std::size_t limit) { return engine_() % limit; }
  bool OneIn(std::size_t count) { return Number(count) == 0; }
  std::string Text(std::size_t most) {
    constexpr std::string_view kCharacters = "abcxyzABCXYZ0189-_";
    std::string text;
    for (std::size_t left = 1 + Number(most); left > 0; --left) {
      text += kCharacters[Number(kCharacters.size())];
    }
    return text;
  }
  Bytes Data(std::size_t most) {
    Bytes data(Number(most + 1));
    for (std::uint8_t& byte : data) {
      byte = static_cast<std::uint8_t>(engine_());
    }
    return data;
  }

 private:
  std::mt19937 engine_{20260101};  // NOLINT(bugprone-random-generator-seed): the same each time
};

struct Expected {
  TestHello hello{};
  std::optional<std::string> name{};
  std::vector<std::string> alpn{};
};

Expected RandomHello(Random& random) {
  Expected made;
  made.hello.session_id_bytes = random.Number(33);
  std::vector<TestExtension> extensions;
  for (std::uint16_t type = 0x7000; random.Number(4) != 0; ++type) {
    extensions.push_back({.type = type, .data = random.Data(40)});
  }
  if (!random.OneIn(4)) {
    made.name = random.Text(20) + "." + random.Text(8) + ".example";
    extensions.push_back(ServerNameExtension(*made.name));
  }
  if (random.OneIn(2)) {
    made.alpn = {random.Text(5), random.Text(5)};
    extensions.insert(extensions.begin(), AlpnExtension({made.alpn[0], made.alpn[1]}));
  }
  made.hello.extensions = extensions;
  return made;
}

TEST(ClientHelloAndOpenSsl, ReadRandomHellosAlike) {
  Random random;
  OpenSslServer server;
  for (int round = 0; round < 2000; ++round) {
    const Expected made = RandomHello(random);
    const Bytes message = made.hello.Message();
    const Bytes bytes = Records(message, 1 + random.Number(message.size()));
    const auto parsed = ParseClientHello(bytes);
    const auto* hello = std::get_if<ClientHello>(&parsed);
    ASSERT_NE(hello, nullptr);
    const Seen seen = server.Read(bytes);
    ASSERT_TRUE(seen.hello);
    EXPECT_EQ(seen.server_name, made.name);
    EXPECT_EQ(hello->server_name, made.name ? std::optional(Lower(*made.name)) : std::nullopt);
    EXPECT_EQ(hello->alpn, made.alpn);
    EXPECT_EQ(hello->early_data, seen.early_data);
  }
}

// One to three bytes of a message are changed: what is still taken names whom OpenSSL sees named.
TEST(ClientHelloAndOpenSsl, DamagedHellosNameNobodyElse) {
  Random random;
  OpenSslServer server;
  int taken = 0;
  int named = 0;
  for (int round = 0; round < 20000; ++round) {
    const Expected made = RandomHello(random);
    Bytes message = made.hello.Message();
    for (std::size_t left = 1 + random.Number(3); left > 0; --left) {
      const std::size_t at = 38 + random.Number(message.size() - 38);
      message[at] = static_cast<std::uint8_t>(random.OneIn(2) ? random.Number(256)
                                                              : message[at] + random.Number(5) - 2);
    }
    const Bytes bytes = Records(message, 1 + random.Number(message.size()));
    const auto parsed = ParseClientHello(bytes);
    const auto* hello = std::get_if<ClientHello>(&parsed);
    if (hello == nullptr) {
      continue;
    }
    ++taken;
    const Seen seen = server.Read(bytes);
    if (seen.server_name) {
      ++named;
      ASSERT_EQ(hello->server_name, Lower(*seen.server_name));
    }
    ASSERT_TRUE(!seen.hello || seen.early_data == hello->early_data);
  }
  EXPECT_GT(taken, 4000);
  EXPECT_GT(named, 2000);
}

}  // namespace
}  // namespace aegis::proxy
