#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"

// The policies that ship with Aegis, as Cedar text compiled into the program.
namespace aegis::policy {

// default-deny, allow-read-only, permit-all, project, and the additions.
std::vector<std::string_view> TemplateNames();

// Whether a template permits connections alone and is to be added to another: net-git and its like.
bool IsAddition(std::string_view name);

// The text of a template; kNotFound names the known ones.
base::Result<std::string_view> TemplateText(std::string_view name);

// What programs need to start (loader, libraries, /dev/null, locale): `init` writes it as
// programs.cedar beside every template except default-deny.
base::Result<std::string_view> ProgramsText();

// Whether a text is, to the byte, one of the above. Such a text need not be validated when it is
// loaded: the tests of the templates do.
bool IsBuiltInText(std::string_view text);

}  // namespace aegis::policy
