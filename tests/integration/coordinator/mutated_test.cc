// Twenty thousand requests with a certificate of the pool that no program of ours would send. The
// coordinator answers each, goes on, and nothing of anybody else changes.
#include <grpcpp/generic/generic_stub.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/rpc/channel.h"
#include "common/rpc/status.h"
#include "gmock/gmock.h"
#include "handoff/v1/identity.grpc.pb.h"
#include "tests/integration/coordinator/mutate.h"
#include "tests/integration/coordinator/running_coordinator.h"

namespace handoff {
namespace {

using ::testing::AnyOf;
using ::testing::Each;
using ::testing::IsEmpty;

constexpr int kRequests = 4000;  // of each of five seeds
constexpr int kThreads = 8;
// A Sync or a log that is followed is held for longer.
constexpr absl::Duration kPatience = absl::Milliseconds(500);

using Channel = std::shared_ptr<grpc::Channel>;

absl::Status CallBytes(const Channel& channel, const std::string& path, const std::string& bytes) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  SetDeadline(context, kPatience);
  grpc::CompletionQueue queue;
  const grpc::Slice slice(bytes);
  const grpc::ByteBuffer request(&slice, 1);
  grpc::ByteBuffer response;
  grpc::Status status;
  const auto call = stub.PrepareUnaryCall(&context, path, request, &queue);
  call->StartCall();
  call->Finish(&response, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  return FromGrpc(status);
}

// A request as it should be.
struct Good {
  Channel as;
  std::string path;
  std::shared_ptr<google::protobuf::Message> message;
};

class MutatedTest : public CoordinatorTest, public ::testing::WithParamInterface<int> {
 protected:
  MutatedTest() : worker_(guests_, "host-a") {
    bea_ = guests_.User("bea");
    cyd_ = guests_.User("cyd");
    eve_ = guests_.User("eve", "admin");
    worker_.StartAgain();
    EXPECT_TRUE(worker_.Sync(worker_.Request()).ok());
    v1::SubmitRequest submit;
    *submit.mutable_spec() = Spec("quiet work");
    submit.mutable_spec()->set_private_(true);
    (*submit.mutable_spec()->mutable_require())["os"] = "none";
    grpc::ClientContext context;
    SetDeadline(context);
    v1::SubmitResponse response;
    EXPECT_TRUE(v1::Control::NewStub(bea_)->Submit(&context, submit, &response).ok());
    theirs_ = response.handoff().id();
    AddGood();
  }

  template <typename Request>
  void Add(const Channel& as, const std::string& method, const Request& request) {
    goods_.push_back({as, "/handoff.v1." + method, std::make_shared<Request>(request)});
  }
  template <typename Request>
  void AddForId(const std::string& method) {
    Request request;
    request.set_id(theirs_);
    Add(cyd_, "Control/" + method, request);
  }
  void AddGood() {
    v1::SubmitRequest submit;
    *submit.mutable_spec() = Spec();
    Add(cyd_, "Control/Submit", submit);
    submit.mutable_spec()->set_agent("cursor");
    submit.mutable_spec()->mutable_repository()->set_url("https://example.org/x.git");
    submit.mutable_spec()->mutable_timeout()->set_seconds(60);
    submit.mutable_spec()->set_idempotency_key("key");
    Add(cyd_, "Control/Submit", submit);
    v1::ImportRequest import;
    *import.mutable_spec() = submit.spec();
    Add(cyd_, "Control/Import", import);
    AddForId<v1::GetRequest>("Get");
    AddForId<v1::CancelRequest>("Cancel");
    AddForId<v1::ResumeRequest>("Resume");
    AddForId<v1::SendRequest>("Send");
    AddForId<v1::TakeOverRequest>("TakeOver");
    AddForId<v1::ReturnRequest>("Return");
    AddForId<v1::SummarizeRequest>("Summarize");
    AddForId<v1::WhyRequest>("Why");
    AddForId<v1::GetDocumentRequest>("GetDocument");
    AddForId<v1::EditDocumentRequest>("EditDocument");
    AddForId<v1::DeleteRequest>("Delete");
    AddForId<v1::ReadLogRequest>("ReadLog");
    Add(cyd_, "Control/List", v1::ListRequest());
    Add(cyd_, "Control/ListWorkers", v1::ListWorkersRequest());
    Add(cyd_, "Control/DrainWorker", v1::DrainWorkerRequest());
    Add(cyd_, "Control/RemoveWorker", v1::RemoveWorkerRequest());
    Add(cyd_, "Control/AskTurns", v1::AskTurnsRequest());
    Add(cyd_, "Objects/Put", v1::PutObjectRequest());
    Add(cyd_, "Objects/Get", v1::GetObjectRequest());
    Add(cyd_, "Identity/CreateTokens", v1::CreateTokensRequest());
    Add(cyd_, "Identity/Revoke", v1::RevokeRequest());
    Add(cyd_, "Identity/Renew", v1::RenewRequest());
    v1::AddUserRequest add;
    add.set_name("new");
    add.set_role(v1::User::MEMBER);
    Add(eve_, "Identity/AddUser", add);
    Add(eve_, "Identity/ListAudit", v1::ListAuditRequest());
    v1::CreateTokensRequest tokens;
    tokens.set_purpose(v1::Token::WORKER);
    Add(eve_, "Identity/CreateTokens", tokens);
    AddOfWorker();
  }
  void AddOfWorker() {
    const Channel as = guests_.Worker(worker_.uuid(), "host-a");
    Add(as, "Pool/Sync", worker_.Request());
    v1::DesiredAttempt attempt;
    attempt.set_handoff_id(theirs_);
    attempt.set_number(1);
    attempt.set_epoch(1);
    Add(as, "Pool/Report", worker_.ReportOf(attempt, ""));
    v1::SaveCheckpointRequest checkpoint;
    checkpoint.set_worker_uuid(worker_.uuid());
    checkpoint.set_handoff_id(theirs_);
    Add(as, "Pool/SaveCheckpoint", checkpoint);
    v1::AppendLogRequest append;
    append.set_worker_uuid(worker_.uuid());
    append.set_handoff_id(theirs_);
    append.set_number(1);
    Add(as, "Pool/AppendLog", append);
    v1::RedeemRequest redeem;
    redeem.set_worker_uuid(worker_.uuid());
    Add(as, "Identity/Redeem", redeem);
  }

  // What the requests of one thread were answered with; the wrong ones with their seed.
  struct Answers {
    std::map<absl::StatusCode, int> codes;
    std::vector<std::string> wrong;
  };
  void Send(uint32_t seed, int requests, Answers& answers) const {
    std::mt19937 random(seed);
    for (int i = 0; i < requests; ++i) {
      const Good& good = goods_[random() % goods_.size()];
      std::string bytes = good.message->SerializeAsString();
      if (random() % 2 == 0) {
        bytes = MutateBytes(std::move(bytes), random);
      } else {
        const std::unique_ptr<google::protobuf::Message> copy(good.message->New());
        copy->CopyFrom(*good.message);
        MutateFields(*copy, random);
        bytes = copy->SerializePartialAsString();
      }
      const absl::Status status = CallBytes(good.as, good.path, bytes);
      ++answers.codes[status.code()];
      const bool ours = !absl::IsInternal(status) && !absl::IsUnknown(status) &&
                        !absl::IsUnavailable(status) && !absl::IsDataLoss(status);
      if (!ours) answers.wrong.push_back(absl::StrCat(good.path, " ", i, ": ", status.ToString()));
    }
  }
  v1::Handoff Theirs() {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::GetRequest request;
    request.set_id(theirs_);
    v1::Handoff handoff;
    EXPECT_TRUE(v1::Control::NewStub(guests_.User("bea"))->Get(&context, request, &handoff).ok());
    return handoff;
  }
  std::set<std::string> Owners() {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::ListRequest request;
    request.set_page_size(500);
    v1::ListResponse list;
    EXPECT_TRUE(control().List(&context, request, &list).ok());
    std::set<std::string> owners;
    for (const v1::Handoff& handoff : list.handoffs()) {
      EXPECT_FALSE(absl::StripAsciiWhitespace(handoff.task()).empty()) << handoff.id();
      owners.insert(handoff.owner());
    }
    return owners;
  }

  ScriptedWorker worker_;
  Channel bea_, cyd_, eve_;
  std::string theirs_;
  std::vector<Good> goods_;
};

TEST_P(MutatedTest, ChangesNothingOfOthersAndEndsNothing) {
  const std::string before = Theirs().DebugString();
  std::vector<Answers> answers(kThreads);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([this, i, &answers] {
      Send(static_cast<uint32_t>(GetParam() * kThreads + i), kRequests / kThreads,
           answers[static_cast<size_t>(i)]);
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::map<absl::StatusCode, int> codes;
  for (const Answers& of_thread : answers) {
    EXPECT_THAT(of_thread.wrong, IsEmpty());
    for (const auto& [code, times] : of_thread.codes) codes[code] += times;
  }
  // They came further than the door and the parser.
  EXPECT_GT(codes[absl::StatusCode::kOk], kRequests / 100);
  EXPECT_GT(codes[absl::StatusCode::kInvalidArgument], kRequests / 100);
  EXPECT_GT(codes[absl::StatusCode::kNotFound], kRequests / 100);
  EXPECT_EQ(Theirs().DebugString(), before);
  EXPECT_THAT(Owners(), Each(AnyOf("bea", "cyd")));
  EXPECT_EQ(MustSubmit("still here").owner(), "ann");
  Restart();  // reads all that was stored
  EXPECT_EQ(Theirs().DebugString(), before);
  grpc::ClientContext context;
  SetDeadline(context);
  v1::ListAuditRequest audit;
  audit.set_verify(true);
  v1::ListAuditResponse log;
  const auto admin = v1::Identity::NewStub(guests_.Admin());
  ASSERT_TRUE(admin->ListAudit(&context, audit, &log).ok());
  EXPECT_EQ(log.broken(), "");
}

INSTANTIATE_TEST_SUITE_P(Seeds, MutatedTest, ::testing::Range(1, 6));

}  // namespace
}  // namespace handoff
