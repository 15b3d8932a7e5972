#include "proxy/protocol.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/check.h"
#include "base/result.h"
#include "base/text.h"
#include "proxy/bytes.h"
#include "proxy/host_name.h"
#include "proxy/ip_address.h"

namespace aegis::proxy {
namespace {

enum Kind : std::uint32_t {
  kStart = 1,
  kReady = 2,
  kFailed = 3,
  kNameQuestion = 4,
  kNameVerdict = 5,
  kNameAddresses = 6,
  kNameMapped = 7,
  kNewConnection = 8,
  kConnectionRefused = 9,
  kFinish = 10,
  kFinished = 11,
  kPublishedUse = 12,
};

constexpr unsigned kByteBits = 8;
constexpr std::size_t kQuestionName = 1006;  // more than the longest written name
static_assert(kLongestWrittenName <= kQuestionName);

class Writer {
 public:
  explicit Writer(Kind kind) { Number<std::uint32_t>(kind); }

  template <typename Integer>
  void Number(Integer number) {
    for (unsigned i = 0; i < sizeof number; ++i) {
      out_.push_back(static_cast<std::uint8_t>(std::uint64_t{number} >> (kByteBits * i) &
                                               std::uint64_t{0xff}));
    }
  }
  void Text(std::string_view text, std::size_t field) {
    AEGIS_CHECK(text.size() <= field);
    Number(static_cast<std::uint16_t>(text.size()));
    out_.insert(out_.end(), text.begin(), text.end());
    out_.resize(out_.size() + field - text.size());
  }
  void Addresses(const std::vector<IpAddress>& addresses) {
    AEGIS_CHECK(addresses.size() <= kMostAddresses);
    Number(static_cast<std::uint8_t>(addresses.size()));
    for (std::size_t i = 0; i < kMostAddresses; ++i) {
      const IpAddress address = i < addresses.size() ? addresses[i] : IpAddress{};
      Number(static_cast<std::uint8_t>(address.family));
      out_.insert(out_.end(), address.bytes.begin(), address.bytes.end());
    }
  }
  void Ports(const std::vector<std::uint16_t>& ports) {
    AEGIS_CHECK(ports.size() <= kMostPublishedPorts);
    Number(static_cast<std::uint8_t>(ports.size()));
    for (std::size_t i = 0; i < kMostPublishedPorts; ++i) {
      Number(i < ports.size() ? ports[i] : std::uint16_t{0});
    }
  }
  Bytes Finish() && {
    AEGIS_CHECK(out_.size() <= kLongestMessage);
    return std::move(out_);
  }

 private:
  Bytes out_;
};

// Reads what a Writer wrote; anything else sticks as !Finished().
class Reader {
 public:
  explicit Reader(std::span<const std::uint8_t> rest) : rest_(rest) {}

  template <typename Integer>
  Integer Number() {
    std::uint64_t number = 0;
    const auto bytes = Take(sizeof(Integer));
    for (std::size_t i = bytes.size(); i-- > 0;) {
      number = number << kByteBits | bytes[i];
    }
    return static_cast<Integer>(number);
  }
  bool Flag() {
    const auto value = Number<std::uint8_t>();
    Require(value <= 1);
    return value == 1;
  }
  Family AnyFamily() {
    const auto value = Number<std::uint8_t>();
    const Family family = value == 4 ? Family::kIpv4 : value == 6 ? Family::kIpv6 : Family::kNone;
    Require(static_cast<std::uint8_t>(family) == value);
    return family;
  }
  std::string Text(std::size_t field) {
    const std::size_t size = Number<std::uint16_t>();
    const auto bytes = Take(field);
    Require(size <= bytes.size());
    if (!ok_) {
      return {};
    }
    Require(std::ranges::all_of(bytes.subspan(size), [](std::uint8_t byte) { return byte == 0; }));
    const auto text = bytes.first(size);
    return {text.begin(), text.end()};
  }
  std::vector<IpAddress> Addresses() {
    const std::size_t count = Number<std::uint8_t>();
    Require(count <= kMostAddresses);
    std::vector<IpAddress> addresses;
    for (std::size_t i = 0; i < kMostAddresses; ++i) {
      IpAddress address;
      address.family = AnyFamily();
      const auto bytes = Take(address.bytes.size());
      std::ranges::copy(bytes, address.bytes.begin());
      const auto unused = std::span(address.bytes).subspan(AddressBytes(address.family));
      Require((address.family != Family::kNone) == (i < count) &&
              std::ranges::all_of(unused, [](std::uint8_t byte) { return byte == 0; }));
      if (i < count) {
        addresses.push_back(address);
      }
    }
    return addresses;
  }
  std::vector<std::uint16_t> Ports() {
    const std::size_t count = Number<std::uint8_t>();
    Require(count <= kMostPublishedPorts);
    std::vector<std::uint16_t> ports;
    for (std::size_t i = 0; i < kMostPublishedPorts; ++i) {
      const auto port = Number<std::uint16_t>();
      Require((port != 0) == (i < count));
      if (port != 0) {
        ports.push_back(port);
      }
    }
    return ports;
  }
  void Require(bool condition) { ok_ = ok_ && condition; }
  bool Finished() const { return ok_ && rest_.empty(); }

 private:
  std::span<const std::uint8_t> Take(std::size_t size) {
    Require(size <= rest_.size());
    const auto taken = ok_ ? rest_.first(size) : std::span<const std::uint8_t>();
    rest_ = rest_.subspan(taken.size());
    return taken;
  }

  std::span<const std::uint8_t> rest_;
  bool ok_ = true;
};

bool IsFit(const Start& start) {
  return start.name_sockets >= 1 && start.name_sockets <= kMostNameSockets &&
         start.published.size() <= kMostPublishedPorts &&
         std::ranges::find(start.published, 0) == start.published.end();
}

Bytes Write(const Start& start) {
  AEGIS_CHECK(IsFit(start));
  Writer writer(kStart);
  writer.Number(start.name_sockets);
  writer.Number(start.meeting_port4);
  writer.Number(start.meeting_port6);
  writer.Ports(start.published);
  return std::move(writer).Finish();
}

Bytes Write(const Ready& /*ready*/) { return Writer(kReady).Finish(); }

Bytes Write(const Failed& failed) {
  Writer writer(kFailed);
  writer.Text(failed.message, kLongestFailure);
  return std::move(writer).Finish();
}

bool IsFit(const NameQuestion& question) {
  return IsHostName(question.name) ? !question.odd : question.odd && IsWrittenName(question.name);
}

Bytes Write(const NameQuestion& question) {
  AEGIS_CHECK(IsFit(question));
  Writer writer(kNameQuestion);
  writer.Number(question.id);
  writer.Number(static_cast<std::uint8_t>(question.family));
  writer.Number(question.client_port);
  writer.Number(static_cast<std::uint8_t>(question.odd ? 1 : 0));
  writer.Text(question.name, kQuestionName);
  return std::move(writer).Finish();
}

Bytes Write(const NameVerdict& verdict) {
  Writer writer(kNameVerdict);
  writer.Number(verdict.id);
  writer.Number(static_cast<std::uint8_t>(verdict.allowed ? 1 : 0));
  return std::move(writer).Finish();
}

Bytes Write(const NameAddresses& found) {
  AEGIS_CHECK(IsHostName(found.name) && !found.addresses.empty());
  Writer writer(kNameAddresses);
  writer.Number(found.id);
  writer.Text(found.name, kLongestHostName);
  writer.Addresses(found.addresses);
  return std::move(writer).Finish();
}

Bytes Write(const NameMapped& mapped) {
  Writer writer(kNameMapped);
  writer.Number(mapped.id);
  writer.Addresses(mapped.addresses);
  return std::move(writer).Finish();
}

bool IsFit(const NewConnection& connection) {
  return IsHostName(connection.name) && connection.port != 0;
}

Bytes Write(const NewConnection& connection) {
  AEGIS_CHECK(IsFit(connection));
  Writer writer(kNewConnection);
  writer.Number(connection.id);
  writer.Text(connection.name, kLongestHostName);
  writer.Number(connection.port);
  return std::move(writer).Finish();
}

bool IsFit(const ConnectionRefused& refused) {
  return refused.objection >= Objection::kOtherName && refused.objection <= Objection::kMalformed &&
         base::ForDisplay(refused.seen) == refused.seen;
}

Bytes Write(const ConnectionRefused& refused) {
  AEGIS_CHECK(IsFit(refused));
  Writer writer(kConnectionRefused);
  writer.Number(refused.id);
  writer.Number(static_cast<std::uint8_t>(refused.objection));
  writer.Text(refused.seen, kLongestSeen);
  return std::move(writer).Finish();
}

Bytes Write(const Finish& /*finish*/) { return Writer(kFinish).Finish(); }

Bytes Write(const Finished& /*finished*/) { return Writer(kFinished).Finish(); }

Bytes Write(const PublishedUse& use) {
  Writer writer(kPublishedUse);
  writer.Number(use.connections);
  return std::move(writer).Finish();
}

Start ReadStart(Reader& reader) {
  Start start;
  start.name_sockets = reader.Number<std::uint8_t>();
  start.meeting_port4 = reader.Number<std::uint16_t>();
  start.meeting_port6 = reader.Number<std::uint16_t>();
  start.published = reader.Ports();
  reader.Require(IsFit(start));
  return start;
}

NewConnection ReadNewConnection(Reader& reader) {
  NewConnection connection;
  connection.id = reader.Number<std::uint64_t>();
  connection.name = reader.Text(kLongestHostName);
  connection.port = reader.Number<std::uint16_t>();
  reader.Require(IsFit(connection));
  return connection;
}

ConnectionRefused ReadConnectionRefused(Reader& reader) {
  ConnectionRefused refused;
  refused.id = reader.Number<std::uint64_t>();
  refused.objection = static_cast<Objection>(reader.Number<std::uint8_t>());
  refused.seen = reader.Text(kLongestSeen);
  reader.Require(IsFit(refused));
  return refused;
}

Failed ReadFailed(Reader& reader) {
  Failed failed{.message = reader.Text(kLongestFailure)};
  reader.Require(base::ForDisplay(failed.message) == failed.message);
  return failed;
}

NameQuestion ReadQuestion(Reader& reader) {
  NameQuestion question;
  question.id = reader.Number<std::uint64_t>();
  question.family = reader.AnyFamily();
  question.client_port = reader.Number<std::uint16_t>();
  question.odd = reader.Flag();
  question.name = reader.Text(kQuestionName);
  reader.Require(IsFit(question));
  return question;
}

NameVerdict ReadVerdict(Reader& reader) {
  NameVerdict verdict;
  verdict.id = reader.Number<std::uint64_t>();
  verdict.allowed = reader.Flag();
  return verdict;
}

NameAddresses ReadAddresses(Reader& reader) {
  NameAddresses found;
  found.id = reader.Number<std::uint64_t>();
  found.name = reader.Text(kLongestHostName);
  found.addresses = reader.Addresses();
  reader.Require(IsHostName(found.name) && !found.addresses.empty());
  return found;
}

NameMapped ReadMapped(Reader& reader) {
  NameMapped mapped;
  mapped.id = reader.Number<std::uint64_t>();
  mapped.addresses = reader.Addresses();
  return mapped;
}

std::optional<FromProxy> ReadFromProxy(Reader& reader) {
  switch (reader.Number<std::uint32_t>()) {
    case kReady:
      return Ready{};
    case kFailed:
      return ReadFailed(reader);
    case kNameQuestion:
      return ReadQuestion(reader);
    case kNameAddresses:
      return ReadAddresses(reader);
    case kConnectionRefused:
      return ReadConnectionRefused(reader);
    case kFinished:
      return Finished{};
    case kPublishedUse:
      return PublishedUse{.connections = reader.Number<std::uint64_t>()};
    default:
      return std::nullopt;
  }
}

std::optional<FromSupervisor> ReadFromSupervisor(Reader& reader) {
  switch (reader.Number<std::uint32_t>()) {
    case kStart:
      return ReadStart(reader);
    case kNameVerdict:
      return ReadVerdict(reader);
    case kNameMapped:
      return ReadMapped(reader);
    case kNewConnection:
      return ReadNewConnection(reader);
    case kFinish:
      return Finish{};
    default:
      return std::nullopt;
  }
}

// One byte may become eight characters: what is cut afterwards could end within an escape.
std::string CutForDisplay(std::string_view bytes, std::size_t longest) {
  bytes = bytes.substr(0, longest);
  std::string text = base::ForDisplay(bytes);
  while (text.size() > longest) {
    bytes.remove_suffix(1);
    text = base::ForDisplay(bytes);
  }
  return text;
}

template <typename Message>
base::Result<Message> Checked(std::optional<Message> message, const Reader& reader,
                              std::string_view sender) {
  if (!message || !reader.Finished()) {
    return base::Fail(base::Errc::kInvalid,
                      "read a message of " + std::string(sender) + ": not a proper one");
  }
  return std::move(*message);
}

}  // namespace

Bytes Encode(const FromProxy& message) {
  return std::visit([](const auto& one) { return Write(one); }, message);
}

Bytes Encode(const FromSupervisor& message) {
  return std::visit([](const auto& one) { return Write(one); }, message);
}

base::Result<FromProxy> DecodeFromProxy(std::span<const std::uint8_t> packet) {
  Reader reader(packet);
  auto message = ReadFromProxy(reader);
  return Checked(std::move(message), reader, "the proxy");
}

base::Result<FromSupervisor> DecodeFromSupervisor(std::span<const std::uint8_t> packet) {
  Reader reader(packet);
  auto message = ReadFromSupervisor(reader);
  return Checked(std::move(message), reader, "the supervisor");
}

Failed FailureOf(std::string_view message) {
  return {.message = CutForDisplay(message, kLongestFailure)};
}

std::string SeenText(std::string_view bytes) { return CutForDisplay(bytes, kLongestSeen); }

}  // namespace aegis::proxy
