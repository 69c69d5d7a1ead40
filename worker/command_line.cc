// The flags of handoff-worker.
#include <pwd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "common/handoff/names.h"
#include "common/rpc/address.h"
#include "common/status.h"
#include "common/version.h"
#include "worker/config.h"

namespace handoff::worker {
namespace {

constexpr int kMaxSlots = 1024;
constexpr int kWrongUsage = 2;

absl::Status AddLabels(const std::vector<std::string>& texts, WorkerConfig& config) {
  for (const std::string& text : texts) {
    const auto equals = text.find('=');
    if (equals == std::string::npos) {
      return absl::InvalidArgumentError(
          absl::StrCat("--label ", text, ": a label is KEY=VALUE, such as os=linux"));
    }
    const std::string key = text.substr(0, equals), value = text.substr(equals + 1);
    if (absl::Status valid = ValidateLabel(key, value); !valid.ok()) return valid;
    config.labels[key] = value;
  }
  return absl::OkStatus();
}

// "" where that is nothing that ssh could take.
std::string SshTargetOf(const std::string& host) {
  std::vector<char> buffer(16 << 10);
  passwd entry = {};
  passwd* found = nullptr;
  const bool known = ::getpwuid_r(::geteuid(), &entry, buffer.data(), buffer.size(), &found) == 0 &&
                     found != nullptr;
  const std::string target = known ? absl::StrCat(entry.pw_name, "@", host) : host;
  return ValidateSshTarget(target).ok() ? target : "";
}

absl::Status Check(const WorkerConfig& config) {
  if (config.data_dir.empty()) {
    return absl::InvalidArgumentError(
        "--data-dir is missing: say where this worker keeps its data");
  }
  if (config.coordinator.empty()) {
    return absl::InvalidArgumentError(
        "--coordinator is missing: give the address that handoff-coordinator printed");
  }
  RETURN_IF_ERROR(Annotate(ParseAddress(config.coordinator).status(), "--coordinator"));
  if (config.slots < 1 || config.slots > kMaxSlots) {
    return absl::InvalidArgumentError(absl::StrCat("--slots must be from 1 to ", kMaxSlots));
  }
  return ValidateWorkerName(config.name);
}

}  // namespace

CommandLine ParseCommandLine(int argc, char** argv) {
  CommandLine line;
  WorkerConfig& config = line.config;
  char host[256] = "worker";
  if (::gethostname(host, sizeof(host) - 1) == 0) {
    config.name = host;
    config.ssh = SshTargetOf(host);
  }
  std::vector<std::string> labels;
  std::string file;

  CLI::App app("Runs attempts of handoffs on this host.", "handoff-worker");
  app.set_version_flag("--version", absl::StrCat("handoff-worker ", kVersion));
  app.add_option("--data-dir", config.data_dir, "Where this worker keeps its data")
      ->envname("HANDOFF_DATA_DIR");
  app.add_option("--coordinator", config.coordinator, "HOST:PORT or unix:/path")
      ->envname("HANDOFF_COORDINATOR");
  app.add_option("--name", config.name, "Name of this worker in the pool")->capture_default_str();
  app.add_option("--slots", config.slots, "Attempts at a time")->capture_default_str();
  app.add_option("--label", labels, "KEY=VALUE that handoffs may require; may be repeated");
  app.add_option("--config", file, "TOML file with the rest");
  app.add_option("--log-level", config.log_level, "trace, debug, info, warn or error")
      ->capture_default_str()
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error"}));
  try {  // CLI11's way to say that it is done
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    line.exit_status = app.exit(error) == 0 ? 0 : kWrongUsage;
    return line;
  }
  absl::Status status = AddLabels(labels, config);
  if (status.ok()) status = Check(config);
  if (status.ok() && !file.empty()) status = ReadConfigFile(file, config);
  if (!status.ok()) {
    std::cerr << "handoff-worker: " << std::string(status.message()) << "\n";
    line.exit_status = kWrongUsage;
  }
  return line;
}

}  // namespace handoff::worker
