#include "canon/note.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/text.h"
#include "canon/ed25519.h"
#include "canon/encoding.h"
#include "canon/sha256.h"
#include "canon/utf8.h"

namespace aegis::canon {
namespace {

using base::Errc;
using base::Fail;
using base::Result;

constexpr std::string_view kSignatureStart = "\u2014 ";  // an em dash
constexpr std::string_view kPrivateStart = "PRIVATE+KEY+";
constexpr std::string_view kCosignatureStart = "cosignature/v1\n";
constexpr std::size_t kIdSize = 4;
constexpr std::size_t kTimeSize = 8;
constexpr std::uint64_t kMaxTime = (std::uint64_t{1} << 63U) - 1;

// The characters beyond ASCII that Unicode calls white space.
constexpr std::array<std::string_view, 19> kSpaces = {
    "\u0085", "\u00a0", "\u1680", "\u2000", "\u2001", "\u2002", "\u2003",
    "\u2004", "\u2005", "\u2006", "\u2007", "\u2008", "\u2009", "\u200a",
    "\u2028", "\u2029", "\u202f", "\u205f", "\u3000"};

bool IsControl(char c) { return static_cast<std::uint8_t>(c) < 0x20; }

template <typename Integer>
void AppendBigEndian(std::string& out, Integer value) {
  for (std::size_t i = sizeof(Integer); i > 0; --i) {
    out += static_cast<char>((value >> (8 * (i - 1))) & 0xffU);
  }
}

template <typename Integer>
Integer ReadBigEndian(std::string_view bytes) {
  Integer value = 0;
  for (std::size_t i = 0; i < sizeof(Integer); ++i) {
    value = static_cast<Integer>((value << 8U) | ByteAt(bytes, i));
  }
  return value;
}

std::uint32_t KeyId(std::string_view name, SignatureType type, const Ed25519PublicKey& key) {
  std::string message(name);
  message += '\n';
  message += static_cast<char>(type);
  message += key.view();
  return ReadBigEndian<std::uint32_t>(HashSha256(message).view());
}

// NAME+ID+KEY, as both kinds of keys are written: the id as a number, the key as decoded bytes.
struct KeyFields {
  std::string_view name;
  std::uint32_t id = 0;
  std::string key;
};
std::optional<KeyFields> ParseKeyFields(std::string_view text) {
  const std::size_t name_end = text.find('+');
  if (name_end == std::string_view::npos) {
    return std::nullopt;
  }
  const std::size_t id_end = text.find('+', name_end + 1);
  if (id_end != name_end + 1 + 2 * kIdSize) {
    return std::nullopt;
  }
  const auto id = HexDecode(text.substr(name_end + 1, 2 * kIdSize));
  // A `+` of the key's base64 comes after both separators, and names have none.
  auto key = Base64Decode(text.substr(id_end + 1));
  if (!id || !key) {
    return std::nullopt;
  }
  return KeyFields{.name = text.substr(0, name_end),
                   .id = ReadBigEndian<std::uint32_t>(*id),
                   .key = std::move(*key)};
}

std::string KeyText(std::string_view name, std::uint32_t id, std::string_view key) {
  std::string id_bytes;
  AppendBigEndian(id_bytes, id);
  std::string text;
  // A growing string would leave copies of what may be a secret behind.
  text.reserve(name.size() + 2 + 2 * kIdSize + (key.size() + 2) / 3 * 4);
  text += name;
  text += '+';
  AppendHex(text, id_bytes);
  text += '+';
  AppendBase64(text, key);
  return text;
}

std::string CosignedMessage(std::string_view text, std::uint64_t time) {
  std::string message(kCosignatureStart);
  message += "time ";
  message += std::to_string(time);
  message += '\n';
  message += text;
  return message;
}

// The time of a signature that holds (0 if its type has none), or nullopt.
std::optional<std::uint64_t> VerifySignature(const VerifierKey& key, std::string_view text,
                                             std::string_view bytes) {
  if (key.type == SignatureType::kNote) {
    const auto signature = Ed25519Signature::From(bytes);
    const bool good = signature && VerifyEd25519(key.public_key, text, *signature);
    return good ? std::optional<std::uint64_t>(0) : std::nullopt;
  }
  if (bytes.size() != kTimeSize + Ed25519Signature::kSize) {
    return std::nullopt;
  }
  const auto time = ReadBigEndian<std::uint64_t>(bytes);
  const auto signature = Ed25519Signature::From(bytes.substr(kTimeSize));
  const bool good = time <= kMaxTime && signature &&
                    VerifyEd25519(key.public_key, CosignedMessage(text, time), *signature);
  return good ? std::optional(time) : std::nullopt;
}

base::Result<> CheckSignable(std::string_view text) {
  if (text.size() > kMaxNote || !IsNoteText(text)) {
    return Fail(Errc::kInvalid, "sign a note: the text is none that a note can have");
  }
  return {};
}

}  // namespace

bool IsNoteText(std::string_view text) {
  return text.ends_with('\n') && base::IsValidUtf8(text) &&
         std::none_of(text.begin(), text.end(), [](char c) { return IsControl(c) && c != '\n'; });
}

bool IsKeyName(std::string_view name) {
  const auto is_wrong = [](char c) { return IsControl(c) || c == ' ' || c == '+'; };
  return !name.empty() && base::IsValidUtf8(name) &&
         std::none_of(name.begin(), name.end(), is_wrong) &&
         std::none_of(kSpaces.begin(), kSpaces.end(),
                      [name](std::string_view space) { return name.contains(space); });
}

Result<VerifierKey> VerifierKey::Make(std::string_view name, SignatureType type,
                                      const Ed25519PublicKey& public_key) {
  if (!IsKeyName(name)) {
    return Fail(Errc::kInvalid, "the name of a key can't be empty or hold spaces or +");
  }
  if (IsWeak(public_key)) {
    return Fail(Errc::kInvalid, "the public key is a weak one, whose signatures prove nothing");
  }
  return VerifierKey{.name = std::string(name),
                     .id = KeyId(name, type, public_key),
                     .type = type,
                     .public_key = public_key};
}

Result<VerifierKey> VerifierKey::Parse(std::string_view text) {
  const auto fields = ParseKeyFields(text);
  if (!fields || fields->key.empty()) {
    return Fail(Errc::kInvalid, "not a verifier key: its form is NAME+ID+KEY");
  }
  const auto type = static_cast<SignatureType>(fields->key.front());
  if (type != SignatureType::kNote && type != SignatureType::kCosignature) {
    return Fail(Errc::kUnsupported, "verifier key of another type than Ed25519 or cosignature/v1");
  }
  const auto public_key = Ed25519PublicKey::From(std::string_view(fields->key).substr(1));
  if (!public_key) {
    return Fail(Errc::kInvalid, "not a verifier key: an Ed25519 public key has 32 bytes");
  }
  AEGIS_ASSIGN(VerifierKey key, Make(fields->name, type, *public_key));
  if (key.id != fields->id) {
    return Fail(Errc::kInvalid, "not a verifier key: its id is not that of its name and key");
  }
  return key;
}

std::string VerifierKey::Text() const {
  std::string key(1, static_cast<char>(type));
  key += public_key.view();
  return KeyText(name, id, key);
}

Result<NoteSignature> NoteSignature::Parse(std::string_view line) {
  const auto malformed = [] { return Fail(Errc::kInvalid, "not a signature line of a note"); };
  if (!line.starts_with(kSignatureStart)) {
    return malformed();
  }
  line.remove_prefix(kSignatureStart.size());
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos || !IsKeyName(line.substr(0, space))) {
    return malformed();
  }
  const auto bytes = Base64Decode(line.substr(space + 1));
  if (!bytes || bytes->size() <= kIdSize) {
    return malformed();
  }
  return NoteSignature{.name = std::string(line.substr(0, space)),
                       .id = ReadBigEndian<std::uint32_t>(*bytes),
                       .bytes = bytes->substr(kIdSize)};
}

std::string NoteSignature::Line() const {
  std::string raw;
  AppendBigEndian(raw, id);
  raw += bytes;
  std::string line(kSignatureStart);
  line += name;
  line += ' ';
  AppendBase64(line, raw);
  return line;
}

Result<std::vector<NoteSignature>> ParseSignatureLines(std::string_view lines) {
  if (lines.size() > kMaxNote) {
    return Fail(Errc::kExhausted, "signatures longer than a note can be");
  }
  std::vector<NoteSignature> signatures;
  while (!lines.empty()) {
    const std::size_t end = lines.find('\n');
    if (end == std::string_view::npos) {
      return Fail(Errc::kInvalid, "a signature line without its newline");
    }
    if (signatures.size() == kMaxNoteSignatures) {
      return Fail(Errc::kExhausted, "a note with too many signatures");
    }
    AEGIS_ASSIGN(NoteSignature signature, NoteSignature::Parse(lines.substr(0, end)));
    signatures.push_back(std::move(signature));
    lines.remove_prefix(end + 1);
  }
  return signatures;
}

Result<SignedNote> SignedNote::Parse(std::string_view note) {
  if (note.size() > kMaxNote) {
    return Fail(Errc::kExhausted, "a note longer than is read");
  }
  const std::size_t end = note.rfind("\n\n");
  if (end == std::string_view::npos) {
    return Fail(Errc::kInvalid, "not a signed note: no empty line before signatures");
  }
  const std::string_view text = note.substr(0, end + 1);
  if (!IsNoteText(text)) {
    return Fail(Errc::kInvalid, "not a signed note: control characters or invalid UTF-8");
  }
  AEGIS_ASSIGN(auto signatures, ParseSignatureLines(note.substr(end + 2)));
  if (signatures.empty()) {
    return Fail(Errc::kInvalid, "not a signed note: no signatures");
  }
  return SignedNote{.text = std::string(text), .signatures = std::move(signatures)};
}

std::string SignedNote::Text() const {
  std::string note = text + '\n';
  for (const NoteSignature& signature : signatures) {
    note += signature.Line();
    note += '\n';
  }
  return note;
}

NoteSigner::NoteSigner(Ed25519Key key, VerifierKey verifier, VerifierKey cosigner)
    : key_(std::move(key)), verifier_(std::move(verifier)), cosigner_(std::move(cosigner)) {}

Result<NoteSigner> NoteSigner::Make(std::string_view name, Ed25519Key key) {
  const Ed25519PublicKey& public_key = key.public_key();
  AEGIS_ASSIGN(auto verifier, VerifierKey::Make(name, SignatureType::kNote, public_key));
  AEGIS_ASSIGN(auto cosigner, VerifierKey::Make(name, SignatureType::kCosignature, public_key));
  return NoteSigner(std::move(key), std::move(verifier), std::move(cosigner));
}

Result<NoteSigner> NoteSigner::Generate(std::string_view name) {
  AEGIS_ASSIGN(Ed25519Key key, Ed25519Key::Generate());
  return Make(name, std::move(key));
}

Result<NoteSigner> NoteSigner::Parse(std::string_view private_text) {
  const auto malformed = [] {
    return Fail(Errc::kInvalid, "not a private key: its form is PRIVATE+KEY+NAME+ID+KEY");
  };
  if (!private_text.starts_with(kPrivateStart)) {
    return malformed();
  }
  auto fields = ParseKeyFields(private_text.substr(kPrivateStart.size()));
  if (!fields) {
    return malformed();
  }
  const bool is_note_key = fields->key.starts_with(static_cast<char>(SignatureType::kNote));
  auto key = Ed25519Key::FromSeed(std::string_view(fields->key).substr(is_note_key ? 1 : 0));
  Wipe(fields->key);
  if (!is_note_key || !key) {
    return malformed();
  }
  AEGIS_ASSIGN(NoteSigner signer, Make(fields->name, std::move(*key)));
  if (signer.verifier().id != fields->id) {
    return Fail(Errc::kInvalid, "not a private key: its id is not that of its name and key");
  }
  return signer;
}

std::string NoteSigner::PrivateText() const {
  std::string seed = key_.seed();
  std::string key(1, static_cast<char>(SignatureType::kNote));
  key += seed;
  std::string body = KeyText(verifier_.name, verifier_.id, key);
  std::string text;
  text.reserve(kPrivateStart.size() + body.size());
  text += kPrivateStart;
  text += body;
  Wipe(seed);
  Wipe(key);
  Wipe(body);
  return text;
}

Result<NoteSignature> NoteSigner::Sign(std::string_view text) const {
  AEGIS_TRY(CheckSignable(text));
  if (text.starts_with(kCosignatureStart)) {
    return Fail(Errc::kInvalid, "sign a note: the text could pass for a cosigned one");
  }
  return NoteSignature{
      .name = verifier_.name, .id = verifier_.id, .bytes = std::string(key_.Sign(text).view())};
}

Result<NoteSignature> NoteSigner::Cosign(std::string_view text, std::uint64_t time) const {
  AEGIS_TRY(CheckSignable(text));
  if (time > kMaxTime) {
    return Fail(Errc::kInvalid, "cosign a note: the time is out of range");
  }
  NoteSignature signature{.name = cosigner_.name, .id = cosigner_.id};
  AppendBigEndian(signature.bytes, time);
  signature.bytes += key_.Sign(CosignedMessage(text, time)).view();
  return signature;
}

Result<std::vector<VerifiedKey>> VerifyNote(const SignedNote& note,
                                            std::span<const VerifierKey> keys) {
  std::vector<std::optional<std::uint64_t>> times(keys.size());
  for (const NoteSignature& signature : note.signatures) {
    const auto key = std::find_if(keys.begin(), keys.end(), [&signature](const VerifierKey& known) {
      return known.id == signature.id && known.name == signature.name;
    });
    if (key == keys.end()) {
      continue;
    }
    const auto time = VerifySignature(*key, note.text, signature.bytes);
    if (!time) {
      return Fail(Errc::kCorrupt,
                  "the signature of " + base::ForDisplay(key->name) + " is not one over this note");
    }
    auto& latest = times[static_cast<std::size_t>(key - keys.begin())];
    latest = std::max(latest.value_or(0), *time);
  }
  std::vector<VerifiedKey> verified;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (times[i]) {
      verified.push_back({.index = i, .time = *times[i]});
    }
  }
  if (verified.empty()) {
    return Fail(Errc::kNotFound, "the note has no signature of a known key");
  }
  return verified;
}

}  // namespace aegis::canon
