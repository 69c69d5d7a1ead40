#include "cli/json.h"

#include <google/protobuf/util/json_util.h>

#include "common/check.h"

namespace handoff {

std::string ToJsonLine(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  std::string line;
  // Our own messages hold no Any and no invalid UTF-8, the only things that cannot be printed.
  CHECK(google::protobuf::util::MessageToJsonString(message, &line, options).ok());
  line.push_back('\n');
  return line;
}

}  // namespace handoff
