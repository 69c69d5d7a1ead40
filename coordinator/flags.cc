#include "coordinator/flags.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>
#include <utility>

#include "common/man_page.h"
#include "common/version.h"

namespace handoff {
namespace {

constexpr int kWrongUsage = 2;

int Refuse(const absl::Status& status) {
  std::fprintf(stderr, "handoff-coordinator: %s\n", std::string(status.message()).c_str());
  return kWrongUsage;
}

}  // namespace

std::variant<CommandLine, int> ParseFlags(int argc, const char* const* argv) {
  Config flags;
  std::string file;
  CLI::App app("Keeps the records of a pool, decides placement, stores logs and packs.",
               "handoff-coordinator");
  app.fallthrough();
  app.set_version_flag("--version", std::string("handoff-coordinator ") + kVersion);
  const CLI::Option* const data_dir =
      app.add_option("--data-dir", flags.data_dir, "Where everything is kept")
          ->envname("HANDOFF_DATA_DIR");
  const CLI::Option* const listen = app.add_option(
      "--listen", flags.listen, "HOST:PORT (port 0: any) or unix:/path; default " + flags.listen);
  const CLI::Option* const advertise =
      app.add_option("--advertise", flags.advertise,
                     "HOST:PORT where others reach it, for the lines that they paste; default: "
                     "this host's name, or where it listens")
          ->type_name("HOST:PORT");
  const CLI::App* const init = app.add_subcommand(
      "init", "Make the pool, and print a line for its admin to log in with on another machine");
  const CLI::App* const restored = app.add_subcommand(
      "restored",
      "Say that the data directory was copied back from a backup, while no coordinator runs there");
  app.add_option("--config", file,
                 "TOML with data_dir, listen, advertise, log_level, [notify.KEY], [retention], "
                 "[quota] and [unix]");
  const CLI::Option* const log_level =
      app.add_option("--log-level", flags.log_level, "trace, debug, info, warn or error");
  AddManFlag(app, "handoff-worker(8), handoff(1)");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kWrongUsage;
  }
  Config config;
  if (!file.empty()) {
    const auto loaded = LoadConfig(file, config);
    if (!loaded.ok()) return Refuse(loaded.status());
    config = *loaded;
  }
  if (!data_dir->empty()) config.data_dir = flags.data_dir;
  if (!listen->empty()) config.listen = flags.listen;
  if (!advertise->empty()) config.advertise = flags.advertise;
  if (!log_level->empty()) config.log_level = flags.log_level;
  if (const absl::Status valid = Validate(config); !valid.ok()) return Refuse(valid);
  return CommandLine{std::move(config),
                     init->parsed(),
                     restored->parsed(),
                     std::move(file),
                     {!listen->empty(), !advertise->empty(), !log_level->empty()}};
}

}  // namespace handoff
