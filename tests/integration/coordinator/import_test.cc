// A handoff.md that was kept by hand, through a real coordinator.
#include <string>

#include "common/handoff/document.h"
#include "common/rpc/channel.h"
#include "common/rpc/status.h"
#include "gmock/gmock.h"
#include "tests/fakes/skill_file.h"
#include "tests/integration/coordinator/running_coordinator.h"

namespace handoff {
namespace {

using ::testing::HasSubstr;

class ImportTest : public CoordinatorTest {
 protected:
  ImportTest() {
    v1::HandoffSpec& spec = *request.mutable_spec();
    spec.set_id("20260407-fix-benchmark-timeout");
    spec.set_task("Fix the benchmark timeout");
    spec.set_agent("cursor");
    spec.set_owner("ann");
    spec.mutable_repository()->set_url("https://example.org/x.git");
    spec.mutable_repository()->set_commit(std::string(40, 'a'));
    request.set_markdown(kSkillFile);
  }
  absl::StatusOr<v1::Handoff> Import() {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::Handoff handoff;
    const grpc::Status status = control().Import(&context, request, &handoff);
    if (!status.ok()) return FromGrpc(status);
    return handoff;
  }
  v1::ImportRequest request;
};

TEST_F(ImportTest, BecomesARecordInItsOwnersHandsAndSurvivesARestart) {
  const auto imported = Import();
  ASSERT_TRUE(imported.ok()) << imported.status();
  EXPECT_EQ(imported->status(), v1::Handoff::INTERACTIVE);
  EXPECT_EQ(imported->taken_by(), "ann");
  Restart();
  const v1::Handoff kept = *Get("20260407-fix-benchmark-timeout");
  EXPECT_EQ(kept.status(), v1::Handoff::INTERACTIVE);
  ASSERT_EQ(kept.attempts_size(), 1);
  EXPECT_EQ(kept.attempts(0).state(), v1::Attempt::CANCELLED);
  EXPECT_EQ(kept.attempts(0).session(), "") << "its session is of another host";
  grpc::ClientContext context;
  SetDeadline(context);
  v1::GetDocumentRequest get;
  get.set_id(kept.id());
  v1::Document document;
  ASSERT_TRUE(control().GetDocument(&context, get, &document).ok());
  const Document d = *Parse(document.markdown());
  const Document by_hand = *Parse(kSkillFile);
  EXPECT_EQ(d.resume_prompt, by_hand.resume_prompt);
  EXPECT_EQ(d.what_it_tried, by_hand.what_it_tried);
  EXPECT_NE(d.takeover_prompt, by_hand.takeover_prompt) << "made anew";
  EXPECT_EQ(d.Field("Status"), "interactive");
  EXPECT_THAT(std::string(d.Field("Held by a person")), HasSubstr("What It Tried (ann, "));
}

TEST_F(ImportTest, AnIdThatIsTakenNonsenseAndLogsAreRefused) {
  ASSERT_TRUE(Import().ok());
  request.mutable_spec()->set_task("Another");
  EXPECT_TRUE(absl::IsAlreadyExists(Import().status())) << Import().status();
  request.mutable_spec()->clear_id();
  request.set_markdown("# Readme\n");
  EXPECT_THAT(std::string(Import().status().message()), HasSubstr("line 1"));
  request.set_markdown(kSkillFile);
  request.add_logs()->set_attempt(1);
  EXPECT_THAT(std::string(Import().status().message()), HasSubstr("logs cannot be imported"));
  request.clear_logs();
  request.mutable_spec()->clear_repository();
  EXPECT_TRUE(absl::IsInvalidArgument(Import().status()));
}

TEST_F(ImportTest, AKeyIsOfThisDocumentAndOfAnImport) {
  request.mutable_spec()->clear_id();
  request.mutable_spec()->set_idempotency_key("key");
  const auto first = Import();
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(Import()->id(), first->id());
  EXPECT_TRUE(absl::IsAlreadyExists(Submit(request.spec()).status())) << "that is no import";
  request.mutable_markdown()->append("\n");
  EXPECT_TRUE(absl::IsAlreadyExists(Import().status())) << "another document";
}

}  // namespace
}  // namespace handoff
