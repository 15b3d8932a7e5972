// A note, a verifier key or a signature line that parses is written back as it was, and no note but
// the genuine one verifies.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "canon/canon.h"

namespace {

constexpr std::string_view kKeys[] = {
    "example.com/log+a4c3805a+Af0XJDhaoMdbZPt4zWAvodmR/ev3axPFjtcC6sg16fYY",
    "witness.example/w1+aa4a09d1+BOpKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs",
};
constexpr std::string_view kSignedText =
    "example.com/log\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace canon = aegis::canon;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto note = canon::SignedNote::Parse(text)) {
    AEGIS_CHECK(note->Text() == text);
    AEGIS_CHECK(canon::IsNoteText(note->text));
    std::vector<canon::VerifierKey> keys;
    for (const std::string_view key : kKeys) {
      keys.push_back(canon::VerifierKey::Parse(key).value());
    }
    AEGIS_CHECK(!canon::VerifyNote(*note, keys) || note->text == kSignedText);
  }
  if (const auto key = canon::VerifierKey::Parse(text)) {
    AEGIS_CHECK(key->Text() == text);
  }
  if (const auto signature = canon::NoteSignature::Parse(text)) {
    AEGIS_CHECK(signature->Line() == text);
    AEGIS_CHECK(canon::IsKeyName(signature->name));
  }
  if (const auto signer = canon::NoteSigner::Parse(text)) {
    AEGIS_CHECK(signer->PrivateText() == text);
  }
  return 0;
}
