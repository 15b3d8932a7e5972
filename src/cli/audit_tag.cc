#include <array>
#include <string>

#include "base/result.h"
#include "base/text.h"
#include "base/user.h"
#include "cli/args.h"
#include "cli/command.h"
#include "cli/context.h"
#include "cli/entries.h"
#include "cli/masking.h"
#include "cli/tags.h"
#include "ledger/ledger.h"

namespace aegis::cli {
namespace {

using Kind = Option::Kind;

constexpr std::array<Option, 3> kOptions = {{
    {"ID", Kind::kPositional, "", "The session: its id, the beginning of it, or its tag"},
    {"TAG", Kind::kPositional, "", "The word to find it by; '' takes its tag away"},
    {"--config", Kind::kText, "NAME", "Configuration (default: the active one)"},
}};

constexpr std::array<Example, 2> kExamples = {{
    {"aegis audit tag 0193f good --config work", "Find it later: aegis audit session good."},
    {"aegis audit tag good '' --config work", "It has no tag any more."},
}};

// What is stored: masked, and shown so.
base::Result<std::string> Record(ledger::Ledger& ledger, const std::string& session_id,
                                 const std::string& tag, const ledger::Masker& masker) {
  AEGIS_ASSIGN(ledger::LedgerSigner* const signer, ledger.Signer());
  AEGIS_ASSIGN(const std::string id, ledger::NewSessionId(ledger::SystemClock()));
  const std::string escaped = base::EscapeName(tag);
  const ledger::TagRequest request{
      .identity = {"local", base::UserName(), std::string(ledger::kTagRecordPrefix) + id},
      .session_id = session_id,
      .tag = escaped};
  AEGIS_TRY(ledger::TagSession(ledger.store(), request, masker, signer));
  AEGIS_TRY(ledger.CheckpointAll());
  return masker.Mask(escaped).value_or(escaped);
}

std::string Described(const std::string& session_id, const std::string& tag,
                      const ledger::SessionInfo& before) {
  const std::string now = tag.empty() ? "no tag" : "tag \"" + tag + "\"";
  return "session " + session_id + ": " + now +
         (before.tag ? " (before: \"" + *before.tag + "\")" : "");
}

base::Result<int> Run(Context& context, const Args& args) {
  const auto id = args.Text("ID");
  const auto tag = args.Text("TAG");
  if (!id || !tag) {
    return context.Usage("which session, and which tag? as in: aegis audit tag 0193f good");
  }
  if (const auto checked = CheckTag("TAG", *tag); !checked) {
    return context.Usage(checked.error().message());
  }
  AEGIS_ASSIGN(const Places places, FindPlaces(context));
  AEGIS_ASSIGN(const auto configuration, LoadChosen(places, args.Text("--config")));
  AEGIS_ASSIGN(const ledger::Masker masker, ConfiguredMasker(configuration));
  AEGIS_ASSIGN(auto ledger, OpenLedger(context, configuration));
  AEGIS_ASSIGN(const ledger::SessionInfo info, ledger.FindSession(*id));
  const std::string& session_id = info.session.session_id;
  AEGIS_ASSIGN(const std::string stored, Record(ledger, session_id, *tag, masker));
  context.out.Line(base::ForDisplay(Described(session_id, stored, info)));
  return 0;
}

}  // namespace

const Command kAuditTagCommand = {
    .name = "audit tag",
    .summary = "Give a session a tag, also after it ran",
    .options = kOptions,
    .examples = kExamples,
    .notes =
        "The ledger only grows: a tag is an entry of its own, secrets in it are masked, and the\n"
        "one before stays in the session's history. The newest is what `audit sessions` and\n"
        "`audit session` show, and by which a session is found. A running session can be tagged\n"
        "too.\n",
    .run = Run,
};

}  // namespace aegis::cli
