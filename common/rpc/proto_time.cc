#include "common/rpc/proto_time.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"

namespace handoff {
namespace {

// Years 1 to 9999, as google.protobuf.Timestamp allows.
constexpr int64_t kFirstSecond = -62135596800;
constexpr int64_t kLastSecond = 253402300799;
constexpr int64_t kMostSeconds = 315576000000;  // of a google.protobuf.Duration
constexpr int64_t kBillion = 1000000000;

}  // namespace

google::protobuf::Timestamp ToProto(absl::Time time) {
  google::protobuf::Timestamp result;
  const int64_t seconds = std::clamp(absl::ToUnixSeconds(time), kFirstSecond, kLastSecond);
  result.set_seconds(seconds);
  if (seconds == absl::ToUnixSeconds(time)) {
    result.set_nanos(
        static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
  }
  return result;
}

google::protobuf::Duration ToProto(absl::Duration duration) {
  google::protobuf::Duration result;
  const absl::Duration most = absl::Seconds(kMostSeconds);
  const absl::Duration bounded = std::clamp(duration, -most, most);
  absl::Duration rest;
  result.set_seconds(absl::IDivDuration(bounded, absl::Seconds(1), &rest));
  result.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(rest)));
  return result;
}

absl::Time FromProto(const google::protobuf::Timestamp& time) {
  const int64_t nanos = std::clamp<int64_t>(time.nanos(), 0, kBillion - 1);
  return absl::FromUnixSeconds(std::clamp(time.seconds(), kFirstSecond, kLastSecond)) +
         absl::Nanoseconds(nanos);
}

absl::StatusOr<absl::Duration> FromProto(const google::protobuf::Duration& duration,
                                         absl::string_view name) {
  const int64_t nanos = duration.nanos();
  const bool in_range = duration.seconds() >= -kMostSeconds && duration.seconds() <= kMostSeconds &&
                        nanos > -kBillion && nanos < kBillion;
  const bool same_sign =
      duration.seconds() == 0 || nanos == 0 || (duration.seconds() > 0) == (nanos > 0);
  if (!in_range || !same_sign) {
    return absl::InvalidArgumentError(absl::StrCat(name, " is not a valid duration"));
  }
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(nanos);
}

void BoundTimes(google::protobuf::Message& message) {
  using google::protobuf::DynamicCastToGenerated;
  using google::protobuf::FieldDescriptor;
  if (auto* const time = DynamicCastToGenerated<google::protobuf::Timestamp>(&message)) {
    *time = ToProto(FromProto(*time));
    return;
  }
  if (auto* const duration = DynamicCastToGenerated<google::protobuf::Duration>(&message)) {
    *duration = ToProto(absl::Seconds(duration->seconds()) + absl::Nanoseconds(duration->nanos()));
    return;
  }
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      BoundTimes(*reflection.MutableMessage(&message, field));
      continue;
    }
    for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
      BoundTimes(*reflection.MutableRepeatedMessage(&message, field, i));
    }
  }
}

}  // namespace handoff
