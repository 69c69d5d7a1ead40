// `.handoff.toml`: what a submit takes from it, what it may not say, and what the doctor says of
// it.

#include <sys/stat.h>

#include <map>

#include "absl/strings/str_cat.h"
#include "cli/settings.h"
#include "common/rpc/proto_time.h"
#include "common/version.h"
#include "tests/integration/cli/command.h"

namespace handoff {
namespace {

using ::testing::AllOf;
using ::testing::StartsWith;

class ProjectFile : public Command {
 protected:
  ProjectFile() {
    Git({"init", "-q", "-b", "main"});
    CHECK(WriteFileAtomically(dir_.path() + "/.git/info/exclude", "handoff-*\n").ok());
    CommitFile();
  }
  void Write(const std::string& text) const {
    CHECK(WriteFileAtomically(dir_.path() + "/.handoff.toml", text).ok());
  }
  void AddWorker(const std::string& name, const std::map<std::string, std::string>& labels,
                 const std::string& agent) {
    v1::Worker worker;
    worker.set_name(name);
    worker.set_reachable(true);
    worker.set_slots(1);
    worker.set_version(kVersion);
    worker.mutable_labels()->insert(labels.begin(), labels.end());
    v1::AgentOffer& offer = *worker.add_agents();
    offer.set_name(agent);
    offer.set_state(v1::AgentOffer::READY);
    coordinator_.SetWorker(worker);
    v1::PoolInfo pool;
    pool.set_version(kVersion);
    pool.set_writable(true);
    *pool.mutable_now() = ToProto(absl::Now());
    coordinator_.SetPool(pool);
  }
  v1::HandoffSpec Submitted(const std::vector<std::string>& flags) {
    std::vector<std::string> arguments = {"submit", "Fix it", "--allow-duplicate"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    const Said said = Run(arguments);
    EXPECT_EQ(said.exit, 0) << said.err;
    const auto submits = coordinator_.submits();
    return submits.empty() ? v1::HandoffSpec() : submits.back().spec();
  }
  static std::string Example() {
    const auto page = ReadFile(absl::StrCat(HANDOFF_SOURCE_DIR, "/docs/handoff-toml.md"));
    CHECK(page.ok());
    const std::string fence = "```toml\n";
    const size_t from = page->find(fence) + fence.size();
    return page->substr(from, page->find("```", from) - from);
  }
};

TEST_F(ProjectFile, TheDocumentedExampleSetsEveryKey) {
  Write(Example());
  const auto read = ReadProjectDefaults(dir_.path());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->ToString(),
            "agent=claude, model=opus, timeout=2h, deadline=1d, stall_timeout=15m, retries=1, "
            "check=ninja -C build, check=ninja -C build test, check_timeout=20m, check_retries=2, "
            "push=true, summaries=auto, summary_model=haiku, require.gpu=yes, require.os=linux, "
            "labels.team=net");
  // Every key that is known, so that none is forgotten there.
  Write("nonsense = 1\n");
  const std::string known(ReadProjectDefaults(dir_.path()).status().message());
  const size_t list = known.find("known are ");
  ASSERT_NE(list, std::string::npos) << known;
  for (size_t at = list + 10; at < known.size();) {
    const std::string key = known.substr(at, known.find(", ", at) - at);
    EXPECT_THAT("\n" + Example(), HasSubstr("\n" + key + " = ")) << key;
    at += key.size() + 2;
  }
}

TEST_F(ProjectFile, WhatItSetsIsPrintedAndSubmitted) {
  Write(Example());
  const Said said = Run({"submit", "Fix it", "--no-push"});
  ASSERT_EQ(said.exit, 0) << said.err;
  EXPECT_THAT(said.err, HasSubstr(".handoff.toml sets agent=claude, model=opus, timeout=2h"));
  const v1::HandoffSpec spec = coordinator_.submits()[0].spec();
  EXPECT_EQ(spec.agent(), "claude");
  EXPECT_EQ(spec.model(), "opus");
  EXPECT_EQ(spec.timeout().seconds(), 7200);
  EXPECT_EQ(spec.deadline().seconds(), 86400);
  EXPECT_EQ(spec.stall_timeout().seconds(), 900);
  EXPECT_EQ(spec.retries(), 1);
  ASSERT_EQ(spec.checks_size(), 2);
  EXPECT_EQ(spec.checks(0).timeout().seconds(), 1200);
  EXPECT_EQ(spec.check_retries(), 2);
  EXPECT_EQ(spec.summary_model(), "haiku");
  EXPECT_EQ(spec.require().at("gpu"), "yes");
  EXPECT_EQ(spec.labels().at("team"), "net");
  EXPECT_FALSE(spec.push());
}

TEST_F(ProjectFile, EachFlagWinsOverItsKey) {
  Write(Example());
  const v1::HandoffSpec spec =
      Submitted({"--agent",     "claude",  "--model",         "m",   "--timeout",       "1h",
                 "--deadline",  "3h",      "--stall-timeout", "1m",  "--retries",       "0",
                 "--check",     "true",    "--check-timeout", "1m",  "--check-retries", "0",
                 "--summaries", "never",   "--summary-model", "s",   "--require",       "os=bsd",
                 "--require",   "cpu=arm", "--label",         "a=b", "--no-push"});
  EXPECT_EQ(spec.model(), "m");
  EXPECT_EQ(spec.timeout().seconds(), 3600);
  EXPECT_EQ(spec.deadline().seconds(), 3 * 3600);
  EXPECT_EQ(spec.stall_timeout().seconds(), 60);
  EXPECT_TRUE(spec.has_retries());
  EXPECT_EQ(spec.retries(), 0);
  ASSERT_EQ(spec.checks_size(), 1) << "they stand in place of the file's";
  EXPECT_EQ(spec.checks(0).command(), "true");
  EXPECT_EQ(spec.checks(0).timeout().seconds(), 60);
  EXPECT_EQ(spec.check_retries(), 0);
  EXPECT_EQ(spec.summaries(), v1::HandoffSpec::NEVER);
  EXPECT_EQ(spec.summary_model(), "s");
  EXPECT_EQ(spec.require_size(), 3) << "they add to the file's";
  EXPECT_EQ(spec.require().at("os"), "bsd");
  EXPECT_EQ(spec.labels_size(), 2);
  EXPECT_FALSE(spec.push());
  EXPECT_EQ(Submitted({"--agent", "codex", "--no-push"}).agent(), "codex");
  EXPECT_EQ(Submitted({"--agent", "codex", "--no-push"}).model(), "") << "that is claude's";
}

// Flag over environment over configuration, and none of it is the repository's to say.
TEST_F(ProjectFile, WhereWorkGoesIsSaidByThePersonAlone) {
  const std::string config = dir_.path() + "/.config/handoff";
  CHECK(MakeDirectories(config).ok());
  CHECK(WriteFileAtomically(config + "/config.toml", "coordinator = \"127.0.0.1:1\"\n").ok());
  EXPECT_EQ(Run({"list"}).exit, 0) << "the environment wins over config.toml";
  EXPECT_EQ(Run({"list", "--coordinator", "127.0.0.1:2"}).exit, 4) << "the flag wins over both";
  for (const char* line : {"coordinator = \"127.0.0.1:3\"", "pool = \"x\"", "env = { A = \"b\" }",
                           "secrets = [\"KEY\"]", "on = \"w\"", "prefer = \"w\"",
                           "include = [\".env\"]", "from = \"head\"", "notify = [\"k\"]",
                           "priority = 7", "exclusive = true", "private = false"}) {
    Write(absl::StrCat("# not for it\n", line, "\n"));
    const Said said = Run({"submit", "Fix it"});
    EXPECT_EQ(said.exit, 2) << line;
    EXPECT_THAT(said.err, AllOf(HasSubstr("/.handoff.toml:2: '"),
                                HasSubstr("is not for a repository to set: "),
                                HasSubstr("nothing was handed over")));
  }
  EXPECT_THAT(coordinator_.submits(), IsEmpty());
}

TEST_F(ProjectFile, NothingOfItReachesTheTerminalAsMoreThanText) {
  Write(absl::StrCat("model = \"", std::string(200, 'm'),
                     "\"\nchecks = [\"true \\u001b]0;x\\u0007 "
                     "\\u202etxt\\nnext\"]\nsummary_model = \"s\"\n"));
  const std::string err = Run({"submit", "Fix it"}).err;
  EXPECT_THAT(err, AllOf(Not(HasSubstr("\x1b")), Not(HasSubstr("\x07")), Not(HasSubstr("\u202e"))));
  Write("checks = [\"true \\u001b]0;x\\u0007 \\u202etxt\\nnext\", \"" + std::string(900, 'a') +
        "\", \"last\"]\n");
  const std::string shown = Run({"submit", "Fix it"}).err;
  EXPECT_THAT(shown, AllOf(Not(HasSubstr("\x1b")), Not(HasSubstr("\x07"))));
  EXPECT_THAT(shown, HasSubstr("check=last")) << "a long one does not hide another";
}

TEST_F(ProjectFile, AnythingButASmallFileIsRefusedWithoutWaiting) {
  const std::string path = dir_.path() + "/.handoff.toml";
  CHECK(::mkfifo(path.c_str(), 0600) == 0);
  const Said fifo = Run({"submit", "Fix it"});
  EXPECT_EQ(fifo.exit, 2);
  EXPECT_THAT(fifo.err, HasSubstr("is no regular file"));
  CHECK(::unlink(path.c_str()) == 0);
  Write("# " + std::string(70 << 10, 'x'));
  const Said large = Run({"submit", "Fix it"});
  EXPECT_EQ(large.exit, 2);
  EXPECT_THAT(large.err, HasSubstr("larger than the allowed 65536 bytes"));
  EXPECT_THAT(coordinator_.submits(), IsEmpty());
}

TEST_F(ProjectFile, KeysWithoutEndAreRefused) {
  std::string deep = "labels";
  for (int i = 0; i < 32'000; ++i) deep += ".a";
  Write(deep + " = 1\n");
  for (const std::vector<std::string>& line :
       {std::vector<std::string>{"submit", "--dry-run", "x"}, {"doctor", "--repo", "."}}) {
    const Said said = Run(line);
    EXPECT_GT(said.exit, 0) << line[0];
    EXPECT_THAT(said.out + said.err, HasSubstr("has more than 2000 dots")) << line[0];
  }
  // As deep as may be.
  deep = "labels";
  for (int i = 0; i < 2'000; ++i) deep += ".a";
  Write(deep + " = 1\n");
  EXPECT_EQ(Run({"submit", "--dry-run", "x"}).exit, 2);
}

TEST_F(ProjectFile, TheDoctorRefusesAPushToNowhere) {
  AddWorker("build-1", {}, "cursor");
  Write("push = true\n");
  const Said nowhere = Run({"doctor"});
  EXPECT_EQ(nowhere.exit, 2);
  EXPECT_THAT(nowhere.out, HasSubstr("problem  .handoff.toml: sets push = true, and this"));
  Git({"remote", "add", "origin", "http://127.0.0.1:1/app.git"});
  EXPECT_EQ(Run({"doctor"}).exit, 0);
}

TEST_F(ProjectFile, AResumeDoesNotReadIt) {
  Add("20261120-h", v1::Handoff::FAILED);
  Write("agent = 7\n");
  EXPECT_EQ(Run({"resume", "20261120-h"}).exit, 0);
  Write(Example());
  EXPECT_EQ(Run({"resume", "20261120-h"}).exit, 0);
  ASSERT_EQ(coordinator_.resumes().size(), 2u);
  EXPECT_EQ(coordinator_.resumes()[1].SerializeAsString(),
            coordinator_.resumes()[0].SerializeAsString());
}

TEST_F(ProjectFile, TheDoctorShowsItAndNamesTheWorkersThatFit) {
  Write("agent = \"claude\"\nrequire = { os = \"linux\", gpu = \"yes\" }\n");
  AddWorker("build-1", {{"os", "linux"}, {"gpu", "yes"}}, "claude");
  const Said said = Run({"doctor"});
  EXPECT_EQ(said.exit, 0) << said.out;
  EXPECT_THAT(said.out, HasSubstr("ok       .handoff.toml: sets agent=claude, require.gpu=yes, "
                                  "require.os=linux"));
  EXPECT_THAT(said.out, HasSubstr("ok       requirements: build-1 has gpu=yes, os=linux"));
}

TEST_F(ProjectFile, TheDoctorSaysWhatThePoolDoesNotHave) {
  AddWorker("build-1", {{"os", "linux"}}, "claude");
  Write("agent = \"claude\"\nrequire = { os = \"linux\", gpu = \"yes\" }\n");
  const Said lacks = Run({"doctor"});
  EXPECT_NE(lacks.exit, 0);
  EXPECT_THAT(lacks.out, HasSubstr("problem  requirements: no worker has gpu=yes"));
  Write("agent = \"codex\"\nrequire = { os = \"linux\" }\n");
  EXPECT_THAT(Run({"doctor"}).out,
              HasSubstr("problem  requirements: build-1 has os=linux, and cannot run codex now"));
  Write("agent = \"opus\"\n");
  EXPECT_THAT(Run({"doctor"}).out,
              HasSubstr("problem  .handoff.toml: agent 'opus' is none that this pool has; there "
                        "are claude, codex, command, copilot, cursor"));
}

TEST_F(ProjectFile, TheDoctorHoldsItAgainstTheRulesAndGoesOn) {
  AddWorker("build-1", {}, "cursor");
  for (const auto& [text, says] : std::map<std::string, std::string>{
           {"timeout = \"xx\"\n", "timeout 'xx' is not a time"},
           {"retries = 11\n", "retries 11 is not between"},
           {"agent = \"command\"\nsummaries = \"yes\"\n", "summaries 'yes' is none of"},
           {"modle = \"opus\"\n", ".handoff.toml:1: unknown key 'modle'; known are agent, model"},
           {"agent = 7\n", ".handoff.toml:1: 'agent' must be a string in quotes"},
           {"env = { A = \"b\" }\n", "is not for a repository to set"}}) {
    Write(text);
    const Said said = Run({"doctor", "--repo", "."});
    EXPECT_EQ(said.exit, 2) << said.out;
    EXPECT_THAT(said.out, AllOf(HasSubstr("problem  .handoff.toml: "), HasSubstr(says),
                                HasSubstr("nothing is submitted from here until then"),
                                HasSubstr("ok       build-1: ")));
  }
}

}  // namespace
}  // namespace handoff
