// handoff mcp

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/mcp_server.h"
#include "cli/verb.h"
#include "common/file.h"
#include "common/status.h"
#include "common/text.h"

namespace handoff {
namespace {

// This very program, also when another one was installed over it meanwhile.
constexpr char kThisProgram[] = "/proc/self/exe";

VerbResult Mcp(const std::string& repo, Context& context) {
  std::error_code error;
  const std::filesystem::path directory = std::filesystem::absolute(repo, error);
  if (error || !std::filesystem::is_directory(directory, error)) {
    return absl::NotFoundError(absl::StrCat("--repo ", OneLine(repo, 200), " is no directory"));
  }
  McpServerOptions options;
  options.in = STDIN_FILENO;
  options.out = STDOUT_FILENO;
  options.command = {kThisProgram};
  if (!context.coordinator.empty()) {
    options.command.push_back(absl::StrCat("--coordinator=", context.coordinator));
  }
  // An answer is not for the runner of a job: what this command itself says stands in its fence.
  for (const std::string& variable : context.environment) {
    if (!absl::StartsWith(variable, "GITHUB_ACTIONS=")) options.environment.push_back(variable);
  }
  options.directory = directory.string();
  if (context.terminal.in_is_terminal()) {
    context.terminal.Say(
        "handoff: an agent starts this and speaks the Model Context Protocol on standard input; "
        "Ctrl-D ends it");
  }
  McpServer server(std::move(options));
  const Interrupt::Listener listener(context.interrupt, [&server] { server.Stop(); });
  RETURN_IF_ERROR(server.Serve());
  return Exit::kDone;
}

}  // namespace

VerbRun DefineMcp(CLI::App& app) {
  const auto repo = std::make_shared<std::string>(".");
  app.add_option("--repo", *repo,
                 "Repository that is meant where a call names none; . unless given")
      ->type_name("DIR");
  return [repo](Context& context) { return Mcp(*repo, context); };
}

}  // namespace handoff
