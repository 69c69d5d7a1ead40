#include "coordinator/flags.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "common/version.h"

namespace handoff {
namespace {

constexpr int kWrongUsage = 2;

int Refuse(const absl::Status& status) {
  std::fprintf(stderr, "handoff-coordinator: %s\n", std::string(status.message()).c_str());
  return kWrongUsage;
}

}  // namespace

std::variant<Config, int> ParseFlags(int argc, const char* const* argv) {
  Config flags;
  std::string file;
  CLI::App app("Keeps the records of a pool, decides placement, stores logs and packs.",
               "handoff-coordinator");
  app.set_version_flag("--version", std::string("handoff-coordinator ") + kVersion);
  const CLI::Option* const data_dir =
      app.add_option("--data-dir", flags.data_dir, "Where everything is kept")
          ->envname("HANDOFF_DATA_DIR");
  const CLI::Option* const listen =
      app.add_option("--listen", flags.listen,
                     "HOST:PORT on loopback (port 0: any) or unix:/path; default " + flags.listen);
  app.add_option("--config", file,
                 "TOML with data_dir, listen, log_level, [notify.KEY] and [retention]");
  const CLI::Option* const log_level =
      app.add_option("--log-level", flags.log_level, "trace, debug, info, warn or error");
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
  if (!log_level->empty()) config.log_level = flags.log_level;
  if (const absl::Status valid = Validate(config); !valid.ok()) return Refuse(valid);
  return config;
}

}  // namespace handoff
