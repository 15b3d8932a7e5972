#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "base/text.h"
#include "cli/args.h"
#include "cli/command.h"
#include "cli/context.h"
#include "cli/create.h"
#include "cli/json.h"
#include "cli/launch.h"
#include "cli/masking.h"
#include "cli/retention.h"
#include "cli/tags.h"
#include "cli/watch_report.h"
#include "cli/witnesses.h"
#include "config/config.h"
#include "observe/observe.h"

namespace aegis::cli {
namespace {

using Kind = Option::Kind;

constexpr std::uint64_t kDefaultIdle = 300;
constexpr std::uint64_t kLongestIdle = 1'000'000'000;

constexpr std::array<Option, 12> kOptions = {{
    {"--dir", Kind::kText, "DIR",
     "The directory to watch, which policies call @dir (default: here)"},
    {"--policy", Kind::kText, "POLICY",
     "A template or file to judge by (default: the configuration's own, permit-all if new)"},
    {"--name", Kind::kText, "NAME", "Configuration to record in (default: the directory's name)"},
    {"--config", Kind::kText, "NAME", "The same"},
    {"--tag", Kind::kText, "TAG", "A word to find the session by"},
    {"--exclude", Kind::kTexts, "PATTERN", "Leave out names, or with a slash paths, like this"},
    {"--reads", Kind::kFlag, "", "Record reads of files too (needs fanotify)"},
    {"--across-mounts", Kind::kFlag, "", "Watch file systems that are mounted below too"},
    {"--idle-timeout", Kind::kCount, "SECONDS",
     "End when nothing has happened for so long (default: 300; 0: never)"},
    {"--foreground", Kind::kFlag, "", "Stay in the foreground; Ctrl-C ends it"},
    {"--stop", Kind::kFlag, "", "End the watch that goes on under this configuration"},
    {"--json", Kind::kFlag, "", "How it stands as JSON"},
}};

constexpr std::array<Example, 4> kExamples = {{
    {"aegis watch --dir ~/src/app", "Record what happens in ~/src/app from now on."},
    {"aegis watch --stop --dir ~/src/app", "End it, and say what has changed."},
    {"aegis watch --policy project --exclude .git --idle-timeout 0",
     "Mark what `project` would deny; go on until it is stopped."},
    {"aegis log app", "What was recorded, under the name of the directory."},
}};

// What a watch is asked for.
struct Wanted {
  Places places;
  config::Configuration configuration;
  observe::WatchSpec spec;
};

// The configuration's name, else that of the directory.
base::Result<std::string> NameOf(const Places& places, const Args& args) {
  AEGIS_ASSIGN(const auto name, Either(args, "--name", "--config"));
  if (name) {
    AEGIS_TRY(config::CheckName(*name));
    return *name;
  }
  AEGIS_ASSIGN(const std::string dir,
               config::ProjectDirectory(places.home, args.Text("--dir").value_or(".")));
  return config::NameForProgram(dir);
}

base::Result<config::Configuration> Configure(const Places& places, const std::string& name,
                                              const Args& args) {
  if (!places.home.Has(name)) {
    AEGIS_TRY(MakeMissing(places, name, args.Text("--policy").value_or("permit-all"),
                          args.Text("--dir")));
  }
  return config::LoadConfiguration(places.home, name, places.user_home);
}

base::Result<Wanted> Prepare(const Context& context, const Args& args) {
  AEGIS_TRY(CheckTag("--tag", args.Text("--tag").value_or("")));
  AEGIS_ASSIGN(Places places, FindPlaces(context));
  AEGIS_ASSIGN(const std::string name, NameOf(places, args));
  // The directory first, so that a mistyped one makes nothing.
  AEGIS_TRY(config::ProjectDirectory(places.home, args.Text("--dir").value_or(".")));
  AEGIS_ASSIGN(config::Configuration configuration, Configure(places, name, args));
  observe::WatchSpec spec;
  const auto dir = args.Text("--dir");
  AEGIS_ASSIGN(spec.dir,
               config::ProjectDirectory(places.home, dir ? *dir : configuration.dir.value_or(".")));
  if (const auto policy = args.Text("--policy")) {
    AEGIS_ASSIGN(PolicyChoice choice, ChoosePolicy(*policy));
    spec.policies = std::move(choice.sources);
  } else {
    AEGIS_ASSIGN(spec.policies, ConfiguredPolicies(configuration));
  }
  AEGIS_ASSIGN(spec.witness, ChooseWitnesses(places, configuration, {}));
  AEGIS_ASSIGN(spec.masker, ConfiguredMasker(configuration));
  spec.config_name = name;
  spec.aegis_home = places.home.path();
  spec.state_dir = configuration.state_dir;
  spec.home = places.user_home;
  spec.tag = args.Text("--tag").value_or("");
  spec.exclude = args.Texts("--exclude");
  spec.reads = args.Has("--reads");
  spec.across_mounts = args.Has("--across-mounts");
  spec.idle_timeout = std::chrono::seconds(args.Number("--idle-timeout").value_or(kDefaultIdle));
  return Wanted{.places = std::move(places),
                .configuration = std::move(configuration),
                .spec = std::move(spec)};
}

WatchTold ToldOf(const observe::WatchSpec& spec, const observe::WatchReport& report, bool ended) {
  WatchTold told;
  told.ended = ended;
  told.config = spec.config_name;
  told.pid = ::getpid();
  told.session_id = report.session_id;
  told.dir = base::EscapeName(spec.dir);
  told.source = report.source;
  told.names = report.names;
  told.gaps = report.gaps.total();
  for (const observe::Gap& gap : report.gaps.named()) {
    told.first_gaps.push_back(
        base::EscapeName(gap.name.empty() ? spec.dir : spec.dir + "/" + gap.name) + ": " +
        base::EscapeName(gap.detail));
    if (told.first_gaps.size() == 5) {
      break;
    }
  }
  told.actions = report.actions;
  told.denials = report.denials;
  for (const auto& [kind, count] : report.changes) {
    told.changes.emplace(observe::ChangeKindName(kind), count);
  }
  if (ended) {
    told.why = report.why;
  }
  return told;
}

void Tell(Context& context, const WatchTold& told, bool json) {
  SayWatch(context, told);
  if (json) {
    PrintJson(context.out, WatchJson(told));
  }
}

base::Result<int> Foreground(Context& context, const Wanted& wanted, bool json) {
  AEGIS_ASSIGN(const observe::WatchReport report,
               observe::Watch(wanted.spec, [&](const observe::WatchReport& begun) {
                 SayWatch(context, ToldOf(wanted.spec, begun, false));
               }));
  for (const std::string& warning : report.warnings) {
    context.Say(warning);
  }
  Tell(context, ToldOf(wanted.spec, report, true), json);
  ApplyRetention(context, wanted.configuration);
  return 0;
}

// In the process that stays: says what it has to say into the log, and gives its exit code.
int Stay(Context& context, const Wanted& wanted, const observe::TellReady& tell) {
  bool begun = false;
  const auto report = observe::Watch(wanted.spec, [&](const observe::WatchReport& so_far) {
    begun = true;
    tell(WatchJson(ToldOf(wanted.spec, so_far, false)).dump());
  });
  if (!report) {
    context.Say(report.error().message());
    if (!begun) {
      tell(nlohmann::json({{"error", report.error().message()}})
               .dump(-1, ' ', true, nlohmann::json::error_handler_t::replace));
    }
    return EXIT_FAILURE;
  }
  for (const std::string& warning : report->warnings) {
    context.Say(warning);
  }
  ApplyRetention(context, wanted.configuration);
  return EXIT_SUCCESS;
}

base::Result<int> Background(Context& context, const Wanted& wanted, bool json) {
  AEGIS_TRY(context.out.Flush());
  AEGIS_ASSIGN(const std::string text,
               observe::RunInBackground(
                   wanted.configuration.state_dir + "/watch.log",
                   [&](const observe::TellReady& tell) { return Stay(context, wanted, tell); }));
  const auto document = nlohmann::ordered_json::parse(text, nullptr, false);
  if (document.is_object() && document.contains("error")) {
    return base::Fail(base::Errc::kUnavailable, document.value("error", ""));
  }
  const auto told = ParseWatch(document);
  if (!told) {
    return base::Fail(base::Errc::kInternal, "the watcher did not say that it watches");
  }
  Tell(context, *told, json);
  return 0;
}

// The lock is taken before it says whose it is, and held until all is stored.
base::Result<std::optional<observe::RunningWatch>> FindSettled(const std::string& state_dir) {
  constexpr int kAttempts = 200;
  constexpr timespec kPause{0, 20'000'000};
  for (int attempt = 1;; ++attempt) {
    auto found = observe::FindWatch(state_dir);
    if (found || found.error().code() != base::Errc::kUnavailable || attempt == kAttempts) {
      return found;
    }
    ::nanosleep(&kPause, nullptr);
  }
}

base::Result<int> Stop(Context& context, const Args& args) {
  AEGIS_ASSIGN(const Places places, FindPlaces(context));
  AEGIS_ASSIGN(const std::string name, NameOf(places, args));
  AEGIS_ASSIGN(const auto configuration,
               config::LoadConfiguration(places.home, name, places.user_home));
  AEGIS_ASSIGN(const auto running, FindSettled(configuration.state_dir));
  if (!running) {
    return base::Fail(base::Errc::kNotFound, "nothing watches under configuration \"" + name +
                                                 "\" (to begin: aegis watch --name " + name + ")");
  }
  const int pidfd = running->pidfd.get();
  if (::syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, nullptr, 0U) != 0 && errno != ESRCH) {
    return base::FailErrno("signal process " + std::to_string(running->holder.pid));
  }
  // Until the last entry is stored: a large tree takes a while.
  pollfd ended{.fd = pidfd, .events = POLLIN, .revents = 0};
  while (::poll(&ended, 1, -1) < 0 && errno == EINTR) {
  }
  AEGIS_ASSIGN(WatchTold told, ReadWatch(context, configuration, running->holder.session_id));
  told.pid = running->holder.pid;
  Tell(context, told, args.Has("--json"));
  return 0;
}

base::Result<int> Run(Context& context, const Args& args) {
  if (args.Has("--stop")) {
    for (const std::string_view other :
         {"--policy", "--tag", "--reads", "--across-mounts", "--idle-timeout", "--foreground"}) {
      if (args.Has(other)) {
        return context.Usage("--stop takes no " + std::string(other));
      }
    }
    return Stop(context, args);
  }
  if (args.Number("--idle-timeout").value_or(0) > kLongestIdle) {
    return context.Usage("--idle-timeout takes at most " + std::to_string(kLongestIdle) +
                         " seconds");
  }
  AEGIS_ASSIGN(const Wanted wanted, Prepare(context, args));
  const bool json = args.Has("--json");
  return args.Has("--foreground") ? Foreground(context, wanted, json)
                                  : Background(context, wanted, json);
}

}  // namespace

const Command kWatchCommand = {
    .name = "watch",
    .summary = "Watch a directory in the background and record what happens in it",
    .options = kOptions,
    .examples = kExamples,
    .notes =
        "For programs that were not started through Aegis. Nothing is refused: an event is known\n"
        "when it has happened. It is judged all the same, and what the policies would have denied\n"
        "is recorded as such. What stands there at the beginning and at the end is recorded too,\n"
        "with each name that differs. With CAP_SYS_ADMIN it uses fanotify and knows who acts,\n"
        "otherwise inotify, which does not tell. What could not be seen is recorded as a gap. It\n"
        "ends by --stop, by SIGTERM, after --idle-timeout, or when DIR is removed or renamed. A\n"
        "NAME that is missing is made. Errors behind its beginning stand in NAME/watch.log.\n",
    .run = Run,
};

}  // namespace aegis::cli
