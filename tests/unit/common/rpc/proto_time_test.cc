#include "common/rpc/proto_time.h"

#include "gtest/gtest.h"
#include "handoff/v1/types.pb.h"

namespace handoff {
namespace {

TEST(ProtoTime, TimesAndDurationsComeBack) {
  for (const absl::Duration d : {absl::ZeroDuration(), absl::Milliseconds(1500),
                                 -absl::Milliseconds(1500), absl::Hours(6)}) {
    EXPECT_EQ(*FromProto(ToProto(d), "x"), d);
    const absl::Time time = absl::FromUnixSeconds(1800000000) + d;
    EXPECT_EQ(FromProto(ToProto(time)), time);
  }
}

TEST(ProtoTime, InfinityIsTheFurthestThatTheWireCanSay) {
  EXPECT_TRUE(FromProto(ToProto(absl::InfiniteDuration()), "x").ok());
  EXPECT_EQ(ToProto(absl::InfiniteFuture()).seconds(), 253402300799);
  EXPECT_EQ(ToProto(absl::InfinitePast()).seconds(), -62135596800);
}

TEST(ProtoTime, InvalidDurationsAreRefusedByName) {
  google::protobuf::Duration mixed;
  mixed.set_seconds(1);
  mixed.set_nanos(-1);
  EXPECT_EQ(FromProto(mixed, "timeout").status().message(), "timeout is not a valid duration");
  google::protobuf::Duration huge;
  huge.set_seconds(INT64_MAX);
  EXPECT_FALSE(FromProto(huge, "timeout").ok());
}

TEST(ProtoTime, TimesAnywhereInAMessageBecomeTheNearestThatAreValid) {
  v1::AttemptEnd end;
  end.mutable_retry_at()->set_seconds(INT64_MAX);
  end.mutable_started_at()->set_seconds(INT64_MIN);
  end.mutable_started_at()->set_nanos(-5);
  end.mutable_ended_at()->set_seconds(1'800'000'000);
  end.mutable_ended_at()->set_nanos(5);
  google::protobuf::Duration& tool = *end.mutable_facts()->add_tools()->mutable_duration();
  tool.set_seconds(INT64_MAX);
  google::protobuf::Duration& check = *end.mutable_facts()->add_checks()->mutable_duration();
  check.set_seconds(1);
  check.set_nanos(-1);
  (*end.mutable_facts()->mutable_unknown_events())["odd"] = 3;
  BoundTimes(end);
  EXPECT_EQ(end.retry_at().seconds(), 253402300799);
  EXPECT_EQ(end.started_at().seconds(), -62135596800);
  EXPECT_EQ(end.started_at().nanos(), 0);
  EXPECT_EQ(FromProto(end.ended_at()), absl::FromUnixSeconds(1'800'000'000) + absl::Nanoseconds(5));
  EXPECT_EQ(tool.seconds(), 315576000000);
  EXPECT_EQ(check.seconds(), 0);
  EXPECT_EQ(check.nanos(), 999'999'999);
  EXPECT_EQ(end.facts().unknown_events().at("odd"), 3u);
}

}  // namespace
}  // namespace handoff
