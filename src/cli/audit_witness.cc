#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "base/text.h"
#include "canon/canon.h"
#include "cli/args.h"
#include "cli/command.h"
#include "cli/context.h"
#include "cli/text.h"
#include "witness/witness.h"

namespace aegis::cli {
namespace {

using Kind = Option::Kind;

constexpr std::array<Option, 6> kOptions = {{
    {"--listen", Kind::kText, "[ADDR:]PORT",
     "Where to serve HTTP (ADDR: 127.0.0.1; PORT 0: any that is free)"},
    {"--dir", Kind::kText, "DIR", "Its state and its private key; made where it is missing"},
    {"--name", Kind::kText, "NAME", "The witness's name, like witness.example/1; for a new DIR"},
    {"--log", Kind::kTexts, "KEY", "The verifier key of a log that it cosigns"},
    {"--logs", Kind::kText, "FILE", "A file of such keys, one a line"},
    {"--key", Kind::kFlag, "", "Print the witness's verifier key, and serve nothing"},
}};

constexpr std::array<Example, 3> kExamples = {{
    {"aegis audit witness --dir w --name witness.example --key > w.vkey",
     "Make a witness; its verifier key is for --witness-key."},
    {"aegis audit witness --dir w --listen 8090 --log \"$(aegis audit checkpoint work --key)\"",
     "Witness the ledger \"work\" until Ctrl-C."},
    {"aegis run --witness http://127.0.0.1:8090 --witness-key \"$(cat w.vkey)\" -- make",
     "A run whose checkpoints it cosigns."},
}};

constexpr std::size_t kMostLogs = std::size_t{1} << 20U;

base::Result<std::vector<canon::VerifierKey>> LogsOf(const Args& args) {
  std::vector<canon::VerifierKey> logs;
  if (const auto file = args.Text("--logs")) {
    AEGIS_ASSIGN(const std::string text, base::ReadFile(*file, kMostLogs));
    auto keys = witness::ParseLogKeys(text);
    if (!keys) {
      return base::Fail(std::move(keys).error().Within(base::EscapeName(*file)));
    }
    logs = std::move(*keys);
  }
  for (const std::string& text : args.Texts("--log")) {
    auto key = witness::ParseLogKey(text);
    if (!key) {
      return base::Fail(std::move(key).error().Within("--log"));
    }
    logs.push_back(std::move(*key));
  }
  return logs;
}

std::uint64_t SecondsNow() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(now).count());
}

base::Result<int> Serve(Context& context, const witness::ListenAddress& address,
                        witness::StateDirectory& state, canon::NoteSigner signer,
                        std::vector<canon::VerifierKey> logs) {
  const std::string key = signer.cosigner().Text();
  const std::size_t count = logs.size();
  witness::Cosigner cosigner(std::move(signer), std::move(logs), state, SecondsNow,
                             [&context](std::string_view line) { context.Note(line); });
  AEGIS_ASSIGN(const std::unique_ptr<witness::HttpServer> server,
               witness::HttpServer::Listen({.address = address, .stop_on_signals = true},
                                           [&cosigner](const witness::HttpRequest& request) {
                                             return cosigner.Handle(request);
                                           }));
  context.out.Line(witness::Url(server->address()));
  context.out.Line(base::ForDisplay(key));
  AEGIS_TRY(context.out.Flush());
  context.Note("cosigns for " + Count(count, "key") + " of logs; Ctrl-C ends it");
  AEGIS_TRY(server->Run());
  return 0;
}

base::Result<int> Run(Context& context, const Args& args) {
  const auto directory = args.Text("--dir");
  const auto listen = args.Text("--listen");
  if (!directory) {
    return context.Usage("where is its state? give --dir DIR");
  }
  if (!listen && !args.Has("--key")) {
    return context.Usage("where to serve? give --listen [ADDR:]PORT, or --key");
  }
  witness::ListenAddress address;
  if (listen) {
    AEGIS_ASSIGN(address, witness::ParseListenAddress(*listen));
  }
  AEGIS_ASSIGN(auto logs, LogsOf(args));
  if (logs.empty() && !args.Has("--key")) {
    return context.Usage("for which logs? give their keys, --log KEY or --logs FILE");
  }
  AEGIS_ASSIGN(const auto state, witness::StateDirectory::Open(*directory));
  AEGIS_ASSIGN(auto signer, state->Key(args.Text("--name")));
  if (args.Has("--key")) {
    context.out.Line(base::ForDisplay(signer.cosigner().Text()));
    return 0;
  }
  return Serve(context, address, *state, std::move(signer), std::move(logs));
}

}  // namespace

const Command kAuditWitnessCommand = {
    .name = "audit witness",
    .summary = "Be a witness: cosign the checkpoints of ledgers, and no second history",
    .options = kOptions,
    .examples = kExamples,
    .notes =
        "Speaks c2sp.org/tlog-witness over HTTP, without TLS: what it says is signed. Prints where "
        "it\n"
        "listens and its verifier key, then one line on stderr for each checkpoint. A witness "
        "belongs\n"
        "on another machine, or at least to another user, than the ledgers that it watches.\n"
        "SIGTERM and SIGINT end it. docs/witness.md says what it answers.\n",
    .run = Run,
};

}  // namespace aegis::cli
