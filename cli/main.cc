#include <string>
#include <vector>

#include "cli/command_line.h"
#include "cli/interrupt.h"
#include "cli/terminal.h"

int main(int argc, char** argv) {
  handoff::Interrupt interrupt;
  handoff::Terminal terminal;
  return handoff::RunCommandLine(std::vector<std::string>(argv + 1, argv + argc), terminal,
                                 interrupt);
}
