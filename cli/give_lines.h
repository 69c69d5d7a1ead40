// Lines that let somebody in, made and handed to whoever asked for them.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cli/verb.h"

namespace handoff {

namespace v1 {
class CreateTokensRequest;
}

// What a person is told about them; the line itself stands alone on stdout.
struct LineWords {
  std::string before;  // "On their machine: handoff login, then paste this line"
  std::string after;   // "" for nothing
};
VerbResult GiveLines(const v1::CreateTokensRequest& request, const LineWords& words,
                     Context& context);

// --ttl of such a request; empty: what the coordinator finds right.
absl::Status SetTtl(const std::string& ttl, v1::CreateTokensRequest& request);

}  // namespace handoff
