#include "cli/submit_spec.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "handoff/v1/types.pb.h"

namespace handoff {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

absl::StatusOr<v1::HandoffSpec> Build(const SubmitFlags& flags,
                                      const ProjectDefaults& defaults = {},
                                      const std::string& task = "Fix it",
                                      const std::vector<std::string>& argv = {}) {
  return BuildSpec(flags, defaults, task, argv, {"USER=alice", "TOKEN=t"});
}

TEST(BuildSpec, HasTheDefaultsOfTheDesign) {
  const auto spec = Build({});
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->task(), "Fix it");
  EXPECT_EQ(spec->agent(), "cursor");
  EXPECT_FALSE(spec->has_timeout());
  EXPECT_FALSE(spec->has_retries());
  EXPECT_EQ(spec->id(), "");
}

TEST(BuildSpec, EverySubmitHasAKeySoThatARetryCannotDuplicateIt) {
  EXPECT_NE(Build({})->idempotency_key(), Build({})->idempotency_key());
  EXPECT_GT(Build({})->idempotency_key().size(), 30u);
  SubmitFlags flags;
  flags.idempotency_key = "mine";
  EXPECT_EQ(Build(flags)->idempotency_key(), "mine");
}

TEST(BuildSpec, FlagsWinOverTheRepository) {
  ProjectDefaults defaults;
  defaults.agent = "claude";
  defaults.model = "opus";
  defaults.timeout = "2h";
  defaults.retries = 5;
  defaults.require = {{"os", "linux"}, {"gpu", "no"}};
  SubmitFlags flags;
  auto spec = Build(flags, defaults);
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->agent(), "claude");
  EXPECT_EQ(spec->model(), "opus");
  EXPECT_EQ(spec->timeout().seconds(), 7200);
  EXPECT_EQ(spec->retries(), 5);
  flags.agent = "cursor";
  flags.timeout = "10m";
  flags.retries = 0;
  flags.require = {"gpu=yes"};
  spec = Build(flags, defaults);
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->agent(), "cursor");
  EXPECT_EQ(spec->model(), "") << "the model belongs to the repository's agent";
  EXPECT_EQ(spec->timeout().seconds(), 600);
  EXPECT_TRUE(spec->has_retries());
  EXPECT_EQ(spec->retries(), 0);
  EXPECT_EQ(spec->require().at("gpu"), "yes");
  EXPECT_EQ(spec->require().at("os"), "linux");
}

TEST(BuildSpec, ChecksOfTheFlagsStandInPlaceOfTheRepositorys) {
  ProjectDefaults defaults;
  defaults.checks = {"ninja test", "ninja lint"};
  defaults.check_timeout = "2m";
  defaults.check_retries = 3;
  auto spec = Build({}, defaults);
  ASSERT_TRUE(spec.ok()) << spec.status();
  ASSERT_EQ(spec->checks_size(), 2);
  EXPECT_EQ(spec->checks(1).command(), "ninja lint");
  EXPECT_EQ(spec->checks(1).timeout().seconds(), 120);
  EXPECT_EQ(spec->check_retries(), 3);
  SubmitFlags flags;
  flags.checks = {"true"};
  flags.check_timeout = "10s";
  flags.check_retries = 0;
  spec = Build(flags, defaults);
  ASSERT_TRUE(spec.ok()) << spec.status();
  ASSERT_EQ(spec->checks_size(), 1);
  EXPECT_EQ(spec->checks(0).command(), "true");
  EXPECT_EQ(spec->checks(0).timeout().seconds(), 10);
  EXPECT_EQ(spec->check_retries(), 0);
}

TEST(BuildSpec, WhatARepositoryWantsCheckedIsTheWorkOfAgents) {
  ProjectDefaults defaults;
  defaults.checks = {"ninja test"};
  defaults.check_retries = 1;
  EXPECT_EQ(Build({}, defaults, "make", {"make"})->checks_size(), 0);
  SubmitFlags flags;
  flags.checks = {"test -e out"};
  const auto spec = Build(flags, defaults, "make", {"make"});
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->checks_size(), 1);
  EXPECT_EQ(spec->check_retries(), 0) << "a command reads no messages";
  flags.check_retries = 1;
  EXPECT_TRUE(absl::IsInvalidArgument(Build(flags, defaults, "make", {"make"}).status()));
}

TEST(BuildSpec, HowTheFileHasThingsCheckedIsRightAlsoWhereNothingIs) {
  ProjectDefaults defaults;
  defaults.check_retries = 99;
  EXPECT_TRUE(absl::IsInvalidArgument(Build({}, defaults).status()));
  defaults.check_retries = 1;
  defaults.check_timeout = "20";
  EXPECT_TRUE(absl::IsInvalidArgument(Build({}, defaults).status()));
  defaults.check_timeout = "20s";
  EXPECT_TRUE(Build({}, defaults).ok());
}

TEST(BuildSpec, LabelsAreBoundedAndThoseOfAPipelineTakeWhatRoomThereIs) {
  ProjectDefaults defaults;
  for (int i = 0; i < 31; ++i) defaults.labels[absl::StrCat("l", i)] = "x";
  SubmitFlags flags;
  flags.ci_labels = {"ci=github", "ci.run=7"};
  auto spec = Build(flags, defaults);
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->labels().size(), 32u);
  EXPECT_EQ(spec->labels().at("ci"), "github");
  defaults.labels["ci"] = "theirs";
  EXPECT_EQ(Build(flags, defaults)->labels().at("ci"), "theirs");
  defaults.labels["one"] = "too many";
  EXPECT_TRUE(absl::IsInvalidArgument(Build({}, defaults).status()));
  defaults.labels.clear();
  for (int i = 0; i < 33; ++i) defaults.require[absl::StrCat("r", i)] = "x";
  EXPECT_TRUE(absl::IsInvalidArgument(Build({}, defaults).status()));
}

TEST(BuildSpec, ACommandLineMeansTheAgentCommand) {
  ProjectDefaults defaults;
  defaults.agent = "claude";
  const auto spec = Build({}, defaults, "make -j8", {"make", "-j8"});
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->agent(), "command");
  EXPECT_THAT(spec->argv(), ElementsAre("make", "-j8"));
  SubmitFlags flags;
  flags.agent = "cursor";
  EXPECT_TRUE(absl::IsInvalidArgument(Build(flags, {}, "make", {"make"}).status()));
}

// What must be refused before anything is uploaded, each with a sentence that names it.
struct Nonsense {
  const char* name;
  void (*set)(SubmitFlags&);
  const char* says;
};
void PrintTo(const Nonsense& nonsense, std::ostream* out) { *out << nonsense.name; }

class BuildSpecRefuses : public ::testing::TestWithParam<Nonsense> {};

TEST_P(BuildSpecRefuses, WithOneClearSentence) {
  SubmitFlags flags;
  GetParam().set(flags);
  const auto spec = Build(flags);
  ASSERT_TRUE(absl::IsInvalidArgument(spec.status())) << spec.status();
  EXPECT_THAT(std::string(spec.status().message()), HasSubstr(GetParam().says));
}

INSTANTIATE_TEST_SUITE_P(
    Nonsense, BuildSpecRefuses,
    ::testing::Values(
        Nonsense{"id", [](SubmitFlags& f) { f.id = "../etc"; }, "id '../etc'"},
        Nonsense{"label", [](SubmitFlags& f) { f.labels = {"k=a\nb"}; }, "label k"},
        Nonsense{"timeout", [](SubmitFlags& f) { f.timeout = "-1"; }, "--timeout '-1'"},
        Nonsense{"deadline", [](SubmitFlags& f) { f.deadline = "0s"; }, "--deadline"},
        Nonsense{"stall", [](SubmitFlags& f) { f.stall_timeout = "x"; }, "--stall-timeout"},
        Nonsense{"lease", [](SubmitFlags& f) { f.lease = "soon"; }, "--lease 'soon'"},
        Nonsense{"shortlease", [](SubmitFlags& f) { f.lease = "4s"; }, "--lease '4s' is too short"},
        Nonsense{"model", [](SubmitFlags& f) { f.model = "--help"; }, "model '--help'"},
        Nonsense{"agent", [](SubmitFlags& f) { f.agent = "Cursor!"; }, "agent"},
        Nonsense{"on", [](SubmitFlags& f) { f.on = "a b"; }, "worker name"},
        Nonsense{"prefer", [](SubmitFlags& f) { f.prefer = "-x"; }, "worker name"},
        Nonsense{"priority", [](SubmitFlags& f) { f.priority = 101; }, "--priority 101"},
        Nonsense{"retries", [](SubmitFlags& f) { f.retries = 11; }, "--retries 11"},
        Nonsense{"check", [](SubmitFlags& f) { f.checks = {""}; }, "--check: a check's command"},
        Nonsense{"checks", [](SubmitFlags& f) { f.checks.assign(17, "true"); }, "more than 16"},
        Nonsense{"checktries",
                 [](SubmitFlags& f) {
                   f.checks = {"true"};
                   f.check_retries = 21;
                 },
                 "--check-retries 21 is not between 0 and 20"},
        Nonsense{"checklimit",
                 [](SubmitFlags& f) {
                   f.checks = {"true"};
                   f.check_timeout = "soon";
                 },
                 "--check-timeout 'soon'"},
        Nonsense{"nochecks", [](SubmitFlags& f) { f.check_retries = 1; }, "add --check CMD"},
        Nonsense{"env", [](SubmitFlags& f) { f.env = {"LD_PRELOAD=/x"}; }, "LD_PRELOAD"},
        Nonsense{"unset", [](SubmitFlags& f) { f.env = {"NOPE"}; }, "NOPE"},
        Nonsense{"key", [](SubmitFlags& f) { f.idempotency_key.assign(129, 'k'); }, "129 bytes"}),
    [](const auto& test) { return test.param.name; });

// What stands in .handoff.toml is not to be looked for among the flags.
TEST(BuildSpec, NamesTheFileThatSetsAWrongValue) {
  const auto said = [](void (*set)(ProjectDefaults&)) {
    ProjectDefaults defaults;
    defaults.file = "/r/.handoff.toml";
    set(defaults);
    const absl::Status status = Build({}, defaults).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    return std::string(status.message());
  };
  using Defaults = ProjectDefaults;
  for (const auto& [set, says] : std::vector<std::pair<void (*)(Defaults&), const char*>>{
           {[](Defaults& d) { d.timeout = "xx"; }, "timeout 'xx' is not a time"},
           {[](Defaults& d) { d.deadline = "99d"; }, "deadline '99d' is more than 30d"},
           {[](Defaults& d) { d.stall_timeout = "0s"; }, "stall_timeout '0s' must be more than 0"},
           {[](Defaults& d) { d.retries = 11; }, "retries 11 is not between"},
           {[](Defaults& d) { d.checks = {""}; }, "a check's command must have"},
           {[](Defaults& d) {
              d.checks = {"true"};
              d.check_timeout = "xx";
            },
            "check_timeout 'xx' is not a time"},
           {[](Defaults& d) {
              d.checks = {"true"};
              d.check_retries = -1;
            },
            "check_retries -1 is not between"},
           {[](Defaults& d) { d.agent = "Cursor!"; }, "agent 'Cursor!'"},
           {[](Defaults& d) { d.model = "--help"; }, "model '--help'"},
           {[](Defaults& d) {
              d.labels = {{"k", "a\nb"}};
            },
            "label k"},
           {[](Defaults& d) {
              d.require = {{"a b", "c"}};
            },
            "label key 'a b'"}}) {
    EXPECT_THAT(said(set), HasSubstr(says));
    EXPECT_THAT(said(set), ::testing::StartsWith("/r/.handoff.toml: "));
  }
}

TEST(BuildSpec, APushIsAskedForByFlagOrRepository) {
  ProjectDefaults defaults;
  EXPECT_FALSE(Build({}, defaults)->push());
  SubmitFlags push;
  push.push = true;
  EXPECT_TRUE(Build(push, defaults)->push());
  EXPECT_TRUE(Build(push, defaults, "make", {"make"})->push());
  defaults.push = true;
  EXPECT_TRUE(Build({}, defaults)->push());
  EXPECT_FALSE(Build({}, defaults, "make", {"make"})->push()) << "it wants that of agents";
  SubmitFlags no_push;
  no_push.no_push = true;
  EXPECT_FALSE(Build(no_push, defaults)->push());
}

TEST(BuildSpec, APushNeedsARemote) {
  v1::HandoffSpec spec;
  EXPECT_TRUE(CheckPush(spec).ok());
  spec.set_push(true);
  EXPECT_THAT(std::string(CheckPush(spec).message()), HasSubstr("this handoff has none"));
  spec.mutable_repository()->set_key("root:x");
  EXPECT_THAT(std::string(CheckPush(spec).message()), HasSubstr("no remote"));
  spec.mutable_repository()->set_url("https://example.org/r.git");
  EXPECT_TRUE(CheckPush(spec).ok());
}

TEST(BuildSpec, RefusesTasksThatAreNone) {
  EXPECT_THAT(std::string(Build({}, {}, " \n").status().message()), HasSubstr("empty"));
  EXPECT_THAT(std::string(Build({}, {}, std::string(5 << 20, 'x')).status().message()),
              HasSubstr("at most 1 MiB"));
  EXPECT_FALSE(Build({}, {}, "\xff").ok());
}

TEST(BuildSpec, SummariesComeFromTheFlagOrTheFileAndAreNoneOfACommand) {
  ProjectDefaults defaults;
  defaults.summaries = "never";
  defaults.summary_model = "small";
  SubmitFlags flags;
  EXPECT_EQ(Build(flags)->summaries(), v1::HandoffSpec::AUTO);
  EXPECT_EQ(Build(flags, defaults)->summaries(), v1::HandoffSpec::NEVER);
  EXPECT_EQ(Build(flags, defaults)->summary_model(), "small");
  EXPECT_EQ(Build(flags, defaults, "ls", {"ls"})->summaries(), v1::HandoffSpec::AUTO);
  flags.summaries = "always";
  flags.summary_model = "large";
  EXPECT_EQ(Build(flags, defaults)->summaries(), v1::HandoffSpec::ALWAYS);
  EXPECT_EQ(Build(flags, defaults)->summary_model(), "large");
  EXPECT_THAT(std::string(Build(flags, {}, "ls", {"ls"}).status().message()),
              HasSubstr("a command has facts only"));
  flags.summaries = "sometimes";
  EXPECT_THAT(std::string(Build(flags).status().message()),
              HasSubstr("--summaries 'sometimes' is none of always, auto and never"));
  flags.summaries.clear();
  defaults.file = ".handoff.toml";
  defaults.summaries = "yes";
  EXPECT_THAT(std::string(Build(flags, defaults).status().message()),
              HasSubstr(".handoff.toml: summaries 'yes' is none of"));
}

}  // namespace
}  // namespace handoff
