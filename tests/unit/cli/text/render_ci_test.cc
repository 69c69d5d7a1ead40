#include "cli/text/render_ci.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "handoff/v1/types.pb.h"

namespace handoff {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

constexpr char kHead[] = "0123456789abcdef0123456789abcdef01234567";
// Of its last commit: what it left uncommitted was pushed, too.
constexpr char kCommitted[] = "89abcdef0123456789abcdef0123456789abcdef";

v1::Handoff Ended() {
  v1::Handoff handoff;
  handoff.set_id("20261120-fix");
  handoff.set_status(v1::Handoff::SUCCEEDED);
  handoff.set_verified(true);
  handoff.set_changed(true);
  handoff.set_task("Fix it.");
  handoff.set_repo("https://git.example.org/acme/app.git");
  handoff.set_branch("handoff/20261120-fix");
  handoff.set_head_commit(kCommitted);
  handoff.set_agent("cursor");
  handoff.set_worker("build-7");
  handoff.set_files_changed(2);
  handoff.set_lines_added(9);
  handoff.set_lines_deleted(1);
  v1::Attempt& attempt = *handoff.add_attempts();
  attempt.set_number(1);
  attempt.mutable_push()->set_state(v1::PushResult::PUSHED);
  attempt.mutable_push()->set_ref("refs/heads/handoff/20261120-fix");
  attempt.mutable_push()->set_commit(kHead);
  v1::CheckResult& check = *attempt.mutable_facts()->add_checks();
  check.set_command("make test");
  check.set_passed(true);
  attempt.mutable_facts()->add_files()->set_path("src/a.cc");
  return handoff;
}

TEST(CiOutputs, AreIdStatusBranchAndHead) {
  EXPECT_THAT(CiOutputs(Ended()),
              ElementsAre(Pair("id", "20261120-fix"), Pair("status", "succeeded"),
                          Pair("branch", "handoff/20261120-fix"), Pair("head", kHead)));
  EXPECT_EQ(CiOutputLines(CiSystem::kGitHub, Ended()),
            absl::StrCat("id=20261120-fix\nstatus=succeeded\nbranch=handoff/20261120-fix\nhead=",
                         kHead, "\n"));
  EXPECT_THAT(CiOutputLines(CiSystem::kGitLab, Ended()),
              HasSubstr("HANDOFF_RESULT_ID=20261120-fix\n"));
}

TEST(CiOutputs, HoldNoSecondValue) {
  v1::Handoff handoff = Ended();
  handoff.set_head_commit("0123\nid=other");
  handoff.mutable_attempts(0)->mutable_push()->set_commit("0123\nid=other");
  handoff.set_branch("handoff/x<<EOF");
  EXPECT_THAT(CiOutputLines(CiSystem::kGitHub, handoff), HasSubstr("branch=\nhead=\n"));
}

TEST(RenderCiSummary, SaysWhatCameOfIt) {
  EXPECT_EQ(RenderCiSummary(Ended(), CiSystem::kGitHub, false),
            "### Handoff `20261120-fix`: succeeded\n\n"
            "- Task: `Fix it.`\n"
            "- Attempt 1 of `cursor` on `build-7`\n"
            "- Checks: 1 of 1 passed\n"
            "  - `make test`: passed\n"
            "- Work: 2 files changed +9 −1\n"
            "  - `src/a.cc` \n"
            "  - and 1 more\n"
            "- Branch: [`handoff/20261120-fix`](https://git.example.org/acme/app/tree/handoff/"
            "20261120-fix), head `0123456789`\n"
            "- Push: 0123456789 to refs/heads/handoff/20261120-fix\n"
            "\n```sh\nhandoff show 20261120-fix\nhandoff diff 20261120-fix\n"
            "handoff fetch 20261120-fix\n```\n");
  EXPECT_THAT(
      RenderCiSummary(Ended(), CiSystem::kGitLab, true),
      ::testing::AllOf(HasSubstr("/-/tree/handoff/"), HasSubstr("nothing new was started")));
}

TEST(RenderCiSummary, LinksOnlyWhatIsThere) {
  v1::Handoff handoff = Ended();
  handoff.mutable_attempts(0)->clear_push();
  EXPECT_THAT(RenderCiSummary(handoff, CiSystem::kGitHub, false), Not(HasSubstr("](")));
  handoff = Ended();
  handoff.set_repo("https://evil.example/) [x](javascript:1");
  EXPECT_THAT(RenderCiSummary(handoff, CiSystem::kGitHub, false), Not(HasSubstr("](")));
}

// Whatever a text holds, outside of code there is no mark of Markdown or HTML from it.
TEST(RenderCiSummary, TextOfOthersStaysInCode) {
  const std::string hostile =
      "`</summary>\n\n# Owned ![x](https://evil.example/a.png) @everyone <img src=x> ``` | x";
  v1::Handoff handoff = Ended();
  handoff.set_task(hostile);
  handoff.set_reason(hostile);
  handoff.set_question(hostile);
  handoff.set_worker(hostile);
  handoff.set_status(v1::Handoff::WAITING);
  v1::Attempt& attempt = *handoff.mutable_attempts(0);
  attempt.mutable_push()->set_state(v1::PushResult::REFUSED);
  attempt.mutable_push()->set_message(hostile);
  attempt.mutable_facts()->mutable_checks(0)->set_command(hostile);
  attempt.mutable_facts()->mutable_files(0)->set_path(hostile);
  const std::string text = RenderCiSummary(handoff, CiSystem::kGitHub, false);
  int seen = 0;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    EXPECT_FALSE(absl::StartsWith(line, "# ")) << line;
    if (!absl::StrContains(line, "Owned")) continue;
    ++seen;
    // It holds backquotes itself: code is fenced by more of them.
    const size_t begin = line.find("``"), end = line.rfind("``");
    ASSERT_TRUE(begin != line.npos && end > begin) << line;
    for (const char* mark : {"<", "@", "![", "`</"}) {
      EXPECT_THAT(std::string(line.substr(0, begin)), Not(HasSubstr(mark)));
      EXPECT_THAT(std::string(line.substr(end + 2)), Not(HasSubstr(mark)));
    }
  }
  EXPECT_EQ(seen, 7);
}

TEST(CiStyle, FollowsTheExitStatus) {
  v1::Handoff handoff = Ended();
  EXPECT_EQ(CiStyle(handoff), "success");
  handoff.set_status(v1::Handoff::FAILED);
  EXPECT_EQ(CiStyle(handoff), "error");
  handoff.set_status(v1::Handoff::WAITING);
  EXPECT_EQ(CiStyle(handoff), "warning");
  handoff.set_status(v1::Handoff::RUNNING);
  EXPECT_EQ(CiStyle(handoff), "info");
}

}  // namespace
}  // namespace handoff
