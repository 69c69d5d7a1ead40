#include "worker/shim/shim_files.h"

#include <gtest/gtest.h>

#include <string>

#include "worker/shim/shim_wire.h"

namespace handoff {
namespace {

TEST(ShimFiles, SpecComesBackAsItWas) {
  ShimSpec spec;
  spec.handoff_id = "20261121-fix";
  spec.attempt = 3;
  spec.epoch = UINT64_MAX;
  spec.argv = {"sh", "-c", "echo \"ä\"\n", "", std::string("not utf-8 \xff\xfe")};
  spec.env = {"A=1", "B=\xc3"};
  spec.cwd = "/tmp/\x80";
  spec.stdin_path = "/p";
  spec.boot_id = "boot";
  spec.lease_deadline_ns = INT64_MAX;
  spec.hard_cap_ns = 5;
  spec.orphan_timeout_ns = 6;
  spec.disk_reserve_bytes = UINT64_MAX;
  const ShimSpec back = DecodeShimSpec(Encode(spec)).value();
  EXPECT_EQ(back.handoff_id, spec.handoff_id);
  EXPECT_EQ(back.attempt, 3);
  EXPECT_EQ(back.epoch, UINT64_MAX);
  EXPECT_EQ(back.argv, spec.argv);
  EXPECT_EQ(back.env, spec.env);
  EXPECT_EQ(back.cwd, spec.cwd);
  EXPECT_EQ(back.stdin_path, "/p");
  EXPECT_EQ(back.boot_id, "boot");
  EXPECT_EQ(back.lease_deadline_ns, INT64_MAX);
  EXPECT_EQ(back.hard_cap_ns, 5);
  EXPECT_EQ(back.orphan_timeout_ns, 6);
  EXPECT_EQ(back.disk_reserve_bytes, UINT64_MAX);
}

TEST(ShimFiles, StartedComesBackAsItWas) {
  ShimStarted started;
  started.pid = 1;
  started.pid_start = 2;
  started.agent_pid = 3;
  started.isolation = "cgroup v2";
  started.cgroup = "/sys/x";
  started.boottime_ns = 4;
  started.wall_ms = 5;
  const ShimStarted back = DecodeShimStarted(Encode(started)).value();
  EXPECT_EQ(back.pid, 1);
  EXPECT_EQ(back.pid_start, 2);
  EXPECT_EQ(back.agent_pid, 3);
  EXPECT_EQ(back.isolation, "cgroup v2");
  EXPECT_EQ(back.cgroup, "/sys/x");
  EXPECT_EQ(back.boottime_ns, 4);
  EXPECT_EQ(back.wall_ms, 5);
}

TEST(ShimFiles, ExitCodeZeroIsNotAbsent) {
  ShimExit exit;
  exit.exit_code = 0;
  exit.ended_by = EndedBy::kOrphaned;
  exit.reason = "why\xff";
  exit.log_bytes = 7;
  exit.boottime_ns = 8;
  exit.wall_ms = 9;
  exit.cpu_ms = 10;
  const ShimExit back = DecodeShimExit(Encode(exit)).value();
  EXPECT_EQ(back.exit_code, 0);
  EXPECT_EQ(back.ended_by, EndedBy::kOrphaned);
  EXPECT_EQ(back.reason, "why\xff");
  EXPECT_EQ(back.log_bytes, 7u);
  EXPECT_EQ(back.boottime_ns, 8);
  EXPECT_EQ(back.wall_ms, 9);
  EXPECT_EQ(back.cpu_ms, 10);
  exit.exit_code.reset();
  exit.signal = 9;
  exit.spawn_error = "no such file";
  const ShimExit killed = DecodeShimExit(Encode(exit)).value();
  EXPECT_EQ(killed.exit_code, std::nullopt);
  EXPECT_EQ(killed.signal, 9);
  EXPECT_EQ(killed.spawn_error, "no such file");
}

TEST(ShimFiles, GarbageIsAnErrorAndNeverAThrow) {
  for (const char* text : {"", "{", "null", "[]", "{}", "{\"pid\":\"x\"}", "{\"argv\":3}"}) {
    EXPECT_FALSE(DecodeShimSpec(text).ok()) << text;
    EXPECT_FALSE(DecodeShimStarted(text).ok()) << text;
    EXPECT_FALSE(DecodeShimExit(text).ok()) << text;
    EXPECT_FALSE(DecodeShimRequest(text).ok()) << text;
  }
}

TEST(ShimWire, RequestsComeBackAsTheyWere) {
  ShimRequest stop;
  stop.op = ShimRequest::Op::kStop;
  stop.as = EndedBy::kHardCap;
  stop.reason = "because";
  stop.grace_ms = 1500;
  const ShimRequest back = DecodeShimRequest(Encode(stop)).value();
  EXPECT_EQ(back.op, ShimRequest::Op::kStop);
  EXPECT_EQ(back.as, EndedBy::kHardCap);
  EXPECT_EQ(back.reason, "because");
  EXPECT_EQ(back.grace_ms, 1500);
  ShimRequest renew;
  renew.op = ShimRequest::Op::kRenew;
  renew.deadline = {INT64_MAX};
  EXPECT_EQ(DecodeShimRequest(Encode(renew)).value().deadline.ns, INT64_MAX);
}

TEST(ShimWire, AReasonOfAnyLengthAndBytesFitsIntoAPacket) {
  ShimRequest stop;
  stop.op = ShimRequest::Op::kStop;
  for (const char c : {'\x01', '\xff', '"', 'a'}) {
    stop.reason = std::string(100'000, c);
    EXPECT_LE(Encode(stop).size(), kMaxPacket);
    EXPECT_TRUE(DecodeShimRequest(Encode(stop)).ok());
  }
}

TEST(ShimWire, EventsComeBackAsTheyWere) {
  EXPECT_EQ(DecodeShimEvent(Encode(ShimEvent{0, ""})).value().log_bytes, 0u);
  EXPECT_EQ(DecodeShimEvent(Encode(ShimEvent{std::nullopt, "frozen"})).value().state, "frozen");
  EXPECT_EQ(DecodeShimEvent(R"({"future":1})").value().log_bytes, std::nullopt);
}

TEST(ShimWire, TheLastEventHasTheExitAndFitsIntoAPacket) {
  ShimExit exit;
  exit.exit_code = 7;
  exit.ended_by = EndedBy::kCancel;
  exit.reason = std::string(2 << 10, '\x01');  // as long as a request makes it
  exit.log_bytes = 12;
  const std::string packet = Encode(ShimEvent{12, "exited", exit});
  EXPECT_LE(packet.size(), kMaxPacket);
  const ShimEvent back = DecodeShimEvent(packet).value();
  EXPECT_EQ(back.state, "exited");
  ASSERT_TRUE(back.exit.has_value());
  EXPECT_EQ(back.exit->exit_code, 7);
  EXPECT_EQ(back.exit->ended_by, EndedBy::kCancel);
  EXPECT_EQ(back.exit->reason, exit.reason);
}

}  // namespace
}  // namespace handoff
