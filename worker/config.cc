#include "worker/config.h"

#include <toml++/toml.h>

#include <functional>
#include <set>
#include <sstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/file.h"
#include "common/handoff/names.h"
#include "common/parse_bytes.h"
#include "common/regular_file.h"
#include "common/status.h"
#include "common/text.h"

namespace handoff::worker {
namespace {

using Setter = std::function<absl::Status(const toml::node&)>;
using Setters = std::map<std::string, Setter>;

// The coordinator takes no larger object.
constexpr uint64_t kMostPackBytes = uint64_t{4} << 30;
constexpr int kMostParallel = 100'000;

absl::Status Wrong(const toml::node& node, absl::string_view wanted) {
  return absl::InvalidArgumentError(
      absl::StrCat("line ", node.source().begin.line, ": this must be ", wanted));
}

Setter Text(std::string& out) {
  return [&out](const toml::node& node) {
    const auto* text = node.as_string();
    if (text == nullptr) return Wrong(node, "a string");
    out = text->get();
    return absl::OkStatus();
  };
}

Setter Name(std::string& out) {
  return [&out](const toml::node& node) -> absl::Status {
    RETURN_IF_ERROR(Text(out)(node));
    return out.empty() ? Wrong(node, "a name") : absl::OkStatus();
  };
}

Setter SshTarget(std::string& out) {
  return [&out](const toml::node& node) -> absl::Status {
    RETURN_IF_ERROR(Text(out)(node));
    if (ValidateSshTarget(out).ok()) return absl::OkStatus();
    return Wrong(node, "what ssh takes as its destination, such as \"me@build-1\"");
  };
}

Setter TextList(std::vector<std::string>& out) {
  return [&out](const toml::node& node) {
    const auto* list = node.as_array();
    if (list == nullptr) return Wrong(node, "a list of strings");
    for (const toml::node& item : *list) {
      if (!item.is_string()) return Wrong(item, "a string");
      out.push_back(item.as_string()->get());
    }
    return absl::OkStatus();
  };
}

Setter TextMap(std::map<std::string, std::string>& out) {
  return [&out](const toml::node& node) {
    const auto* table = node.as_table();
    if (table == nullptr) return Wrong(node, "a table of strings");
    for (const auto& [key, value] : *table) {
      if (!value.is_string()) return Wrong(value, "a string");
      out[std::string(key.str())] = value.as_string()->get();
    }
    return absl::OkStatus();
  };
}

Setter Count(int& out, int most) {
  return [&out, most](const toml::node& node) {
    const auto* number = node.as_integer();
    if (number == nullptr || number->get() < 1 || number->get() > most)
      return Wrong(node, absl::StrCat("a number from 1 to ", most));
    out = static_cast<int>(number->get());
    return absl::OkStatus();
  };
}

template <typename Out>
Setter Length(Out& out) {
  return [&out](const toml::node& node) {
    const auto* text = node.as_string();
    if (text == nullptr) return Wrong(node, "a duration such as \"10m\"");
    const auto duration = ParseConfigDuration(text->get());
    if (!duration.ok()) return Wrong(node, "a duration such as \"90s\", \"10m\", \"2h\" or \"7d\"");
    out = *duration;
    return absl::OkStatus();
  };
}

template <typename Out>
Setter Bytes(Out& out, uint64_t most = UINT64_MAX) {
  return [&out, most](const toml::node& node) {
    const std::string text = node.is_string()    ? node.as_string()->get()
                             : node.is_integer() ? absl::StrCat(node.as_integer()->get())
                                                 : "";
    const auto bytes = ParseConfigBytes(text);
    if (!bytes.ok()) return Wrong(node, "a number of bytes such as \"2GiB\" or \"500MB\"");
    if (*bytes > most) return Wrong(node, absl::StrCat("at most ", HumanBytes(most)));
    out = *bytes;
    return absl::OkStatus();
  };
}

absl::Status Apply(const toml::table& table, const std::string& prefix, const Setters& setters) {
  for (const auto& [key, value] : table) {
    const std::string name(key.str());
    const auto setter = setters.find(name);
    if (setter == setters.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("line ", value.source().begin.line, ": unknown key \"", prefix, name, "\""));
    }
    RETURN_IF_ERROR(Annotate(setter->second(value), prefix + name));
  }
  return absl::OkStatus();
}

Setter Section(const std::string& prefix, Setters setters) {
  return [prefix, setters = std::move(setters)](const toml::node& node) {
    const auto* table = node.as_table();
    return table == nullptr ? Wrong(node, "a table") : Apply(*table, prefix, setters);
  };
}

// That it is one of ours, or like one of ours.
absl::Status CheckLike(const toml::node& node, const std::string& name, const AgentConfig& agent) {
  const auto wrong = [&](absl::string_view key, absl::string_view why) {
    return absl::InvalidArgumentError(
        absl::StrCat("agents.", name, key, ": line ", node.source().begin.line, ": ", why));
  };
  if (agent.like.empty()) {
    if (IsKnownAgent(name)) return absl::OkStatus();
    return wrong("", absl::StrCat("no agent is called '", name,
                                  "'; say which one it is like, as like = \"claude\""));
  }
  if (IsKnownAgent(name)) {
    return wrong(".like",
                 "that is an agent of its own; give the one that is like another its own "
                 "name");
  }
  if (agent.like == "command" || !IsKnownAgent(agent.like)) {
    std::vector<absl::string_view> names(kAgents.begin(), kAgents.end());
    std::erase(names, "command");
    return wrong(".like", absl::StrCat("'", OneLine(agent.like, 80),
                                       "' is none that another can be like; there are ",
                                       absl::StrJoin(names, ", ")));
  }
  if (!agent.binary.empty()) return absl::OkStatus();
  return wrong("", absl::StrCat("binary is missing: the program that is like ", agent.like));
}

absl::Status ApplyAgents(const toml::node& node, std::map<std::string, AgentConfig>& agents) {
  const auto* table = node.as_table();
  if (table == nullptr) return Wrong(node, "a table");
  for (const auto& [key, value] : *table) {
    const std::string name(key.str());
    RETURN_IF_ERROR(ValidateAgentName(name));
    AgentConfig& agent = agents[name];
    const std::string prefix = absl::StrCat("agents.", name, ".");
    const Setters timers = {{"first_event", Length(agent.first_event)},
                            {"idle", Length(agent.idle)},
                            {"tool_warning", Length(agent.tool_warning)},
                            {"finish_grace", Length(agent.finish_grace)},
                            {"hard_cap", Length(agent.hard_cap)}};
    const Setter set = Section(prefix, {{"binary", Text(agent.binary)},
                                        {"like", Name(agent.like)},
                                        {"extra_args", TextList(agent.extra_args)},
                                        {"env", TextMap(agent.env)},
                                        {"max_parallel", Count(agent.max_parallel, kMostParallel)},
                                        {"timers", Section(prefix + "timers.", timers)}});
    RETURN_IF_ERROR(set(value));
    RETURN_IF_ERROR(CheckLike(value, name, agent));
  }
  return absl::OkStatus();
}

absl::Status ApplyFile(const std::string& content, WorkerConfig& config) {
  toml::table table;
  try {  // toml++ is built to throw; this is its border
    table = toml::parse(content);
  } catch (const toml::parse_error& error) {
    return absl::InvalidArgumentError(
        absl::StrCat("line ", error.source().begin.line, ": ", std::string(error.description())));
  }
  const Setters repo = {{"ssh_key", Text(config.repo.ssh_key)},
                        {"known_hosts", Text(config.repo.known_hosts)},
                        {"https_tokens", TextMap(config.repo.https_tokens)}};
  const Setters checkpoint = {
      {"interval", Length(config.checkpoint_interval)},
      {"max_file_bytes", Bytes(config.checkpoint_max_file_bytes)},
      {"max_pack_bytes", Bytes(config.checkpoint_max_pack_bytes, kMostPackBytes)}};
  return Apply(
      table, "",
      {{"path", Text(config.path)},
       {"ssh", SshTarget(config.ssh)},
       {"agents", [&](const toml::node& node) { return ApplyAgents(node, config.agents); }},
       {"repo", Section("repo.", repo)},
       {"keep", Section("keep.", {{"workspaces", Length(config.keep_workspaces)}})},
       {"disk", Section("disk.", {{"reserve", Bytes(config.disk_reserve)}})},
       {"lease", Section("lease.", {{"orphan_timeout", Length(config.orphan_timeout)}})},
       {"summaries", Section("summaries.", {{"limit", Length(config.summary_limit)}})},
       {"checkpoint", Section("checkpoint.", checkpoint)}});
}

}  // namespace

const AgentConfig& WorkerConfig::agent(const std::string& name_of_agent) const {
  static const AgentConfig* const none = new AgentConfig;
  const auto it = agents.find(name_of_agent);
  return it == agents.end() ? *none : it->second;
}

absl::Status ReadConfigFile(const std::string& path, WorkerConfig& config) {
  RETURN_IF_ERROR(CheckNotForAllToWrite(path));
  ASSIGN_OR_RETURN(const std::string content, ReadFile(path, 1 << 20));
  return Annotate(ApplyFile(content, config), path);
}

absl::StatusOr<absl::Duration> ParseConfigDuration(absl::string_view text) {
  absl::Duration duration;
  int64_t days = 0;
  if (!text.empty() && text.back() == 'd' &&
      absl::SimpleAtoi(text.substr(0, text.size() - 1), &days) && days < 100000) {
    duration = absl::Hours(24) * days;
  } else if (!absl::ParseDuration(text, &duration)) {
    return absl::InvalidArgumentError(absl::StrCat("\"", text, "\" is not a duration"));
  }
  if (duration <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError(absl::StrCat("\"", text, "\" is not more than zero"));
  }
  return duration;
}

absl::StatusOr<uint64_t> ParseConfigBytes(absl::string_view text) {
  if (const auto bytes = ParseBytes(text)) return *bytes;
  return absl::InvalidArgumentError(absl::StrCat("\"", text, "\" is not a number of bytes"));
}

}  // namespace handoff::worker
