// absl::Time and absl::Duration ⇄ google.protobuf's. What the wire cannot say (infinity) becomes
// the furthest that it can.
#pragma once

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/message.h>
#include <google/protobuf/timestamp.pb.h>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace handoff {

google::protobuf::Timestamp ToProto(absl::Time time);
google::protobuf::Duration ToProto(absl::Duration duration);
absl::Time FromProto(const google::protobuf::Timestamp& time);
// INVALID_ARGUMENT, with `name` in the sentence, when it is no valid protobuf duration.
absl::StatusOr<absl::Duration> FromProto(const google::protobuf::Duration& duration,
                                         absl::string_view name);
// Every timestamp and duration in `message`, however deep, becomes the nearest valid one. For what
// others sent and we keep and show as it is: with an invalid one a message has no JSON.
void BoundTimes(google::protobuf::Message& message);

}  // namespace handoff
