#include "ledger/payload.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "canon/canon.h"
#include "ledger/masker.h"

namespace aegis::ledger {
namespace {

// Writes the members of one object; the caller names them in canonical order.
class ObjectWriter {
 public:
  explicit ObjectWriter(std::string& out) : out_(out) { out_ += '{'; }

  void End() { out_ += '}'; }

  void Key(std::string_view key) {
    out_ += first_ ? "\"" : ",\"";
    out_ += key;
    out_ += "\":";
    first_ = false;
  }
  void Text(std::string_view key, std::string_view value) {
    Key(key);
    canon::AppendJsonString(out_, value);
  }
  void OptionalText(std::string_view key, std::string_view value) {
    if (!value.empty()) {
      Text(key, value);
    }
  }
  void Integer(std::string_view key, std::int64_t value) {
    Key(key);
    canon::AppendJsonInteger(out_, value);
  }
  void OptionalInteger(std::string_view key, const std::optional<std::int64_t>& value) {
    if (value) {
      Integer(key, *value);
    }
  }
  void Texts(std::string_view key, std::span<const std::string> values) {
    Key(key);
    out_ += '[';
    for (std::size_t i = 0; i < values.size(); ++i) {
      out_ += i > 0 ? "," : "";
      canon::AppendJsonString(out_, values[i]);
    }
    out_ += ']';
  }
  void OptionalTexts(std::string_view key, std::span<const std::string> values) {
    if (!values.empty()) {
      Texts(key, values);
    }
  }
  void OptionalMasked(std::string_view key, std::string_view value, const Masker& masker) {
    if (!value.empty()) {
      const auto masked = masker.Mask(value);
      Text(key, masked ? std::string_view(*masked) : value);
    }
  }
  void Arguments(std::string_view key, std::span<const std::string> argv, const Masker& masker) {
    if (argv.empty()) {
      return;
    }
    Key(key);
    out_ += '[';
    for (std::size_t i = 0; i < argv.size(); ++i) {
      out_ += i > 0 ? "," : "";
      const auto masked = masker.MaskArgument(argv, i);
      canon::AppendJsonString(out_, masked ? *masked : argv[i]);
    }
    out_ += ']';
  }

 private:
  std::string& out_;
  bool first_ = true;
};

void AppendContext(std::string& out, const ActionContext& context, const Masker& masker) {
  ObjectWriter writer(out);
  writer.OptionalText("address", context.address);
  writer.Arguments("argv", context.argv, masker);
  writer.OptionalInteger("bytes_received", context.bytes_received);
  writer.OptionalInteger("bytes_sent", context.bytes_sent);
  writer.OptionalMasked("detail", context.detail, masker);
  writer.OptionalInteger("duration_ms", context.duration_ms);
  if (!context.enforced) {
    writer.Key("enforced");
    out += "false";
  }
  writer.OptionalText("exe", context.exe);
  writer.OptionalInteger("exit_code", context.exit_code);
  writer.OptionalText("host", context.host);
  writer.OptionalText("inspection", context.inspection);
  writer.OptionalText("operation", context.operation);
  if (context.parent != 0) {
    writer.Integer("parent", context.parent);
  }
  if (context.pid != 0) {
    writer.Integer("pid", context.pid);
  }
  if (context.port >= 0) {
    writer.Integer("port", context.port);
  }
  writer.OptionalText("protocol", context.protocol);
  writer.OptionalInteger("signal", context.signal);
  writer.OptionalText("target", context.target);
  writer.End();
}

}  // namespace

void AppendActionPayload(std::string& out, const ActionRecord& record, const Masker& masker) {
  ObjectWriter writer(out);
  writer.Text("action", record.action);
  writer.Key("context");
  AppendContext(out, record.context, masker);
  writer.Text("decision", record.decision);
  writer.Texts("policies", record.policies);
  writer.Text("reason", record.reason);
  writer.Text("resource", record.resource);
  writer.End();
}

void AppendFinishedPayload(std::string& out, const ActionRecord& record, const Masker& masker) {
  ObjectWriter writer(out);
  writer.Text("action", record.action);
  writer.Key("context");
  AppendContext(out, record.context, masker);
  writer.Text("resource", record.resource);
  writer.End();
}

void AppendProcessStartedPayload(std::string& out, const ProcessStart& start) {
  ObjectWriter writer(out);
  writer.Text("image", start.image);
  writer.Integer("parent", start.parent);
  writer.Integer("pid", start.pid);
  writer.End();
}

void AppendSessionStartedPayload(std::string& out, const SessionStart& start,
                                 const Masker& masker) {
  ObjectWriter writer(out);
  writer.Arguments("argv", start.argv, masker);
  writer.OptionalMasked("command", start.command, masker);
  writer.OptionalText("config", start.config);
  writer.OptionalText("dir", start.dir);
  writer.OptionalTexts("env_dropped", start.env_dropped);
  writer.OptionalText("level", start.level);
  writer.OptionalText("level_detail", start.level_detail);
  writer.Text("mode", start.mode);
  writer.OptionalTexts("policies", start.policies);
  writer.OptionalText("policy_digest", start.policy_digest);
  if (start.policy_stored) {
    writer.Key("policy_stored");
    out += "true";
  }
  writer.OptionalTexts("protections", start.protections);
  writer.OptionalTexts("published_ports", start.published_ports);
  writer.OptionalMasked("tag", start.tag, masker);
  writer.End();
}

void AppendPolicyChangedPayload(std::string& out, const PolicyChange& change) {
  ObjectWriter writer(out);
  writer.Texts("files", change.files);
  writer.Text("from", change.from);
  writer.OptionalText("outside", change.outside);
  writer.Text("to", change.to);
  writer.End();
}

void AppendPolicyKeptPayload(std::string& out, const PolicyKept& kept, const Masker& masker) {
  ObjectWriter writer(out);
  writer.OptionalMasked("detail", kept.detail, masker);
  writer.Text("digest", kept.digest);
  writer.End();
}

void AppendSessionEndedPayload(std::string& out, const SessionEnd& end, const Masker& masker) {
  ObjectWriter writer(out);
  writer.Integer("actions", end.actions);
  writer.Integer("denials", end.denials);
  writer.OptionalMasked("detail", end.detail, masker);
  writer.OptionalInteger("exit_code", end.exit_code);
  writer.OptionalInteger("published_connections", end.published_connections);
  writer.OptionalInteger("signal", end.signal);
  writer.End();
}

}  // namespace aegis::ledger
