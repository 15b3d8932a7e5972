#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "advice/question.h"
#include "policy/policy.h"

// Relations between the places that policies name. Names of paths are absolute and in escaped form.
namespace aegis::advice {

// The components of an absolute path: 0 for "/".
std::size_t Components(std::string_view path);

// How many leading components two paths share.
std::size_t SharedComponents(std::string_view a, std::string_view b);

// Whether `path` is `root` or lies below it.
bool IsWithin(std::string_view path, std::string_view root);

// Whether every resource of `inner` is one of `outer`. False where it can't be told.
bool Holds(const policy::PolicySet::Place& outer, const policy::PolicySet::Place& inner);

// Whether a resource may be in both. True where it can't be told.
bool MayMeet(const policy::PolicySet::Place& a, const policy::PolicySet::Place& b);

// Whether a policy may hold for a question's resource, going by its places alone.
bool MayHold(const policy::PolicySet::Info& info, const Question& question);

// Whether a policy may hold for something in the subtree `place`.
bool MayTouch(const policy::PolicySet::Info& info, std::string_view place);

// The name as people write it in policies: "@dir/x", "~/x", else as it is.
std::string Aliased(std::string_view path, const policy::Names& names);

}  // namespace aegis::advice
