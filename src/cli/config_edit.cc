#include <fcntl.h>
#include <stdlib.h>  // mkostemps
#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <iostream>
#include <string>
#include <utility>

#include "base/file.h"
#include "base/result.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "cli/args.h"
#include "cli/command.h"
#include "cli/context.h"
#include "cli/editor.h"
#include "cli/masking.h"
#include "cli/witnesses.h"
#include "config/config.h"

namespace aegis::cli {
namespace {

using Kind = Option::Kind;

constexpr std::size_t kLimit = std::size_t{1} << 20U;
constexpr mode_t kPrivate = 0600;

constexpr std::array<Option, 2> kOptions = {{
    {"NAME", Kind::kPositional, "", "Configuration (default: the active one)"},
    {"--config", Kind::kText, "NAME", "The same"},
}};

constexpr std::array<Example, 2> kExamples = {{
    {"aegis config edit work", "Opens its aegis.toml in $VISUAL or $EDITOR."},
    {"EDITOR='code --wait' aegis config edit", "In another editor, the active one."},
}};

// A copy of the settings that is edited, beside them: no agent reaches it. Removed again.
class Copy {
 public:
  static base::Result<Copy> Make(const std::string& directory, const std::string& text) {
    constexpr int kSuffix = 5;
    std::string path = directory + "/edit-XXXXXX.toml";
    const base::UniqueFd fd(::mkostemps(path.data(), kSuffix, O_CLOEXEC));
    if (!fd.valid()) {
      return base::FailErrno("make a copy in " + base::EscapeName(directory));
    }
    Copy copy(std::move(path));
    AEGIS_TRY(base::WriteAll(fd.get(), text));
    return copy;
  }

  Copy(Copy&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  Copy& operator=(Copy&&) = delete;
  Copy(const Copy&) = delete;
  Copy& operator=(const Copy&) = delete;
  ~Copy() {
    if (!path_.empty()) {
      ::unlink(path_.c_str());
    }
  }

  const std::string& path() const { return path_; }
  // It stays; where it lies.
  std::string Keep() { return std::exchange(path_, {}); }

 private:
  explicit Copy(std::string path) : path_(std::move(path)) {}

  std::string path_;
};

// Everything that a run would refuse of these settings.
base::Result<> Check(const Places& places, const std::string& name, const std::string& text) {
  AEGIS_ASSIGN(const auto configuration,
               config::ReadConfiguration(places.home, name, places.user_home, text));
  AEGIS_TRY(ConfiguredMasker(configuration));
  AEGIS_TRY(ChooseWitnesses(places, configuration, {}));
  return {};
}

bool OnTerminal() { return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDERR_FILENO) == 1; }

bool AskedForAnotherTry() {
  std::cerr << "aegis: edit again? [Y/n] " << std::flush;
  std::string answer;
  return std::getline(std::cin, answer) && answer != "n" && answer != "N" && answer != "no";
}

// The text that shall replace `original`; `original` itself if nothing is to be replaced.
base::Result<std::string> Edited(Context& context, const Places& places, const std::string& name,
                                 const Copy& copy, const std::string& original) {
  const std::string editor = ChooseEditor(context.environment);
  while (true) {
    AEGIS_TRY(RunEditor(editor, copy.path(), context.environment));
    AEGIS_ASSIGN(std::string text, base::ReadFile(copy.path(), kLimit));
    if (text == original) {
      return text;
    }
    auto valid = Check(places, name, text);
    if (valid) {
      return text;
    }
    if (!OnTerminal()) {
      return base::Fail(std::move(valid).error());
    }
    context.Say(valid.error().message());
    if (!AskedForAnotherTry()) {
      return original;
    }
  }
}

base::Result<> Replace(const std::string& file, const std::string& original,
                       const std::string& text, Copy& copy) {
  AEGIS_ASSIGN(const std::string now, base::ReadFile(file, kLimit));
  if (now != original) {
    return base::Fail(base::Errc::kExists, base::EscapeName(file) +
                                               ": changed meanwhile; what you wrote lies in " +
                                               base::EscapeName(copy.Keep()));
  }
  return base::WriteFileAtomic(file, text, kPrivate);
}

base::Result<int> Run(Context& context, const Args& args) {
  AEGIS_ASSIGN(const Places places, FindPlaces(context));
  AEGIS_ASSIGN(const auto given, ConfigArgument(args));
  AEGIS_ASSIGN(const std::string name, ChooseName(places.home, given));
  AEGIS_TRY(places.home.CheckState(name));
  const std::string directory = places.home.StateDir(name);
  AEGIS_ASSIGN(const std::string file, base::CanonicalPath(directory + "/aegis.toml"));
  AEGIS_ASSIGN(const std::string original, base::ReadFile(file, kLimit));
  AEGIS_ASSIGN(Copy copy, Copy::Make(directory, original));
  auto text = Edited(context, places, name, copy, original);
  if (!text) {
    return base::Fail(base::Errc::kInvalid, text.error().message() + "; nothing was changed");
  }
  if (*text == original) {
    context.Note(base::EscapeName(file) + ": nothing was changed");
    return 0;
  }
  AEGIS_TRY(Replace(file, original, *text, copy));
  context.Note(base::EscapeName(file) + ": changed");
  return 0;
}

}  // namespace

const Command kConfigEditCommand = {
    .name = "config edit",
    .summary = "Edit a configuration's settings, and put them in force only if they are valid",
    .options = kOptions,
    .examples = kExamples,
    .notes =
        "Opens a copy of its aegis.toml in $VISUAL, else $EDITOR, else sensible-editor or vi.\n"
        "What is wrong with the edited text is named by line and column; on a terminal it can be\n"
        "edited again, elsewhere the command fails, and the settings stay as they were. They are\n"
        "replaced as a whole and stay readable for you alone.\n",
    .run = Run,
};

}  // namespace aegis::cli
