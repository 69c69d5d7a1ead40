#include "worker/shim/shim_files.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/text.h"

namespace handoff {
namespace {

using Json = nlohmann::json;

// Arguments, paths and variables are bytes; JSON strings are not. What is not UTF-8 is {"hex":"…"}.
Json FromBytes(const std::string& bytes) {
  if (IsValidUtf8(bytes)) return bytes;
  return {{"hex", absl::BytesToHexString(bytes)}};
}

std::string ToBytes(const Json& json) {
  if (json.is_object()) return FromHex(json.at("hex").get<std::string>()).value_or("");
  return json.get<std::string>();
}

Json FromList(const std::vector<std::string>& list) {
  Json out = Json::array();
  for (const std::string& item : list) out.push_back(FromBytes(item));
  return out;
}

std::vector<std::string> ToList(const Json& json) {
  std::vector<std::string> out;
  for (const Json& item : json) out.push_back(ToBytes(item));
  return out;
}

// nlohmann-json reports what does not fit by exceptions; this is where they end.
template <typename T, typename Fill>
absl::StatusOr<T> Decode(const std::string& text, const char* what, Fill fill) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return absl::InvalidArgumentError(absl::StrCat(what, " is not JSON"));
  T value;
  try {
    fill(json, value);
  } catch (const Json::exception& error) {
    return absl::InvalidArgumentError(absl::StrCat(what, ": ", error.what()));
  }
  return value;
}

}  // namespace

std::string Encode(const ShimSpec& spec) {
  return Json{{"handoff_id", spec.handoff_id},
              {"attempt", spec.attempt},
              {"epoch", spec.epoch},
              {"argv", FromList(spec.argv)},
              {"env", FromList(spec.env)},
              {"cwd", FromBytes(spec.cwd)},
              {"stdin_path", FromBytes(spec.stdin_path)},
              {"boot_id", spec.boot_id},
              {"lease_deadline_ns", spec.lease_deadline_ns},
              {"hard_cap_ns", spec.hard_cap_ns},
              {"orphan_timeout_ns", spec.orphan_timeout_ns},
              {"disk_reserve_bytes", spec.disk_reserve_bytes}}
      .dump();
}

std::string Encode(const ShimStarted& started) {
  return Json{{"pid", started.pid},
              {"pid_start", started.pid_start},
              {"agent_pid", started.agent_pid},
              {"isolation", started.isolation},
              {"cgroup", FromBytes(started.cgroup)},
              {"boottime_ns", started.boottime_ns},
              {"wall_ms", started.wall_ms}}
      .dump();
}

std::string Encode(const ShimExit& exit) {
  Json json{{"signal", exit.signal},
            {"ended_by", static_cast<int>(exit.ended_by)},
            {"reason", FromBytes(exit.reason)},
            {"log_bytes", exit.log_bytes},
            {"boottime_ns", exit.boottime_ns},
            {"wall_ms", exit.wall_ms},
            {"cpu_ms", exit.cpu_ms},
            {"spawn_error", FromBytes(exit.spawn_error)}};
  if (exit.exit_code) json["exit_code"] = *exit.exit_code;
  return json.dump();
}

absl::StatusOr<ShimSpec> DecodeShimSpec(const std::string& text) {
  return Decode<ShimSpec>(text, "shim.json", [](const Json& json, ShimSpec& spec) {
    json.at("handoff_id").get_to(spec.handoff_id);
    json.at("attempt").get_to(spec.attempt);
    json.at("epoch").get_to(spec.epoch);
    spec.argv = ToList(json.at("argv"));
    spec.env = ToList(json.at("env"));
    spec.cwd = ToBytes(json.at("cwd"));
    spec.stdin_path = ToBytes(json.at("stdin_path"));
    json.at("boot_id").get_to(spec.boot_id);
    json.at("lease_deadline_ns").get_to(spec.lease_deadline_ns);
    json.at("hard_cap_ns").get_to(spec.hard_cap_ns);
    json.at("orphan_timeout_ns").get_to(spec.orphan_timeout_ns);
    json.at("disk_reserve_bytes").get_to(spec.disk_reserve_bytes);
  });
}

absl::StatusOr<ShimStarted> DecodeShimStarted(const std::string& text) {
  return Decode<ShimStarted>(text, "shim.pid", [](const Json& json, ShimStarted& started) {
    json.at("pid").get_to(started.pid);
    json.at("pid_start").get_to(started.pid_start);
    json.at("agent_pid").get_to(started.agent_pid);
    json.at("isolation").get_to(started.isolation);
    started.cgroup = ToBytes(json.at("cgroup"));
    json.at("boottime_ns").get_to(started.boottime_ns);
    json.at("wall_ms").get_to(started.wall_ms);
  });
}

absl::StatusOr<ShimExit> DecodeShimExit(const std::string& text) {
  return Decode<ShimExit>(text, "exit.json", [](const Json& json, ShimExit& exit) {
    if (json.contains("exit_code")) exit.exit_code = json.at("exit_code").get<int>();
    json.at("signal").get_to(exit.signal);
    exit.ended_by = static_cast<EndedBy>(json.at("ended_by").get<int>());
    exit.reason = ToBytes(json.at("reason"));
    json.at("log_bytes").get_to(exit.log_bytes);
    json.at("boottime_ns").get_to(exit.boottime_ns);
    json.at("wall_ms").get_to(exit.wall_ms);
    json.at("cpu_ms").get_to(exit.cpu_ms);
    exit.spawn_error = ToBytes(json.at("spawn_error"));
  });
}

}  // namespace handoff
