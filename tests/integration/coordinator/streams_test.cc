// Logs, events and objects as streams of a real coordinator.

#include <malloc.h>

#include <algorithm>
#include <future>
#include <random>
#include <string>
#include <vector>

#include "common/hash.h"
#include "common/rpc/channel.h"
#include "common/rpc/status.h"
#include "gmock/gmock.h"
#include "tests/integration/coordinator/running_coordinator.h"

namespace handoff {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string RandomBytes(size_t size, uint32_t seed) {
  std::mt19937 random(seed);
  std::string bytes(size, '\0');
  std::generate(bytes.begin(), bytes.end(), [&] { return static_cast<char>(random()); });
  return bytes;
}

class StreamsTest : public CoordinatorTest {
 protected:
  // An attempt on a worker of its own.
  v1::DesiredAttempt Begin() {
    MustSubmit("log me");
    return worker_.TakeAttempt();
  }
  ScriptedWorker worker_{guests_, "host-a"};
};

TEST_F(StreamsTest, AppendingTheSameBytesAgainChangesNothing) {
  const v1::DesiredAttempt attempt = Begin();
  EXPECT_EQ(*worker_.Append(attempt, 0, "abcdef"), 6u);
  EXPECT_EQ(*worker_.Append(attempt, 0, "abc"), 6u);
  EXPECT_EQ(*worker_.Append(attempt, 3, "defghi"), 9u);
  EXPECT_EQ(LogOf(attempt.handoff_id()), "abcdefghi");
}

TEST_F(StreamsTest, AGapIsRefused) {
  const v1::DesiredAttempt attempt = Begin();
  ASSERT_TRUE(worker_.Append(attempt, 0, "abc").ok());
  EXPECT_TRUE(absl::IsOutOfRange(worker_.Append(attempt, 4, "x").status()));
  EXPECT_EQ(LogOf(attempt.handoff_id()), "abc");
}

TEST_F(StreamsTest, OnlyTheHolderMayAppend) {
  const v1::DesiredAttempt attempt = Begin();
  ScriptedWorker stranger(guests_, "host-b");
  EXPECT_TRUE(absl::IsPermissionDenied(stranger.Append(attempt, 0, "x").status()));
  v1::DesiredAttempt wrong = attempt;
  wrong.set_epoch(attempt.epoch() + 1);
  EXPECT_TRUE(absl::IsPermissionDenied(worker_.Append(wrong, 0, "x").status()));
  wrong = attempt;
  wrong.set_number(2);
  EXPECT_TRUE(absl::IsPermissionDenied(worker_.Append(wrong, 0, "x").status()));
  wrong.set_handoff_id("unknown");
  EXPECT_TRUE(absl::IsNotFound(worker_.Append(wrong, 0, "x").status()));
  wrong.set_handoff_id("../x");
  EXPECT_TRUE(absl::IsInvalidArgument(worker_.Append(wrong, 0, "x").status()));
  EXPECT_EQ(LogOf(attempt.handoff_id()), "");
}

// A copy of its data directory has the same uuid, attempt and epoch.
TEST_F(StreamsTest, OnlyTheDaemonWhoseSyncWasTakenMayAppendAndReport) {
  const v1::DesiredAttempt attempt = Begin();
  ASSERT_TRUE(worker_.Append(attempt, 0, "abc").ok());
  worker_.StartAgain();
  EXPECT_TRUE(absl::IsAborted(worker_.Append(attempt, 3, "def").status()));
  EXPECT_TRUE(absl::IsAborted(worker_.Report(worker_.ReportOf(attempt, "abc")).status()));
  EXPECT_EQ(Get(attempt.handoff_id())->status(), v1::Handoff::RUNNING);
  v1::SyncRequest request = worker_.Request();
  v1::AttemptStatus& status = *request.add_attempts();
  status.set_handoff_id(attempt.handoff_id());
  status.set_number(attempt.number());
  status.set_epoch(attempt.epoch());
  status.set_stage(v1::AttemptStatus::SAVING);
  ASSERT_TRUE(worker_.Sync(request).ok());
  EXPECT_TRUE(worker_.Append(attempt, 3, "def").ok());
  EXPECT_TRUE(worker_.Report(worker_.ReportOf(attempt, "abcdef"))->accepted());
  EXPECT_EQ(LogOf(attempt.handoff_id()), "abcdef");
}

TEST_F(StreamsTest, ALongLogArrivesByteForByte) {
  const v1::DesiredAttempt attempt = Begin();
  const std::string log = RandomBytes(20 << 20, 1);
  EXPECT_EQ(*worker_.Append(attempt, 0, log), log.size());
  EXPECT_EQ(Sha256Hex(LogOf(attempt.handoff_id())), Sha256Hex(log));
  const auto reported = worker_.Report(worker_.ReportOf(attempt, log));
  EXPECT_TRUE(reported->accepted());
  EXPECT_FALSE(Get(attempt.handoff_id())->attempts(0).end().log_differs());
}

TEST_F(StreamsTest, AFollowerWaitsForTheAttemptAndEndsWithIt) {
  const std::string id = MustSubmit("follow me").id();
  grpc::ClientContext context;
  SetDeadline(context);
  v1::ReadLogRequest request;
  request.set_id(id);
  request.set_follow(true);
  const auto reader = control().ReadLog(&context, request);
  v1::LogChunk chunk;
  ASSERT_TRUE(reader->Read(&chunk));
  EXPECT_THAT(chunk.marker(), HasSubstr("waits for a worker"));
  const v1::DesiredAttempt attempt = worker_.TakeAttempt();
  std::string followed;
  for (const std::string line : {"one\n", "two\n", "three\n"}) {
    ASSERT_TRUE(worker_.Append(attempt, followed.size(), line).ok());
    ASSERT_TRUE(reader->Read(&chunk));
    EXPECT_EQ(chunk.offset(), followed.size());
    EXPECT_FALSE(chunk.end());
    followed += chunk.data();
  }
  EXPECT_EQ(followed, "one\ntwo\nthree\n");
  ASSERT_TRUE(worker_.Report(worker_.ReportOf(attempt, followed))->accepted());
  ASSERT_TRUE(reader->Read(&chunk));
  EXPECT_TRUE(chunk.end());
  EXPECT_FALSE(reader->Read(&chunk));
  EXPECT_TRUE(reader->Finish().ok());
}

TEST_F(StreamsTest, ATailStartsAtALine) {
  const v1::DesiredAttempt attempt = Begin();
  ASSERT_TRUE(worker_.Append(attempt, 0, "first\nsecond\nthird\n").ok());
  const auto tail = [&](uint64_t bytes) {
    v1::ReadLogRequest request;
    request.set_id(attempt.handoff_id());
    request.set_tail_bytes(bytes);
    absl::Status status;
    std::string text;
    for (const v1::LogChunk& chunk : ReadLog(request, status)) text += chunk.data();
    EXPECT_TRUE(status.ok()) << status;
    return text;
  };
  EXPECT_EQ(tail(6), "third\n");   // exactly one line
  EXPECT_EQ(tail(7), "third\n");   // the newline before it
  EXPECT_EQ(tail(10), "third\n");  // into the second line
  EXPECT_EQ(tail(13), "second\nthird\n");
  EXPECT_EQ(tail(1000), "first\nsecond\nthird\n");
  EXPECT_EQ(tail(3), "rd\n");  // within one line there is no other beginning
}

TEST_F(StreamsTest, ReadersThatDoNotReadCostLittle) {
  const v1::DesiredAttempt attempt = Begin();
  const std::string log = RandomBytes(32 << 20, 2);
  ASSERT_TRUE(worker_.Append(attempt, 0, log).ok());
  v1::ReadLogRequest request;
  request.set_id(attempt.handoff_id());
  constexpr int kReaders = 20;
  const size_t before = mallinfo2().uordblks;
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::unique_ptr<grpc::ClientReader<v1::LogChunk>>> readers;
  std::vector<std::unique_ptr<v1::Control::Stub>> stubs;
  for (int i = 0; i < kReaders; ++i) {
    stubs.push_back(v1::Control::NewStub(guests_.User("ann", "admin")));
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    readers.push_back(stubs.back()->ReadLog(contexts.back().get(), request));
    v1::LogChunk first;
    ASSERT_TRUE(readers.back()->Read(&first));
  }
  // Whoever could run ahead did while this one read everything.
  EXPECT_EQ(Sha256Hex(LogOf(attempt.handoff_id())), Sha256Hex(log));
  const size_t grown = mallinfo2().uordblks - before;
  // Both ends are in this process. All of it would be 640 MB.
  EXPECT_LT(grown, size_t{kReaders} * (3 << 20));
  for (const auto& context : contexts) context->TryCancel();
}

TEST_F(StreamsTest, WatchGoesOnFromARevision) {
  const std::string first = MustSubmit("first").id();
  const std::string second = MustSubmit("second").id();
  uint64_t seen = 0;
  {
    grpc::ClientContext context;
    SetDeadline(context);
    const auto reader = control().Watch(&context, {});
    v1::Event event;
    ASSERT_TRUE(reader->Read(&event));
    EXPECT_EQ(event.kind(), "worker_joined");
    ASSERT_TRUE(reader->Read(&event));
    EXPECT_EQ(event.handoff_id(), first);
    EXPECT_EQ(event.kind(), "submitted");
    seen = event.revision();
    context.TryCancel();
  }
  grpc::ClientContext context;
  SetDeadline(context);
  v1::WatchRequest request;
  request.set_from_revision(seen);
  const auto reader = control().Watch(&context, request);
  v1::Event event;
  ASSERT_TRUE(reader->Read(&event));
  EXPECT_EQ(event.handoff_id(), second);
  EXPECT_EQ(event.revision(), seen + 1);
  // And on, with what happens now.
  const std::string third = MustSubmit("third").id();
  ASSERT_TRUE(reader->Read(&event));
  EXPECT_EQ(event.handoff_id(), third);
  EXPECT_EQ(event.revision(), seen + 2);
}

TEST_F(StreamsTest, WatchOfOneHandoffLeavesOutTheOthers) {
  const std::string id = MustSubmit("mine").id();
  MustSubmit("yours");
  grpc::ClientContext context;
  SetDeadline(context);
  v1::WatchRequest request;
  request.set_id("mine");
  const auto reader = control().Watch(&context, request);
  v1::Event event;
  ASSERT_TRUE(reader->Read(&event));
  EXPECT_EQ(event.handoff_id(), id);
  const v1::DesiredAttempt attempt = worker_.TakeAttempt();
  EXPECT_EQ(attempt.handoff_id(), id);
  ASSERT_TRUE(reader->Read(&event));
  EXPECT_EQ(event.handoff_id(), id);
  EXPECT_EQ(event.attempt(), 1);
}

class ObjectsTest : public CoordinatorTest {
 protected:
  // Sends the first `bytes` bytes (all when absent); the answers.
  std::vector<v1::PutObjectResponse> Put(const std::string& object, const std::string& sha256,
                                         size_t from, size_t bytes, absl::Status& status) {
    grpc::ClientContext context;
    SetDeadline(context);
    const auto stream = objects().Put(&context);
    v1::PutObjectRequest request;
    request.set_sha256(sha256);
    request.set_size(object.size());
    std::vector<v1::PutObjectResponse> answers(1);
    if (!stream->Write(request) || !stream->Read(&answers[0])) answers.clear();
    for (size_t sent = from; !answers.empty() && sent < bytes; sent += request.data().size()) {
      request.Clear();
      request.set_offset(sent);
      request.set_data(object.substr(sent, std::min<size_t>(256 << 10, bytes - sent)));
      if (!stream->Write(request)) break;
    }
    stream->WritesDone();
    v1::PutObjectResponse answer;
    while (stream->Read(&answer)) answers.push_back(answer);
    status = FromGrpc(stream->Finish());
    return answers;
  }
  std::string Fetch(const std::string& sha256, uint64_t offset, absl::Status& status) {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::GetObjectRequest request;
    request.set_sha256(sha256);
    request.set_offset(offset);
    const auto reader = objects().Get(&context, request);
    std::string bytes;
    v1::GetObjectResponse response;
    while (reader->Read(&response)) {
      EXPECT_EQ(response.offset(), offset + bytes.size());
      bytes += response.data();
    }
    status = FromGrpc(reader->Finish());
    return bytes;
  }
  const std::string object_ = RandomBytes(3 << 20, 3);
  const std::string sha256_ = Sha256Hex(object_);
};

TEST_F(ObjectsTest, AnUploadGoesOnWhereItStopped) {
  absl::Status status;
  EXPECT_EQ(Put(object_, sha256_, 0, 1 << 20, status).size(), 1u);
  EXPECT_TRUE(absl::IsAborted(status)) << status;
  const auto answers = Put(object_, sha256_, 1 << 20, object_.size(), status);
  ASSERT_TRUE(status.ok()) << status;
  ASSERT_EQ(answers.size(), 2u);
  EXPECT_EQ(answers[0].offset(), uint64_t{1} << 20);
  EXPECT_FALSE(answers[0].complete());
  EXPECT_TRUE(answers[1].complete());
  EXPECT_EQ(Fetch(sha256_, 0, status), object_);
  EXPECT_EQ(Fetch(sha256_, 100, status), object_.substr(100));
  // Once more: there is nothing to send.
  const auto again = Put(object_, sha256_, object_.size(), object_.size(), status);
  ASSERT_EQ(again.size(), 1u);
  EXPECT_TRUE(again[0].complete());
}

TEST_F(ObjectsTest, WhatIsNotItsHashIsNotKept) {
  absl::Status status;
  const std::string wrong = std::string(64, 'a');
  Put(object_, wrong, 0, object_.size(), status);
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  Fetch(wrong, 0, status);
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
}

TEST_F(ObjectsTest, BoundsAndNonsenseHaveTheirCodes) {
  absl::Status status;
  Put(object_, "../x", 0, 0, status);
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  Fetch("../x", 0, status);
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  grpc::ClientContext context;
  SetDeadline(context);
  const auto stream = objects().Put(&context);
  v1::PutObjectRequest request;
  request.set_sha256(sha256_);
  request.set_size(uint64_t{5} << 30);
  stream->Write(request);
  v1::PutObjectResponse response;
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_TRUE(absl::IsResourceExhausted(FromGrpc(stream->Finish())));
}

TEST_F(ObjectsTest, AHandoffMayNameAPackThatIsThere) {
  absl::Status status;
  Put(object_, sha256_, 0, object_.size(), status);
  ASSERT_TRUE(status.ok()) << status;
  v1::HandoffSpec spec = Spec();
  spec.mutable_repository()->set_url("/srv/a.git");
  spec.mutable_repository()->set_commit(std::string(40, 'a'));
  spec.mutable_repository()->set_pack_sha256(sha256_);
  spec.mutable_repository()->set_pack_bytes(object_.size());
  EXPECT_TRUE(Submit(spec).ok()) << Submit(spec).status();
  spec.mutable_repository()->set_pack_bytes(1);
  EXPECT_TRUE(absl::IsInvalidArgument(Submit(spec).status()));
}

}  // namespace
}  // namespace handoff
