#include "ledger/export_format.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "canon/canon.h"
#include "ledger/entry.h"
#include "ledger/masker.h"
#include "ledger/random_entries.h"
#include "ledger/test_ledger.h"

namespace aegis::ledger {
namespace {

std::string Exported(ExportFormat format, const std::vector<EntryView>& entries) {
  ExportWriter writer(format, "1.2");
  std::string out;
  writer.AppendBegin(out, false);
  std::uint64_t position = 0;
  for (const EntryView& entry : entries) {
    writer.AppendEntry(out, entry, ++position);
  }
  writer.AppendEnd(out);
  return out;
}

// A reader of RFC 4180 as a spreadsheet is: records of cells.
std::vector<std::vector<std::string>> ReadCsv(std::string_view text) {
  std::vector<std::vector<std::string>> records;
  bool quoted = false;
  std::vector<std::string> cells = {""};
  for (std::size_t at = 0; at < text.size(); ++at) {
    const std::string_view rest = text.substr(at);
    if (quoted && rest.starts_with("\"\"")) {
      cells.back() += '"';
      ++at;
    } else if (text[at] == '"') {
      quoted = !quoted;
    } else if (!quoted && text[at] == ',') {
      cells.emplace_back();
    } else if (!quoted && rest.starts_with("\r\n")) {
      records.push_back(std::exchange(cells, {""}));
      ++at;
    } else {
      cells.back() += text[at];
    }
  }
  EXPECT_FALSE(quoted);
  EXPECT_EQ(cells, std::vector<std::string>{""}) << "the last line has its end";
  return records;
}

// The fields of a CEF header, and the members of the extension, without their escapes.
struct CefEvent {
  std::vector<std::string> header;
  std::map<std::string, std::string> extension;
};

char Unescaped(char c) {
  if (c == 'n') {
    return '\n';
  }
  return c == 'r' ? '\r' : c;
}

CefEvent ReadCef(std::string_view line) {
  CefEvent event{.header = {""}, .extension = {}};
  std::size_t at = 0;
  for (; at < line.size() && event.header.size() < 8; ++at) {
    if (line[at] == '|') {
      event.header.emplace_back();
    } else {
      at += line[at] == '\\' ? 1U : 0U;
      event.header.back() += line[at];
    }
  }
  event.header.pop_back();
  std::string key;
  std::string text;  // since the last `=`
  for (; at < line.size(); ++at) {
    if (line[at] == '=') {
      const std::size_t blank = text.rfind(' ');
      if (!key.empty()) {
        event.extension[key] = text.substr(0, blank);
      }
      key = text.substr(blank == std::string::npos ? 0 : blank + 1);
      text.clear();
    } else if (line[at] == '\\') {
      ++at;
      text += Unescaped(line[at]);
    } else {
      text += line[at];
    }
  }
  event.extension[key] = text;
  return event;
}

class ExportFormatTest : public testing::Test {
 protected:
  static EntryView Denied(std::string_view payload) {
    return {.tenant_id = "local",
            .user_id = "tester",
            .session_id = "s1",
            .seq = 4,
            .ts_unix_ms = 1700000000123,
            .event_type = kActionDecided,
            .payload = payload,
            .prev_hash = {},
            .hash = {}};
  }
  static std::string Payload(std::string_view resource, bool enforced = true) {
    const std::vector<std::string> policies = {"p-1", "p,2"};
    std::string payload;
    AppendActionPayload(payload,
                        {.action = "NetConnect",
                         .resource = resource,
                         .decision = "deny",
                         .reason = "NO_PERMIT",
                         .policies = policies,
                         .context = {.pid = 77,
                                     .exe = "/usr/bin/curl",
                                     .host = "example.org",
                                     .port = 443,
                                     .enforced = enforced}},
                        Masker());
    return payload;
  }
  const std::string zeros_ = std::string(64, '0');
};

TEST_F(ExportFormatTest, NamesAreKnown) {
  EXPECT_EQ(ParseExportFormat("json"), ExportFormat::kJson);
  EXPECT_EQ(ParseExportFormat("jsonl"), ExportFormat::kJsonLines);
  EXPECT_EQ(ParseExportFormat("csv"), ExportFormat::kCsv);
  EXPECT_EQ(ParseExportFormat("cef"), ExportFormat::kCef);
  EXPECT_EQ(ParseExportFormat("xml"), std::nullopt);
}

TEST_F(ExportFormatTest, CsvHasItsColumns) {
  const std::string payload = Payload("example.org:443");
  const std::string text = Exported(ExportFormat::kCsv, {Denied(payload)});
  EXPECT_EQ(text,
            "id,time,session_id,seq,tenant_id,user_id,event_type,action,resource,decision,reason,"
            "policies,pid,exe,host,port,exit_code,hash\r\n"
            "1,2023-11-14T22:13:20.123Z,s1,4,local,tester,ACTION_DECIDED,NetConnect,"
            "example.org:443,deny,NO_PERMIT,\"p-1;p,2\",77,/usr/bin/curl,example.org,443,," +
                zeros_ + "\r\n");
}

TEST_F(ExportFormatTest, CsvThatContinuesHasNoHeader) {
  const std::string payload = R"({"exit_code":-3})";
  ExportWriter writer(ExportFormat::kCsv, "1.2");
  std::string out;
  writer.AppendBegin(out, true);
  writer.AppendEntry(out, Denied(payload), std::nullopt);
  writer.AppendEnd(out);
  EXPECT_EQ(out, ",2023-11-14T22:13:20.123Z,s1,4,local,tester,ACTION_DECIDED,,,,,,,,,,-3," +
                     zeros_ + "\r\n");
}

TEST_F(ExportFormatTest, CsvCellsAreNoFormulas) {
  for (const std::string_view name :
       {"=1+1", "+1", "-1", "@SUM(A1)", " =1", "\uff1d1", "=\"a\",b"}) {
    const std::string payload = Payload(name);
    const auto records = ReadCsv(Exported(ExportFormat::kCsv, {Denied(payload)}));
    ASSERT_EQ(records.size(), 2U);
    EXPECT_EQ(records[1][8], "'" + std::string(name));
  }
  for (const std::string_view name : {"\t=1", "\r=1", "\n=1", "/a=b", "", "a-b"}) {
    const std::string payload = Payload(name);
    const auto records = ReadCsv(Exported(ExportFormat::kCsv, {Denied(payload)}));
    EXPECT_EQ(records[1][8], base::ForDisplay(name));
  }
}

TEST_F(ExportFormatTest, CefHasItsFields) {
  const std::string payload = Payload("example.org:443");
  EXPECT_EQ(Exported(ExportFormat::kCef, {Denied(payload)}),
            "CEF:0|Aegis|Aegis|1.2|NetConnect|ACTION_DECIDED NetConnect deny|7|"
            "rt=1700000000123 cat=ACTION_DECIDED act=deny reason=NO_PERMIT suser=tester spid=77 "
            "sproc=/usr/bin/curl request=example.org:443 dhost=example.org dpt=443 externalId=" +
                zeros_ +
                " cs1Label=session cs1=s1 cs2Label=policies cs2=p-1;p,2 cs3Label=tenant cs3=local "
                "cn1Label=seq cn1=4 cn2Label=position cn2=1\n");
}

TEST_F(ExportFormatTest, ErasedEntriesAreWhatIsLeft) {
  const EntryView erased{.tenant_id = "local", .session_id = "s1", .seq = 4, .erased = true};
  EXPECT_TRUE(Exported(ExportFormat::kCsv, {erased})
                  .ends_with("\r\n1,,s1,4,local,,,,,,,,,,,,," + zeros_ + "\r\n"));
  EXPECT_EQ(Exported(ExportFormat::kCef, {erased}),
            "CEF:0|Aegis|Aegis|1.2|ERASED|ERASED|2|externalId=" + zeros_ +
                " cs1Label=session cs1=s1 cs3Label=tenant cs3=local cn1Label=seq cn1=4 "
                "cn2Label=position cn2=1\n");
}

TEST_F(ExportFormatTest, CefEscapesWhatWouldEndAField) {
  const std::string payload =
      R"({"action":"a|b\\c\nd","pid":"no","resource":"x=y |\\ z\r\n\u001b"})";
  EntryView entry = Denied(payload);
  entry.user_id = "eve act=allow";
  const std::string line = Exported(ExportFormat::kCef, {entry});
  EXPECT_TRUE(line.starts_with(R"(CEF:0|Aegis|Aegis|1.2|a\|b\\c\nd|)")) << line;
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  const CefEvent event = ReadCef(line.substr(0, line.size() - 1));
  EXPECT_EQ(event.extension.at("suser"), "eve act=allow");
  EXPECT_EQ(event.extension.at("filePath"), "x=y |\\ z\r\n\\u{1b}");
  EXPECT_EQ(event.extension.count("spid"), 0U);
  EXPECT_EQ(event.extension.count("act"), 0U);
}

TEST_F(ExportFormatTest, CefDenialsAreSevere) {
  const auto severity = [](const std::string& payload) {
    return std::stoi(ReadCef(Exported(ExportFormat::kCef, {Denied(payload)})).header[6]);
  };
  EXPECT_GT(severity(Payload("/a")), severity(Payload("/a", false)));
  EXPECT_GT(severity(Payload("/a", false)), severity(Decided("FileRead", "/a", "allow")));
  EXPECT_GT(severity(Payload("/a", false)), severity("{}"));
}

TEST_F(ExportFormatTest, JsonIsAnArrayAlsoWhenEmpty) {
  EXPECT_EQ(Exported(ExportFormat::kJson, {}), "[]\n");
  const std::string payload = "{}";
  const EntryView entry = Denied(payload);
  std::string envelope;
  AppendEnvelope(envelope, entry);
  EXPECT_EQ(Exported(ExportFormat::kJson, {entry, entry}),
            "[\n" + envelope + ",\n" + envelope + "\n]\n");
  EXPECT_EQ(Exported(ExportFormat::kJsonLines, {entry, entry}), envelope + "\n" + envelope + "\n");
}

// Whatever programs call their files: one line an entry, and the reader gets each field as it is.
TEST_F(ExportFormatTest, AnyNameComesOutAsItIs) {
  RandomEntries random(5);
  for (int i = 0; i < 3000; ++i) {
    const std::string payload = random.Payload();
    const std::string user = random.Chance(2) ? base::EscapeName(random.Name()) : "tester";
    EntryView entry = Denied(payload);
    entry.user_id = user;
    const std::string resource = canon::StringMember(payload, "resource").value_or(std::string());
    const auto records = ReadCsv(Exported(ExportFormat::kCsv, {entry}));
    ASSERT_EQ(records.size(), 2U);
    ASSERT_EQ(records[1].size(), records[0].size());
    const std::string shown = base::ForDisplay(resource);
    EXPECT_TRUE(records[1][8] == shown || records[1][8] == "'" + shown) << records[1][8];
    const std::string line = Exported(ExportFormat::kCef, {entry});
    ASSERT_EQ(line.find('\n'), line.size() - 1);
    const CefEvent event = ReadCef(line.substr(0, line.size() - 1));
    ASSERT_EQ(event.header.size(), 7U) << line;
    const auto found = event.extension.find("filePath");
    ASSERT_EQ(found != event.extension.end() ? base::ForDisplay(found->second) : "", shown);
  }
}

}  // namespace
}  // namespace aegis::ledger
