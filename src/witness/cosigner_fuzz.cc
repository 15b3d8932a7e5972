// Two kinds of input. If the first byte is even, the rest is a request's body as it comes from the
// network: any is answered, and none is cosigned that the log did not sign. If it is odd, the rest
// tells what a log does that has forked: whatever it submits in whatever order, all that is
// cosigned is one history that grows.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "canon/canon.h"
#include "ledger/ledger.h"
#include "witness/cosigner.h"
#include "witness/http_message.h"
#include "witness/memory_store.h"
#include "witness/sample_log.h"

namespace {

namespace witness = aegis::witness;
namespace ledger = aegis::ledger;
using Bytes = std::span<const std::uint8_t>;

constexpr std::uint64_t kFork = 6;
constexpr std::array<unsigned, 9> kStatuses = {200, 400, 403, 404, 405, 409, 413, 422, 500};

witness::Cosigner MakeCosigner(witness::MemoryStore& store, const witness::TestLog& log) {
  return {witness::TestLog::SignerOf("w").value(),
          {log.key()},
          store,
          [] { return 1; },
          [](std::string_view) {}};
}

void AnswersAnything(std::string_view body) {
  const witness::TestLog log("log");
  witness::MemoryStore store;
  witness::Cosigner cosigner = MakeCosigner(store, log);
  for (const std::string_view path : {"/add-checkpoint", "/checkpoint/"}) {
    const auto reply = cosigner.Handle(
        {.method = path == "/checkpoint/" ? "GET" : "POST",
         .path = std::string(path) + std::string(path == "/checkpoint/" ? body : ""),
         .body = std::string(body)});
    AEGIS_CHECK(std::ranges::find(kStatuses, reply.status) != kStatuses.end());
    if (reply.status == 200) {
      const auto request = ledger::AddCheckpointRequest::Parse(body);
      const std::vector keys = {log.key()};
      AEGIS_CHECK(request && aegis::canon::VerifyNote(request->checkpoint, keys));
    }
  }
}

// Three bytes are a step: which branch, from which size, to which size; and what is done to the
// proof.
std::string Body(const witness::TestLog& log, std::uint64_t old_size, std::uint64_t size,
                 unsigned damage) {
  ledger::AddCheckpointRequest request{.old_size = old_size, .checkpoint = log.Note(size)};
  if (old_size <= size) {
    request.proof = log.Proof(old_size, size);
  }
  if ((damage & 1U) != 0 && !request.proof.empty()) {
    request.proof.pop_back();
  }
  if ((damage & 2U) != 0) {
    request.proof.push_back(log.Root(size));
  }
  return request.Text();
}

void NeverCosignsTwoHistories(Bytes steps) {
  const witness::TestLog branches[] = {witness::TestLog("log"), witness::TestLog("log", kFork)};
  witness::MemoryStore store;
  witness::Cosigner cosigner = MakeCosigner(store, branches[0]);
  std::uint64_t cosigned_size = 0;
  aegis::canon::Sha256 cosigned_root = ledger::EmptyRoot();
  for (std::size_t taken = 0; steps.size() >= 3 && taken < 64; ++taken, steps = steps.subspan(3)) {
    const witness::TestLog& branch = branches[steps[0] & 1U];
    const std::uint64_t size = steps[2] % 20;
    const unsigned damage = (steps[0] >> 1U) & 3U;
    // Mostly from what is known, so that there is something to cosign.
    const std::uint64_t old_size = steps[1] < 200 ? cosigned_size : steps[1] % 20;
    const auto reply = cosigner.Handle({.method = "POST",
                                        .path = "/add-checkpoint",
                                        .body = Body(branch, old_size, size, damage)});
    if (reply.status != 200) {
      continue;
    }
    AEGIS_CHECK(size >= cosigned_size);
    AEGIS_CHECK(branch.Root(cosigned_size) == cosigned_root);
    cosigned_size = size;
    cosigned_root = branch.Root(size);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const Bytes rest(data + 1, size - 1);
  if (data[0] % 2 == 0) {
    AnswersAnything({reinterpret_cast<const char*>(rest.data()), rest.size()});
  } else {
    NeverCosignsTwoHistories(rest);
  }
  return 0;
}
