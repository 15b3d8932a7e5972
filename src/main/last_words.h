#pragma once

namespace aegis {

// What a process of Aegis says where it can't go on: out of memory, an abort, a file that is cut
// short under its mapping. One line to standard error, and exit code 125. Besides, a limit of file
// sizes becomes an error of the call that meets it. Programs that are executed inherit nothing of
// it. Once, at the start.
void InstallLastWords();

}  // namespace aegis
