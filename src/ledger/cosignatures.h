#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/store.h"

namespace aegis::ledger {

// Keeps what a witness has signed: adds the lines to the stored checkpoint of this size, and the
// keys that verify them to the ledger's. `signatures` were verified by `keys`; lines of other keys
// and those that are kept already are left out. kNotFound without a checkpoint of this size.
base::Result<> KeepCosignatures(Store& store, std::uint64_t size,
                                std::span<const canon::NoteSignature> signatures,
                                std::span<const canon::VerifierKey> keys);

// Proves that the tree of `size` entries extends its first `old_size`, over a connection of its
// own: for other threads than the store's.
base::Result<std::vector<canon::Sha256>> ProveByPath(const std::string& store_path,
                                                     std::uint64_t old_size, std::uint64_t size);

}  // namespace aegis::ledger
