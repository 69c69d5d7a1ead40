#include "coordinator/made_pool.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/rpc/address.h"
#include "common/text.h"

namespace handoff {
namespace {

// For whoever is in another directory by then.
std::string Absolute(const std::string& path) {
  std::error_code error;
  const auto absolute = std::filesystem::absolute(path, error);
  return error ? path : absolute.lexically_normal().string();
}

bool LeadsHereOnly(const std::string& address) {
  const auto parsed = ParseAddress(address);
  return parsed.ok() && IsLoopback(*parsed);
}

std::vector<std::string> StartArguments(const CommandLine& line) {
  std::vector<std::string> start = {"handoff-coordinator", "--data-dir",
                                    Absolute(line.config.data_dir)};
  if (!line.config_file.empty())
    start.insert(start.end(), {"--config", Absolute(line.config_file)});
  // What the file says may change there, and a flag would win over it.
  if (line.config_file.empty() || line.given.listen) {
    start.insert(start.end(), {"--listen", line.config.listen});
  }
  if (line.given.advertise) {
    for (const std::string& address : line.config.advertise) {
      start.insert(start.end(), {"--advertise", address});
    }
  }
  if (line.given.log_level) start.insert(start.end(), {"--log-level", line.config.log_level});
  return start;
}

}  // namespace

std::string DescribeMadePool(const CommandLine& line, const std::vector<std::string>& addresses) {
  const std::string data_dir = Absolute(line.config.data_dir);
  std::string text = absl::StrCat(
      "The pool is made; everything of it is in ", data_dir, ".\n\nStart it here:\n  ",
      ShellJoin(StartArguments(line)),
      "\nOn this host, as this user, 'handoff' is an admin with\n  export HANDOFF_CREDENTIALS=",
      ShellQuote(data_dir + "/identity/local"),
      "\nOn another machine, within an hour: 'handoff login', and paste this line, which is a "
      "secret:\n");
  const bool here_only = line.config.advertise.empty() &&
                         std::all_of(addresses.begin(), addresses.end(), LeadsHereOnly);
  if (!here_only) return text;
  return absl::StrCat(
      "Nobody but this host gets to ", absl::StrJoin(addresses, " or "),
      ". So the line below, and those that are made later, are good on another machine only where "
      "ssh forwards that address to here (`ssh -L`). Otherwise run `init` again with --listen "
      "0.0.0.0:7433, or with --advertise HOST:PORT when something else leads here.\n\n",
      text);
}

}  // namespace handoff
