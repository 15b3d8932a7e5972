#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace aegis::config {

// A place in a text, both from 1; columns count characters.
struct TextPlace {
  std::size_t line = 1;
  std::size_t column = 1;
};

// The first character beyond ASCII of a TOML text that stands outside of a comment and of a string
// in one line. No setting needs one there, and the TOML library has undefined behaviour on many of
// them (its test for white space ends in code declared unreachable). `toml` must be valid UTF-8; a
// byte order mark in front is passed over.
std::optional<TextPlace> FindStrayCharacter(std::string_view toml);

// The text with a value of its length, a float that is no number, for every bare `null` after a
// "=": TOML has none, but examples that users copy from do. Places in the text stay what they are.
std::string WithoutNulls(std::string_view toml);

}  // namespace aegis::config
