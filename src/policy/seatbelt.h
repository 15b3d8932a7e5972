#pragma once

#include <string>
#include <vector>

#include "policy/policy.h"

namespace aegis::policy {

// A profile for sandbox-exec(1) of macOS.
struct SeatbeltProfile {
  // A policy that the profile says otherwise than it stands, and how.
  struct Note {
    std::string policy;  // its id
    std::string what;
  };
  std::string text;
  std::vector<Note> notes;
};

// The part of a set that a profile can hold. Never looser than the set: what the profile lets a
// program do to a file, no policy refuses. So it allows what permits without conditions permit, and
// takes back all of the places of forbids, of permits that ask, and of policies that could fail.
// `state` are directories of Aegis' own (escaped names), which nothing reaches.
//
// Beside the set stand a few rules that no program starts without; they are marked in the text. The
// set should have been loaded with names of the Mac (home, dir) and without leads_to. Pure.
SeatbeltProfile CompileSeatbelt(const std::vector<PolicySet::Info>& policies,
                                const std::vector<std::string>& state);

}  // namespace aegis::policy
