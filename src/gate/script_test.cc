#include "gate/script.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace aegis::gate {
namespace {

using std::string_view_literals::operator""sv;

Interpreter Just(std::string path) { return {.path = std::move(path), .argument = std::nullopt}; }

TEST(ScriptTest, NamesItsInterpreter) {
  EXPECT_EQ(ParseInterpreter("#!/bin/sh\necho"), Just("/bin/sh"));
  EXPECT_EQ(ParseInterpreter("#! \t/bin/sh \t\necho"), Just("/bin/sh"));
  EXPECT_EQ(ParseInterpreter("#!sh"), Just("sh"));
}

TEST(ScriptTest, HandsOverOneArgument) {
  EXPECT_EQ(ParseInterpreter("#!/usr/bin/env -S  python3 -B \n"),
            (Interpreter{.path = "/usr/bin/env", .argument = "-S  python3 -B"}));
  EXPECT_EQ(ParseInterpreter("#!/bin/awk\t-f\n"),
            (Interpreter{.path = "/bin/awk", .argument = "-f"}));
}

TEST(ScriptTest, AShortFileWithoutANewlineKeepsItsBlanks) {
  EXPECT_EQ(ParseInterpreter("#!/bin/echo "), (Interpreter{.path = "/bin/echo", .argument = ""}));
  EXPECT_EQ(ParseInterpreter("#!/bin/echo x "),
            (Interpreter{.path = "/bin/echo", .argument = "x "}));
  const std::string full = "#!/bin/echo x" + std::string(kScriptHead, ' ');
  EXPECT_EQ(ParseInterpreter(std::string_view(full).substr(0, kScriptHead)),
            (Interpreter{.path = "/bin/echo", .argument = "x"}));
}

TEST(ScriptTest, EndsAtAZeroByte) {
  EXPECT_EQ(ParseInterpreter("#!/bin/sh\0-x\n"sv), Just("/bin/sh"));
  EXPECT_EQ(ParseInterpreter("#!/bin/sh -x\0y\n"sv),
            (Interpreter{.path = "/bin/sh", .argument = "-x"}));
}

TEST(ScriptTest, OtherFilesNameNone) {
  for (const std::string_view head :
       {"", "#", "#!", "#!\n/bin/sh", "#!   \n", "\177ELF", " #!/bin/sh"}) {
    EXPECT_EQ(ParseInterpreter(head), std::nullopt) << head;
  }
}

}  // namespace
}  // namespace aegis::gate
