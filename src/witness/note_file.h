#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/ledger.h"

// A file of signed notes, appended to. In front of each note stands a line of one form feed, which
// no note can contain: so notes are told apart whatever they say, and a note that was not written
// to its end damages no other.
namespace aegis::witness {

// What is appended for a note.
std::string NoteRecord(std::string_view note);

// A note of the file, or why what stands there is none (kInvalid): a torn one, or other bytes.
// False stops.
using NoteVisitor = std::function<base::Result<bool>(const base::Result<canon::SignedNote>&)>;

// Fills `out` with the bytes from `offset` on, all of which are there.
using ReadAt = std::function<base::Result<>(std::size_t offset, std::span<char> out)>;

// The notes of so many bytes, the last one first, in bounded memory.
base::Result<> ForEachNoteIn(std::size_t size, const ReadAt& read, const NoteVisitor& visit);

// The notes of a file. What is appended meanwhile is not seen. kInvalid unless it is a regular one.
base::Result<> ForEachNote(const std::string& path, const NoteVisitor& visit);

struct WitnessedCheckpoint {
  canon::SignedNote note{};
  ledger::Checkpoint checkpoint{};
};

// The checkpoint of the greatest tree in the file that one of `log_keys` signed, under its name as
// origin; of several of that size the one written last. Anything else in the file, checkpoints of
// other logs too, is passed over. nullopt if there is none, kNotFound if there is no file.
base::Result<std::optional<WitnessedCheckpoint>> ReadNewest(
    const std::string& path, std::span<const canon::VerifierKey> log_keys);

}  // namespace aegis::witness
