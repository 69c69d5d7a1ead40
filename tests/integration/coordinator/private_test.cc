// What others are told of a handoff that its owner keeps private, while its agent runs and after.
#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/rpc/channel.h"
#include "common/rpc/status.h"
#include "gmock/gmock.h"
#include "tests/integration/coordinator/running_coordinator.h"

namespace handoff {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

constexpr char kSecret[] = "swordfish";  // stands in all that is private
using Channel = std::shared_ptr<grpc::Channel>;

class PrivateTest : public CoordinatorTest {
 protected:
  // bea's, and it runs on host-a.
  PrivateTest() {
    v1::SubmitRequest request;
    *request.mutable_spec() = Spec(absl::StrCat("say ", kSecret));
    request.mutable_spec()->set_private_(true);
    (*request.mutable_spec()->mutable_labels())["word"] = kSecret;
    grpc::ClientContext context;
    SetDeadline(context);
    v1::SubmitResponse response;
    EXPECT_TRUE(
        v1::Control::NewStub(guests_.User("bea"))->Submit(&context, request, &response).ok());
    id_ = response.handoff().id();
    attempt_ = worker_.TakeAttempt();
    worker_.StartAgain();
    EXPECT_TRUE(worker_.Sync(SaysMuch()).ok());
    EXPECT_TRUE(worker_.Append(attempt_, 0, kSecret).ok());
  }

  v1::SyncRequest SaysMuch() {
    v1::SyncRequest request = worker_.Request();
    v1::AttemptStatus& status = *request.add_attempts();
    status.set_handoff_id(attempt_.handoff_id());
    status.set_number(attempt_.number());
    status.set_epoch(attempt_.epoch());
    status.set_stage(v1::AttemptStatus::RUNNING);
    status.set_phase(absl::StrCat("running ", kSecret));
    status.set_session(kSecret);
    status.set_last_line(kSecret);
    status.set_will_end(kSecret);
    status.set_workspace(absl::StrCat("/", kSecret));
    status.set_command(absl::StrCat("sh -c ", kSecret));
    status.set_safe_command(kSecret);
    status.set_isolation(kSecret);
    status.mutable_facts()->set_last_message(kSecret);
    return request;
  }
  // A member, a viewer, and a pipeline, none of whom it belongs to.
  std::vector<Channel> Others() {
    return {guests_.User("cyd"), guests_.User("vic", "viewer"), guests_.User("pip", "ci")};
  }
  static v1::ListResponse ListAs(const Channel& channel, const v1::ListRequest& request = {}) {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::ListResponse list;
    const absl::Status listed =
        FromGrpc(v1::Control::NewStub(channel)->List(&context, request, &list));
    EXPECT_TRUE(listed.ok()) << listed;
    return list;
  }
  static absl::StatusOr<v1::ListWorkersResponse> WorkersAs(const Channel& channel) {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::ListWorkersResponse workers;
    const absl::Status listed =
        FromGrpc(v1::Control::NewStub(channel)->ListWorkers(&context, {}, &workers));
    if (!listed.ok()) return listed;
    return workers;
  }
  // All events until that of a handoff of ann's, which is made now.
  std::vector<v1::Event> EventsAs(const Channel& channel) {
    const std::string last = MustSubmit("in the open").id();
    grpc::ClientContext context;
    SetDeadline(context);
    const auto stream = v1::Control::NewStub(channel)->Watch(&context, v1::WatchRequest());
    std::vector<v1::Event> events;
    v1::Event event;
    while (stream->Read(&event) && event.handoff_id() != last) events.push_back(event);
    EXPECT_EQ(event.handoff_id(), last);
    return events;
  }

  ScriptedWorker worker_{guests_, "host-a"};
  std::string id_;
  v1::DesiredAttempt attempt_;
};

// Of every handoff, private or not, and from its owner, too: what is shown gets around.
TEST_F(PrivateTest, ValuesOfVariablesAreForWorkersAlone) {
  v1::HandoffSpec spec = Spec("in the open");
  (*spec.mutable_env())["API_KEY"] = kSecret;
  spec.set_on_worker("host-b");
  const auto submitted = Submit(spec);
  ASSERT_TRUE(submitted.ok()) << submitted.status();
  const std::string id = submitted->handoff().id();
  EXPECT_EQ(submitted->handoff().spec().env().at("API_KEY"), "(hidden)");
  EXPECT_EQ(Get(id)->spec().env().at("API_KEY"), "(hidden)");
  for (const Channel& other : {guests_.User("cyd"), guests_.User("vic", "viewer")}) {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::GetRequest request;
    request.set_id(id);
    v1::Handoff shown;
    ASSERT_TRUE(v1::Control::NewStub(other)->Get(&context, request, &shown).ok());
    EXPECT_THAT(shown.SerializeAsString(), AllOf(HasSubstr("API_KEY"), Not(HasSubstr(kSecret))));
  }
  ScriptedWorker worker(guests_, "host-b");
  EXPECT_EQ(worker.TakeAttempt().spec().handoff().spec().env().at("API_KEY"), kSecret);
}

TEST_F(PrivateTest, ThatItWasPurgedIsToldToWhoeverDidItAndToAdmins) {
  ASSERT_TRUE(worker_.Report(worker_.ReportOf(attempt_, kSecret))->accepted());
  const auto purge = [&](const Channel& channel) {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::DeleteRequest request;
    request.set_id(id_);
    request.set_purge(true);
    v1::DeleteResponse response;
    return FromGrpc(v1::Control::NewStub(channel)->Delete(&context, request, &response));
  };
  ASSERT_TRUE(purge(guests_.User("bea")).ok());
  EXPECT_TRUE(purge(guests_.User("bea")).ok()) << "said again";
  EXPECT_THAT(std::string(Get(id_).status().message()), HasSubstr("was purged by bea"));
  for (const Channel& other : Others()) {
    const absl::Status told = purge(other);
    EXPECT_FALSE(told.ok());
    EXPECT_THAT(std::string(told.message()), Not(HasSubstr("was purged")));
  }
}

// A pipeline has what it submitted, and not what happens in the pool.
TEST_F(PrivateTest, EventsOfWorkersAreNotForPipelines) {
  const auto of_workers = [](const std::vector<v1::Event>& events) {
    return std::count_if(events.begin(), events.end(),
                         [](const v1::Event& event) { return event.handoff_id().empty(); });
  };
  EXPECT_GT(of_workers(EventsAs(guests_.User("ann"))), 0);
  const Channel pipeline = guests_.User("pip", "ci");
  v1::SubmitRequest request;
  *request.mutable_spec() = Spec("its own");
  request.mutable_spec()->mutable_repository()->set_url("https://git.example/a.git");
  request.mutable_spec()->mutable_repository()->set_commit(std::string(40, 'a'));
  grpc::ClientContext context, watching;
  SetDeadline(context);
  SetDeadline(watching);
  v1::SubmitResponse response;
  const absl::Status submitted =
      FromGrpc(v1::Control::NewStub(pipeline)->Submit(&context, request, &response));
  ASSERT_TRUE(submitted.ok()) << submitted;
  const auto stream = v1::Control::NewStub(pipeline)->Watch(&watching, v1::WatchRequest());
  v1::Event first;
  ASSERT_TRUE(stream->Read(&first));
  EXPECT_EQ(first.handoff_id(), response.handoff().id());
}

TEST_F(PrivateTest, ItsIdSaysNothingOfItsTask) {
  EXPECT_THAT(id_, MatchesRegex("[0-9]{8}-private-[0-9a-f]{8}"));
}

TEST_F(PrivateTest, AMemberIsToldThatItIsThereAndWhereItRuns) {
  const v1::ListResponse list = ListAs(guests_.User("cyd"));
  ASSERT_EQ(list.handoffs_size(), 1);
  v1::Handoff shown = list.handoffs(0);
  EXPECT_TRUE(shown.has_created_at());
  EXPECT_TRUE(shown.has_last_activity_at());
  shown.clear_created_at();
  shown.clear_updated_at();
  shown.clear_last_activity_at();
  v1::Handoff expected;
  expected.set_id(id_);
  expected.set_owner("bea");
  expected.set_status(v1::Handoff::RUNNING);
  expected.set_worker("host-a");
  expected.set_private_(true);
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(shown, expected))
      << shown.DebugString();
}

TEST_F(PrivateTest, ItsOwnerAndAnAdminSeeAll) {
  for (const Channel& channel : {guests_.User("bea"), guests_.User("ann", "admin")}) {
    const v1::ListResponse list = ListAs(channel);
    ASSERT_EQ(list.handoffs_size(), 1);
    EXPECT_EQ(list.handoffs(0).attempts(0).last_line(), kSecret);
    const auto workers = WorkersAs(channel);
    ASSERT_TRUE(workers.ok()) << workers.status();
    EXPECT_EQ(workers->workers(0).held(0).agent(), "command");
  }
}

TEST_F(PrivateTest, NoListOfOthersHasAWordOfItWhenItHasEnded) {
  v1::ReportRequest report = worker_.ReportOf(attempt_, kSecret);
  report.mutable_end()->set_exit_code(1);
  report.mutable_end()->set_failure(v1::Failure::AGENT_ERROR);
  report.mutable_end()->set_failure_message(absl::StrCat("It said ", kSecret, "."));
  ASSERT_TRUE(worker_.Report(report)->accepted());
  EXPECT_THAT(ListAs(guests_.User("bea")).DebugString(), HasSubstr("It said swordfish."));
  for (const Channel& channel : Others())
    EXPECT_THAT(ListAs(channel).DebugString(), Not(HasSubstr(kSecret)));
  EXPECT_EQ(ListAs(guests_.User("cyd")).handoffs(0).status(), v1::Handoff::FAILED);
}

TEST_F(PrivateTest, AViewerAndAPipelineFindNothingInLists) {
  for (const Channel& channel : {guests_.User("vic", "viewer"), guests_.User("pip", "ci")}) {
    v1::ListRequest request;
    EXPECT_EQ(ListAs(channel, request).handoffs_size(), 0);
    request.set_owner("bea");
    EXPECT_EQ(ListAs(channel, request).handoffs_size(), 0);
    request.set_owner("");
    request.set_worker("host-a");
    EXPECT_EQ(ListAs(channel, request).handoffs_size(), 0);
  }
}

TEST_F(PrivateTest, AMemberDoesNotFindItByWhatIsNotShown) {
  v1::ListRequest request;
  (*request.mutable_labels())["word"] = kSecret;
  EXPECT_EQ(ListAs(guests_.User("bea"), request).handoffs_size(), 1);
  EXPECT_EQ(ListAs(guests_.User("cyd"), request).handoffs_size(), 0);
}

TEST_F(PrivateTest, AWorkerIsShownWithItToAMemberAndWithoutItToAViewer) {
  const auto member = WorkersAs(guests_.User("cyd"));
  ASSERT_TRUE(member.ok()) << member.status();
  ASSERT_EQ(member->workers(0).held_size(), 1);
  EXPECT_EQ(member->workers(0).held(0).attempt(), absl::StrCat(id_, "/1"));
  EXPECT_EQ(member->workers(0).held(0).owner(), "bea");
  EXPECT_EQ(member->workers(0).held(0).agent(), "");
  const auto viewer = WorkersAs(guests_.User("vic", "viewer"));
  ASSERT_TRUE(viewer.ok()) << viewer.status();
  EXPECT_EQ(viewer->workers(0).slots_used(), 1);
  EXPECT_THAT(viewer->DebugString(), Not(HasSubstr(id_)));
  EXPECT_THAT(viewer->DebugString(), Not(HasSubstr("bea")));
  EXPECT_TRUE(absl::IsPermissionDenied(WorkersAs(guests_.User("pip", "ci")).status()));
}

TEST_F(PrivateTest, NoCallThatNamesItFindsIt) {
  for (const Channel& channel : Others()) {
    const auto stub = v1::Control::NewStub(channel);
    grpc::ClientContext why_context, document_context, log_context, watch_context;
    for (auto* context : {&why_context, &document_context, &log_context, &watch_context})
      SetDeadline(*context);
    v1::WhyRequest why;
    why.set_id(id_);
    v1::WhyResponse answer;
    EXPECT_TRUE(absl::IsNotFound(FromGrpc(stub->Why(&why_context, why, &answer))));
    v1::GetDocumentRequest get;
    get.set_id(id_);
    v1::Document document;
    EXPECT_TRUE(absl::IsNotFound(FromGrpc(stub->GetDocument(&document_context, get, &document))));
    v1::ReadLogRequest read;
    read.set_id(id_);
    v1::LogChunk chunk;
    const auto log = stub->ReadLog(&log_context, read);
    EXPECT_FALSE(log->Read(&chunk));
    EXPECT_TRUE(absl::IsNotFound(FromGrpc(log->Finish())));
    v1::WatchRequest watch;
    watch.set_id(id_);
    v1::Event event;
    const auto events = stub->Watch(&watch_context, watch);
    EXPECT_FALSE(events->Read(&event));
    EXPECT_TRUE(absl::IsNotFound(FromGrpc(events->Finish())));
  }
}

TEST_F(PrivateTest, NoEventTellsOthersOfIt) {
  for (const Channel& channel : {guests_.User("cyd"), guests_.User("vic", "viewer")}) {
    for (const v1::Event& event : EventsAs(channel))
      EXPECT_THAT(event.DebugString(), Not(HasSubstr(id_)));
  }
  bool told = false;
  for (const v1::Event& event : EventsAs(guests_.User("bea")))
    told = told || event.handoff_id() == id_;
  EXPECT_TRUE(told);
}

}  // namespace
}  // namespace handoff
