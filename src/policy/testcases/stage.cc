#include <unistd.h>

#include "policy/dry_run.h"

// Nothing but the stage of a dry run, as Aegis' own executable has it.
int main() { return aegis::policy::RunDryRunStage(STDIN_FILENO, STDOUT_FILENO); }
