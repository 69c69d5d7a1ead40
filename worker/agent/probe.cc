#include "worker/agent/probe.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/subprocess.h"

namespace handoff {
namespace {

std::string Locate(const std::string& executable, const ProbeSettings& settings) {
  if (absl::StrContains(executable, '/')) {
    return ::access(executable.c_str(), X_OK) == 0 ? executable : "";
  }
  for (const auto* env : {&settings.own_env, &settings.env}) {
    for (const std::string& variable : *env) {
      absl::string_view path = variable;
      if (absl::ConsumePrefix(&path, "PATH=")) {
        return FindInPath(executable, std::string(path)).value_or("");
      }
    }
  }
  return "";
}

absl::StatusOr<RunResult> Run(const std::string& executable, const std::vector<std::string>& args,
                              const ProbeSpec::Candidate& candidate, const ProbeSettings& settings,
                              bool proven) {
  SpawnOptions options;
  options.argv.push_back(executable);
  options.argv.insert(options.argv.end(), args.begin(), args.end());
  options.env = settings.env;
  const auto set = [&](const std::string& entry) {
    const std::string variable = entry.substr(0, entry.find('=') + 1);
    std::erase_if(options.env,
                  [&](const std::string& one) { return absl::StartsWith(one, variable); });
    options.env.push_back(entry);
  };
  if (proven) std::for_each(settings.own_env.begin(), settings.own_env.end(), set);
  for (const auto& [name, value] : candidate.env) set(absl::StrCat(name, "=", value));
  options.cwd = "/";  // a folder that cannot bring a configuration of its own
  return RunProcess(std::move(options), "", settings.limit, settings.cancel);
}

// What a command of `output.executable` said. Absent: it is no program, or none of this host.
// Whatever else keeps it from being run, for want of processes or memory, says nothing of it, as
// silence does.
std::optional<RunResult> Ask(const std::vector<std::string>& args,
                             const ProbeSpec::Candidate& candidate, const ProbeSettings& settings,
                             ProbeOutput& output, bool proven = true) {
  auto result = Run(output.executable, args, candidate, settings, proven);
  if (result.ok()) return *std::move(result);
  if (absl::IsNotFound(result.status()) || absl::IsPermissionDenied(result.status())) {
    return std::nullopt;
  }
  // It has no status code of its own.
  if (absl::StrContains(result.status().message(), std::strerror(ENOEXEC))) {
    output.refused = std::string(result.status().message());
    return std::nullopt;
  }
  RunResult silent;
  silent.timed_out = true;
  return silent;
}

// What is to run in place of `executable`.
std::string NativeOf(const ProbeSpec::Candidate& candidate, const std::string& executable) {
  std::error_code error;
  const auto real = std::filesystem::canonical(executable, error);
  if (error) return executable;
  for (const std::string& path : candidate.natives) {
    const auto native = std::filesystem::canonical(real.parent_path() / path, error);
    if (!error && ::access(native.c_str(), X_OK) == 0) return native.string();
  }
  return executable;
}

std::optional<ProbeOutput> Try(const ProbeSpec::Candidate& candidate, const std::string& located,
                               const ProbeSettings& settings) {
  ProbeOutput output;
  output.executable = NativeOf(candidate, located);
  const auto absent = [&] {
    return output.refused.empty() ? std::nullopt : std::optional<ProbeOutput>(output);
  };
  if (!candidate.banner_args.empty()) {
    const auto banner = Ask(candidate.banner_args, candidate, settings, output, /*proven=*/false);
    if (!banner) return absent();
    output.timed_out = banner->timed_out;
    if (output.timed_out) return output;
    if (!absl::StrContains(absl::StrCat(banner->out, banner->err), candidate.banner))
      return std::nullopt;
  }
  const auto version = Ask(candidate.version_args, candidate, settings, output);
  if (!version) return absent();
  output.version_out = version->out;
  output.timed_out = version->timed_out;
  if (candidate.login_args.empty() || output.timed_out) return output;
  const auto login = Ask(candidate.login_args, candidate, settings, output);
  if (!login) return absent();
  output.timed_out = login->timed_out;
  output.login_exit = login->status.signal != 0 ? 128 + login->status.signal : login->status.code;
  output.login_out = absl::StrCat(login->out, login->err);
  if (candidate.doctor_args.empty() || output.timed_out || output.login_exit == 0) {
    return output;
  }
  const auto doctor = Ask(candidate.doctor_args, candidate, settings, output);
  if (doctor) output.doctor_out = doctor->out;
  return output;
}

}  // namespace

std::optional<ProbeOutput> RunProbe(const ProbeSpec& spec, const ProbeSettings& settings) {
  if (spec.candidates.empty()) return std::nullopt;
  if (!settings.binary.empty()) {
    ProbeSpec::Candidate candidate = spec.candidates.front();
    candidate.banner_args.clear();
    const std::string executable = Locate(settings.binary, settings);
    return executable.empty() ? std::nullopt : Try(candidate, executable, settings);
  }
  std::optional<ProbeOutput> useless;
  for (const ProbeSpec::Candidate& candidate : spec.candidates) {
    const std::string executable = Locate(candidate.executable, settings);
    if (executable.empty()) continue;
    auto output = Try(candidate, executable, settings);
    if (!output) continue;
    if (!output->timed_out && output->refused.empty()) return output;
    // One that gave no answer just now may be it after all.
    if (!useless || (output->timed_out && !useless->timed_out)) useless = std::move(output);
  }
  return useless;
}

}  // namespace handoff
