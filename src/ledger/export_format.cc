#include "ledger/export_format.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "canon/canon.h"
#include "ledger/entry.h"

namespace aegis::ledger {
namespace {

constexpr std::array<std::pair<std::string_view, ExportFormat>, 4> kNames = {{
    {"json", ExportFormat::kJson},
    {"jsonl", ExportFormat::kJsonLines},
    {"csv", ExportFormat::kCsv},
    {"cef", ExportFormat::kCef},
}};

// The members of a payload and its context that have a column of their own; empty where there is
// none, or one of another type: entries may hold anything.
struct Fields {
  std::string action{};
  std::string resource{};
  std::string decision{};
  std::string reason{};
  std::string policies{};
  std::string exe{};
  std::string host{};
  std::optional<std::int64_t> pid{};
  std::optional<std::int64_t> port{};
  std::optional<std::int64_t> exit_code{};
  bool enforced = true;
};

std::string Text(std::string_view raw) { return canon::DecodeString(raw).value_or(std::string()); }

std::optional<std::int64_t> Integer(std::string_view raw) {
  canon::Cursor cursor(raw);
  std::int64_t value = 0;
  return cursor.Integer(&value) ? std::optional(value) : std::nullopt;
}

// The strings of an array with semicolons between them.
std::string Joined(std::string_view raw) {
  std::string joined;
  canon::Cursor cursor(raw);
  std::string_view item;
  for (bool more = cursor.Literal("["); more && cursor.Value(&item); more = cursor.Literal(",")) {
    joined += joined.empty() ? "" : ";";
    joined += Text(item);
  }
  return joined;
}

void ReadContext(Fields& fields, std::string_view context) {
  (void)canon::ForEachMember(context, [&](std::string_view key, std::string_view raw) {
    if (key == "enforced") {
      fields.enforced = raw != "false";
    } else if (key == "exe") {
      fields.exe = Text(raw);
    } else if (key == "exit_code") {
      fields.exit_code = Integer(raw);
    } else if (key == "host") {
      fields.host = Text(raw);
    } else if (key == "pid") {
      fields.pid = Integer(raw);
    } else if (key == "port") {
      fields.port = Integer(raw);
    }
    return true;
  });
}

Fields ReadFields(std::string_view payload) {
  Fields fields;
  (void)canon::ForEachMember(payload, [&](std::string_view key, std::string_view raw) {
    if (key == "action") {
      fields.action = Text(raw);
    } else if (key == "context") {
      ReadContext(fields, raw);
    } else if (key == "decision") {
      fields.decision = Text(raw);
    } else if (key == "exit_code") {
      fields.exit_code = Integer(raw);
    } else if (key == "policies") {
      fields.policies = Joined(raw);
    } else if (key == "reason") {
      fields.reason = Text(raw);
    } else if (key == "resource") {
      fields.resource = Text(raw);
    }
    return true;
  });
  return fields;
}

std::string Hex(const canon::Sha256& hash) { return canon::HexEncode(hash.view()); }

constexpr std::string_view kCsvHeader =
    "id,time,session_id,seq,tenant_id,user_id,event_type,action,resource,decision,reason,policies,"
    "pid,exe,host,port,exit_code,hash\r\n";

// Cells of one line.
class CsvLine {
 public:
  explicit CsvLine(std::string& out) : out_(out) {}

  void Text(std::string_view text) {
    Separate();
    std::string cell = base::ForDisplay(text);
    // Blanks before it don't keep a spreadsheet from seeing a formula (tabs and line breaks would
    // not either, but are escapes by now), and some know the full-width forms.
    const std::size_t first = cell.find_first_not_of(' ');
    const std::string_view begin =
        std::string_view(cell).substr(first == std::string::npos ? cell.size() : first);
    if (std::ranges::any_of(kFormulas, [begin](auto sign) { return begin.starts_with(sign); })) {
      cell.insert(cell.begin(), '\'');
    }
    if (cell.find_first_of("\",") == std::string::npos) {
      out_ += cell;
      return;
    }
    out_ += '"';
    for (const char c : cell) {
      out_.append(c == '"' ? 2 : 1, c);
    }
    out_ += '"';
  }

  template <typename T>
  void Number(const std::optional<T>& number) {
    Separate();
    out_ += number ? std::to_string(*number) : std::string();
  }

 private:
  static constexpr std::array<std::string_view, 8> kFormulas = {
      "=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20"};

  void Separate() {
    out_ += first_ ? "" : ",";
    first_ = false;
  }
  std::string& out_;
  bool first_ = true;
};

void AppendCsv(std::string& out, const EntryView& entry, std::optional<std::uint64_t> position) {
  const Fields fields = ReadFields(entry.payload);
  CsvLine line(out);
  line.Number(position);
  line.Text(entry.erased ? std::string() : base::FormatTime(entry.ts_unix_ms));
  line.Text(entry.session_id);
  line.Number(std::optional(entry.seq));
  line.Text(entry.tenant_id);
  line.Text(entry.user_id);
  line.Text(entry.event_type);
  line.Text(fields.action);
  line.Text(fields.resource);
  line.Text(fields.decision);
  line.Text(fields.reason);
  line.Text(fields.policies);
  line.Number(fields.pid);
  line.Text(fields.exe);
  line.Text(fields.host);
  line.Number(fields.port);
  line.Number(fields.exit_code);
  line.Text(Hex(entry.hash));
  out += "\r\n";
}

// Text with a backslash before each of `special`; a line break as CEF writes it.
void AppendCefText(std::string& out, std::string_view text, std::string_view special) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of("\n\r"), text.size());
    for (const char c : base::ForDisplay(text.substr(0, end))) {
      out += special.contains(c) ? "\\" : "";
      out += c;
    }
    text.remove_prefix(end);
    if (!text.empty()) {
      out += text.front() == '\n' ? "\\n" : "\\r";
      text.remove_prefix(1);
    }
  }
}

void AppendCefHeader(std::string& out, std::string_view text) {
  AppendCefText(out, text, "\\|");
  out += '|';
}

// Members of the extension: nothing for what is empty.
class CefExtension {
 public:
  explicit CefExtension(std::string& out) : out_(out) {}

  void Text(std::string_view key, std::string_view text) {
    if (!text.empty()) {
      Key(key);
      AppendCefText(out_, text, "\\=");
    }
  }
  template <typename T>
  void Number(std::string_view key, const std::optional<T>& number) {
    if (number) {
      Key(key);
      out_ += std::to_string(*number);
    }
  }
  // One of the fields whose meaning the sender names.
  void Labelled(std::string_view key, std::string_view label, std::string_view text) {
    if (!text.empty()) {
      Text(std::string(key) + "Label", label);
      Text(key, text);
    }
  }
  template <typename T>
  void Labelled(std::string_view key, std::string_view label, const std::optional<T>& number) {
    if (number) {
      Text(std::string(key) + "Label", label);
      Number(key, number);
    }
  }

 private:
  void Key(std::string_view key) {
    out_ += first_ ? "" : " ";
    out_ += key;
    out_ += '=';
    first_ = false;
  }
  std::string& out_;
  bool first_ = true;
};

// From 0 to 10: what was refused stands out, more so if the refusal was enforced.
int Severity(const Fields& fields) {
  if (fields.decision != "deny") {
    return fields.decision == "allow" ? 1 : 2;
  }
  return fields.enforced ? 7 : 5;
}

void AppendCef(std::string& out, const EntryView& entry, std::optional<std::uint64_t> position,
               std::string_view version) {
  const Fields fields = ReadFields(entry.payload);
  const std::string_view type = entry.erased ? "ERASED" : entry.event_type;
  out += "CEF:0|Aegis|Aegis|";
  AppendCefHeader(out, version);
  AppendCefHeader(out, fields.action.empty() ? type : fields.action);
  AppendCefHeader(out, std::string(type) + (fields.action.empty() ? "" : " ") + fields.action +
                           (fields.decision.empty() ? "" : " ") + fields.decision);
  out += std::to_string(Severity(fields)) + "|";
  CefExtension extension(out);
  extension.Number("rt", entry.erased ? std::nullopt : std::optional(entry.ts_unix_ms));
  extension.Text("cat", entry.event_type);
  extension.Text("act", fields.decision);
  extension.Text("reason", fields.reason);
  extension.Text("suser", entry.user_id);
  extension.Number("spid", fields.pid);
  extension.Text("sproc", fields.exe);
  extension.Text(fields.host.empty() ? "filePath" : "request", fields.resource);
  extension.Text("dhost", fields.host);
  extension.Number("dpt", fields.port);
  extension.Text("externalId", Hex(entry.hash));
  extension.Labelled("cs1", "session", entry.session_id);
  extension.Labelled("cs2", "policies", fields.policies);
  extension.Labelled("cs3", "tenant", entry.tenant_id);
  extension.Labelled("cn1", "seq", std::optional(entry.seq));
  extension.Labelled("cn2", "position", position);
  extension.Labelled("cn3", "exitCode", fields.exit_code);
  out += '\n';
}

}  // namespace

std::optional<ExportFormat> ParseExportFormat(std::string_view name) {
  const auto* const found =
      std::ranges::find(kNames, name, &std::pair<std::string_view, ExportFormat>::first);
  return found != kNames.end() ? std::optional(found->second) : std::nullopt;
}

void ExportWriter::AppendBegin(std::string& out, bool continues) const {
  if (format_ == ExportFormat::kJson) {
    out += '[';
  } else if (format_ == ExportFormat::kCsv && !continues) {
    out += kCsvHeader;
  }
}

void ExportWriter::AppendEntry(std::string& out, const EntryView& entry,
                               std::optional<std::uint64_t> position) {
  switch (format_) {
    case ExportFormat::kJson:
      out += any_ ? ",\n" : "\n";
      AppendEnvelope(out, entry);
      break;
    case ExportFormat::kJsonLines:
      AppendEnvelope(out, entry);
      out += '\n';
      break;
    case ExportFormat::kCsv:
      AppendCsv(out, entry, position);
      break;
    case ExportFormat::kCef:
      AppendCef(out, entry, position, version_);
      break;
  }
  any_ = true;
}

void ExportWriter::AppendEnd(std::string& out) const {
  if (format_ == ExportFormat::kJson) {
    out += any_ ? "\n]\n" : "]\n";
  }
}

}  // namespace aegis::ledger
