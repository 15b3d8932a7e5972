#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/store.h"

// The record of a purge: an entry of its own that names the entries whose content is gone. It is
// appended in the transaction that removes them, and is never purged itself.
namespace aegis::ledger {

inline constexpr std::string_view kContentErased = "CONTENT_ERASED";

// {"ranges":[[FIRST,LAST],...]}: indices of the tree, from 0, ascending, both ends included; at
// least one.
void AppendErasedPayload(std::string& out, std::span<const IdRange> ids);

// The row ids that a record names; nullopt for a payload of another form.
std::optional<std::vector<IdRange>> ParseErasedPayload(std::string_view payload);

// Sorts ranges and joins those that touch or overlap.
void Normalize(std::vector<IdRange>& ranges);

}  // namespace aegis::ledger
