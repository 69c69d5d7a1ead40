#include "cli/settings.h"

#include <pwd.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/toml_file.h"
#include "common/file.h"
#include "common/rpc/address.h"
#include "common/ssh_tunnel.h"
#include "common/status.h"
#include "common/text.h"

namespace handoff {
namespace {

std::string Home(const std::vector<std::string>& environment) {
  const std::string home = FromEnvironment(environment, "HOME");
  if (!home.empty()) return home;
  const passwd* entry = ::getpwuid(::geteuid());
  return entry != nullptr && entry->pw_dir != nullptr ? entry->pw_dir : "/";
}

// The XDG rule: relative paths do not count.
std::string BaseDirectory(const std::vector<std::string>& environment, const std::string& name,
                          const std::string& fallback) {
  const std::string value = FromEnvironment(environment, name);
  return absl::StartsWith(value, "/") ? value : absl::StrCat(Home(environment), "/", fallback);
}

absl::StatusOr<std::string> Checked(const std::string& address, absl::string_view source) {
  const absl::Status parsed =
      IsSshAddress(address) ? ParseSshAddress(address).status() : ParseAddress(address).status();
  if (!parsed.ok()) return Annotate(parsed, source);
  return address;
}

absl::StatusOr<PoolSettings> ReadPoolSettings(const std::string& path,
                                              std::initializer_list<absl::string_view> known) {
  PoolSettings settings;
  const auto file = TomlFile::Read(path, known);
  if (absl::IsNotFound(file.status())) return settings;
  RETURN_IF_ERROR(file.status());
  const std::pair<absl::string_view, std::string*> keys[] = {
      {"coordinator", &settings.coordinator},
      {"pool", &settings.pool},
      {"credentials", &settings.credentials}};
  for (const auto& [key, field] : keys) {
    ASSIGN_OR_RETURN(const std::optional<std::string> value, file->String(key));
    *field = value.value_or("");
  }
  if (!settings.coordinator.empty()) RETURN_IF_ERROR(Checked(settings.coordinator, path));
  return settings;
}

// A value that is longer is shown cut.
constexpr size_t kMostShown = 100;

// Whoever can write to a repository would otherwise decide it for everybody who submits from there.
const std::map<std::string, std::string>& NotForARepository() {
  static const auto* const keys = [] {
    auto* const made = new std::map<std::string, std::string>;
    const auto refuse = [&](std::initializer_list<const char*> names, absl::string_view why) {
      for (const char* name : names) {
        (*made)[name] = absl::StrCat("is not for a repository to set: ", why);
      }
    };
    refuse({"coordinator", "pool", "credentials", "token"},
           "where your work goes is for you to say, with --coordinator, HANDOFF_COORDINATOR or "
           "your config.toml");
    refuse({"env", "secret", "secrets"},
           "what of yours its agents are given is for you to say, with --env of 'handoff submit', "
           "and values would be there for everybody to read");
    refuse({"from", "include", "full", "attach", "private"},
           "what leaves this machine, and who sees it, is for you to say, with the flags of "
           "'handoff submit'");
    refuse({"on", "on_worker", "prefer", "prefer_worker", "worker", "exclusive", "lease"},
           "the host is for you to say, with --on or --prefer; what the work needs is said with "
           "require = { KEY = \"VALUE\" }");
    refuse({"id", "priority", "notify", "idempotency_key", "dedupe_key"},
           "it is of one handoff, and a flag of 'handoff submit'");
    return made;
  }();
  return *keys;
}

}  // namespace

std::string FromEnvironment(const std::vector<std::string>& environment, const std::string& name) {
  for (const std::string& entry : environment) {
    if (absl::StartsWith(entry, absl::StrCat(name, "="))) return entry.substr(name.size() + 1);
  }
  return "";
}

Places PlacesFrom(const std::vector<std::string>& environment) {
  const std::string data = BaseDirectory(environment, "XDG_DATA_HOME", ".local/share");
  const std::string config = BaseDirectory(environment, "XDG_CONFIG_HOME", ".config");
  const std::string chosen = FromEnvironment(environment, "HANDOFF_DATA_DIR");
  return {absl::StrCat(config, "/handoff/config.toml"), absl::StrCat(data, "/handoff/context.toml"),
          chosen.empty() ? absl::StrCat(data, "/handoff/dev") : chosen,
          absl::StrCat(config, "/handoff/pools"), absl::StrCat(config, "/handoff/pools/.current")};
}

absl::StatusOr<PoolSettings> ReadConfig(const std::string& path) {
  return ReadPoolSettings(path, {"coordinator", "pool"});
}

absl::StatusOr<PoolSettings> ReadDevContext(const std::string& path) {
  return ReadPoolSettings(path, {"coordinator", "credentials"});
}

absl::StatusOr<std::string> AskedCoordinator(const std::string& flag,
                                             const std::vector<std::string>& environment) {
  if (!flag.empty()) return Checked(flag, "--coordinator");
  const std::string variable = FromEnvironment(environment, "HANDOFF_COORDINATOR");
  return variable.empty() ? variable : Checked(variable, "HANDOFF_COORDINATOR");
}

std::string ProjectDefaults::ToString() const {
  std::string out;
  const auto add = [&](absl::string_view key, absl::string_view value) {
    if (value.empty()) return;
    // Each is cut by itself, so that none can push another out of sight.
    absl::StrAppend(&out, out.empty() ? "" : ", ", OneLine(key, kMostShown), "=",
                    OneLine(value, kMostShown));
  };
  add("agent", agent);
  add("model", model);
  add("timeout", timeout);
  add("deadline", deadline);
  add("stall_timeout", stall_timeout);
  if (retries) add("retries", absl::StrCat(*retries));
  for (const std::string& check : checks) add("check", check);
  add("check_timeout", check_timeout);
  if (check_retries) add("check_retries", absl::StrCat(*check_retries));
  if (push) add("push", *push ? "true" : "false");
  add("summaries", summaries);
  add("summary_model", summary_model);
  for (const auto& [key, value] : require) add(absl::StrCat("require.", key), value);
  for (const auto& [key, value] : labels) add(absl::StrCat("labels.", key), value);
  return out;
}

absl::StatusOr<ProjectDefaults> ReadProjectDefaults(const std::string& root) {
  ProjectDefaults defaults;
  if (root.empty()) return defaults;
  defaults.file = absl::StrCat(root, "/.handoff.toml");
  const auto file = TomlFile::Read(
      defaults.file,
      {"agent", "model", "timeout", "deadline", "stall_timeout", "retries", "checks",
       "check_timeout", "check_retries", "push", "summaries", "summary_model", "require", "labels"},
      NotForARepository());
  if (absl::IsNotFound(file.status())) return defaults;
  RETURN_IF_ERROR(file.status());
  const std::pair<absl::string_view, std::string*> strings[] = {
      {"agent", &defaults.agent},
      {"model", &defaults.model},
      {"timeout", &defaults.timeout},
      {"deadline", &defaults.deadline},
      {"stall_timeout", &defaults.stall_timeout},
      {"check_timeout", &defaults.check_timeout},
      {"summaries", &defaults.summaries},
      {"summary_model", &defaults.summary_model}};
  for (const auto& [key, field] : strings) {
    ASSIGN_OR_RETURN(const std::optional<std::string> value, file->String(key));
    *field = value.value_or("");
  }
  ASSIGN_OR_RETURN(defaults.retries, file->Integer("retries"));
  ASSIGN_OR_RETURN(defaults.checks, file->List("checks"));
  ASSIGN_OR_RETURN(defaults.check_retries, file->Integer("check_retries"));
  ASSIGN_OR_RETURN(defaults.push, file->Boolean("push"));
  ASSIGN_OR_RETURN(defaults.require, file->Strings("require"));
  ASSIGN_OR_RETURN(defaults.labels, file->Strings("labels"));
  return defaults;
}

std::string RepositoryRoot(const std::string& where) {
  std::error_code error;
  std::filesystem::path path = std::filesystem::absolute(where, error).lexically_normal();
  if (error) return "";
  if (!path.has_filename()) path = path.parent_path();  // "." and "dir/" end with a slash
  for (; !path.empty(); path = path.parent_path()) {
    if (std::filesystem::exists(path / ".git", error)) return path.string();
    if (path == path.root_path()) break;
  }
  return "";
}

}  // namespace handoff
