// The log of record: every byte, once, in an order that keeps lines whole.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/hash.h"
#include "tests/integration/shim/isolation_param.h"
#include "tests/integration/shim/noise.h"
#include "tests/integration/shim/shim_attempt.h"
#include "worker/shim/log_merger.h"
#include "worker/shim/shim_wire.h"

namespace handoff {
namespace {

std::string ExpectedHash(uint64_t seed, uint64_t bytes) {
  Sha256 hash;
  Noise noise(seed, bytes);
  for (std::string line; noise.Next(&line);) hash.Update(line);
  return hash.Hex();
}

// The records cover the log without a gap, and are in the order of time.
void ExpectWholeIndex(const ShimAttempt& attempt) {
  uint64_t offset = 0;
  int64_t time = 0;
  for (const IndexRecord& record : attempt.Index()) {
    ASSERT_EQ(record.offset, offset);
    ASSERT_GE(record.boottime_ns, time);
    offset += record.length;
    time = record.boottime_ns;
  }
  EXPECT_EQ(offset, FileSize(attempt.Path("log")).value());
}

// No line of up to kMostHeld bytes has bytes of the other stream in it.
void ExpectWholeLines(const ShimAttempt& attempt) {
  const std::string log = attempt.Log();
  const std::vector<IndexRecord> index = attempt.Index();
  uint64_t last_record[3] = {};
  for (size_t i = 0; i < index.size(); ++i) last_record[index[i].stream] = i;
  uint64_t unfinished[3] = {};  // bytes of the line in progress, by stream
  for (size_t i = 0; i < index.size(); ++i) {
    const IndexRecord& record = index[i];
    const uint32_t other = 3 - record.stream;
    const bool other_ended = last_record[other] < i;
    ASSERT_TRUE(unfinished[other] == 0 || unfinished[other] > LogMerger::kMostHeld || other_ended)
        << "a line of stream " << other << " is cut at offset " << record.offset;
    const absl::string_view bytes = absl::string_view(log).substr(record.offset, record.length);
    const size_t newline = bytes.rfind('\n');
    unfinished[record.stream] = newline == absl::string_view::npos
                                    ? unfinished[record.stream] + bytes.size()
                                    : bytes.size() - newline - 1;
  }
}

class ShimOutput : public IsolationTest {
 protected:
  static void RunNoise(uint64_t seed, uint64_t bytes) {
    ShimAttempt attempt(GetParam(),
                        ShimAttempt::Agent({"noise", absl::StrCat(seed), absl::StrCat(bytes)}));
    attempt.Launch();
    const ShimExit exit = attempt.WaitForExit();
    EXPECT_EQ(exit.exit_code, 0);
    EXPECT_EQ(exit.log_bytes, 2 * bytes);
    ExpectWholeIndex(attempt);
    ExpectWholeLines(attempt);
    EXPECT_EQ(Sha256Hex(attempt.Stream(1)), ExpectedHash(seed, bytes));
    const std::string err = attempt.Stream(2);
    EXPECT_EQ(Sha256Hex(err), ExpectedHash(seed + 1, bytes));
    EXPECT_TRUE(ReadFile(attempt.Path("stderr.tail")).value() ==
                err.substr(err.size() - std::min<size_t>(err.size(), 16 << 10)));
  }
};
INSTANTIATE_ISOLATION(ShimOutput);

TEST_P(ShimOutput, LinesOfAnyLengthAndBytesArriveWholeFromBothStreams) {
  for (uint64_t seed = 1; seed <= 5; ++seed) RunNoise(10 * seed, 3'000'000);
}

TEST_P(ShimOutput, TwoHundredMegabytesArriveWhole) { RunNoise(7, 100'000'000); }

TEST_P(ShimOutput, UnfinishedLinesAreThereAtTheEnd) {
  ShimAttempt attempt(GetParam(), ShimAttempt::Shell("printf out; printf err >&2"));
  attempt.Launch();
  attempt.WaitForExit();
  EXPECT_EQ(attempt.Stream(1), "out");
  EXPECT_EQ(attempt.Stream(2), "err");
}

TEST_P(ShimOutput, OutputThatGrandchildrenHoldIsKeptUpToTheEnd) {
  ShimAttempt attempt(GetParam(),
                      ShimAttempt::Shell("setsid sh -c 'echo late; while :; do sleep 1; done' & "
                                         "while ! grep -q late log; do sleep 0.01; done; exit 4"));
  attempt.Launch();
  EXPECT_EQ(attempt.WaitForExit().exit_code, 4);
  EXPECT_EQ(attempt.Log(), "late\n");
}

// Trap 11: a pipe that nobody empties stops its writer.
TEST_P(ShimOutput, Trap11AStreamThatFillsUpEndsTheSilenceOfALongLine) {
  // 100 kB of an unfinished line on stdout, then more on stderr than a pipe holds.
  ShimAttempt attempt(GetParam(),
                      ShimAttempt::Shell("head -c 100000 /dev/zero; yes err | head -c 3000000 >&2; "
                                         "echo done"));
  attempt.Launch();
  EXPECT_EQ(attempt.WaitForExit().exit_code, 0);
  EXPECT_EQ(attempt.Stream(1), std::string(100000, '\0') + "done\n");
  EXPECT_EQ(attempt.Stream(2).size(), 3000000u);
}

// Trap 11: whoever writes the prompt before it reads the output waits for ever.
TEST_P(ShimOutput, Trap11APromptLargerThanAPipeWaitsForAnAgentThatWritesFirst) {
  ShimAttempt attempt(
      GetParam(), ShimAttempt::Shell("yes out | head -c 3000000; yes err | head -c 3000000 >&2; "
                                     "wc -c"));
  attempt.spec.stdin_path = attempt.Path("prompt");
  ASSERT_TRUE(WriteFileAtomically(attempt.spec.stdin_path, std::string(1 << 20, 'p')).ok());
  attempt.Launch();
  EXPECT_EQ(attempt.WaitForExit().exit_code, 0);
  EXPECT_EQ(attempt.Stream(1).substr(3000000), "1048576\n");
  EXPECT_EQ(attempt.Stream(2).size(), 3000000u);
}

// Trap 11: nor may a slow reader of ours slow the agent down.
TEST_P(ShimOutput, Trap11ADaemonThatDoesNotReadHoldsNothingUp) {
  ShimAttempt attempt(GetParam(), ShimAttempt::Shell("read line < go; echo end; exit 9"));
  ASSERT_EQ(::mkfifo(attempt.Path("go").c_str(), 0600), 0);
  attempt.Launch();
  // Answers to these fill the socket until the shim cannot say any more.
  ShimRequest ask;
  ask.op = ShimRequest::Op::kState;
  const std::string packet = Encode(ask);
  for (int i = 0; i < 20'000; ++i) {
    ::send(attempt.client->fd(), packet.data(), packet.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  ASSERT_TRUE(WriteAll(OpenFile(attempt.Path("go"), O_WRONLY).value().get(), "x\n").ok());
  EXPECT_TRUE(Eventually([&] { return attempt.Fate() == ShimFate::kExited; }));
  EXPECT_EQ(attempt.WaitForExit().exit_code, 9);
  EXPECT_EQ(attempt.Log(), "end\n");
}

TEST_P(ShimOutput, BelowTheDiskReserveTheAgentWaitsAndNothingIsLost) {
  ShimAttempt attempt(GetParam(), ShimAttempt::Agent({"endless"}));
  attempt.spec.disk_reserve_bytes = UINT64_MAX;
  attempt.Launch();
  attempt.WaitForState("disk_low");
  EXPECT_EQ(attempt.Log(), "");
  ASSERT_TRUE(attempt.client->Stop(EndedBy::kCancel, "x", absl::ZeroDuration()).ok());
  const ShimExit exit = attempt.WaitForExit();
  EXPECT_EQ(exit.ended_by, EndedBy::kCancel);
  ExpectWholeIndex(attempt);
  EXPECT_EQ(exit.log_bytes, FileSize(attempt.Path("log")).value());
}

TEST_P(ShimOutput, WhatIsInThePipesAtTheEndIsKeptBelowTheReserveToo) {
  ShimAttempt attempt(GetParam(), ShimAttempt::Shell("echo one; echo two >&2; exit 5"));
  attempt.spec.disk_reserve_bytes = UINT64_MAX;
  attempt.Launch();
  EXPECT_EQ(attempt.WaitForExit().exit_code, 5);
  EXPECT_EQ(attempt.Stream(1), "one\n");
  EXPECT_EQ(attempt.Stream(2), "two\n");
}

TEST_P(ShimOutput, OnAFullDiskTheAgentWaitsAndThenEveryByteArrives) {
  ShimAttempt attempt(GetParam(), ShimAttempt::Agent({"noise", "3", "4000000"}));
  if (::mount("tmpfs", attempt.dir().c_str(), "tmpfs", 0, "size=12m") != 0) {
    GTEST_SKIP() << "this account may not mount a small file system";
  }
  const std::string filler = attempt.Path("filler");
  ASSERT_TRUE(WriteFileAtomically(filler, std::string(10 << 20, 'f')).ok());
  attempt.Launch();
  attempt.WaitForState("disk_low");
  ASSERT_EQ(::unlink(filler.c_str()), 0);
  const ShimExit exit = attempt.WaitForExit();
  EXPECT_EQ(exit.exit_code, 0);
  ExpectWholeIndex(attempt);
  ExpectWholeLines(attempt);
  EXPECT_EQ(Sha256Hex(attempt.Stream(1)), ExpectedHash(3, 4'000'000));
  EXPECT_EQ(Sha256Hex(attempt.Stream(2)), ExpectedHash(4, 4'000'000));
  EXPECT_EQ(::umount2(attempt.dir().c_str(), MNT_DETACH), 0);
}

}  // namespace
}  // namespace handoff
