// Of any bytes, the notes that are found from the end are those that lie between form feeds, in
// their order; a line of a log that holds a note holds one that is written back.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/result.h"
#include "canon/canon.h"
#include "witness/note_file.h"
#include "witness/syslog_sink.h"

namespace {

using aegis::base::Result;
using aegis::canon::SignedNote;

std::vector<std::string> FoundFromTheEnd(std::string_view text) {
  std::vector<std::string> notes;
  const auto done = aegis::witness::ForEachNoteIn(
      text.size(),
      [text](std::size_t offset, std::span<char> out) -> Result<> {
        AEGIS_CHECK(offset <= text.size() && out.size() <= text.size() - offset);
        std::copy_n(text.data() + offset, out.size(), out.data());
        return {};
      },
      [&notes](const Result<SignedNote>& note) -> Result<bool> {
        if (note) {
          notes.push_back(note->Text());
        }
        return true;
      });
  AEGIS_CHECK(done.has_value());
  return notes;
}

std::vector<std::string> FoundBetweenFormFeeds(std::string_view text) {
  std::vector<std::string> notes;
  bool first = true;
  for (bool more = true; more; first = false) {
    const std::size_t at = text.find('\f');
    more = at != std::string_view::npos;
    std::string_view chunk = text.substr(0, at);
    text.remove_prefix(more ? at + 1 : text.size());
    if (!first && chunk.starts_with('\n')) {
      chunk.remove_prefix(1);
    } else if (!first) {
      continue;
    }
    if (SignedNote::Parse(chunk)) {
      notes.emplace_back(chunk);
    }
  }
  std::reverse(notes.begin(), notes.end());
  return notes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  AEGIS_CHECK(FoundFromTheEnd(text) == FoundBetweenFormFeeds(text));
  if (const auto note = aegis::witness::NoteInSyslogLine(text)) {
    AEGIS_CHECK(text.find(aegis::canon::Base64Encode(note->Text())) != text.npos);
  }
  return 0;
}
