#include "canon/note.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "canon/ed25519.h"
#include "canon/encoding.h"

namespace aegis::canon {
namespace {

using base::Errc;

template <typename T>
T Get(base::Result<T> result) {
  if (!result) {
    ADD_FAILURE() << result.error().message();
    std::abort();
  }
  return std::move(*result);
}

template <typename T>
Errc CodeOf(const base::Result<T>& result) {
  return result ? Errc::kInternal : result.error().code();
}

// Published with the format's first implementation.
constexpr std::string_view kPrivate =
    "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
constexpr std::string_view kPublic =
    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
constexpr std::string_view kText =
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n";
constexpr std::string_view kLine =
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngo"
    "tpRZb6KE6RyyBwJnAM=";

// A checkpoint signed by a log and cosigned by a witness with another implementation.
constexpr std::string_view kLogPrivate =
    "PRIVATE+KEY+example.com/log+a4c3805a+AQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJ";
constexpr std::string_view kLogPublic =
    "example.com/log+a4c3805a+Af0XJDhaoMdbZPt4zWAvodmR/ev3axPFjtcC6sg16fYY";
constexpr std::string_view kWitnessPrivate =
    "PRIVATE+KEY+witness.example/w1+68cca5d4+AQcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH";
constexpr std::string_view kWitnessPublic =
    "witness.example/w1+aa4a09d1+BOpKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs";
constexpr std::string_view kCheckpoint =
    "example.com/log\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
constexpr std::string_view kSignatures =
    "\u2014 example.com/log pMOAWlcEFNaGO5AGgbY1GWKXcJUfM81DOX5YptI7RrPHRD++M5Gq/KXdqyxzKjMjhXUtj+4"
    "cHrgQAcH7kTn9AwI66Q0=\n"
    "\u2014 witness.example/w1 qkoJ0QAAAABrAgQ+hqbxXqre2dAxyquoYteuu0VdndjQgt8DCGeU+zfhGBzXtowS+0e"
    "aG3TqBxjCmdv7ufeEQXqmTH7Kv7Ovug9eAg==\n";
constexpr std::uint64_t kTime = 0x6b02043e;

std::string Cosigned() { return std::string(kCheckpoint) + '\n' + std::string(kSignatures); }

std::vector<VerifierKey> LogAndWitness() {
  return {Get(VerifierKey::Parse(kLogPublic)), Get(VerifierKey::Parse(kWitnessPublic))};
}

TEST(NoteTest, AgreesWithThePublishedExample) {
  const NoteSigner signer = Get(NoteSigner::Parse(kPrivate));
  EXPECT_EQ(signer.verifier().Text(), kPublic);
  EXPECT_EQ(signer.PrivateText(), kPrivate);
  const NoteSignature signature = Get(signer.Sign(kText));
  EXPECT_EQ(signature.Line(), kLine);
  const std::string note = std::string(kText) + '\n' + std::string(kLine) + '\n';
  const SignedNote parsed = Get(SignedNote::Parse(note));
  EXPECT_EQ(parsed.text, kText);
  EXPECT_EQ(parsed.Text(), note);
  const std::vector<VerifierKey> keys = {Get(VerifierKey::Parse(kPublic))};
  EXPECT_EQ(keys[0], signer.verifier());
  EXPECT_EQ(Get(VerifyNote(parsed, keys)), (std::vector<VerifiedKey>{{.index = 0, .time = 0}}));
}

TEST(NoteTest, AgreesWithAnotherImplementationOnCosignatures) {
  const SignedNote note = Get(SignedNote::Parse(Cosigned()));
  const auto keys = LogAndWitness();
  EXPECT_EQ(Get(VerifyNote(note, keys)),
            (std::vector<VerifiedKey>{{.index = 0, .time = 0}, {.index = 1, .time = kTime}}));
  const NoteSigner witness = Get(NoteSigner::Parse(kWitnessPrivate));
  EXPECT_EQ(witness.cosigner(), keys[1]);
  EXPECT_EQ(Get(witness.Cosign(kCheckpoint, kTime)), note.signatures[1]);
  EXPECT_EQ(Get(Get(NoteSigner::Parse(kLogPrivate)).Sign(kCheckpoint)), note.signatures[0]);
}

TEST(NoteTest, UnknownKeysAreIgnored) {
  SignedNote note = Get(SignedNote::Parse(Cosigned()));
  note.signatures[0].bytes = "rubbish";
  const auto keys = LogAndWitness();
  EXPECT_EQ(Get(VerifyNote(note, {&keys[1], 1})),
            (std::vector<VerifiedKey>{{.index = 0, .time = kTime}}));
  // The name or the id alone do not make it known.
  note.signatures[0].name = keys[1].name;
  EXPECT_EQ(Get(VerifyNote(note, {&keys[1], 1})).size(), 1U);
  note.signatures[0].name = "other";
  note.signatures[0].id = keys[1].id;
  EXPECT_EQ(Get(VerifyNote(note, {&keys[1], 1})).size(), 1U);
}

TEST(NoteTest, OneWrongSignatureOfAKnownKeyRefusesAll) {
  const auto keys = LogAndWitness();
  const SignedNote good = Get(SignedNote::Parse(Cosigned()));
  for (std::size_t which = 0; which < 2; ++which) {
    for (std::size_t at = 0; at < good.signatures[which].bytes.size(); ++at) {
      SignedNote note = good;
      note.signatures[which].bytes[at] ^= 1;
      EXPECT_EQ(CodeOf(VerifyNote(note, keys)), Errc::kCorrupt) << which << ' ' << at;
    }
    for (const char* bytes : {"", "short"}) {
      SignedNote note = good;
      note.signatures[which].bytes = bytes;
      EXPECT_EQ(CodeOf(VerifyNote(note, keys)), Errc::kCorrupt);
    }
    SignedNote longer = good;
    longer.signatures[which].bytes += '\0';
    EXPECT_EQ(CodeOf(VerifyNote(longer, keys)), Errc::kCorrupt);
  }
  SignedNote other_text = good;
  other_text.text[0] = 'E';
  EXPECT_EQ(CodeOf(VerifyNote(other_text, keys)), Errc::kCorrupt);
  // Also where the same key has signed rightly, before or after.
  SignedNote twice = good;
  twice.signatures.push_back(twice.signatures[0]);
  EXPECT_EQ(Get(VerifyNote(twice, keys)).size(), 2U);
  twice.signatures.back().bytes[0] ^= 1;
  EXPECT_EQ(CodeOf(VerifyNote(twice, keys)), Errc::kCorrupt);
  std::swap(twice.signatures.front(), twice.signatures.back());
  EXPECT_EQ(CodeOf(VerifyNote(twice, keys)), Errc::kCorrupt);
}

TEST(NoteTest, ANoteThatNobodyKnownSignedIsRefused) {
  const SignedNote note = Get(SignedNote::Parse(Cosigned()));
  EXPECT_EQ(CodeOf(VerifyNote(note, {})), Errc::kNotFound);
  const std::vector<VerifierKey> others = {Get(VerifierKey::Parse(kPublic))};
  EXPECT_EQ(CodeOf(VerifyNote(note, others)), Errc::kNotFound);
}

TEST(NoteTest, AKeyCountsOnce) {
  auto keys = LogAndWitness();
  keys.push_back(keys[1]);
  SignedNote note = Get(SignedNote::Parse(Cosigned()));
  const NoteSigner witness = Get(NoteSigner::Parse(kWitnessPrivate));
  note.signatures.push_back(Get(witness.Cosign(kCheckpoint, kTime + 5)));
  note.signatures.push_back(Get(witness.Cosign(kCheckpoint, kTime + 2)));
  EXPECT_EQ(Get(VerifyNote(note, keys)),
            (std::vector<VerifiedKey>{{.index = 0, .time = 0}, {.index = 1, .time = kTime + 5}}));
}

TEST(NoteTest, SignaturesOfOneTypeNeverPassForTheOther) {
  const NoteSigner signer = Get(NoteSigner::Generate("both"));
  EXPECT_NE(signer.verifier().id, signer.cosigner().id);
  NoteSignature plain = Get(signer.Sign(kCheckpoint));
  NoteSignature timed = Get(signer.Cosign(kCheckpoint, kTime));
  std::swap(plain.id, timed.id);
  const std::vector<VerifierKey> keys = {signer.verifier(), signer.cosigner()};
  EXPECT_EQ(CodeOf(VerifyNote({std::string(kCheckpoint), {plain}}, keys)), Errc::kCorrupt);
  EXPECT_EQ(CodeOf(VerifyNote({std::string(kCheckpoint), {timed}}, keys)), Errc::kCorrupt);
  const std::string disguised = "cosignature/v1\ntime 1\n" + std::string(kCheckpoint);
  EXPECT_EQ(CodeOf(signer.Sign(disguised)), Errc::kInvalid);
  EXPECT_TRUE(signer.Sign("cosignature/v2\ntime 1\n"));
}

TEST(NoteTest, TimesReachToTheirLimit) {
  const NoteSigner signer = Get(NoteSigner::Generate("w"));
  const std::vector<VerifierKey> keys = {signer.cosigner()};
  for (const std::uint64_t time : {std::uint64_t{0}, std::uint64_t{INT64_MAX}}) {
    const SignedNote note = {std::string(kCheckpoint), {Get(signer.Cosign(kCheckpoint, time))}};
    EXPECT_EQ(Get(VerifyNote(note, keys)), (std::vector<VerifiedKey>{{.index = 0, .time = time}}));
  }
  EXPECT_EQ(CodeOf(signer.Cosign(kCheckpoint, std::uint64_t{1} << 63U)), Errc::kInvalid);
}

TEST(NoteTest, OnlyTextsOfNotesAreSigned) {
  const NoteSigner signer = Get(NoteSigner::Generate("n"));
  using namespace std::string_view_literals;
  for (const std::string_view text : {""sv, "no newline"sv, "tab\t\n"sv, "nul\0\n"sv, "\xff\n"sv,
                                      "cr\r\n"sv, "esc\x1b\n"sv, "cut \xc3\n"sv}) {
    EXPECT_EQ(CodeOf(signer.Sign(text)), Errc::kInvalid) << text;
    EXPECT_EQ(CodeOf(signer.Cosign(text, 1)), Errc::kInvalid) << text;
    EXPECT_FALSE(IsNoteText(text));
  }
  for (const std::string_view text : {"\n"sv, "a\n\nb\n"sv, "\u00e9\x7f\n"sv}) {
    EXPECT_TRUE(signer.Sign(text)) << text;
  }
  EXPECT_EQ(CodeOf(signer.Sign(std::string(kMaxNote, 'x') + '\n')), Errc::kInvalid);
}

TEST(SignedNoteTest, RefusesWhatIsNoNote) {
  const std::string line(kLine);
  const std::string good = "text\n\n" + line + "\n";
  ASSERT_TRUE(SignedNote::Parse(good));
  const std::vector<std::string> bad = {
      "",
      "\n\n",
      "text\n\n",
      "text\n" + line + "\n",
      "text\n\n" + line,
      "text\n\n" + line + "\n\n",
      "text\n\n" + line + " \n",
      "text\n\n " + line + "\n",
      "text\n\n" + line + "\nrest\n",
      "text\n\n- a AAAAAAA=\n",
      "text\n\n\u2014  AAAAAAA=\n",
      "text\n\n\u2014 a\n",
      "text\n\n\u2014 a \n",
      "text\n\n\u2014 a AAAA\n",
      "text\n\n\u2014 a AAAAAA==\n",  // an id and nothing signed
      "text\n\n\u2014 a AAAAAAA\n",
      "text\n\n\u2014 a AAAAAAB=\n",  // bits that mean nothing
      "text\n\n\u2014 a  AAAAAAA=\n",
      "text\n\n\u2014 a+b AAAAAAA=\n",
      "text\n\n\u2014 a\u00a0b AAAAAAA=\n",
      "te\txt\n\n" + line + "\n",
      "te\xfft\n\n" + line + "\n",
      "text\r\n\r\n" + line + "\r\n",
  };
  for (const std::string& note : bad) {
    EXPECT_EQ(CodeOf(SignedNote::Parse(note)), Errc::kInvalid) << note;
  }
}

TEST(SignedNoteTest, TheLastEmptyLineEndsTheText) {
  const std::string note = "a\n\n\u2014 a AAAAAAA=\n\nb\n\n\u2014 c AAAAAAE=\n\u2014 d AAAAAQI=\n";
  const SignedNote parsed = Get(SignedNote::Parse(note));
  EXPECT_EQ(parsed.text, "a\n\n\u2014 a AAAAAAA=\n\nb\n");
  ASSERT_EQ(parsed.signatures.size(), 2U);
  EXPECT_EQ(parsed.signatures[1], (NoteSignature{.name = "d", .id = 1, .bytes = "\x02"}));
  EXPECT_EQ(parsed.Text(), note);
  EXPECT_EQ(Get(SignedNote::Parse("\n\n\u2014 a AAAAAAA=\n")).text, "\n");
}

TEST(SignedNoteTest, HasLimits) {
  std::string note = "text\n\n";
  for (std::size_t i = 0; i < kMaxNoteSignatures; ++i) {
    note += "\u2014 a AAAAAAA=\n";
  }
  EXPECT_EQ(Get(SignedNote::Parse(note)).signatures.size(), kMaxNoteSignatures);
  EXPECT_EQ(CodeOf(SignedNote::Parse(note + "\u2014 a AAAAAAA=\n")), Errc::kExhausted);
  const std::string end = "\n\n\u2014 a AAAAAAA=\n";
  EXPECT_TRUE(SignedNote::Parse(std::string(kMaxNote - end.size(), 'x') + end));
  EXPECT_EQ(CodeOf(SignedNote::Parse(std::string(kMaxNote - end.size() + 1, 'x') + end)),
            Errc::kExhausted);
  EXPECT_EQ(CodeOf(ParseSignatureLines(std::string(kMaxNote + 1, '\n'))), Errc::kExhausted);
  EXPECT_TRUE(Get(ParseSignatureLines("")).empty());
}

TEST(SignedNoteTest, RandomDamageIsRefusedOrWrittenBackAsItWas) {
  std::mt19937 random(3);  // NOLINT(bugprone-random-generator-seed): the same bytes on every run
  const std::string good = Cosigned();
  for (int round = 0; round < 20000; ++round) {
    std::string note = good;
    for (std::size_t i = 0; i <= random() % 3; ++i) {
      note[random() % note.size()] = static_cast<char>(random() % 256);
    }
    const auto parsed = SignedNote::Parse(note);
    ASSERT_TRUE(!parsed || parsed->Text() == note);
    if (parsed && note != good) {
      const auto keys = LogAndWitness();
      const auto verified = VerifyNote(*parsed, keys);
      EXPECT_TRUE(!verified || verified->size() < 2) << note;
    }
  }
}

TEST(KeyNameTest, HasNoSpacesPlusesOrControls) {
  using namespace std::string_view_literals;
  for (const std::string_view name : {"a"sv, "example.com/log-1"sv, "\u00fc\u200b\u2014"sv}) {
    EXPECT_TRUE(IsKeyName(name)) << name;
  }
  for (const std::string_view name :
       {""sv, "a b"sv, "a+b"sv, "a\nb"sv, "a\tb"sv, "a\0b"sv, "\u0085"sv, "\u00a0"sv, "\u1680"sv,
        "\u2000"sv, "\u200a"sv, "\u2028"sv, "\u2029"sv, "\u202f"sv, "\u205f"sv, "x\u3000"sv,
        "\xff"sv, "\xa0"sv}) {
    EXPECT_FALSE(IsKeyName(name)) << name;
  }
}

TEST(VerifierKeyTest, ParsesWhatItWritesAndNothingElse) {
  for (const std::string_view text : {kPublic, kLogPublic, kWitnessPublic}) {
    EXPECT_EQ(Get(VerifierKey::Parse(text)).Text(), text);
  }
  const std::string good(kPublic);
  const std::vector<std::string> bad = {
      "",
      "+",
      "++",
      "PeterNeumann",
      "PeterNeumann+c74f20a3",
      "PeterNeumann+c74f20a3+",
      "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
      "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
      "PeterNeumann+74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
      "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
      "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
      good + "\n",
      " " + good,
      good.substr(0, good.size() - 4),
      good + "AAAA",
      std::string(kPrivate),
  };
  for (const std::string& text : bad) {
    EXPECT_EQ(CodeOf(VerifierKey::Parse(text)), Errc::kInvalid) << text;
  }
  for (const char type : {'\x00', '\x02', '\x05', '\x06', '\xff'}) {
    const std::string key = Base64Encode(type + std::string(32, 'x'));
    EXPECT_EQ(CodeOf(VerifierKey::Parse("n+00000000+" + key)), Errc::kUnsupported);
  }
}

TEST(VerifierKeyTest, RefusesWeakKeys) {
  Ed25519PublicKey identity;
  identity.bytes[0] = 1;
  EXPECT_EQ(CodeOf(VerifierKey::Make("n", SignatureType::kNote, identity)), Errc::kInvalid);
  // Written by someone who does not mind, with the right id.
  const VerifierKey made = {
      .name = "n", .id = 0x60086fba, .type = SignatureType::kNote, .public_key = identity};
  const auto parsed = VerifierKey::Parse(made.Text());
  ASSERT_FALSE(parsed);
  EXPECT_NE(parsed.error().message().find("weak"), std::string::npos);
}

TEST(NoteSignerTest, ParsesWhatItWritesAndNothingElse) {
  const NoteSigner fresh = Get(NoteSigner::Generate("example.com/fresh"));
  const std::string text = fresh.PrivateText();
  EXPECT_EQ(Get(NoteSigner::Parse(text)).verifier(), fresh.verifier());
  EXPECT_EQ(Get(NoteSigner::Parse(text)).PrivateText(), text);
  EXPECT_EQ(Get(VerifierKey::Parse(fresh.verifier().Text())), fresh.verifier());
  EXPECT_EQ(CodeOf(NoteSigner::Generate("a b")), Errc::kInvalid);
  const std::string good(kPrivate);
  const std::vector<std::string> bad = {
      "",
      "PRIVATE+KEY+",
      std::string(kPublic),
      good + "\n",
      good.substr(1),
      good.substr(0, good.size() - 4),
      good + "AAAA",
      "PRIVATE+KEY+PeterNeumann+c74f20a4+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz",
      "PRIVATE+KEY+PeterNeuman+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz",
      "PRIVATE+KEY+PeterNeumann+c74f20a3+BIEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz",
      "private+key+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz",
  };
  for (const std::string& wrong : bad) {
    const auto parsed = NoteSigner::Parse(wrong);
    EXPECT_EQ(CodeOf(parsed), Errc::kInvalid) << wrong;
    EXPECT_EQ(parsed.error().message().find("FALVFGyN"), std::string::npos);
  }
}

}  // namespace
}  // namespace aegis::canon
