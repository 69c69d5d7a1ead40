// Times and durations of protocol messages.
#pragma once

#include "absl/time/time.h"

namespace google::protobuf {
class Duration;
class Timestamp;
}  // namespace google::protobuf

namespace handoff::worker {

absl::Duration FromProto(const google::protobuf::Duration& duration);
absl::Time FromProto(const google::protobuf::Timestamp& timestamp);
void ToProto(absl::Duration duration, google::protobuf::Duration* out);
// InfinitePast means that it did not happen: nothing may be set then, so callers ask first.
void ToProto(absl::Time time, google::protobuf::Timestamp* out);

}  // namespace handoff::worker
