// scripted-agent: takes Cursor's arguments and plays a script (see script.h). The script is the
// file that HANDOFF_SCRIPT names, else the prompt's lines that begin with "script: ". A file
// NAME.conf beside the executable (as it was called) may say, one a line: `create-chat empty`,
// `create-chat fail`, `status logged-out`, `status silent`, `account NAME`, `forgot SESSION` (it
// answers nothing to that one, as the real one does), `quota TEXT` (every run ends with that).

#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "tests/scripted_agent/answers.h"
#include "tests/scripted_agent/arguments.h"
#include "tests/scripted_agent/player.h"

namespace handoff::scripted {
namespace {

int Refuse(absl::string_view message) {
  std::fprintf(stderr, "scripted agent: %s\n", std::string(message).c_str());
  return 64;
}

}  // namespace

int Main(const std::vector<std::string>& argv) {
  const auto arguments = ParseArguments(argv);
  if (!arguments.ok()) return Refuse(arguments.status().message());
  if (arguments->verb == "create-chat") return CreateChat(argv[0]);
  if (arguments->verb == "status") return Status(argv[0]);
  if (arguments->verb == "hold-on") HoldOn(arguments->prompt);
  if (arguments->verb == "version") return std::puts("2026.11.20-scripted") < 0;
  if (arguments->verb == "help")
    return std::puts("Usage: agent [options]\n\nStart the Cursor Agent (a scripted stand-in)") < 0;
  if (arguments->verb == "run" && HasForgotten(argv[0], arguments->session)) return 0;
  const std::string quota = ConfiguredText(argv[0], "quota");
  if (!quota.empty()) {
    const std::vector<Step> refusal = {{"result", {"error"}, quota, nullptr}};
    return Player({arguments->session, arguments->model, arguments->prompt, argv[0]}).Play(refusal);
  }
  const auto script = ReadScript(*arguments);
  if (!script.ok()) return Refuse(script.status().message());
  return Player({arguments->session, arguments->model, arguments->prompt, argv[0]}).Play(*script);
}

}  // namespace handoff::scripted

int main(int argc, char** argv) {
  return handoff::scripted::Main(std::vector<std::string>(argv, argv + argc));
}
