// Protobuf JSON as scripts get it: one line, lowerCamelCase, every primitive field there. Pure.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace google::protobuf {
class Message;
}

namespace handoff {

// INTERNAL for what has no JSON, as a time that is none: another program made the message.
absl::StatusOr<std::string> ToJsonLine(const google::protobuf::Message& message);

}  // namespace handoff
