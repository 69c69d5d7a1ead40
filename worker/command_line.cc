#include "worker/command_line.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/handoff/names.h"
#include "common/man_page.h"
#include "common/rpc/address.h"
#include "common/ssh_tunnel.h"
#include "common/status.h"
#include "common/version.h"
#include "worker/joining/pasted_line.h"
#include "worker/joining/what_runs_where.h"

namespace handoff::worker {
namespace {

constexpr int kMaxSlots = 1024;
constexpr int kWrongUsage = 2;

absl::Status AddLabels(const std::vector<std::string>& texts,
                       std::map<std::string, std::string>& labels) {
  for (const std::string& text : texts) {
    const auto equals = text.find('=');
    if (equals == std::string::npos) {
      return absl::InvalidArgumentError(
          absl::StrCat("--label ", text, ": a label is KEY=VALUE, such as os=linux"));
    }
    const std::string key = text.substr(0, equals), value = text.substr(equals + 1);
    if (absl::Status valid = ValidateLabel(key, value); !valid.ok()) return valid;
    labels[key] = value;
  }
  return absl::OkStatus();
}

std::string HostName() {
  char host[256] = "worker";
  ::gethostname(host, sizeof(host) - 1);
  return host;
}

// "" where that is nothing that ssh could take.
std::string SshTarget() {
  const std::string account = AccountOfThisProcess().name, host = HostName();
  const std::string target = account.empty() ? host : absl::StrCat(account, "@", host);
  return ValidateSshTarget(target).ok() ? target : "";
}

absl::Status CheckDataDir(const std::string& data_dir) {
  if (!data_dir.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError("--data-dir is missing: say where this worker keeps its data");
}

absl::Status CheckCoordinator(const std::string& address) {
  if (IsSshAddress(address)) return Annotate(ParseSshAddress(address).status(), "--coordinator");
  return Annotate(ParseAddress(address).status(), "--coordinator");
}

absl::Status Check(const WorkerConfig& config) {
  RETURN_IF_ERROR(CheckDataDir(config.data_dir));
  if (!config.coordinator.empty()) {
    RETURN_IF_ERROR(CheckCoordinator(config.coordinator));
  }
  if (config.slots < 1 || config.slots > kMaxSlots) {
    return absl::InvalidArgumentError(absl::StrCat("--slots must be from 1 to ", kMaxSlots));
  }
  return config.name.empty() ? absl::OkStatus() : ValidateWorkerName(config.name);
}

absl::Status Check(const JoinOptions& join) {
  RETURN_IF_ERROR(CheckDataDir(join.data_dir));
  if (!join.coordinator.empty()) RETURN_IF_ERROR(CheckCoordinator(join.coordinator));
  const absl::Status name = ValidateWorkerName(join.name);
  return name.ok() ? name : Annotate(name, "give another --name");
}

// What the parser writes to.
struct Flags {
  WorkerConfig config;
  JoinOptions join;
  std::vector<std::string> labels;
  std::string file;
};

void AddDaemonFlags(CLI::App& app, Flags& flags) {
  WorkerConfig& config = flags.config;
  app.set_version_flag("--version", absl::StrCat("handoff-worker ", kVersion));
  app.add_option("--data-dir", config.data_dir, "Where this worker keeps its data")
      ->envname("HANDOFF_DATA_DIR");
  app.add_option("--coordinator", config.coordinator,
                 "HOST:PORT, unix:/path or ssh://HOST, instead of the address that it joined by")
      ->envname("HANDOFF_COORDINATOR");
  app.add_option("--name", config.name, "Name in the pool, instead of the one that it joined by");
  app.add_option("--slots", config.slots, "Attempts at a time")->capture_default_str();
  app.add_option("--label", flags.labels, "KEY=VALUE that handoffs may require; may be repeated");
  app.add_option("--config", flags.file, "TOML file with the rest");
  app.add_option("--log-level", config.log_level, "trace, debug, info, warn or error")
      ->capture_default_str()
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error"}));
}

CLI::App& AddJoin(CLI::App& app, Flags& flags) {
  CLI::App& join = *app.add_subcommand(
      "join",
      "Makes this host a worker of the pool that a line of `handoff worker invite` is of. The line "
      "is asked for, or read from stdin.");
  join.add_option("--data-dir", flags.join.data_dir,
                  "Where this worker keeps its data; HANDOFF_DATA_DIR unless given");
  join.add_option("--name", flags.join.name,
                  "Name of this worker in the pool; this host's name unless given");
  join.add_option("--coordinator", flags.join.coordinator,
                  "HOST:PORT, unix:/path or ssh://HOST, to be tried before the line's addresses "
                  "from now on; HANDOFF_COORDINATOR unless given");
  join.add_option("--label", flags.labels, "KEY=VALUE that handoffs may require; may be repeated");
  return join;
}

absl::Status Finish(Flags& flags, bool joins) {
  RETURN_IF_ERROR(AddLabels(flags.labels, joins ? flags.join.labels : flags.config.labels));
  if (joins) {
    // Those of the daemon are meant for it when they come before `join`.
    if (flags.join.data_dir.empty()) flags.join.data_dir = flags.config.data_dir;
    if (flags.join.coordinator.empty()) flags.join.coordinator = flags.config.coordinator;
    if (flags.join.name.empty()) flags.join.name = flags.config.name;
    if (flags.join.name.empty()) flags.join.name = HostName();
    return Check(flags.join);
  }
  RETURN_IF_ERROR(Check(flags.config));
  return flags.file.empty() ? absl::OkStatus() : ReadConfigFile(flags.file, flags.config);
}

}  // namespace

CommandLine ParseCommandLine(int argc, char** argv) {
  CommandLine line;
  Flags flags;
  flags.config.ssh = SshTarget();
  CLI::App app("Runs attempts of handoffs on this host.", "handoff-worker");
  AddDaemonFlags(app, flags);
  const CLI::App& join = AddJoin(app, flags);
  CLI::App& doctor = *app.add_subcommand(
      "doctor", "Says what on this host may keep the worker from its pool; changes nothing");
  doctor.fallthrough();
  AddManFlag(app, "handoff-coordinator(8), handoff(1)");
  // Before the parser sees them: it would say what it did not expect.
  absl::Status status = RefuseLinesIn({argv + std::min(argc, 1), argv + argc});
  if (status.ok()) {
    try {  // CLI11's way to say that it is done
      app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      line.exit_status = app.exit(error) == 0 ? 0 : kWrongUsage;
      return line;
    }
    status = Finish(flags, join.parsed());
  }
  if (!status.ok()) {
    std::cerr << "handoff-worker: " << std::string(status.message()) << "\n";
    line.exit_status = kWrongUsage;
  }
  line.config = std::move(flags.config);
  line.doctor = doctor.parsed();
  if (join.parsed()) line.join = std::move(flags.join);
  return line;
}

}  // namespace handoff::worker
