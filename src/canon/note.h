#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "canon/ed25519.h"

// Signed notes (c2sp.org/signed-note): a text, an empty line, and lines that sign the text; and the
// timestamped cosignatures of witnesses (c2sp.org/tlog-cosignature, Ed25519). Text that comes from
// outside is parsed strictly: what parses is written back byte for byte.
namespace aegis::canon {

inline constexpr std::size_t kMaxNote = std::size_t{1} << 20U;
inline constexpr std::size_t kMaxNoteSignatures = 100;

// Whether bytes can be the text of a note: UTF-8 without control characters below U+0020 but
// newline, which is its last.
bool IsNoteText(std::string_view text);
// Whether bytes can name a key: UTF-8, not empty, no plus, no Unicode space, no control character.
bool IsKeyName(std::string_view name);

// What a key signs, and the byte that stands for it in key ids and verifier keys.
enum class SignatureType : std::uint8_t {
  kNote = 1,         // the text
  kCosignature = 4,  // the text and a time: "cosignature/v1"
};

// Who signs. Name and id together name the key; the id is made of all the rest.
struct VerifierKey {
  std::string name{};
  std::uint32_t id = 0;
  SignatureType type = SignatureType::kNote;
  Ed25519PublicKey public_key{};

  // kInvalid for a wrong name or a weak public key.
  static base::Result<VerifierKey> Make(std::string_view name, SignatureType type,
                                        const Ed25519PublicKey& public_key);
  // NAME+ID+KEY with the id in 8 lower-case hex digits and type and public key in base64. kInvalid
  // for another form, an id that is not that of the rest, or a weak key; kUnsupported for a type
  // not above.
  static base::Result<VerifierKey> Parse(std::string_view text);
  std::string Text() const;

  friend bool operator==(const VerifierKey&, const VerifierKey&) = default;
};

// A signature line: who claims to have signed, and the bytes, at least one.
struct NoteSignature {
  std::string name{};
  std::uint32_t id = 0;
  std::string bytes{};

  // The line without its newline; kInvalid for any other form.
  static base::Result<NoteSignature> Parse(std::string_view line);
  std::string Line() const;

  friend bool operator==(const NoteSignature&, const NoteSignature&) = default;
};

// Lines of signatures, each with its newline, from none to kMaxNoteSignatures.
base::Result<std::vector<NoteSignature>> ParseSignatureLines(std::string_view lines);

struct SignedNote {
  std::string text{};
  std::vector<NoteSignature> signatures{};

  // kInvalid for what is no note; kExhausted beyond kMaxNote or kMaxNoteSignatures. Nothing is
  // verified: see VerifyNote.
  static base::Result<SignedNote> Parse(std::string_view note);
  std::string Text() const;

  friend bool operator==(const SignedNote&, const SignedNote&) = default;
};

// A private key with its name. Signs notes as `verifier()` and cosigns them as `cosigner()`; what
// is signed differs, so that neither signature passes for the other.
class NoteSigner {
 public:
  static base::Result<NoteSigner> Generate(std::string_view name);
  // PRIVATE+KEY+NAME+ID+KEY, with the id of verifier(), and a byte 1 and the seed in base64.
  // kInvalid for anything else. Errors never hold the text.
  static base::Result<NoteSigner> Parse(std::string_view private_text);
  // The secret itself: whoever asks for it protects it and calls Wipe.
  std::string PrivateText() const;

  const VerifierKey& verifier() const { return verifier_; }
  const VerifierKey& cosigner() const { return cosigner_; }

  // kInvalid unless IsNoteText(text), and for a text that begins as a cosigned message does.
  base::Result<NoteSignature> Sign(std::string_view text) const;
  // Says that at `time` (seconds since 1970, at most 2^63 - 1) this was the greatest tree of its
  // log that the signer knew. kInvalid unless IsNoteText(text). The caller has checked the tree.
  base::Result<NoteSignature> Cosign(std::string_view text, std::uint64_t time) const;

 private:
  NoteSigner(Ed25519Key key, VerifierKey verifier, VerifierKey cosigner);
  static base::Result<NoteSigner> Make(std::string_view name, Ed25519Key key);
  Ed25519Key key_;
  VerifierKey verifier_;
  VerifierKey cosigner_;
};

// A key that signed.
struct VerifiedKey {
  std::size_t index = 0;   // in the keys asked for
  std::uint64_t time = 0;  // of a cosignature, the latest if there are several; not judged

  friend bool operator==(const VerifiedKey&, const VerifiedKey&) = default;
};

// The keys whose signatures the note carries, in the order of `keys`, each once. Signatures of
// other keys are ignored. kCorrupt if any signature that claims to be by one of `keys` is not;
// kNotFound if there is none, so that a note nobody known has signed never passes. If two of `keys`
// have the same name and id, the first stands for both.
base::Result<std::vector<VerifiedKey>> VerifyNote(const SignedNote& note,
                                                  std::span<const VerifierKey> keys);

}  // namespace aegis::canon
