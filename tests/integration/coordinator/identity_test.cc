// Who may do what, over the wire: with the certificates of real users and workers.
#include <google/protobuf/unknown_field_set.h>
#include <grpcpp/create_channel.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/identity/certificate.h"
#include "common/identity/names.h"
#include "common/rpc/channel.h"
#include "common/rpc/credentials.h"
#include "common/rpc/status.h"
#include "coordinator/core/access.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "handoff/v1/identity.grpc.pb.h"
#include "tests/integration/coordinator/any_call.h"
#include "tests/integration/coordinator/running_coordinator.h"

namespace handoff {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class IdentityTest : public CoordinatorTest {
 protected:
  absl::StatusOr<v1::Handoff> SubmitAs(
      const std::string& who, v1::HandoffSpec spec,
      v1::SubmitRequest::Duplicates duplicates = v1::SubmitRequest::DUPLICATES_UNSPECIFIED) {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::SubmitRequest request;
    request.set_duplicates(duplicates);
    *request.mutable_spec() = std::move(spec);
    v1::SubmitResponse response;
    const absl::Status status =
        FromGrpc(v1::Control::NewStub(guests_.User(who, who == "ann" ? "admin" : "member"))
                     ->Submit(&context, request, &response));
    if (!status.ok()) return status;
    return response.handoff();
  }
  absl::StatusOr<v1::Handoff> GetAs(const Channel& channel, const std::string& id) {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::GetRequest request;
    request.set_id(id);
    v1::Handoff handoff;
    const absl::Status status =
        FromGrpc(v1::Control::NewStub(channel)->Get(&context, request, &handoff));
    if (!status.ok()) return status;
    return handoff;
  }
  absl::Status CancelAs(const Channel& channel, const std::string& id) {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::CancelRequest request;
    request.set_id(id);
    v1::Handoff handoff;
    return FromGrpc(v1::Control::NewStub(channel)->Cancel(&context, request, &handoff));
  }
  absl::Status Revoke(const v1::RevokeRequest& request) {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::RevokeResponse response;
    return FromGrpc(v1::Identity::NewStub(guests_.Admin())->Revoke(&context, request, &response));
  }
};

TEST_F(IdentityTest, EveryMethodIsForTheRolesOfTheTable) {
  const std::pair<core::Role, std::string> roles[] = {{core::Role::kAdmin, "admin"},
                                                      {core::Role::kOperator, "operator"},
                                                      {core::Role::kMember, "member"},
                                                      {core::Role::kViewer, "viewer"},
                                                      {core::Role::kCi, "ci"}};
  ScriptedWorker worker(guests_, "host-a");  // an event that everybody sees
  worker.StartAgain();
  ASSERT_TRUE(worker.Sync(worker.Request()).ok());
  for (const auto& [role, name] : roles) {
    const Channel channel = guests_.User("a-" + name, name);
    for (const core::Method method : core::AllMethods()) {
      const bool may = core::AccessOf(role, method) != core::Access::kNone;
      if (PathOf(method).empty()) continue;
      EXPECT_EQ(TurnedAway(CallEmpty(channel, PathOf(method))), !may)
          << name << " " << core::NameOf(method);
    }
  }
}

TEST_F(IdentityTest, AWorkerMayCallWhatItNeedsAndNothingElse) {
  const Channel worker = guests_.Worker("0a1b", "host-a");
  for (const core::Method method : core::AllMethods()) {
    const bool may = core::MayCall(core::CredentialPurpose::kWorker, method);
    if (PathOf(method).empty()) continue;
    EXPECT_EQ(TurnedAway(CallEmpty(worker, PathOf(method))), !may) << core::NameOf(method);
  }
}

TEST_F(IdentityTest, AMethodThatIsNotInTheTableIsRefused) {
  const absl::Status status = CallEmpty(guests_.Admin(), "/handoff.v1.Control/Anything");
  EXPECT_TRUE(absl::IsUnimplemented(status)) << status;
}

TEST_F(IdentityTest, AUserIsNamedAsACertificateCanSay) {
  v1::AddUserRequest request;
  request.set_role(v1::User::MEMBER);
  for (const char* name : {"Ada", "ada@example.org"}) {
    grpc::ClientContext context;
    SetDeadline(context);
    request.set_name(name);
    v1::User user;
    const absl::Status refused =
        FromGrpc(v1::Identity::NewStub(guests_.Admin())->AddUser(&context, request, &user));
    EXPECT_TRUE(absl::IsInvalidArgument(refused)) << refused;
    EXPECT_THAT(std::string(refused.message()), HasSubstr("1 to 64 of a-z, 0-9, '-', '_' and '.'"));
  }
  EXPECT_FALSE(TurnedAway(CallEmpty(guests_.User("0.a_b-c"), PathOf(core::Method::kGetPool))));
}

TEST_F(IdentityTest, TheOwnerIsWhomTheCertificateNames) {
  v1::HandoffSpec spec = Spec();
  // No field says it. One that somebody makes up says nothing either.
  spec.GetReflection()->MutableUnknownFields(&spec)->AddLengthDelimited(20, "somebody-else");
  const auto handoff = SubmitAs("bea", spec);
  ASSERT_TRUE(handoff.ok()) << handoff.status();
  EXPECT_EQ(handoff->owner(), "bea");
}

TEST_F(IdentityTest, WhoActedIsWhomTheCertificateNames) {
  v1::HandoffSpec spec = Spec();
  spec.set_agent("cursor");
  spec.mutable_repository()->set_url("https://host/a.git");
  spec.mutable_repository()->set_commit(std::string(40, 'a'));
  const auto submitted = SubmitAs("ann", spec);
  ASSERT_TRUE(submitted.ok()) << submitted.status();
  using Stub = v1::Control::Stub;
  const auto bea = v1::Control::NewStub(guests_.User("bea", "operator"));
  v1::Handoff handoff;
  const auto call = [&](auto method, auto request, auto* answer) {
    grpc::ClientContext context;
    SetDeadline(context);
    request.set_id(submitted->id());
    const grpc::Status status = ((*bea).*method)(&context, request, answer);
    EXPECT_TRUE(status.ok()) << request.GetTypeName() << ": " << status.error_message();
  };
  v1::SendRequest send;
  send.set_text("Look at the parser first");
  call(&Stub::Send, send, &handoff);
  call(&Stub::TakeOver, v1::TakeOverRequest(), &handoff);
  EXPECT_EQ(handoff.taken_by(), "bea");
  call(&Stub::Return, v1::ReturnRequest(), &handoff);
  call(&Stub::Cancel, v1::CancelRequest(), &handoff);
  call(&Stub::Resume, v1::ResumeRequest(), &handoff);
  call(&Stub::Cancel, v1::CancelRequest(), &handoff);
  v1::DeleteResponse deleted;
  call(&Stub::Delete, v1::DeleteRequest(), &deleted);

  grpc::ClientContext context;
  SetDeadline(context);
  v1::WatchRequest watch;
  watch.set_id(submitted->id());
  const auto events = bea->Watch(&context, watch);
  std::vector<std::string> by_bea;
  v1::Event event;
  while (event.kind() != "deleted" && events->Read(&event)) {
    if (absl::StrContains(event.message(), " by bea")) by_bea.push_back(event.kind());
  }
  EXPECT_THAT(by_bea, ElementsAre("message", "taken_over", "returned", "cancelled", "resumed",
                                  "cancelled", "deleted"));
}

TEST_F(IdentityTest, OnlyWhoRunsThePoolAsksForAPriorityAboveZero) {
  const std::pair<std::string, int> roles[] = {
      {"admin", 100}, {"operator", 100}, {"member", 0}, {"ci", 0}};
  for (const auto& entry : roles) {
    const std::string& role = entry.first;
    const int most = entry.second;
    const auto stub = v1::Control::NewStub(guests_.User("p-" + role, role));
    const auto with = [&](int priority, bool import) {
      v1::HandoffSpec spec = Spec(absl::StrCat(role, " ", priority, import ? " by hand" : ""));
      spec.set_priority(priority);
      spec.mutable_repository()->set_url("https://example.org/r.git");
      grpc::ClientContext context;
      SetDeadline(context);
      if (import) {
        v1::ImportRequest request;
        *request.mutable_spec() = spec;
        v1::Handoff handoff;
        return FromGrpc(stub->Import(&context, request, &handoff));
      }
      v1::SubmitRequest request;
      *request.mutable_spec() = spec;
      request.set_duplicates(v1::SubmitRequest::ALLOW);
      v1::SubmitResponse response;
      return FromGrpc(stub->Submit(&context, request, &response));
    };
    for (const int priority : {-100, 0, most}) EXPECT_EQ(with(priority, false), absl::OkStatus());
    for (const bool import : {false, true}) {
      if (import && role == "ci") continue;  // may not import at all
      const absl::Status refused = with(most + 1, import);
      const std::string message(refused.message());
      if (most == 0) {
        EXPECT_TRUE(absl::IsPermissionDenied(refused)) << role << " " << refused;
        EXPECT_THAT(message, HasSubstr("above 0, the highest for the role " + role));
      } else {
        EXPECT_TRUE(absl::IsInvalidArgument(refused)) << role << " " << refused;
        EXPECT_THAT(message, HasSubstr("priority"));
      }
    }
  }
}

TEST_F(IdentityTest, AMemberSeesThePoolAndActsOnTheirOwn) {
  const auto handoff = SubmitAs("bea", Spec());
  ASSERT_TRUE(handoff.ok()) << handoff.status();
  const Channel other = guests_.User("cyd");
  EXPECT_TRUE(GetAs(other, handoff->id()).ok());
  EXPECT_TRUE(absl::IsPermissionDenied(CancelAs(other, handoff->id())));
  EXPECT_TRUE(CancelAs(guests_.User("bea"), handoff->id()).ok());
}

TEST_F(IdentityTest, WhatOthersKeepPrivateIsNotFound) {
  v1::HandoffSpec spec = Spec("quiet work");
  spec.set_private_(true);
  const auto handoff = SubmitAs("bea", spec);
  ASSERT_TRUE(handoff.ok()) << handoff.status();
  const Channel other = guests_.User("cyd");
  const absl::Status hidden = GetAs(other, handoff->id()).status();
  const absl::Status absent = GetAs(other, "20990101-nothing").status();
  EXPECT_TRUE(absl::IsNotFound(hidden)) << hidden;
  EXPECT_TRUE(absl::IsNotFound(CancelAs(other, handoff->id())));
  EXPECT_THAT(std::string(hidden.message()), HasSubstr(handoff->id()));
  EXPECT_EQ(absl::StrReplaceAll(hidden.message(), {{handoff->id(), "20990101-nothing"}}),
            absent.message())
      << "the same words but for the id";
  EXPECT_TRUE(absl::IsNotFound(GetAs(other, "-private-").status()));
  EXPECT_TRUE(GetAs(guests_.User("bea"), "-private-").ok());
  EXPECT_TRUE(GetAs(guests_.Admin(), handoff->id()).ok());

  grpc::ClientContext context;
  SetDeadline(context);
  v1::ListResponse list;
  ASSERT_TRUE(v1::Control::NewStub(other)->List(&context, v1::ListRequest(), &list).ok());
  ASSERT_EQ(list.handoffs_size(), 1);
  EXPECT_EQ(list.handoffs(0).task(), "");
  EXPECT_EQ(list.handoffs(0).owner(), "bea");
}

TEST_F(IdentityTest, UsersAndTokensAreListedInPages) {
  for (const char* name : {"ann", "cyd", "bea"}) guests_.User(name);
  const auto stub = v1::Identity::NewStub(guests_.Admin());
  std::vector<std::string> names;
  v1::ListUsersRequest users;
  users.set_page_size(1);
  do {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::ListUsersResponse page;
    ASSERT_TRUE(stub->ListUsers(&context, users, &page).ok());
    ASSERT_EQ(page.users_size(), 1);
    names.push_back(page.users(0).name());
    users.set_page_token(page.next_page_token());
  } while (!users.page_token().empty());
  EXPECT_THAT(names, ::testing::IsSupersetOf({"ann", "bea", "cyd"}));
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), names.size());
  std::set<std::string> ids;
  size_t listed = 0;
  v1::ListTokensRequest tokens;
  tokens.set_page_size(2);
  do {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::ListTokensResponse page;
    ASSERT_TRUE(stub->ListTokens(&context, tokens, &page).ok());
    ASSERT_LE(page.tokens_size(), 2);
    for (const v1::Token& token : page.tokens()) ids.insert(token.id());
    listed += static_cast<size_t>(page.tokens_size());
    tokens.set_page_token(page.next_page_token());
  } while (!tokens.page_token().empty());
  EXPECT_EQ(ids.size(), listed);
  EXPECT_GE(listed, 3u) << "what they logged in with";
  tokens.set_page_token("no page");
  grpc::ClientContext context;
  SetDeadline(context);
  v1::ListTokensResponse page;
  EXPECT_TRUE(absl::IsInvalidArgument(FromGrpc(stub->ListTokens(&context, tokens, &page))));
}

// Neither found nor given by handing over the same, or with the same key.
TEST_F(IdentityTest, ASubmitThatSomebodyRepeatsTellsThemNothing) {
  v1::HandoffSpec spec = Spec("quiet work");
  spec.set_agent("cursor");
  spec.mutable_repository()->set_url("https://example.org/project.git");
  spec.set_private_(true);
  spec.set_idempotency_key("captured");
  const auto theirs = SubmitAs("bea", spec);
  ASSERT_TRUE(theirs.ok()) << theirs.status();
  // The very same words, owner included.
  const auto replayed = SubmitAs("cyd", spec);
  ASSERT_TRUE(replayed.ok()) << replayed.status();
  EXPECT_NE(replayed->id(), theirs->id());
  EXPECT_EQ(replayed->owner(), "cyd");
  // Nor without a key.
  spec.clear_idempotency_key();
  for (const auto duplicates : {v1::SubmitRequest::REFUSE, v1::SubmitRequest::REUSE}) {
    const auto same = SubmitAs("dan", spec, duplicates);
    ASSERT_TRUE(same.ok()) << same.status();
    EXPECT_EQ(same->owner(), "dan");
    ASSERT_TRUE(CancelAs(guests_.User("dan"), same->id()).ok());
  }
  // Who asked first has theirs.
  EXPECT_EQ(SubmitAs("bea", spec, v1::SubmitRequest::REUSE)->id(), theirs->id());
}

TEST_F(IdentityTest, WhoSpeaksAnotherProtocolIsToldSo) {
  const std::string directory = config().data_dir + "/identity/local";
  const auto credentials =
      Credentials::Load(CredentialFiles::In(directory), CredentialUse::kClient, clock_).value();
  const auto authority = Certificate::FromPem(ReadFile(directory + "/authority.pem").value());
  const auto as = [&](const std::string& user_agent) {
    grpc::ChannelArguments arguments;
    arguments.SetUserAgentPrefix(user_agent);
    arguments.SetSslTargetNameOverride(PoolDnsName(authority->pool_id()));
    return grpc::CreateCustomChannel(address(), credentials->ForChannel(), arguments);
  };
  const absl::Status status =
      GetAs(as("handoff/9.9 handoff-protocol/2"), "20990101-nothing").status();
  EXPECT_TRUE(absl::IsUnimplemented(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("install the same version"));
  for (const std::string same : {"handoff/9.9 handoff-protocol/1", "somebody/1"}) {
    const absl::Status understood = GetAs(as(same), "20990101-nothing").status();
    EXPECT_TRUE(absl::IsNotFound(understood)) << same << ": " << understood;
  }
}

TEST_F(IdentityTest, AWorkerSpeaksForItselfOnly) {
  ScriptedWorker worker(guests_, "host-a"), other(guests_, "host-b");
  worker.StartAgain();  // the first request of a daemon is not held
  v1::SyncRequest request = worker.Request();
  request.set_worker_uuid(other.uuid());
  const absl::Status status = worker.Sync(request).status();
  EXPECT_TRUE(absl::IsPermissionDenied(status)) << status;
  request.set_worker_uuid(worker.uuid());
  EXPECT_TRUE(worker.Sync(request).ok());
}

TEST_F(IdentityTest, AWorkerSeesWhatItWasGiven) {
  const std::string id = MustSubmit().id();
  ScriptedWorker worker(guests_, "host-a");
  const Channel channel = guests_.Worker(worker.uuid(), "host-a");
  const absl::Status before = GetAs(channel, id).status();
  EXPECT_TRUE(absl::IsNotFound(before)) << before;
  worker.TakeAttempt();
  EXPECT_TRUE(GetAs(channel, id).ok());
}

TEST_F(IdentityTest, AWorkerLearnsNothingOfALogThatItWasNotGiven) {
  ScriptedWorker worker(guests_, "host-a"), other(guests_, "host-b");
  MustSubmit();
  const v1::DesiredAttempt attempt = worker.TakeAttempt();
  other.StartAgain();
  ASSERT_TRUE(other.Sync(other.Request()).ok());
  ASSERT_EQ(*worker.Append(attempt, 0, "secret"), 6u);
  const auto guessed = other.Report(other.ReportOf(attempt, std::string(1000, 'x')));
  EXPECT_TRUE(absl::IsPermissionDenied(guessed.status())) << guessed.status();
  EXPECT_TRUE(absl::IsPermissionDenied(other.Append(attempt, 6, "mine").status()));
  // The one that has it is told where to go on.
  EXPECT_EQ(worker.Report(worker.ReportOf(attempt, std::string(1000, 'x')))->log_offset(), 6u);
}

// After a login anew on the same machine there are two, and a thief may have the first.
TEST_F(IdentityTest, ADeviceIsRevokedWithEveryLoginThere) {
  Guests again(dir_.path() + "/again", clock_);
  again.Connect(address(), config().data_dir);
  const Channel logins[] = {guests_.User("bea"), again.User("bea")};
  const std::string path = PathOf(core::Method::kGetPool);
  for (const Channel& login : logins) EXPECT_TRUE(CallEmpty(login, path).ok());
  v1::RevokeRequest revoke;
  revoke.mutable_device()->set_user("bea");
  revoke.mutable_device()->set_name("another");
  EXPECT_TRUE(absl::IsNotFound(Revoke(revoke)));
  for (const Channel& login : logins) EXPECT_TRUE(CallEmpty(login, path).ok());
  revoke.mutable_device()->set_name("test");
  EXPECT_EQ(Revoke(revoke), absl::OkStatus());
  for (const Channel& login : logins) EXPECT_TRUE(absl::IsUnauthenticated(CallEmpty(login, path)));
}

TEST_F(IdentityTest, WhoIsRevokedIsCutOffInTheMiddleOfACall) {
  ScriptedWorker worker(guests_, "host-a");
  worker.StartAgain();
  ASSERT_TRUE(worker.Sync(worker.Request()).ok());
  // The second one is held, since nothing changes.
  grpc::ClientContext context;
  SetDeadline(context);
  grpc::CompletionQueue queue;
  v1::SyncResponse response;
  grpc::Status status;
  const auto held = worker.stub().AsyncSync(&context, worker.Request(), &queue);
  held->Finish(&response, &status, nullptr);
  // And a log that is followed, by a user, of a handoff that this worker is not given.
  v1::HandoffSpec spec = Spec();
  (*spec.mutable_require())["os"] = "none";
  const auto waiting = SubmitAs("ann", spec);
  ASSERT_TRUE(waiting.ok()) << waiting.status();
  const std::string id = waiting->id();
  grpc::ClientContext following;
  v1::ReadLogRequest read;
  read.set_id(id);
  read.set_follow(true);
  const auto follower = v1::Control::NewStub(guests_.User("bea"))->ReadLog(&following, read);

  v1::RevokeRequest revoke;
  revoke.set_user("bea");
  ASSERT_TRUE(Revoke(revoke).ok());
  v1::LogChunk chunk;
  while (follower->Read(&chunk)) {
  }
  EXPECT_TRUE(absl::IsUnauthenticated(FromGrpc(follower->Finish())));
  revoke.set_worker("host-a");
  ASSERT_TRUE(Revoke(revoke).ok());
  void* tag = nullptr;
  bool ok = false;
  ASSERT_TRUE(queue.Next(&tag, &ok));
  EXPECT_TRUE(absl::IsUnauthenticated(FromGrpc(status))) << FromGrpc(status);
  EXPECT_TRUE(absl::IsUnauthenticated(worker.Sync(worker.Request()).status()));
  EXPECT_TRUE(absl::IsUnauthenticated(GetAs(guests_.User("bea"), id).status()));
}

}  // namespace
}  // namespace handoff
