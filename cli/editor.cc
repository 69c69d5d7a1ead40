#include "cli/editor.h"

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "cli/settings.h"
#include "common/status.h"
#include "common/subprocess.h"
#include "common/text.h"

namespace handoff {
namespace {

// "" when the environment names none.
std::string NamedEditor(const Context& context) {
  for (const char* name : {"VISUAL", "EDITOR"}) {
    std::string value = FromEnvironment(context.environment, name);
    if (!value.empty()) return value;
  }
  return "";
}

}  // namespace

bool HasEditor(const Context& context) {
  return !NamedEditor(context).empty() ||
         (context.terminal.in_is_terminal() && context.terminal.err_is_terminal());
}

absl::Status RunEditor(const std::string& path, Context& context) {
  const std::string named = NamedEditor(context);
  const std::string editor = named.empty() ? "vi" : named;
  SpawnOptions options;
  // As git does it: $EDITOR may hold flags, so a shell splits it.
  options.argv = {"/bin/sh", "-c", absl::StrCat(editor, " \"$1\""), "sh", path};
  options.env = context.environment;
  options.fds = {{0, STDIN_FILENO}, {1, STDOUT_FILENO}, {2, STDERR_FILENO}};
  options.new_session = false;
  // In an editor Ctrl-C is a key like any other.
  const Interrupt::NotOurs editing(context.interrupt);
  ASSIGN_OR_RETURN(Subprocess process, Subprocess::Spawn(options));
  ASSIGN_OR_RETURN(const ExitStatus status, process.Wait());
  if (status.ok()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the editor '", OneLine(editor, 80), "' ended with an error"));
}

}  // namespace handoff
