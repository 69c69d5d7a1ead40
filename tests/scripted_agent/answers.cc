#include "tests/scripted_agent/answers.h"

#include <unistd.h>

#include <cstdio>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/hash.h"

namespace handoff::scripted {
namespace {

bool Configured(const std::string& executable, absl::string_view line) {
  const auto conf = ReadFile(executable + ".conf");
  return conf.ok() &&
         absl::StrContains(absl::StrCat("\n", *conf, "\n"), absl::StrCat("\n", line, "\n"));
}

}  // namespace

int CreateChat(const std::string& executable) {
  if (Configured(executable, "create-chat empty")) return 0;
  if (Configured(executable, "create-chat fail")) {
    std::fputs("Error: cannot create a chat\n", stderr);
    return 1;
  }
  const std::string hex = RandomHex(16);
  std::printf("%s-%s-%s-%s-%s\n", hex.substr(0, 8).c_str(), hex.substr(8, 4).c_str(),
              hex.substr(12, 4).c_str(), hex.substr(16, 4).c_str(), hex.substr(20).c_str());
  return 0;
}

int Status(const std::string& executable) {
  while (Configured(executable, "status silent")) ::pause();
  const bool out = Configured(executable, "status logged-out");
  std::puts(out ? "Not logged in" : "Logged in as tester@localhost");
  return out ? 1 : 0;
}

}  // namespace handoff::scripted
