#include "tests/scripted_agent/answers.h"

#include <unistd.h>

#include <cstdio>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/file.h"
#include "common/hash.h"

namespace handoff::scripted {
namespace {

std::string ConfOf(const std::string& executable) {
  return ReadFile(executable + ".conf").value_or("");
}

bool Configured(const std::string& executable, absl::string_view line) {
  return absl::StrContains(absl::StrCat("\n", ConfOf(executable), "\n"),
                           absl::StrCat("\n", line, "\n"));
}

}  // namespace

std::string ConfiguredText(const std::string& executable, absl::string_view key) {
  const std::string conf = ConfOf(executable);
  for (absl::string_view line : absl::StrSplit(conf, '\n')) {
    if (absl::ConsumePrefix(&line, absl::StrCat(key, " "))) return std::string(line);
  }
  return "";
}

bool HasForgotten(const std::string& executable, const std::string& session) {
  return Configured(executable, absl::StrCat("forgot ", session));
}

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
  const std::string account = ConfiguredText(executable, "account");
  const std::string said =
      absl::StrCat("Logged in as ", account.empty() ? "tester@localhost" : account);
  std::puts(out ? "Not logged in" : said.c_str());
  return out ? 1 : 0;
}

}  // namespace handoff::scripted
