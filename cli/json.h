// Protobuf JSON as scripts get it: one line, lowerCamelCase, every primitive field there. Pure.
#pragma once

#include <string>

namespace google::protobuf {
class Message;
}

namespace handoff {

std::string ToJsonLine(const google::protobuf::Message& message);

}  // namespace handoff
