#include "worker/agent/like_agent.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "worker/agent/registry.h"

namespace handoff {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string Rest(const AgentCommand& command) {
  std::string out;
  for (const std::string& word : command.argv) out += word + " ";
  for (const auto& [name, value] : command.env) out += name + "=" + value + " ";
  return out;
}

// Whatever an adapter overrides: one that is not handed on shows here.
TEST(LikeAgent, ItIsTheOtherOneButForItsName) {
  AgentRun run;
  run.executable = "/opt/x";
  run.session = "11111111-2222-4333-8444-555555555555";
  run.resume = true;
  run.workspace = "/w/repo";
  const SessionPlace place{"/home/ann", {}, "/srv/a", run.session};
  for (const Agent* model : AllAgents()) {
    const LikeAgent like("mine", *model);
    EXPECT_EQ(like.name(), "mine");
    EXPECT_EQ(like.session_origin(), model->session_origin()) << model->name();
    EXPECT_EQ(like.needs_repository(), model->needs_repository());
    EXPECT_EQ(like.has_stream(), model->has_stream());
    EXPECT_EQ(like.names_session_last(), model->names_session_last());
    EXPECT_EQ(like.forgets_interrupted(), model->forgets_interrupted());
    EXPECT_EQ(like.first_event_limit(), model->first_event_limit());
    EXPECT_EQ(like.id_proves_session(), model->id_proves_session());
    EXPECT_EQ(like.finish_grace(), model->finish_grace());
    EXPECT_EQ(like.Probe().candidates.size(), model->Probe().candidates.size());
    EXPECT_EQ(like.CreateSessionCommand(run), model->CreateSessionCommand(run));
    EXPECT_EQ(like.ParseSessionId("7d1f0c52-6f0e").ok(),
              model->ParseSessionId("7d1f0c52-6f0e").ok());
    EXPECT_EQ(Rest(like.Command(run)), Rest(model->Command(run)));
    ASSERT_EQ(like.SummaryCommand(run).has_value(), model->SummaryCommand(run).has_value());
    if (like.SummaryCommand(run)) {
      EXPECT_EQ(Rest(*like.SummaryCommand(run)), Rest(*model->SummaryCommand(run)));
    }
    ASSERT_EQ(like.TurnCommand(run).has_value(), model->TurnCommand(run).has_value());
    if (like.TurnCommand(run)) {
      EXPECT_EQ(Rest(*like.TurnCommand(run)), Rest(*model->TurnCommand(run)));
    }
    EXPECT_EQ(like.FilesOf(place).root, model->FilesOf(place).root);
    EXPECT_EQ(like.FilesOf(place).patterns, model->FilesOf(place).patterns);
    EXPECT_EQ(like.FileIn(place, "projects/a/b"), model->FileIn(place, "projects/a/b"));
    EXPECT_EQ(like.FilesBeside(place), model->FilesBeside(place));
    EXPECT_EQ(like.SaveSessionCommand("/opt/x", place).has_value(),
              model->SaveSessionCommand("/opt/x", place).has_value());
    EXPECT_EQ(like.LoadSessionCommand("/opt/x", place).has_value(),
              model->LoadSessionCommand("/opt/x", place).has_value());
    EXPECT_NE(like.NewParser(), nullptr);
  }
}

TEST(LikeAgent, WhatItSaysNamesItsOwnSection) {
  const LikeAgent like("mine", *FindAgent("claude"));
  ProbeOutput output{"/opt/mine", "2.1.332 (Claude Code)\n", 0, false, R"({"loggedIn":true})"};
  const ProbeVerdict ready = like.JudgeProbe(output);
  EXPECT_EQ(ready.state, ProbeVerdict::State::kReady);
  EXPECT_EQ(ready.version, "2.1.332 (Claude Code), like claude");

  output.login_out = R"({"loggedIn":false})";
  EXPECT_THAT(like.JudgeProbe(output).message,
              AllOf(HasSubstr("`/opt/mine auth login`"), HasSubstr("[agents.mine.env]"),
                    Not(HasSubstr("agents.claude"))));
  EXPECT_THAT(like.JudgeProbe(std::nullopt).message,
              AllOf(HasSubstr("[agents.mine]"), HasSubstr("like claude")));
  const Verdict verdict = like.Diagnose({1, 0, EndedBy::kItself}, "Not logged in");
  EXPECT_EQ(verdict.failure, FailureClass::kAgentNeedsSetup);
  EXPECT_THAT(verdict.message, HasSubstr("[agents.mine.env]"));
}

}  // namespace
}  // namespace handoff
