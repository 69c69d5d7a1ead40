#include "common/rpc/proto_time.h"

#include "gtest/gtest.h"

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

}  // namespace
}  // namespace handoff
