// What `handoff doctor` says of a person's own side and of each worker.

#include <grpcpp/support/status.h>
#include <sys/stat.h>

#include "common/file.h"
#include "common/rpc/proto_time.h"
#include "common/version.h"
#include "tests/integration/cli/command.h"

namespace handoff {
namespace {

using ::testing::AllOf;

constexpr absl::Duration kDay = absl::Hours(24);

class Doctor : public Command {
 protected:
  Doctor() {
    Pool(absl::Now());
    worker_.set_name("build-1");
    worker_.set_reachable(true);
    worker_.set_slots(2);
    worker_.set_version(kVersion);
    *worker_.mutable_certificate_not_after() = ToProto(absl::Now() + kDay);
    *worker_.mutable_clock_ahead() = ToProto(absl::Seconds(2));
    v1::AgentOffer& agent = *worker_.add_agents();
    agent.set_name("cursor");
    agent.set_state(v1::AgentOffer::READY);
  }
  void Pool(absl::Time now, const std::string& version = kVersion) {
    v1::PoolInfo pool;
    pool.set_version(version);
    *pool.mutable_now() = ToProto(now);
    coordinator_.SetPool(pool);
  }
  Said Ask() {
    coordinator_.SetWorker(worker_);
    return Run({"doctor"});
  }
  Said AskAt(const std::string& address) const { return Run({"doctor", "--coordinator", address}); }
  v1::Worker worker_;
};

TEST_F(Doctor, WhereAllIsWellEachLineSaysSo) {
  const Said said = Ask();
  EXPECT_EQ(said.exit, 0) << said.out;
  EXPECT_THAT(said.out, AllOf(HasSubstr("ok       certificate: you are alice in pool test-pool"),
                              HasSubstr("ok       coordinator: answers at "),
                              HasSubstr("ok       clock: this host's agrees"),
                              HasSubstr("ok       build-1: 2 of 2 slots free")));
  EXPECT_THAT(said.out, AllOf(Not(HasSubstr("note  ")), Not(HasSubstr("problem"))));
}

TEST_F(Doctor, AClockThatIsOffIsSaidWithItsDirection) {
  Pool(absl::Now() + absl::Minutes(2));
  const Said behind = Ask();
  EXPECT_EQ(behind.exit, 0);
  EXPECT_THAT(behind.out, AllOf(HasSubstr("note     clock: this host's is"),
                                HasSubstr("behind the coordinator's")));
  Pool(absl::Now() - absl::Hours(2));
  const Said ahead = Ask();
  EXPECT_EQ(ahead.exit, 10);
  EXPECT_THAT(ahead.out, AllOf(HasSubstr("problem  clock: this host's is"),
                               HasSubstr("ahead of the coordinator's")));
}

TEST_F(Doctor, OfOneWorkerEachAgentIsSaidWithVersionLoginAndTurn) {
  worker_.mutable_agents(0)->set_version("2026.08.1");
  worker_.mutable_agents(0)->set_account("ann@example.org");
  v1::AgentOffer& other = *worker_.add_agents();
  other.set_name("codex");
  other.set_state(v1::AgentOffer::NEEDS_SETUP);
  other.set_version("0.144.6");
  other.set_message("log in: codex login");
  v1::AgentOffer& missing = *worker_.add_agents();
  missing.set_name("qwen");
  missing.set_state(v1::AgentOffer::MISSING);
  for (const char* name : {"claude", "command"}) {
    v1::AgentOffer& ready = *worker_.add_agents();
    ready.set_name(name);
    ready.set_state(v1::AgentOffer::READY);
  }
  v1::AgentTurn& turn = *worker_.add_turns();
  turn.set_agent("cursor");
  *turn.mutable_at() = ToProto(absl::Now());
  coordinator_.SetWorker(worker_);
  const std::string out = Run({"doctor", "--worker", "build-1"}).out;
  EXPECT_THAT(out, HasSubstr("ok       build-1: cursor ready, version 2026.08.1, ann@example.org; "
                             "one turn worked "));
  EXPECT_THAT(out, HasSubstr("note     build-1: codex needs setup, version 0.144.6"));
  EXPECT_THAT(out, HasSubstr("log in: codex login"));
  EXPECT_THAT(out, HasSubstr("ok       build-1: without qwen"));
  EXPECT_THAT(out, HasSubstr("ok       build-1: claude ready; no turn was asked for yet, which"));
  EXPECT_THAT(out, HasSubstr("ok       build-1: command ready\n"));
  worker_.mutable_turns(0)->set_failure(v1::Failure::QUOTA);
  coordinator_.SetWorker(worker_);
  EXPECT_THAT(Run({"doctor", "--worker", "build-1"}).out,
              AllOf(HasSubstr("note     build-1: cursor ready, version 2026.08.1"),
                    HasSubstr("its account is used up")));
  EXPECT_THAT(Run({"doctor"}).out,
              AllOf(HasSubstr("codex needs setup"), Not(HasSubstr("ann@example.org"))))
      << "of many workers not all";
}

TEST_F(Doctor, AnotherVersionIsSaid) {
  Pool(absl::Now(), "0.0.1");
  worker_.set_version("0.0.2");
  const std::string out = Ask().out;
  EXPECT_THAT(out, HasSubstr("note     version: this command is"));
  EXPECT_THAT(out, HasSubstr("note     build-1: runs version 0.0.2, the coordinator 0.0.1"));
}

TEST_F(Doctor, FilesThatOthersCouldReadOrWriteAreSaidWithTheRemedy) {
  const std::string key = authority_.UserDirectory("alice") + "/key.pem";
  CHECK(::chmod(key.c_str(), 0644) == 0);
  const Said read = Ask();
  EXPECT_NE(read.exit, 0);
  EXPECT_THAT(read.out, AllOf(HasSubstr("problem  pool: "), HasSubstr("key.pem")));
  CHECK(::chmod(key.c_str(), 0600) == 0);
  const std::string authority = authority_.UserDirectory("alice") + "/authority.pem";
  CHECK(::chmod(authority.c_str(), 0666) == 0);
  EXPECT_THAT(Ask().out, HasSubstr("chmod go-w"));
  CHECK(::chmod(authority.c_str(), 0644) == 0);
}

TEST_F(Doctor, RefusedAndAnotherPoolAndNoTlsAreToldApart) {
  const Said refused = AskAt("127.0.0.1:1");
  EXPECT_EQ(refused.exit, 4);
  EXPECT_THAT(refused.out, HasSubstr("nothing listens there"));
  const FakeAuthority other("other-pool");
  const FakeCoordinator elsewhere(other, {});
  const Said another = AskAt(elsewhere.address());
  EXPECT_EQ(another.exit, 5);
  EXPECT_THAT(another.out, AllOf(HasSubstr("not this pool's coordinator"),
                                 HasSubstr("another coordinator has this address")));
  const FakeCoordinator plain;
  EXPECT_THAT(AskAt(plain.address()).out, HasSubstr("speaks no TLS"));
}

TEST_F(Doctor, AWorkersCertificateAndItsRenewalAreSaid) {
  worker_.set_renewal_problem("the coordinator did not answer");
  const Said failing = Ask();
  EXPECT_EQ(failing.exit, 0);
  EXPECT_THAT(failing.out, AllOf(HasSubstr("note     build-1: could not renew its certificate"),
                                 HasSubstr("the coordinator did not answer")));
  *worker_.mutable_certificate_not_after() = ToProto(absl::Now() - kDay);
  worker_.set_reachable(false);
  const Said expired = Ask();
  EXPECT_EQ(expired.exit, 10);
  EXPECT_THAT(expired.out, AllOf(HasSubstr("problem  build-1: its certificate expired"),
                                 HasSubstr("problem  build-1: was last heard of")));
}

class DoctorTurns : public Doctor {
 protected:
  static v1::AgentTurn Turn(const std::string& agent, v1::Failure::Class failure,
                            const std::string& message = "") {
    v1::AgentTurn turn;
    turn.set_agent(agent);
    *turn.mutable_asked_at() = ToProto(absl::Now());
    *turn.mutable_at() = ToProto(absl::Now());
    turn.set_failure(failure);
    turn.set_message(message);
    return turn;
  }
  Said AskTurns(std::vector<std::string> more = {}) {
    coordinator_.SetWorker(worker_);
    more.insert(more.begin(), {"doctor", "--worker", "build-1", "--turn"});
    return Run(more);
  }
};

TEST_F(DoctorTurns, OneThatWorkedIsSaidWithItsModelTimeAndTokens) {
  v1::AgentTurn turn = Turn("cursor", v1::Failure::NONE);
  turn.set_model("small-1");
  *turn.mutable_took() = ToProto(absl::Milliseconds(2100));
  turn.mutable_usage()->set_input_tokens(120);
  turn.mutable_usage()->set_output_tokens(7);
  coordinator_.turns().Set({turn}, /*looks=*/2);
  const Said said = AskTurns();
  EXPECT_EQ(said.exit, 0) << said.out << said.err;
  EXPECT_THAT(said.out, AllOf(HasSubstr("ok       build-1 cursor: one turn worked "),
                              HasSubstr(", 2.1 s, model small-1, 120 tokens in, 7 out")));
  ASSERT_EQ(coordinator_.turns().asked().size(), 1u);
  EXPECT_EQ(coordinator_.turns().asked()[0].worker(), "build-1");
  EXPECT_EQ(coordinator_.turns().asked()[0].agent(), "");
}

TEST_F(DoctorTurns, NothingIsSaidOfTheOneBefore) {
  coordinator_.turns().Set({Turn("cursor", v1::Failure::NONE)}, 0);
  EXPECT_THAT(AskTurns().out, AllOf(HasSubstr("ok       build-1: cursor ready\n"),
                                    HasSubstr("build-1 cursor: one turn worked")));
}

TEST_F(DoctorTurns, OneThatFailedIsAProblemWithItsClassAndWhatToDo) {
  coordinator_.turns().Set({Turn("cursor", v1::Failure::QUOTA, "You have hit your limit.")}, 0);
  const Said said = AskTurns({"--agent", "cursor"});
  EXPECT_EQ(said.exit, 10);
  EXPECT_THAT(said.out, AllOf(HasSubstr("problem  build-1 cursor: one turn quota "),
                              HasSubstr(": You have hit your limit."),
                              HasSubstr("         its account is used up: wait")));
  EXPECT_EQ(coordinator_.turns().asked()[0].agent(), "cursor");
  const Said json = AskTurns({"--agent", "cursor", "--json"});
  EXPECT_THAT(json.out, HasSubstr(R"({"kind":"PROBLEM","what":"build-1 cursor","detail":)"));
}

TEST_F(DoctorTurns, OneOfAnAgentThatIsNotSetUpIsAProblemOnlyWhenItWasNamed) {
  v1::AgentOffer& offer = *worker_.add_agents();
  offer.set_name("claude");
  offer.set_state(v1::AgentOffer::NEEDS_SETUP);
  coordinator_.turns().Set({Turn("cursor", v1::Failure::NONE),
                            Turn("claude", v1::Failure::AGENT_NEEDS_SETUP, "Not logged in.")},
                           0);
  const Said all = AskTurns();
  EXPECT_EQ(all.exit, 0) << all.out;
  EXPECT_THAT(all.out, HasSubstr("note     build-1 claude: one turn agent_needs_setup "));
  const Said named = AskTurns({"--agent", "claude"});
  EXPECT_EQ(named.exit, 10);
  EXPECT_THAT(named.out, AllOf(HasSubstr("problem  build-1 claude: one turn agent_needs_setup "),
                               Not(HasSubstr("build-1 cursor: one turn"))));
}

TEST_F(DoctorTurns, OneThatIsNotAnsweredIsSaidSoAndEndsInTime) {
  coordinator_.turns().Set({Turn("cursor", v1::Failure::NONE)}, /*looks=*/1'000'000);
  const Said said = AskTurns({"--timeout", "1s"});
  EXPECT_EQ(said.exit, 8);
  EXPECT_THAT(said.out, AllOf(HasSubstr("problem  build-1 cursor: no answer within 1 s"),
                              HasSubstr("'handoff worker show build-1'")));
}

TEST_F(DoctorTurns, ARefusalIsAProblemOfANamedWorkerAndANoteOfOthers) {
  coordinator_.turns().Refuse(
      {grpc::StatusCode::FAILED_PRECONDITION, "worker 'build-1' does not answer this"});
  const Said named = AskTurns();
  EXPECT_EQ(named.exit, 6);
  EXPECT_THAT(named.out, HasSubstr("problem  build-1: worker 'build-1' does not answer this"));
  const Said any = Run({"doctor", "--turn"});
  EXPECT_EQ(any.exit, 6);
  EXPECT_THAT(any.out, HasSubstr("note     build-1: worker 'build-1' does not answer this"));
  EXPECT_THAT(any.out, HasSubstr("problem  turn: none was asked for"));
  coordinator_.turns().Refuse({grpc::StatusCode::UNIMPLEMENTED, ""});
  EXPECT_THAT(AskTurns().out, HasSubstr("the coordinator is older than this command"));
}

TEST_F(DoctorTurns, NoneIsAskedOfAWorkerThatIsSilentNorWithoutTheFlag) {
  EXPECT_EQ(Ask().exit, 0);
  worker_.set_reachable(false);
  coordinator_.SetWorker(worker_);
  Run({"doctor", "--turn"});
  EXPECT_EQ(coordinator_.turns().asked().size(), 0u);
  const Said lonely = Run({"doctor", "--timeout", "1s"});
  EXPECT_EQ(lonely.exit, 2) << lonely.err;
}

class DoctorPlacement : public Doctor {
 protected:
  DoctorPlacement() {
    Git({"init", "-q", "-b", "main", repo_});
    Git({"-C", repo_, "remote", "add", "origin", dir_.path() + "/acme/tools.git"});
    CHECK(WriteFileAtomically(repo_ + "/a", "a").ok());
    Git({"-C", repo_, "add", "a"});
    Git({"-C", repo_, "-c", "user.name=n", "-c", "user.email=e", "commit", "-q", "-m", "c"});
  }
  Said AskHere() {
    coordinator_.SetWorker(worker_);
    return Run({"doctor", "--worker", "build-1", "--repo", repo_});
  }
  const std::string repo_ = dir_.path() + "/r";
};

TEST_F(DoctorPlacement, AWorkerThatWouldTakeASubmitFromHereSaysWithWhichAgents) {
  worker_.add_repos(dir_.path() + "/acme/*");
  v1::AgentOffer& offer = *worker_.add_agents();
  offer.set_name("claude");
  offer.set_state(v1::AgentOffer::READY);
  v1::Hold& hold = *worker_.add_holds();
  hold.set_key("agent:claude");
  const Said said = AskHere();
  EXPECT_THAT(said.out, HasSubstr("ok       build-1: would take a submit from here with cursor;"));
  worker_.clear_holds();
  EXPECT_THAT(AskHere().out, HasSubstr("take a submit from here with cursor, claude;"));
}

// Beside what keeps it from taking anything, nothing is promised.
TEST_F(DoctorPlacement, AWorkerThatTakesNothingWouldTakeNoSubmitFromHere) {
  worker_.set_draining(true);
  EXPECT_THAT(AskHere().out, Not(HasSubstr("would take a submit from here")));
  worker_.set_draining(false);
  worker_.set_not_accepting("the disk is low");
  EXPECT_THAT(AskHere().out, Not(HasSubstr("would take a submit from here")));
  worker_.clear_not_accepting();
  worker_.set_reachable(false);
  EXPECT_THAT(AskHere().out, Not(HasSubstr("would take a submit from here")));
  worker_.set_reachable(true);
  EXPECT_THAT(AskHere().out, HasSubstr("would take a submit from here"));
}

TEST_F(DoctorPlacement, WhatIsInTheWayThereIsSaid) {
  worker_.add_repos("github.com/acme/*");
  worker_.set_owner("bob");
  ASSERT_TRUE(WriteFileAtomically(repo_ + "/.handoff.toml", "[require]\ngpu = \"2\"\n").ok());
  const Said said = AskHere();
  EXPECT_EQ(said.exit, 6) << said.out;
  EXPECT_THAT(said.out,
              AllOf(HasSubstr("problem  build-1: takes only the work of bob"),
                    HasSubstr("problem  build-1: does not take this repository, "),
                    HasSubstr("only those like github.com/acme/*"),
                    HasSubstr("problem  build-1: lacks the label gpu=2, which .handoff.toml"),
                    Not(HasSubstr("would take a submit"))));
}

TEST_F(Doctor, AWorkersClockIsSaid) {
  *worker_.mutable_clock_ahead() = ToProto(absl::Minutes(-1));
  const Said near = Ask();
  EXPECT_EQ(near.exit, 0);
  EXPECT_THAT(near.out, AllOf(HasSubstr("note     build-1: its clock is"),
                              HasSubstr("behind the coordinator's")));
  *worker_.mutable_clock_ahead() = ToProto(absl::Minutes(10));
  const Said far = Ask();
  EXPECT_EQ(far.exit, 10);
  EXPECT_THAT(far.out, AllOf(HasSubstr("problem  build-1: its clock is"),
                             HasSubstr("ahead of the coordinator's")));
}

}  // namespace
}  // namespace handoff
