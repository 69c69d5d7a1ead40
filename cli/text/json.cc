#include "cli/text/json.h"

#include <google/protobuf/message.h>
#include <google/protobuf/util/json_util.h>

#include "absl/strings/str_cat.h"

namespace handoff {

absl::StatusOr<std::string> ToJsonLine(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  std::string line;
  const auto made = google::protobuf::util::MessageToJsonString(message, &line, options);
  if (!made.ok()) {
    return absl::InternalError(absl::StrCat("a ", message.GetDescriptor()->name(),
                                            " of the coordinator's cannot be printed as JSON (",
                                            made.ToString(), "); without --json it is shown"));
  }
  line.push_back('\n');
  return line;
}

}  // namespace handoff
