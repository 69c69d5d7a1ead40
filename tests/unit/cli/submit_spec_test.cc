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
  EXPECT_EQ(spec->owner(), "alice");
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

TEST(BuildSpec, RefusesTasksThatAreNone) {
  EXPECT_THAT(std::string(Build({}, {}, " \n").status().message()), HasSubstr("empty"));
  EXPECT_THAT(std::string(Build({}, {}, std::string(5 << 20, 'x')).status().message()),
              HasSubstr("at most 1 MiB"));
  EXPECT_FALSE(Build({}, {}, "\xff").ok());
}

}  // namespace
}  // namespace handoff
