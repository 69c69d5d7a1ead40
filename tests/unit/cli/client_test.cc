#include "cli/client.h"

#include <atomic>
#include <cstdio>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/follow.h"
#include "common/check.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/rpc/channel.h"
#include "common/rpc/listener.h"
#include "common/rpc/server.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "handoff/v1/control.grpc.pb.h"
#include "tests/fakes/fake_coordinator.h"

namespace handoff {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::unique_ptr<Client> Over(const std::string& address) {
  return std::make_unique<Client>(address, MakeChannel(address));
}

v1::Handoff WithAttempt(const std::string& id, v1::Attempt::State state) {
  v1::Handoff handoff;
  handoff.set_id(id);
  handoff.set_status(v1::Handoff::RUNNING);
  handoff.add_attempts()->set_number(1);
  handoff.mutable_attempts(0)->set_state(state);
  return handoff;
}

std::string Numbers(int n) {
  std::string text;
  for (int i = 0; i < n; ++i) absl::StrAppend(&text, "line ", i, "\n");
  return text;
}

TEST(Client, ACoordinatorThatIsNotThereIsNamed) {
  std::string gone;
  { gone = FakeCoordinator().address(); }
  const absl::Status status = Over(gone)->GetPool().status();
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr(gone));
}

TEST(Client, AnErrorOfTheServerKeepsCodeAndSentence) {
  FakeCoordinator coordinator;
  const absl::Status status = Over(coordinator.address())->Get("nope").status();
  EXPECT_EQ(status, absl::NotFoundError("there is no handoff 'nope'"));
}

// Refuses for a while that it says, as a trailer.
class BusyPool final : public v1::Control::Service {
 public:
  explicit BusyPool(std::string wait)
      : wait_(std::move(wait)), server_(*RpcServer::Start("127.0.0.1:0", {this})) {}
  std::string address() const { return server_->address(); }

  grpc::Status Submit(grpc::ServerContext* context, const v1::SubmitRequest*,
                      v1::SubmitResponse*) override {
    if (!wait_.empty()) context->AddTrailingMetadata("retry-after-ms", wait_);
    return {grpc::StatusCode::RESOURCE_EXHAUSTED, "Too many. Nothing was submitted."};
  }

 private:
  const std::string wait_;
  const std::unique_ptr<RpcServer> server_;
};

TEST(Client, ARefusalThatPassesSaysWhen) {
  const struct {
    const char* wait;
    const char* sentence;
  } cases[] = {
      {"11001", "Too many. Nothing was submitted. Try again in 12 s."},
      {"1", "Too many. Nothing was submitted. Try again in 1 s."},
      {"120001", "Too many. Nothing was submitted. Try again in 3 min."},
      {"", "Too many. Nothing was submitted."},
      {"soon", "Too many. Nothing was submitted."},
      {"-5", "Too many. Nothing was submitted."},
      {"99999999999", "Too many. Nothing was submitted."},
  };
  for (const auto& c : cases) {
    const BusyPool pool(c.wait);
    const absl::Status status = Over(pool.address())->Submit({}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << c.wait;
    EXPECT_EQ(std::string(status.message()), c.sentence) << c.wait;
  }
}

// A pool whose answers hold one worker each.
class ManyWorkers final : public v1::Control::Service {
 public:
  ManyWorkers() : server_(*RpcServer::Start("127.0.0.1:0", {this})) {}
  std::string address() const { return server_->address(); }

  grpc::Status ListWorkers(grpc::ServerContext*, const v1::ListWorkersRequest* request,
                           v1::ListWorkersResponse* response) override {
    const std::string name = absl::StrCat(request->page_token(), "a");
    response->add_workers()->set_name(name);
    if (name.size() < 3) response->set_next_page_token(name);
    return grpc::Status::OK;
  }

 private:
  std::unique_ptr<RpcServer> server_;
};

TEST(Client, AllPagesOfWorkersAreAskedFor) {
  const ManyWorkers pool;
  const auto workers = Over(pool.address())->ListWorkers("");
  ASSERT_TRUE(workers.ok()) << workers.status();
  ASSERT_EQ(workers->workers_size(), 3);
  EXPECT_EQ(workers->workers(2).name(), "aaa");
}

// Closes the first connection to `path`; by then the next one comes to the pool.
class FirstConnectionFails {
 public:
  explicit FirstConnectionFails(const std::string& path)
      : server_(*RpcServer::Start("unix:" + path + ".pool", {&service_})) {
    auto bound = Listener::Bind(*ParseAddress("unix:" + path));
    CHECK(bound.ok());
    listener_ = *std::move(bound);
    listener_->Start(ConnectionLimits::OfProcess(), [this, path](UniqueFd) {
      ++refused_;
      CHECK(std::rename((path + ".pool").c_str(), path.c_str()) == 0);
    });
  }
  ~FirstConnectionFails() { listener_->Stop(); }
  int refused() const { return refused_; }

 private:
  class Empty final : public v1::Control::Service {
    grpc::Status GetPool(grpc::ServerContext*, const v1::GetPoolRequest*, v1::PoolInfo*) override {
      return grpc::Status::OK;
    }
    grpc::Status ReadLog(grpc::ServerContext*, const v1::ReadLogRequest*,
                         grpc::ServerWriter<v1::LogChunk>*) override {
      return grpc::Status::OK;
    }
  };
  Empty service_;
  std::unique_ptr<RpcServer> server_;
  std::atomic<int> refused_ = 0;
  std::unique_ptr<Listener> listener_;
};

TEST(Client, AConnectionThatFailsWhileItIsMadeIsMadeAgain) {
  const auto dir = TempDir::Make("handoff-first-");
  for (const std::string& path : {dir->path() + "/unary", dir->path() + "/stream"}) {
    const FirstConnectionFails pool(path);
    Client client("there", MakeChannel("unix:" + path));
    StreamCall call;
    const absl::Status status =
        absl::EndsWith(path, "unary")
            ? client.GetPool().status()
            : client.ReadLog({}, call, [](const v1::LogChunk&) { return true; });
    EXPECT_TRUE(status.ok()) << status;
    EXPECT_EQ(pool.refused(), 1);
  }
}

// A pool that answers as gRPC does for the calls that are open when a server stops.
class StoppedPool final : public v1::Control::Service {
 public:
  StoppedPool() : server_(*RpcServer::Start("127.0.0.1:0", {this})) {}
  std::string address() const { return server_->address(); }

  grpc::Status ReadLog(grpc::ServerContext*, const v1::ReadLogRequest*,
                       grpc::ServerWriter<v1::LogChunk>*) override {
    return grpc::Status::CANCELLED;
  }
  grpc::Status GetPool(grpc::ServerContext*, const v1::GetPoolRequest*, v1::PoolInfo*) override {
    return grpc::Status::CANCELLED;
  }

 private:
  std::unique_ptr<RpcServer> server_;
};

TEST(Client, ACoordinatorThatStopsIsAwayAndNoPersonWhoLeft) {
  const StoppedPool pool;
  Client client(pool.address(), MakeChannel(pool.address()));
  StreamCall call;
  EXPECT_TRUE(
      absl::IsUnavailable(client.ReadLog({}, call, [](const v1::LogChunk&) { return true; })));
  const absl::Status asked = client.GetPool().status();
  EXPECT_TRUE(absl::IsUnavailable(asked)) << asked;
  EXPECT_THAT(std::string(asked.message()), HasSubstr("not known whether it was done"));
}

TEST(Client, AnUploadGoesOnWhereItBroke) {
  FakeCoordinator coordinator;
  const auto dir = TempDir::Make("handoff-put-");
  const std::string content(3'000'000, 'p');
  const std::string sha256 = Sha256Hex(content);
  const std::string path = dir->path() + "/pack";
  CHECK(WriteFileAtomically(path, content).ok());
  Client client(coordinator.address(), MakeChannel(coordinator.address()));
  coordinator.BreakUploadAfter(1'000'000);
  uint64_t sent = 0;
  const auto put = [&] {
    return client.PutObject(path, sha256, content.size(), [&](uint64_t n) { sent = n; });
  };
  EXPECT_TRUE(absl::IsUnavailable(put()));
  const absl::Status again = put();
  EXPECT_TRUE(again.ok()) << again;
  EXPECT_EQ(sent, content.size());
  EXPECT_EQ(coordinator.objects()[sha256], content);
  ASSERT_EQ(coordinator.upload_starts().size(), 2u);
  EXPECT_GE(coordinator.upload_starts()[1], 1'000'000u);
}

TEST(Client, WhatIsThereAlreadyIsNotSentAgain) {
  FakeCoordinator coordinator;
  const auto dir = TempDir::Make("handoff-put-");
  const std::string path = dir->path() + "/pack";
  CHECK(WriteFileAtomically(path, "pack").ok());
  Client client(coordinator.address(), MakeChannel(coordinator.address()));
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(client.PutObject(path, Sha256Hex("pack"), 4, [](uint64_t) {}).ok());
  }
  EXPECT_THAT(coordinator.upload_starts(), ElementsAre(0, 4));
}

class Follow : public ::testing::Test {
 protected:
  absl::Status Read(FollowOptions options) {
    return FollowLog(client_, call_, terminal_, options, [&](const v1::LogChunk& chunk) {
      read_ += chunk.data();
      return true;
    });
  }
  FakeCoordinator coordinator_;
  Client client_{coordinator_.address(), MakeChannel(coordinator_.address())};
  StreamCall call_;
  Terminal terminal_;
  std::string read_;
};

TEST_F(Follow, EveryByteComesOnceWhateverBreaks) {
  const std::string log = Numbers(3000);
  coordinator_.Set(WithAttempt("h", v1::Attempt::SUCCEEDED));
  coordinator_.SetLog("h", 1, log);
  coordinator_.BreakLogsEvery(7000, /*overlap=*/300);
  const absl::Status status = Read({"h", 1, 0, true});
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(read_, log);
}

TEST_F(Follow, BeginsAtTheOffset) {
  coordinator_.Set(WithAttempt("h", v1::Attempt::SUCCEEDED));
  coordinator_.SetLog("h", 1, "0123456789");
  EXPECT_TRUE(Read({"h", 1, 4, true}).ok());
  EXPECT_EQ(read_, "456789");
}

TEST_F(Follow, EndsWhenThePersonLeaves) {
  coordinator_.Set(WithAttempt("h", v1::Attempt::RUNNING));
  coordinator_.SetLog("h", 1, "begun\n");
  const absl::Status status =
      FollowLog(client_, call_, terminal_, {"h", 1, 0, true}, [&](const v1::LogChunk&) {
        call_.Cancel();
        return true;
      });
  EXPECT_TRUE(absl::IsCancelled(status)) << status;
}

TEST_F(Follow, WithoutFollowItReadsWhatIsThere) {
  coordinator_.Set(WithAttempt("h", v1::Attempt::RUNNING));
  coordinator_.SetLog("h", 1, "so far\n");
  EXPECT_TRUE(Read({"h", 1, 0, false}).ok());
  EXPECT_EQ(read_, "so far\n");
}

TEST_F(Follow, ACoordinatorThatNeverAnsweredIsAnErrorAtOnce) {
  std::string gone;
  { gone = FakeCoordinator().address(); }
  Client client(gone, MakeChannel(gone));
  EXPECT_TRUE(absl::IsUnavailable(FollowLog(client, call_, terminal_, {"h", 1, 0, true},
                                            [](const v1::LogChunk&) { return true; })));
}

TEST_F(Follow, TheTailIsCountedInLines) {
  const std::string log = Numbers(50'000);
  coordinator_.Set(WithAttempt("h", v1::Attempt::SUCCEEDED));
  coordinator_.SetLog("h", 1, log);
  for (const uint64_t lines : {1, 3, 20'000, 49'999, 50'000, 60'000}) {
    const auto offset = OffsetOfTail(client_, call_, {"h", 1}, lines);
    ASSERT_TRUE(offset.ok()) << offset.status();
    const std::string tail = log.substr(*offset);
    EXPECT_EQ(static_cast<uint64_t>(std::count(tail.begin(), tail.end(), '\n')),
              std::min<uint64_t>(lines, 50'000));
    EXPECT_TRUE(*offset == 0 || log[*offset - 1] == '\n');
  }
}

TEST_F(Follow, TheTailOfAnEmptyLogIsItsBeginning) {
  coordinator_.Set(WithAttempt("h", v1::Attempt::SUCCEEDED));
  EXPECT_EQ(*OffsetOfTail(client_, call_, {"h", 1}, 5), 0u);
}

}  // namespace
}  // namespace handoff
