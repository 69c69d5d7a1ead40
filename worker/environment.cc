#include "worker/environment.h"

#include <pwd.h>
#include <unistd.h>

#include <cstdlib>
#include <vector>

#include "absl/strings/str_cat.h"

namespace handoff::worker {
namespace {

std::string FromEnvironment(const char* name, const std::string& otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? otherwise : value;
}

}  // namespace

Environment BaseEnvironment(const std::string& path) {
  Environment env;
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> buffer(16 << 10);
  ::getpwuid_r(::geteuid(), &entry, buffer.data(), buffer.size(), &found);
  const std::string user = found != nullptr ? found->pw_name : absl::StrCat(::geteuid());
  env["HOME"] = FromEnvironment("HOME", found != nullptr ? found->pw_dir : "/");
  env["USER"] = FromEnvironment("USER", user);
  env["LOGNAME"] = FromEnvironment("LOGNAME", env["USER"]);
  env["LANG"] = FromEnvironment("LANG", "C.UTF-8");
  env["TERM"] = "dumb";
  env["PATH"] = path.empty() ? FromEnvironment("PATH", "/usr/local/bin:/usr/bin:/bin") : path;
  return env;
}

std::vector<std::string> Flatten(const std::vector<Environment>& layers) {
  Environment all;
  for (const Environment& layer : layers) {
    for (const auto& [name, value] : layer) all[name] = value;
  }
  std::vector<std::string> out;
  for (const auto& [name, value] : all) out.push_back(absl::StrCat(name, "=", value));
  return out;
}

}  // namespace handoff::worker
