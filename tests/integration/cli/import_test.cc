// handoff import
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/fakes/skill_file.h"
#include "tests/integration/cli/command.h"

namespace handoff {
namespace {

class ImportCommand : public Command {
 protected:
  ImportCommand() {
    MakeRepository("https://example.org/r.git");
    CommitFile();
    CHECK(MakeDirectories(dir_.path() + "/.cursor/agent-handoffs/x").ok());
    Write(kSkillFile);
  }
  void Write(const std::string& text) const {
    CHECK(WriteFileAtomically(dir_.path() + "/.cursor/agent-handoffs/x/handoff.md", text).ok());
  }
};

constexpr char kDir[] = ".cursor/agent-handoffs/x";

TEST_F(ImportCommand, SendsTheFileWithItsLogsAndTheRepositoryAround) {
  CHECK(WriteFileAtomically(dir_.path() + "/.cursor/agent-handoffs/x/attempt-1.log", "by hand\n")
            .ok());
  const Said said = Run({"import", kDir});
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_EQ(said.out, "20260407-fix-benchmark-timeout\n");
  ASSERT_EQ(coordinator_.imports().size(), 1u);
  const v1::ImportRequest request = coordinator_.imports()[0];
  EXPECT_EQ(request.markdown(), kSkillFile);
  EXPECT_EQ(request.spec().task(), "Fix the benchmark timeout");
  EXPECT_EQ(request.spec().model(), "") << "'default' is no model";
  EXPECT_EQ(request.spec().agent(), "cursor");
  EXPECT_EQ(request.spec().repository().url(), "https://example.org/r.git");
  EXPECT_EQ(request.spec().repository().commit().size(), 40u);
  EXPECT_EQ(coordinator_.objects().count(request.spec().repository().pack_sha256()), 1u);
  EXPECT_THAT(said.err, HasSubstr("imported, and yours"));
  ASSERT_EQ(request.logs_size(), 1);
  EXPECT_EQ(request.logs(0).attempt(), 1);
  EXPECT_EQ(request.logs(0).bytes(), 8u);
  EXPECT_EQ(coordinator_.objects().at(request.logs(0).sha256()), "by hand\n");
  EXPECT_THAT(said.err, HasSubstr("1 log came along"));
  EXPECT_THAT(said.err, HasSubstr("handoff return 20260407-fix-benchmark-timeout"));
  EXPECT_THAT(LeftInTemp(), IsEmpty());
}

TEST_F(ImportCommand, WhatIsNoHandoffImportsNothing) {
  Write("# Readme\n");
  const Said none = Run({"import", kDir});
  EXPECT_EQ(none.exit, 2);
  EXPECT_THAT(none.err, HasSubstr("line 1"));
  const Said absent = Run({"import", "nowhere"});
  EXPECT_EQ(absent.exit, 2);
  EXPECT_THAT(absent.err, HasSubstr("nothing was imported"));
  Write(absl::StrReplaceAll(kSkillFile, {{"Fix the benchmark timeout", "<short task summary>"}}));
  const Said task = Run({"import", kDir});
  EXPECT_EQ(task.exit, 2);
  EXPECT_THAT(task.err, HasSubstr("the task is empty"));
  EXPECT_THAT(coordinator_.imports(), IsEmpty());
}

TEST_F(ImportCommand, WhatTheRepositorySetsIsSaidAndAPushToNowhereIsNone) {
  CHECK(WriteFileAtomically(dir_.path() + "/.handoff.toml", "push = true\nretries = 1\n").ok());
  const Said said = Run({"import", kDir});
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_THAT(said.err, HasSubstr(".handoff.toml sets retries=1, push=true"));
  EXPECT_TRUE(coordinator_.imports()[0].spec().push());
  Git({"remote", "remove", "origin"});
  const Said nowhere = Run({"import", kDir});
  EXPECT_EQ(nowhere.exit, 0) << nowhere.err;
  EXPECT_THAT(nowhere.err, HasSubstr("no remote, so its work is not pushed"));
  EXPECT_FALSE(coordinator_.imports()[1].spec().push());
}

TEST_F(ImportCommand, AnotherIdIsTakenFromTheFlag) {
  EXPECT_EQ(Run({"import", kDir, "--id", "mine"}).out, "mine\n");
  EXPECT_EQ(Run({"import", kDir, "--id", "../mine"}).exit, 2);
}

}  // namespace
}  // namespace handoff
