#include "common/rpc/protocol.h"

#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/text.h"
#include "common/version.h"

namespace handoff {
namespace {

constexpr char kProgram[] = "handoff/";
constexpr char kSpeaks[] = "handoff-protocol/";
constexpr size_t kMostShown = 32;  // of what a caller says of itself

}  // namespace

std::string UserAgent() { return absl::StrCat(kProgram, kVersion, " ", kSpeaks, kProtocol); }

absl::Status CheckProtocol(absl::string_view user_agent) {
  absl::string_view version = "of an unknown version";
  std::optional<absl::string_view> protocol;
  for (absl::string_view word : absl::StrSplit(user_agent, ' ')) {
    if (absl::ConsumePrefix(&word, kSpeaks)) {
      protocol = word;
    } else if (absl::ConsumePrefix(&word, kProgram)) {
      version = word;
    }
  }
  int number = 0;
  if (!protocol.has_value()) return absl::OkStatus();
  if (absl::SimpleAtoi(*protocol, &number) && number == kProtocol) return absl::OkStatus();
  return absl::UnimplementedError(
      absl::StrCat("this coordinator is handoff ", kVersion, " and speaks protocol ", kProtocol,
                   "; what calls it is handoff ", OneLine(version, kMostShown),
                   " and speaks protocol ", OneLine(*protocol, kMostShown),
                   ". Nothing was done: install the same version on both sides"));
}

}  // namespace handoff
