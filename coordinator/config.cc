#include "coordinator/config.h"

#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/file.h"
#include "common/handoff/names.h"
#include "common/parse_bytes.h"
#include "common/regular_file.h"
#include "common/rpc/address.h"
#include "common/status.h"
// Exceptions stay within this file: toml++ reports errors with them by default.
#include <toml++/toml.h>

namespace handoff {

namespace {

constexpr size_t kMaxAdvertised = 4;

absl::Status Wrong(absl::string_view name, const toml::source_region& where,
                   absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(name, ":", where.begin.line, ": ", what));
}

// "90d" or what absl takes; nothing below an hour: what just ended is still looked at.
std::optional<absl::Duration> ParseAge(absl::string_view text) {
  absl::Duration age;
  int64_t days = 0;
  if (absl::EndsWith(text, "d") && absl::SimpleAtoi(text.substr(0, text.size() - 1), &days) &&
      days < 100'000) {
    age = absl::Hours(24) * days;
  } else if (!absl::ParseDuration(text, &age)) {
    return std::nullopt;
  }
  if (age < absl::Hours(1)) return std::nullopt;
  return age;
}

// [notify.KEY] command = ["…", …]
absl::Status ParseNotify(const toml::node& node, absl::string_view name, Config& config) {
  const toml::table* entries = node.as_table();
  if (entries == nullptr)
    return Wrong(name, node.source(), "'notify' must be a table: [notify.KEY]");
  for (const auto& [key, value] : *entries) {
    const std::string entry(key.str());
    RETURN_IF_ERROR(
        Annotate(ValidateNotifyKey(entry), absl::StrCat(name, ":", key.source().begin.line)));
    const toml::table* table = value.as_table();
    const toml::array* command =
        table == nullptr || table->size() != 1 ? nullptr : (*table)["command"].as_array();
    std::vector<std::string> argv;
    for (size_t i = 0; command != nullptr && i < command->size(); ++i) {
      const auto word = (*command)[i].value<std::string>();
      if (!word) return Wrong(name, command->source(), "'command' must be a list of texts");
      argv.push_back(*word);
    }
    if (argv.empty() || argv[0].empty()) {
      return Wrong(
          name, value.source(),
          absl::StrCat("[notify.", entry, "] needs command = [\"PROGRAM\", …] and nothing else"));
    }
    config.notify[entry] = std::move(argv);
  }
  return absl::OkStatus();
}

// advertise = "HOST:PORT", or a list of them
absl::Status ParseAdvertise(const toml::node& node, absl::string_view name, Config& config) {
  config.advertise.clear();
  const toml::array* const list = node.as_array();
  for (size_t i = 0; list != nullptr && i < list->size(); ++i)
    config.advertise.push_back((*list)[i].value_or(std::string()));
  if (list == nullptr) config.advertise.push_back(node.value_or(std::string()));
  for (const std::string& address : config.advertise) {
    if (!ParseAddress(address).ok())
      return Wrong(name, node.source(), "'advertise' must be HOST:PORT, or a list of them");
  }
  return absl::OkStatus();
}

// [retention] ended = "90d"
absl::Status ParseRetention(const toml::node& node, absl::string_view name, Config& config) {
  const toml::table* table = node.as_table();
  const toml::node* ended = table == nullptr || table->size() != 1 ? nullptr : table->get("ended");
  if (ended == nullptr)
    return Wrong(name, node.source(), "[retention] needs ended = DURATION and nothing else");
  const auto text = ended->value<std::string>();
  const auto duration = text ? ParseAge(*text) : std::nullopt;
  if (!duration) {
    return Wrong(name, ended->source(),
                 "'ended' must be a duration of at least 1h, such as \"90d\" or \"36h\"");
  }
  config.retention_ended = *duration;
  return absl::OkStatus();
}

// One number of a quota.
struct Limit {
  uint64_t most = 0;
  std::function<void(core::Quota&, uint64_t)> set;
};
const std::map<std::string, Limit>& Limits() {
  using core::Quota;
  static const auto* const limits = new std::map<std::string, Limit>{
      {"live", {core::kMostQuota, [](Quota& q, uint64_t n) { q.live = n; }}},
      {"queued", {core::kMostQuota, [](Quota& q, uint64_t n) { q.queued = n; }}},
      {"running", {core::kMostQuota, [](Quota& q, uint64_t n) { q.running = n; }}},
      {"stored_bytes", {core::kMostQuotaBytes, [](Quota& q, uint64_t n) { q.stored_bytes = n; }}},
      {"submits_per_minute",
       {core::kMostQuota,
        [](Quota& q, uint64_t n) { q.submits_per_minute = static_cast<int>(n); }}},
      {"submit_burst",
       {core::kMostQuota, [](Quota& q, uint64_t n) { q.submit_burst = static_cast<int>(n); }}},
      {"weight",
       {core::kMostWeight, [](Quota& q, uint64_t n) { q.weight = static_cast<int>(n); }}}};
  return *limits;
}

// The numbers of one table over `quota`; nothing else may be in it but what `also` names.
absl::Status ParseLimits(const toml::table& table, absl::string_view where, absl::string_view also,
                         absl::string_view name, core::Quota& quota) {
  for (const auto& [key, value] : table) {
    const std::string text(key.str());
    if (text == also) continue;
    const auto limit = Limits().find(text);
    if (limit == Limits().end()) {
      const std::string known = absl::StrJoin(
          Limits(), ", ",
          [](std::string* out, const auto& entry) { absl::StrAppend(out, entry.first); });
      return Wrong(name, key.source(),
                   absl::StrCat("unknown key '", text, "' in [", where, "]; there are ", known));
    }
    const bool bytes = text == "stored_bytes";
    const std::string written = value.is_integer()           ? absl::StrCat(**value.as_integer())
                                : bytes && value.is_string() ? **value.as_string()
                                                             : "";
    const auto number = ParseBytes(written);
    if (!number || *number < 1 || *number > limit->second.most) {
      return Wrong(name, value.source(),
                   absl::StrCat("'", text, "' must be a number from 1 to ", limit->second.most,
                                bytes ? ", or such as \"200GiB\"" : ""));
    }
    limit->second.set(quota, *number);
  }
  return absl::OkStatus();
}

// [quota] for every owner, and [quota.owner.NAME] over it.
absl::Status ParseQuota(const toml::node& node, absl::string_view name, Config& config) {
  const toml::table* table = node.as_table();
  if (table == nullptr) return Wrong(name, node.source(), "'quota' must be a table: [quota]");
  RETURN_IF_ERROR(ParseLimits(*table, "quota", "owner", name, config.quotas.common));
  const toml::node* owners = table->get("owner");
  if (owners == nullptr) return absl::OkStatus();
  if (!owners->is_table())
    return Wrong(name, owners->source(), "'owner' must be a table: [quota.owner.NAME]");
  for (const auto& [key, value] : *owners->as_table()) {
    const std::string owner(key.str());
    if (owner.empty() || !value.is_table())
      return Wrong(name, value.source(), "a quota of one owner is a table: [quota.owner.NAME]");
    core::Quota quota = config.quotas.common;
    RETURN_IF_ERROR(
        ParseLimits(*value.as_table(), absl::StrCat("quota.owner.", owner), "", name, quota));
    config.quotas.owners[owner] = quota;
  }
  return absl::OkStatus();
}

// [unix.users] 1000 = "ann"
absl::Status ParseUnixUsers(const toml::node& node, absl::string_view name, Config& config) {
  const toml::table* const users = node.as_table();
  if (users == nullptr) return Wrong(name, node.source(), "'users' must be a table: [unix.users]");
  config.unix_users.clear();
  for (const auto& [key, value] : *users) {
    unsigned uid = 0;
    const std::string user = value.value_or(std::string());
    if (!absl::SimpleAtoi(std::string(key.str()), &uid) || user.empty()) {
      return Wrong(name, key.source(),
                   "[unix.users] says whose account each is: UID = \"NAME\", such as 1000 = "
                   "\"ann\"");
    }
    config.unix_users[uid] = user;
  }
  return absl::OkStatus();
}

// [unix] socket = "/run/handoff/login.sock", and [unix.users]. One is nothing without the other.
absl::Status ParseUnix(const toml::node& node, absl::string_view name, Config& config) {
  const toml::table* const table = node.as_table();
  const toml::node* const socket = table == nullptr ? nullptr : table->get("socket");
  const toml::node* const users = table == nullptr ? nullptr : table->get("users");
  if (socket == nullptr || users == nullptr || table->size() != 2) {
    return Wrong(name, node.source(),
                 "[unix] needs socket = \"/PATH\" and [unix.users], and nothing else");
  }
  config.unix_socket = socket->value_or(std::string());
  if (!ParseAddress("unix:" + config.unix_socket).ok())
    return Wrong(name, socket->source(), "'socket' must be an absolute path of at most 107 bytes");
  return ParseUnixUsers(*users, name, config);
}

// The tables, by their names.
using ParseTable = absl::Status (*)(const toml::node&, absl::string_view, Config&);
const std::map<std::string, ParseTable>& Tables() {
  static const auto* const tables =
      new std::map<std::string, ParseTable>{{"notify", ParseNotify},
                                            {"advertise", ParseAdvertise},
                                            {"retention", ParseRetention},
                                            {"quota", ParseQuota},
                                            {"unix", ParseUnix}};
  return *tables;
}

}  // namespace

absl::StatusOr<Config> ParseConfig(absl::string_view toml, absl::string_view name, Config base) {
  const std::map<std::string, std::string*> keys = {
      {"data_dir", &base.data_dir}, {"listen", &base.listen}, {"log_level", &base.log_level}};
  const auto wrong = [&](const toml::source_region& where, absl::string_view what) {
    return Wrong(name, where, what);
  };
  try {
    const toml::table table = toml::parse(std::string(toml), std::string(name));
    for (const auto& [key, node] : table) {
      const std::string text(key.str());
      if (const auto parse = Tables().find(text); parse != Tables().end()) {
        RETURN_IF_ERROR(parse->second(node, name, base));
        continue;
      }
      const auto known = keys.find(text);
      if (known == keys.end()) {
        return wrong(
            key.source(),
            absl::StrCat("unknown key '", text,
                         "'; there are data_dir, listen, advertise, log_level, [notify.KEY], "
                         "[retention], [quota] and [unix]"));
      }
      const auto value = node.value<std::string>();
      if (!value.has_value())
        return wrong(node.source(), absl::StrCat("'", text, "' must be text"));
      *known->second = *value;
    }
  } catch (const toml::parse_error& error) {
    return wrong(error.source(), std::string(error.description()));
  }
  return base;
}

absl::StatusOr<Config> LoadConfig(const std::string& path, Config base) {
  RETURN_IF_ERROR(CheckNotForAllToWrite(path));
  const auto content = ReadFile(path, 1 << 20);
  if (!content.ok()) return Annotate(content.status(), absl::StrCat("reading ", path));
  return ParseConfig(*content, path, std::move(base));
}

absl::Status Validate(const Config& config) {
  if (config.data_dir.empty()) {
    return absl::InvalidArgumentError(
        "no data directory: give --data-dir, HANDOFF_DATA_DIR or data_dir in the configuration");
  }
  if (config.advertise.size() > kMaxAdvertised) {
    return absl::InvalidArgumentError(
        absl::StrCat("at most ", kMaxAdvertised, " addresses are advertised"));
  }
  for (const std::string& address : config.advertise)
    RETURN_IF_ERROR(Annotate(ParseAddress(address).status(), "--advertise"));
  for (const absl::string_view level : {"trace", "debug", "info", "warn", "error"}) {
    if (config.log_level == level) return ParseAddress(config.listen).status();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "log level '", config.log_level, "' is not known: use trace, debug, info, warn or error"));
}

}  // namespace handoff
