#include "gate/mount_names.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sandbox/paths.h"

namespace aegis::gate {

namespace {

using sandbox::IsWithin;

struct Mounted {
  std::string device;
  std::string root;  // what of the file system is shown
  std::string place;
  std::string type;
};

bool IsOctal(std::string_view text) {
  return text.size() == 3 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '7'; });
}

// Blanks, line ends and backslashes are written as three octal digits.
std::string Unescaped(std::string_view text) {
  std::string plain;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const std::string_view digits = text.substr(at + 1, 3);
    if (text[at] == '\\' && IsOctal(digits)) {
      plain += static_cast<char>((digits[0] - '0') * 64 + (digits[1] - '0') * 8 + digits[2] - '0');
      at += digits.size();
    } else {
      plain += text[at];
    }
  }
  return plain;
}

// Cuts the text up to `end` off the front.
std::string_view Take(std::string_view& text, char end) {
  const std::size_t at = std::min(text.find(end), text.size());
  const std::string_view taken = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return taken;
}

std::vector<Mounted> MountsIn(std::string_view mountinfo) {
  std::vector<Mounted> mounts;
  while (!mountinfo.empty()) {
    std::string_view line = Take(mountinfo, '\n');
    std::array<std::string_view, 5> fields;  // id, parent, device, root, place
    for (std::string_view& field : fields) {
      field = Take(line, ' ');
    }
    constexpr std::string_view kEndOfOptions = " - ";
    const std::size_t end = line.find(kEndOfOptions);
    std::string_view rest = end == std::string_view::npos ? std::string_view()
                                                          : line.substr(end + kEndOfOptions.size());
    mounts.push_back({std::string(fields[2]), Unescaped(fields[3]), Unescaped(fields[4]),
                      std::string(Take(rest, ' '))});
  }
  return mounts;
}

// `path`, which lies within `from`, moved to `to`.
std::string Moved(const std::string& path, const std::string& from, const std::string& to) {
  const std::string rest = from == "/" ? path : path.substr(from.size());
  if (rest.empty() || rest == "/") {
    return to;
  }
  return to == "/" ? rest : to + rest;
}

}  // namespace

std::vector<std::string> NamesThroughMounts(std::string_view mountinfo, const std::string& path) {
  const std::vector<Mounted> mounts = MountsIn(mountinfo);
  const Mounted* holder = nullptr;  // the last of the innermost, which covers the others
  for (const Mounted& mount : mounts) {
    if (IsWithin(path, mount.place) &&
        (holder == nullptr || mount.place.size() >= holder->place.size())) {
      holder = &mount;
    }
  }
  std::vector<std::string> names = {path};
  if (holder == nullptr) {
    return names;
  }
  const std::string inside = Moved(path, holder->place, holder->root);
  for (const Mounted& mount : mounts) {
    std::string name;
    if (mount.device == holder->device && IsWithin(inside, mount.root)) {
      name = Moved(inside, mount.root, mount.place);
    } else if (mount.device == holder->device && IsWithin(mount.root, inside)) {
      name = mount.place;
    }
    if (!name.empty() && std::ranges::find(names, name) == names.end()) {
      names.push_back(std::move(name));
    }
  }
  return names;
}

std::vector<std::string> OtherProcs(std::string_view mountinfo) {
  std::vector<std::string> places;
  for (Mounted& mount : MountsIn(mountinfo)) {
    if (mount.type == "proc" && !IsWithin(mount.place, "/proc")) {
      places.push_back(std::move(mount.place));
    }
  }
  return places;
}

}  // namespace aegis::gate
