#include "coordinator/service/convert.h"

#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/rpc/proto_time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

using ::testing::ElementsAre;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

v1::HandoffSpec Spec() {
  v1::HandoffSpec spec;
  spec.set_task("mend\nthe build");
  spec.mutable_repository()->set_url("https://host/a.git");
  (*spec.mutable_labels())["b"] = "2";
  (*spec.mutable_labels())["a"] = "1";
  Normalise(spec);
  return spec;
}

core::Handoff Stored() {
  core::Handoff handoff = ToCore(Spec(), "ann", kNow).handoff;
  handoff.id = "20270115-mend";
  handoff.status = core::HandoffStatus::kRunning;
  handoff.created_at = handoff.updated_at = kNow;
  core::Attempt attempt;
  attempt.number = 1;
  attempt.state = core::AttemptState::kLeased;
  attempt.epoch = 7;
  attempt.worker_name = "host-a";
  handoff.attempts.push_back(attempt);
  return handoff;
}

v1::AttemptEnd End() {
  v1::AttemptEnd end;
  end.set_failure(v1::Failure::AGENT_ERROR);
  end.set_exit_code(0);
  end.set_ended_by(v1::AttemptEnd::ITSELF);
  end.mutable_facts()->set_head_commit(std::string(40, 'c'));
  end.mutable_facts()->set_files_changed(3);
  end.set_command("agent --print");
  return end;
}

core::AttemptEnd CoreEnd(const v1::AttemptEnd& end) {
  v1::ReportRequest request;
  *request.mutable_end() = end;
  return ToCore(request).end;
}

TEST(Normalise, FillsWhatAPersonLeftOut) {
  const v1::HandoffSpec spec = Spec();
  EXPECT_EQ(spec.agent(), "cursor");
  EXPECT_EQ(spec.repository().key(), "https://host/a.git");
  EXPECT_EQ(spec.retries(), 2);
  // What may be silent for how long depends on the agent and the worker.
  EXPECT_FALSE(spec.has_timeout());
  EXPECT_FALSE(spec.has_stall_timeout());
  EXPECT_FALSE(spec.has_first_event_timeout());
  EXPECT_EQ(spec.lease().seconds(), 1800);
}

TEST(Normalise, KeepsWhatAPersonSaid) {
  v1::HandoffSpec spec;
  spec.set_agent("command");
  spec.add_argv("echo");
  spec.add_argv("a b");
  spec.set_retries(0);
  *spec.mutable_timeout() = ToProto(absl::Seconds(1));
  Normalise(spec);
  EXPECT_EQ(spec.retries(), 0);
  EXPECT_EQ(spec.timeout().seconds(), 1);
  EXPECT_EQ(spec.task(), "echo 'a b'");
}

TEST(Normalise, AKeyCannotNameAnotherRepositorysMirror) {
  v1::HandoffSpec spec = Spec();
  spec.mutable_repository()->set_key("https://other/b.git");
  Normalise(spec);
  EXPECT_EQ(spec.repository().key(), "https://host/a.git");
}

TEST(Submit, TheContentIsTheSameWhateverTheKeyAndTheOrder) {
  v1::HandoffSpec first = Spec();
  v1::HandoffSpec second;
  second.ParseFromString(first.SerializeAsString());
  second.set_idempotency_key("k");
  const std::string hash = ToCore(first, "ann", kNow).handoff.content_hash;
  EXPECT_EQ(ToCore(second, "ann", kNow).handoff.content_hash, hash);
  second.set_task("another");
  EXPECT_NE(ToCore(second, "ann", kNow).handoff.content_hash, hash);
}

TEST(Submit, BehindAKeyAnAttachedLogMayBeAnotherOne) {
  v1::HandoffSpec first = Spec();
  first.set_idempotency_key("k");
  first.add_attachments()->set_name("test.log");
  v1::HandoffSpec second = first;
  second.mutable_attachments(0)->set_sha256(std::string(64, 'a'));
  second.mutable_attachments(0)->set_bytes(7);
  const std::string hash = ToCore(first, "ann", kNow).handoff.content_hash;
  EXPECT_EQ(ToCore(second, "ann", kNow).handoff.content_hash, hash);
  second.add_attachments()->set_name("more.log");
  EXPECT_NE(ToCore(second, "ann", kNow).handoff.content_hash, hash);
}

TEST(Submit, CarriesWhatPlacementReads) {
  v1::HandoffSpec spec = Spec();
  spec.set_id("wish");
  spec.set_priority(5);
  spec.set_exclusive(true);
  *spec.mutable_deadline() = ToProto(absl::Hours(2));
  (*spec.mutable_require())["os"] = "linux";
  spec.mutable_repository()->set_pack_sha256(std::string(64, 'a'));
  const core::Submit submit = ToCore(spec, "ann", kNow);
  EXPECT_EQ(submit.wished_id, "wish");
  EXPECT_EQ(submit.handoff.task_line, "mend the build");
  EXPECT_EQ(submit.handoff.priority, 5);
  EXPECT_TRUE(submit.handoff.exclusive);
  EXPECT_EQ(submit.handoff.deadline, kNow + absl::Hours(2));
  EXPECT_EQ(submit.handoff.require.at("os"), "linux");
  EXPECT_EQ(submit.handoff.pack_sha256, std::string(64, 'a'));
  v1::HandoffSpec back;
  ASSERT_TRUE(back.ParseFromString(submit.handoff.spec));
  EXPECT_EQ(CanonicalBytes(back), CanonicalBytes(spec));
}

TEST(Submit, KeepsAttachedFilesAndCountsEachOnce) {
  v1::HandoffSpec spec = Spec();
  spec.mutable_repository()->set_pack_sha256(std::string(64, 'a'));
  spec.mutable_repository()->set_pack_bytes(1000);
  for (const char c : {'b', 'c', 'b'}) {
    v1::Attachment& file = *spec.add_attachments();
    file.set_name(absl::StrCat("f", spec.attachments_size()));
    file.set_sha256(std::string(64, c));
    file.set_bytes(c == 'b' ? 20 : 300);
  }
  const core::Handoff handoff = ToCore(spec, "ann", kNow).handoff;
  EXPECT_EQ(handoff.inputs, (std::set<std::string>{std::string(64, 'b'), std::string(64, 'c')}));
  EXPECT_EQ(handoff.stored_bytes, 1320u);
}

TEST(Resume, ChangesOnlyWhatIsSaid) {
  v1::ResumeRequest request;
  EXPECT_EQ(*ChangedSpec(Stored(), request), "");
  request.set_model("big");
  v1::HandoffSpec spec;
  ASSERT_TRUE(spec.ParseFromString(*ChangedSpec(Stored(), request)));
  EXPECT_EQ(spec.model(), "big");
  EXPECT_EQ(spec.task(), Spec().task());
  // A model belongs to the agent that knows it.
  core::Handoff with_model = Stored();
  with_model.spec = CanonicalBytes(spec);
  v1::ResumeRequest other;
  other.set_agent("claude");
  ASSERT_TRUE(spec.ParseFromString(*ChangedSpec(with_model, other)));
  EXPECT_EQ(spec.agent(), "claude");
  EXPECT_EQ(spec.model(), "");
  *request.mutable_timeout() = ToProto(-absl::Seconds(1));
  EXPECT_EQ(ChangedSpec(Stored(), request).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(List, HidesWhatEndedLongAgoUnlessAllIsAsked) {
  v1::ListRequest request;
  EXPECT_EQ(ToCore(request, kNow).ended_since, kNow - absl::Hours(24));
  EXPECT_EQ(ToCore(request, kNow).limit, 50);
  request.set_all(true);
  EXPECT_EQ(ToCore(request, kNow).ended_since, absl::InfinitePast());
}

TEST(List, StalledIsRunningInTheStore) {
  v1::ListRequest request;
  request.add_statuses(v1::Handoff::STALLED);
  request.add_statuses(v1::Handoff::RUNNING);
  request.add_statuses(v1::Handoff::FAILED);
  EXPECT_THAT(ToCore(request, kNow).statuses,
              ElementsAre(core::HandoffStatus::kRunning, core::HandoffStatus::kFailed));
}

TEST(Resume, WithoutAWorkerGoesWhereTheSubmitSaid) {
  v1::HandoffSpec spec = Spec();
  spec.set_on_worker("build-1");
  core::Handoff handoff = Stored();
  handoff.spec = CanonicalBytes(spec);
  handoff.on_worker = "build-2";  // of an earlier resume
  v1::ResumeRequest request;
  EXPECT_EQ(WorkerAskedFor(handoff, request), "build-1");
  request.set_on_worker("build-3");
  EXPECT_EQ(WorkerAskedFor(handoff, request), "build-3");
  request.clear_on_worker();
  handoff.spec = CanonicalBytes(Spec());
  EXPECT_EQ(WorkerAskedFor(handoff, request), Spec().on_worker());
}

TEST(Show, AnEndedAttemptHasItsFactsOnce) {
  core::Handoff stored = Stored();
  stored.status = core::HandoffStatus::kFailed;
  stored.attempts[0].state = core::AttemptState::kFailed;
  stored.attempts[0].end = CoreEnd(End());
  const v1::Handoff full = ToProto(stored, Detail::kFull);
  EXPECT_EQ(full.spec().task(), Spec().task());
  EXPECT_EQ(full.task(), Spec().task());
  ASSERT_EQ(full.attempts_size(), 1);
  EXPECT_EQ(full.attempts(0).facts().files_changed(), 3u);
  EXPECT_FALSE(full.attempts(0).end().has_facts());
  EXPECT_EQ(full.attempts(0).command(), "agent --print");
  const v1::Handoff listed = ToProto(stored, Detail::kList);
  EXPECT_FALSE(listed.has_spec());
  EXPECT_EQ(listed.task(), "mend the build");
  EXPECT_FALSE(listed.attempts(0).has_facts());
  for (const v1::Handoff& handoff : {full, listed}) {
    EXPECT_TRUE(handoff.attempts(0).has_exit_code());
    EXPECT_EQ(handoff.attempts(0).failure(), v1::Failure::AGENT_ERROR);
    EXPECT_EQ(handoff.head_commit(), std::string(40, 'c'));
    EXPECT_EQ(handoff.files_changed(), 3u);
    EXPECT_EQ(handoff.branch(), "handoff/20270115-mend");
  }
}

// What a list does not know is absent from its JSON: an empty value would contradict `show`.
TEST(Show, WhatIsKeptForItIsInListsToo) {
  core::Handoff handoff;
  handoff.stored_bytes = 12'345;
  for (const Detail detail : {Detail::kFull, Detail::kList})
    EXPECT_EQ(ToProto(handoff, detail).stored_bytes(), 12'345u);
}

TEST(Show, AListSaysNothingElseOfAnAttempt) {
  v1::AttemptEnd end = End();
  end.set_signal(9);
  end.set_session("s-1");
  end.set_session_kind(v1::Attempt::SAME);
  end.set_session_verified(v1::Attempt::YES);
  end.set_workspace("/data/workspaces/20270115-mend/repo");
  end.set_safe_command("cd there");
  end.set_isolation("cgroup v2");
  end.set_account("team");
  end.set_last_line("Done.");
  core::Handoff stored = Stored();
  stored.attempts[0].state = core::AttemptState::kFailed;
  stored.attempts[0].end = CoreEnd(end);
  v1::Attempt full = ToProto(stored, Detail::kFull).attempts(0);
  EXPECT_EQ(full.session_verified(), v1::Attempt::YES);
  EXPECT_EQ(full.last_line(), "Done.");
  const v1::Attempt listed = ToProto(stored, Detail::kList).attempts(0);
  const auto& reflection = *listed.GetReflection();
  for (int i = 0; i < listed.GetDescriptor()->field_count(); ++i) {
    const auto* field = listed.GetDescriptor()->field(i);
    if (field->has_presence() && !reflection.HasField(listed, field)) {
      reflection.ClearField(&full, field);
    }
  }
  EXPECT_EQ(listed.DebugString(), full.DebugString());
}

TEST(Show, FactsOfOldAttemptsGiveWayAboveTheBound) {
  core::Handoff stored = Stored();
  v1::AttemptEnd end = End();
  end.mutable_facts()->set_last_message(std::string(400 << 10, 'x'));
  end.mutable_facts()->mutable_usage()->set_input_tokens(7);
  stored.attempts.clear();
  for (int number = 1; number <= 5; ++number) {
    core::Attempt attempt;
    attempt.number = number;
    attempt.state = core::AttemptState::kFailed;
    attempt.end = CoreEnd(end);
    stored.attempts.push_back(attempt);
  }
  const v1::Handoff handoff = ToProto(stored, Detail::kFull);
  ASSERT_EQ(handoff.attempts_size(), 5);
  EXPECT_LT(handoff.ByteSizeLong(), 1u << 20);
  EXPECT_TRUE(handoff.attempts(4).has_facts());
  EXPECT_EQ(handoff.attempts(0).facts().last_message(), "");
  EXPECT_EQ(handoff.attempts(0).facts().usage().input_tokens(), 7u) << "later attempts subtract it";
  EXPECT_EQ(handoff.attempts(0).number(), 1);
}

TEST(Show, AnEndThatIsTooLargeLosesItsFilesAndNotItsDecision) {
  v1::AttemptEnd end = End();
  end.mutable_facts()->add_files()->set_path(std::string(2 << 20, 'p'));
  const core::AttemptEnd stored = CoreEnd(end);
  EXPECT_LT(stored.bytes.size(), 1u << 20);
  EXPECT_EQ(stored.failure, FailureClass::kAgentError);
  EXPECT_EQ(stored.files_changed, 3u);
}

TEST(Show, WhatMakesNoSenseInAnEndIsLeftOut) {
  v1::AttemptEnd end = End();
  end.set_failure(static_cast<v1::Failure::Class>(99));
  end.set_session(std::string(300, 's'));
  end.mutable_facts()->set_head_commit("--help");
  end.set_log_sha256("x");
  const core::AttemptEnd stored = CoreEnd(end);
  EXPECT_EQ(stored.failure, FailureClass::kInternal);
  EXPECT_EQ(stored.session, "");
  EXPECT_EQ(stored.head_commit, "");
  EXPECT_EQ(stored.log_sha256, "");
}

core::AttemptView View() {
  v1::AttemptStatus status;
  status.set_phase("preparing (cloning 43 %)");
  status.set_last_line("reading");
  *status.mutable_last_activity_at() = ToProto(kNow + absl::Seconds(5));
  core::AttemptView view;
  view.handoff_id = "20270115-mend";
  view.number = 1;
  view.epoch = 7;
  view.bytes = status.SerializeAsString();
  return view;
}

TEST(Overlay, LaysTheWorkersLastWordsOverALiveAttempt) {
  v1::Handoff handoff = ToProto(Stored(), Detail::kFull);
  core::AttemptView view = View();
  view.stalled = true;
  Overlay(view, Engine::Lease{kNow, true, core::AttemptState::kRunning}, handoff);
  EXPECT_EQ(handoff.status(), v1::Handoff::STALLED);
  EXPECT_EQ(handoff.phase(), "preparing (cloning 43 %)");
  EXPECT_EQ(handoff.attempts(0).state(), v1::Attempt::RUNNING);
  EXPECT_EQ(handoff.attempts(0).last_line(), "reading");
  EXPECT_TRUE(handoff.attempts(0).unreachable());
  EXPECT_EQ(FromProto(handoff.last_activity_at()), kNow + absl::Seconds(5));
}

TEST(Enclosure, IsToldOfTheWorkerAndOfItsLiveAttempt) {
  v1::SyncRequest request;
  EXPECT_FALSE(ToCore(request).worker.enclosure.has_value());
  v1::Enclosure& said = *request.mutable_enclosure();
  said.set_account("builder");
  said.set_uid(1001);
  said.set_network("the host's");
  said.set_isolation("none");
  const core::ListWorkers::Item item{
      ToCore(request).worker, true, {}, {{"h", 1, "ada", false, "cursor", "team"}}};
  const v1::Worker worker = ToProto(item, {});
  EXPECT_EQ(worker.enclosure().SerializeAsString(), said.SerializeAsString());
  EXPECT_EQ(worker.held(0).agent(), "cursor");
  EXPECT_EQ(worker.held(0).account(), "team");
  v1::Handoff handoff = ToProto(Stored(), Detail::kFull);
  Engine::Lease lease{kNow, false, core::AttemptState::kRunning};
  Overlay(View(), lease, handoff);
  EXPECT_FALSE(handoff.attempts(0).has_enclosure());
  lease.enclosure = item.worker.enclosure;
  Overlay(View(), lease, handoff);
  EXPECT_EQ(handoff.attempts(0).enclosure().SerializeAsString(), said.SerializeAsString());
}

TEST(Overlay, NeverTouchesAnAttemptThatEnded) {
  core::Handoff stored = Stored();
  stored.attempts[0].state = core::AttemptState::kFailed;
  v1::Handoff handoff = ToProto(stored, Detail::kFull);
  const std::string before = handoff.SerializeAsString();
  Overlay(View(), Engine::Lease{kNow, false, core::AttemptState::kRunning}, handoff);
  EXPECT_EQ(handoff.SerializeAsString(), before);
}

TEST(Overlay, WordsOfAnotherEpochAreNotShown) {
  v1::Handoff handoff = ToProto(Stored(), Detail::kFull);
  core::AttemptView view = View();
  view.epoch = 8;
  Overlay(view, Engine::Lease{kNow, false, core::AttemptState::kLeased}, handoff);
  EXPECT_EQ(handoff.phase(), "");
}

core::Sync::Desired Desired(const std::string& id) {
  core::Sync::Desired desired;
  desired.handoff_id = id;
  desired.number = 1;
  desired.epoch = 7;
  desired.lease = absl::Minutes(30);
  desired.with_spec = true;
  return desired;
}

TEST(SyncAnswers, SpecsBeyondOneMebibyteComeWithTheNext) {
  SyncAnswer answer;
  core::Handoff large = Stored();
  v1::HandoffSpec spec = Spec();
  spec.set_task(std::string(700 << 10, 't'));
  large.spec = CanonicalBytes(spec);
  for (const std::string id : {"a", "b", "c"}) {
    answer.reply.attempts.push_back(Desired(id));
    answer.specs.push_back(large);
  }
  core::Sync::Desired known = Desired("d");
  known.with_spec = false;
  answer.reply.attempts.push_back(known);
  const v1::SyncResponse response = ToProto(answer);
  ASSERT_EQ(response.attempts_size(), 2);
  EXPECT_EQ(response.attempts(0).handoff_id(), "a");
  EXPECT_TRUE(response.attempts(0).has_spec());
  EXPECT_EQ(response.attempts(1).handoff_id(), "d");
  EXPECT_LT(response.ByteSizeLong(), 4u << 20);
}

// As much of everything as may be, and attempts of the largest ends.
core::Handoff AtItsBounds() {
  core::Handoff stored = Stored();
  v1::HandoffSpec spec = Spec();
  spec.set_task(std::string(1 << 20, 't'));
  stored.spec = CanonicalBytes(spec);
  for (int n = 1; n <= 2; ++n) {
    core::Message message;
    message.number = n;
    message.text.assign(256 << 10, 'm');
    stored.messages.push_back(message);
  }
  for (int version = 1; version <= 36; ++version) {
    core::SectionEdit edit;
    edit.version = version;
    edit.section = absl::StrCat("Section ", version % 18);
    edit.text.assign(64 << 10, static_cast<char>('a' + version % 26));
    stored.edits.push_back(edit);
  }
  v1::AttemptEnd end = End();
  end.mutable_facts()->set_last_message(std::string(500 << 10, 'x'));
  const core::Attempt live = stored.attempts.back();
  stored.attempts.clear();
  for (int number = 1; number <= 3; ++number) {
    core::Attempt attempt = live;
    attempt.number = number;
    attempt.state = core::AttemptState::kFailed;
    attempt.end = CoreEnd(end);
    stored.attempts.push_back(attempt);
  }
  return stored;
}

TEST(Show, ARecordAtItsBoundsFitsIntoAMessage) {
  const core::Handoff stored = AtItsBounds();
  const v1::Handoff handoff = ToProto(stored, Detail::kFull);
  EXPECT_LE(handoff.ByteSizeLong(), size_t{7} << 19);
  EXPECT_EQ(handoff.spec().task().size(), 1u << 20) << "whole, once";
  EXPECT_EQ(handoff.task(), stored.task_line);
  EXPECT_EQ(handoff.messages(0).text().size(), 256u << 10);
  EXPECT_EQ(handoff.attempts_size(), 3);
  EXPECT_TRUE(handoff.attempts(2).has_facts());
  EXPECT_FALSE(handoff.attempts(1).has_end()) << "as in a list";
  EXPECT_EQ(handoff.edits_size(), 36);
  EXPECT_EQ(handoff.edits(35).text().size(), 64u << 10);
}

TEST(SyncAnswers, ARecordAtItsBoundsFitsWithTheLastEditOfEachSection) {
  SyncAnswer answer;
  answer.reply.attempts.push_back(Desired("a"));
  answer.specs.push_back(AtItsBounds());
  const v1::SyncResponse response = ToProto(answer);
  ASSERT_EQ(response.attempts_size(), 1);
  EXPECT_LT(response.ByteSizeLong(), 4u << 20);
  const v1::Handoff& handoff = response.attempts(0).spec().handoff();
  EXPECT_EQ(handoff.task(), "") << "it is in the spec";
  EXPECT_EQ(handoff.spec().task().size(), 1u << 20);
  ASSERT_EQ(handoff.edits_size(), 18);
  EXPECT_EQ(handoff.edits(0).version(), 19);
  EXPECT_EQ(handoff.edits(0).text().size(), 64u << 10);
}

TEST(SyncAnswers, OneThatFitsIntoNoMessageIsLeftOutAndTheOthersArrive) {
  SyncAnswer answer;
  core::Handoff large = Stored();
  v1::HandoffSpec spec = Spec();
  spec.set_task(std::string(5 << 20, 't'));
  large.spec = CanonicalBytes(spec);
  for (const std::string id : {"a", "b"}) answer.reply.attempts.push_back(Desired(id));
  answer.specs = {large, Stored()};
  const v1::SyncResponse response = ToProto(answer);
  ASSERT_EQ(response.attempts_size(), 1);
  EXPECT_EQ(response.attempts(0).handoff_id(), "b");
  EXPECT_LT(response.ByteSizeLong(), 4u << 20);
}

TEST(Workers, AreShownWithWhoHasTheirSlotsAndWhoseWorkTheyTake) {
  core::ListWorkers::Item item;
  item.worker.name = "a";
  item.worker.owner = "ann";
  item.worker.shared = true;
  item.worker.repos = {"x/*", "y"};
  item.attempts = {{"h", 2, "bob", /*exclusive=*/true}};
  const v1::Worker worker = ToProto(item, {});
  EXPECT_EQ(worker.owner(), "ann");
  EXPECT_TRUE(worker.shared());
  ASSERT_EQ(worker.repos_size(), 2);
  EXPECT_EQ(worker.repos(0), "x/*");
  ASSERT_EQ(worker.held_size(), 1);
  EXPECT_EQ(worker.held(0).attempt(), "h/2");
  EXPECT_EQ(worker.held(0).owner(), "bob");
  EXPECT_TRUE(worker.held(0).exclusive());
  EXPECT_EQ(worker.attempts(0), "h/2");
  EXPECT_EQ(worker.slots_used(), 1);
}

TEST(Workers, AreShownWithWhatIsPrivateAsItIsListed) {
  core::ListWorkers::Item item;
  item.attempts = {{"open", 1, "ann", false, "cursor", "team", /*is_private=*/false},
                   {"hidden", 1, "bob", false, "cursor", "team", /*is_private=*/true}};
  const v1::Worker whole = ToProto(item, {"cyd", true, true, true});
  ASSERT_EQ(whole.held_size(), 2);
  EXPECT_EQ(whole.held(1).account(), "team");
  const v1::Worker owners = ToProto(item, {"bob", false, false, false});
  ASSERT_EQ(owners.held_size(), 1);
  EXPECT_EQ(owners.held(0).attempt(), "hidden/1");
  EXPECT_EQ(owners.held(0).account(), "team");
  const v1::Worker listed = ToProto(item, {"cyd", true, true, false});
  ASSERT_EQ(listed.held_size(), 2);
  EXPECT_EQ(listed.held(0).account(), "team");
  EXPECT_EQ(listed.held(1).attempt(), "hidden/1");
  EXPECT_EQ(listed.held(1).owner(), "bob");
  EXPECT_EQ(listed.held(1).agent(), "");
  EXPECT_EQ(listed.held(1).account(), "");
  const v1::Worker nothing = ToProto(item, {"cyd", true, false, false});
  ASSERT_EQ(nothing.held_size(), 1);
  EXPECT_EQ(nothing.held(0).attempt(), "open/1");
  ASSERT_EQ(nothing.attempts_size(), 1);
  EXPECT_EQ(nothing.slots_used(), 2);
}

TEST(Workers, AreListedByNameInPagesThatFitIntoAMessage) {
  core::ListWorkers::Reply reply;
  for (const std::string name : {"c", "a", "b"}) {
    core::ListWorkers::Item item;
    item.worker.name = name;
    item.worker.not_accepting = std::string(900 << 10, 'x');
    reply.workers.push_back(item);
  }
  const v1::ListWorkersResponse first = ToProto(reply, "", {});
  ASSERT_EQ(first.workers_size(), 2);
  EXPECT_EQ(first.workers(0).name(), "a");
  EXPECT_EQ(first.next_page_token(), "b");
  const v1::ListWorkersResponse second = ToProto(reply, first.next_page_token(), {});
  ASSERT_EQ(second.workers_size(), 1);
  EXPECT_EQ(second.workers(0).name(), "c");
  EXPECT_EQ(second.next_page_token(), "");
}

TEST(Why, SaysWhatTheWorkerSaysOfALiveAttempt) {
  v1::AttemptStatus status;
  status.set_phase("saving (the worker's disk is full)");
  core::Why::Reply reply;
  reply.summary = "Being stopped on a.";
  reply.view = status.SerializeAsString();
  EXPECT_THAT(ToProto(reply).details(),
              ElementsAre("Its worker says: saving (the worker's disk is full)."));
  reply.view.clear();
  EXPECT_THAT(ToProto(reply).details(), ElementsAre());
}

TEST(SyncAnswers, AStopSaysAsWhatAndWhy) {
  SyncAnswer answer;
  core::Sync::Desired stop = Desired("a");
  stop.with_spec = false;
  stop.stop = true;
  stop.stop_as = EndedBy::kCancel;
  stop.stop_reason = "no longer needed";
  answer.reply.attempts.push_back(stop);
  const v1::SyncResponse response = ToProto(answer);
  EXPECT_EQ(response.attempts(0).action(), v1::DesiredAttempt::STOP);
  EXPECT_EQ(response.attempts(0).stop_as(), v1::AttemptEnd::CANCEL);
  EXPECT_EQ(response.attempts(0).stop_reason(), "no longer needed");
  EXPECT_EQ(response.attempts(0).stop_grace().seconds(), 10);
}

v1::SaveSummaryRequest SaveOf(const v1::Summary& summary) {
  v1::SaveSummaryRequest request;
  request.set_worker_uuid("abc");
  request.set_handoff_id("20270115-mend");
  request.set_number(2);
  request.set_wish(77);
  *request.mutable_summary() = summary;
  return request;
}

TEST(ConvertSummary, TheSpecSaysWhenAndWithWhichModel) {
  v1::HandoffSpec spec = Spec();
  EXPECT_EQ(SummariesOf(CanonicalBytes(spec)).when, core::SummaryPolicy::When::kAuto);
  spec.set_summaries(v1::HandoffSpec::ALWAYS);
  spec.set_summary_model("small");
  EXPECT_EQ(SummariesOf(CanonicalBytes(spec)).when, core::SummaryPolicy::When::kAlways);
  EXPECT_EQ(SummariesOf(CanonicalBytes(spec)).model, "small");
  EXPECT_EQ(SummariesOf("damaged").when, core::SummaryPolicy::When::kNever);
}

TEST(ConvertSummary, WhatAWorkerSaysOfOneIsBounded) {
  v1::Summary summary;
  summary.set_state(v1::Summary::ACCEPTED);
  summary.set_markdown("### Goal");
  core::SaveSummary save = ToCore(SaveOf(summary));
  EXPECT_EQ(save.number, 2);
  EXPECT_EQ(save.wish, 77u);
  EXPECT_EQ(save.refusal, "");
  v1::Summary stored;
  ASSERT_TRUE(stored.ParseFromString(save.bytes));
  EXPECT_EQ(stored.markdown(), "### Goal");
  summary.set_markdown(std::string(70'000, 'x'));
  save = ToCore(SaveOf(summary));
  ASSERT_TRUE(stored.ParseFromString(save.bytes));
  EXPECT_EQ(stored.state(), v1::Summary::REFUSED);
  EXPECT_EQ(stored.markdown(), "");
  EXPECT_EQ(save.refusal, "it is longer than 64 KiB");
  summary.Clear();
  summary.set_message("x\n" + std::string(5000, 'y'));
  save = ToCore(SaveOf(summary));
  ASSERT_TRUE(stored.ParseFromString(save.bytes));
  EXPECT_EQ(stored.state(), v1::Summary::FAILED);
  EXPECT_LE(stored.message().size(), 1024u);
}

TEST(ConvertSummary, WishesAreInTheAnswer) {
  SyncAnswer answer;
  core::SummaryWish wish;
  wish.handoff_id = "h";
  wish.number = 3;
  wish.wish = 9;
  wish.agent = "cursor";
  wish.partial = true;
  answer.reply.summaries = {wish};
  const v1::SyncResponse response = ToProto(answer);
  ASSERT_EQ(response.summaries_size(), 1);
  EXPECT_EQ(response.summaries(0).wish(), 9u);
  EXPECT_EQ(response.summaries(0).number(), 3);
  EXPECT_TRUE(response.summaries(0).partial());
}

}  // namespace
}  // namespace handoff
