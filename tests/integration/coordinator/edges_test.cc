// What a coordinator refuses, and with which code.

#include <functional>
#include <string>
#include <vector>

#include "common/rpc/channel.h"
#include "common/rpc/proto_time.h"
#include "common/rpc/status.h"
#include "gmock/gmock.h"
#include "tests/integration/coordinator/running_coordinator.h"

namespace handoff {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class EdgesTest : public CoordinatorTest {
 protected:
  size_t CountAll() {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::ListRequest request;
    request.set_all(true);
    v1::ListResponse response;
    EXPECT_TRUE(control().List(&context, request, &response).ok());
    return static_cast<size_t>(response.handoffs_size());
  }
};

TEST_F(EdgesTest, ASecondCoordinatorOnTheSameDirectoryIsRefused) {
  const auto second = Coordinator::Start(config(), clock_);
  EXPECT_TRUE(absl::IsFailedPrecondition(second.status())) << second.status();
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("another coordinator"));
}

TEST_F(EdgesTest, WhoShowsNoCertificateIsNotAnswered) {
  const auto stub = v1::Control::NewStub(MakeChannel(address()));
  grpc::ClientContext context;
  SetDeadline(context);
  v1::PoolInfo pool;
  const grpc::Status status = stub->GetPool(&context, v1::GetPoolRequest(), &pool);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE) << status.error_message();
}

TEST_F(EdgesTest, NonsenseIsRefusedAndLeavesNothingBehind) {
  const std::vector<std::function<void(v1::HandoffSpec&)>> changes = {
      [](auto& s) { s.set_task(" "); },
      [](auto& s) { s.set_task(std::string(2 << 20, 'x')); },
      [](auto& s) { s.set_id("../x"); },
      [](auto& s) { s.set_model("--help"); },
      [](auto& s) { (*s.mutable_labels())["k"] = "a\nb"; },
      [](auto& s) { *s.mutable_timeout() = ToProto(-absl::Seconds(1)); },
      [](auto& s) { s.mutable_repository()->set_url("ext::sh -c id"); },
      [](auto& s) { s.set_agent("cursor"); },  // without a repository
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    v1::HandoffSpec spec = Spec();
    changes[i](spec);
    const absl::Status status = Submit(spec).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << i << ": " << status;
    EXPECT_THAT(std::string(status.message()), ::testing::Not(IsEmpty()));
  }
  // Above the size of any message.
  EXPECT_TRUE(absl::IsResourceExhausted(Submit(Spec(std::string(5 << 20, 'x'))).status()));
  EXPECT_EQ(CountAll(), 0u);
}

TEST_F(EdgesTest, APackThatWasNotUploadedIsRefused) {
  v1::HandoffSpec spec = Spec();
  spec.mutable_repository()->set_url("/srv/a.git");
  spec.mutable_repository()->set_commit(std::string(40, 'a'));
  spec.mutable_repository()->set_pack_sha256(std::string(64, 'b'));
  spec.mutable_repository()->set_pack_bytes(10);
  EXPECT_TRUE(absl::IsFailedPrecondition(Submit(spec).status())) << Submit(spec).status();
  EXPECT_EQ(CountAll(), 0u);
}

TEST_F(EdgesTest, ATaskOfOneMebibyteArrivesWhole) {
  const std::string task(1 << 20, 'x');
  const auto response = Submit(Spec(task));
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(Get(response->handoff().id())->spec().task(), task);
  ScriptedWorker worker(guests_, "host-a");
  EXPECT_EQ(worker.TakeAttempt().spec().handoff().spec().task(), task);
}

TEST_F(EdgesTest, UnknownAndAmbiguousIdsHaveCodesOfTheirOwn) {
  EXPECT_TRUE(absl::IsNotFound(Get("nothing").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(Get("../x").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(Get("").status()));
  const std::string first = MustSubmit("same words").id();
  const std::string second = MustSubmit("same words").id();
  EXPECT_NE(first, second);
  EXPECT_TRUE(absl::IsFailedPrecondition(Get("same").status())) << Get("same").status();
  EXPECT_EQ(Get(second.substr(4))->id(), second);
  v1::ReadLogRequest request;
  absl::Status status;
  request.set_id("nothing");
  EXPECT_THAT(ReadLog(request, status), IsEmpty());
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  request.set_id(first);
  request.set_attempt(7);
  EXPECT_THAT(ReadLog(request, status), IsEmpty());
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  request.set_attempt(-1);
  EXPECT_THAT(ReadLog(request, status), IsEmpty());
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
}

TEST_F(EdgesTest, AWishedIdIsGivenOnce) {
  v1::HandoffSpec spec = Spec();
  spec.set_id("mine");
  EXPECT_EQ(Submit(spec)->handoff().id(), "mine");
  EXPECT_TRUE(absl::IsAlreadyExists(Submit(spec).status()));
}

TEST_F(EdgesTest, ListsArePagedAndFiltered) {
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) {
    v1::HandoffSpec spec = Spec("task " + std::to_string(i));
    (*spec.mutable_labels())["parity"] = i % 2 == 0 ? "even" : "odd";
    ids.push_back(Submit(spec)->handoff().id());
  }
  v1::ListRequest request;
  request.set_page_size(2);
  std::vector<std::string> listed;
  do {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::ListResponse response;
    ASSERT_TRUE(control().List(&context, request, &response).ok());
    for (const v1::Handoff& handoff : response.handoffs()) {
      EXPECT_FALSE(handoff.has_spec());
      listed.push_back(handoff.id());
    }
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_THAT(listed, ::testing::UnorderedElementsAreArray(ids));
  (*request.mutable_labels())["parity"] = "odd";
  request.set_page_size(0);
  grpc::ClientContext context;
  SetDeadline(context);
  v1::ListResponse odd;
  ASSERT_TRUE(control().List(&context, request, &odd).ok());
  EXPECT_EQ(odd.handoffs_size(), 2);
}

TEST_F(EdgesTest, APageThatWouldNotFitIntoAMessageIsShorter) {
  for (int i = 0; i < 300; ++i) {
    v1::HandoffSpec spec = Spec("many labels");
    for (int k = 0; k < 32; ++k) {
      (*spec.mutable_labels())["label-" + std::to_string(k)] = std::string(256, 'v');
    }
    ASSERT_TRUE(Submit(spec).ok());
  }
  v1::ListRequest request;
  request.set_page_size(500);
  int listed = 0, pages = 0;
  do {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::ListResponse response;
    const absl::Status status = FromGrpc(control().List(&context, request, &response));
    ASSERT_TRUE(status.ok()) << status;
    listed += response.handoffs_size();
    ++pages;
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_EQ(listed, 300);
  EXPECT_GT(pages, 1);
}

TEST_F(EdgesTest, ARecordAtAllItsBoundsStillFitsIntoAMessage) {
  v1::HandoffSpec spec = Spec(std::string(1 << 20, 't'));
  for (int i = 0; i < 5; ++i) spec.add_argv(std::string(100 << 10, 'a'));
  (*spec.mutable_env())["A"] = std::string(32000, 'e');
  for (int i = 0; i < 16; ++i) spec.add_checks()->set_command(std::string(4096, 'c'));
  const auto submitted = Submit(spec);
  ASSERT_TRUE(submitted.ok()) << submitted.status();
  ScriptedWorker worker(guests_, "host-a");
  const v1::DesiredAttempt attempt = worker.TakeAttempt();
  v1::ReportRequest report = worker.ReportOf(attempt, "");
  report.mutable_end()->mutable_facts()->set_last_message(std::string(2 << 20, 'm'));
  for (int i = 0; i < 500; ++i) {
    report.mutable_end()->mutable_facts()->add_files()->set_path(std::string(1000, 'p'));
  }
  const auto reported = worker.Report(report);
  ASSERT_TRUE(reported.ok()) << reported.status();
  EXPECT_TRUE(Get(attempt.handoff_id()).ok()) << Get(attempt.handoff_id()).status();
}

TEST_F(EdgesTest, APoolSaysWhatItIs) {
  MustSubmit();
  grpc::ClientContext context;
  SetDeadline(context);
  v1::PoolInfo pool;
  ASSERT_TRUE(control().GetPool(&context, {}, &pool).ok());
  EXPECT_EQ(pool.pool_id().size(), 32u);
  EXPECT_EQ(pool.queued(), 1u);
  EXPECT_TRUE(pool.writable());
  EXPECT_GT(pool.revision(), 0u);
}

TEST_F(EdgesTest, WhyAndTheDocumentAreGivenForAQueuedHandoff) {
  const std::string id = MustSubmit("waits").id();
  grpc::ClientContext why_context, document_context;
  SetDeadline(why_context);
  SetDeadline(document_context);
  v1::WhyRequest why;
  why.set_id("waits");
  v1::WhyResponse reason;
  ASSERT_TRUE(control().Why(&why_context, why, &reason).ok());
  EXPECT_THAT(reason.summary(), HasSubstr("worker"));
  v1::GetDocumentRequest get;
  get.set_id(id);
  v1::Document document;
  ASSERT_TRUE(control().GetDocument(&document_context, get, &document).ok());
  EXPECT_THAT(document.markdown(), HasSubstr(id));
}

}  // namespace
}  // namespace handoff
