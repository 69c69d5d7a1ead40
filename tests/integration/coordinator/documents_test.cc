// What people write into handoff.md, through a real coordinator.
#include <string>

#include "absl/strings/str_replace.h"
#include "common/handoff/document.h"
#include "common/rpc/channel.h"
#include "common/rpc/status.h"
#include "gmock/gmock.h"
#include "tests/integration/coordinator/running_coordinator.h"

namespace handoff {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class DocumentsTest : public CoordinatorTest {
 protected:
  v1::Document Read(const std::string& id) {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::GetDocumentRequest request;
    request.set_id(id);
    v1::Document document;
    EXPECT_TRUE(control().GetDocument(&context, request, &document).ok());
    return document;
  }
  absl::StatusOr<v1::Document> Edit(const std::string& actor,
                                    const v1::EditDocumentRequest& request) {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::Document document;
    const auto editor = v1::Control::NewStub(guests_.User(actor, "operator"));
    const grpc::Status status = editor->EditDocument(&context, request, &document);
    if (!status.ok()) return FromGrpc(status);
    return document;
  }
  // `change` is made in a copy of `base`.
  template <typename Change>
  v1::EditDocumentRequest Request(const std::string& id, const v1::Document& base,
                                  const Change& change) {
    v1::EditDocumentRequest request;
    request.set_id(id);
    request.set_base(base.markdown());
    Document document = *Parse(base.markdown());
    change(document);
    request.set_markdown(Render(document));
    request.set_version(base.edit_version());
    return request;
  }
};

TEST_F(DocumentsTest, ASectionIsHeldThroughTheEndAndARestart) {
  const std::string id = MustSubmit("make test").id();
  const v1::Document first = Read(id);
  EXPECT_EQ(first.edit_version(), 0);
  const auto edited =
      Edit("ada", Request(id, first, [](Document& d) { d.resume_prompt = "Mine."; }));
  ASSERT_TRUE(edited.ok()) << edited.status();
  EXPECT_EQ(edited->edit_version(), 1);
  EXPECT_EQ(Parse(edited->markdown())->resume_prompt, "Mine.");
  EXPECT_THAT(edited->markdown(), HasSubstr("\n- Held by a person: Resume Prompt (ada, "));
  EXPECT_EQ(edited->markdown(), Read(id).markdown());

  ScriptedWorker worker(guests_, "host-a");
  const v1::DesiredAttempt attempt = worker.TakeAttempt();
  ASSERT_EQ(attempt.spec().handoff().edits_size(), 1);
  EXPECT_EQ(attempt.spec().handoff().edits(0).text(), "Mine.");
  ASSERT_TRUE(worker.Append(attempt, 0, "done\n").ok());
  const auto reported = worker.Report(worker.ReportOf(attempt, "done\n"));
  ASSERT_TRUE(reported.ok());
  EXPECT_EQ(reported->handoff().edits_size(), 1) << "the worker renders the last handoff.md";

  const auto ended =
      Edit("grace", Request(id, Read(id), [](Document& d) { d.final_outcome = "- Good."; }));
  ASSERT_TRUE(ended.ok()) << ended.status() << " of one that is not in memory";
  Restart();
  const Document now = *Parse(Read(id).markdown());
  EXPECT_EQ(now.resume_prompt, "Mine.");
  EXPECT_EQ(now.final_outcome, "- Good.");
  EXPECT_EQ(now.Field("Status"), "succeeded (unchecked)");
  EXPECT_EQ(Get(id)->edits_size(), 2);
}

TEST_F(DocumentsTest, WhoeverIsSlowerIsRefusedUnlessTheyWroteAnotherSection) {
  const std::string id = MustSubmit().id();
  const v1::Document base = Read(id);
  ASSERT_TRUE(Edit("ada", Request(id, base, [](Document& d) { d.resume_prompt = "Ada's."; })).ok());
  const auto slower =
      Edit("grace", Request(id, base, [](Document& d) { d.resume_prompt = "Grace's."; }));
  EXPECT_TRUE(absl::IsAborted(slower.status())) << slower.status();
  EXPECT_THAT(std::string(slower.status().message()), HasSubstr("ada changed the section"));
  const auto other =
      Edit("grace", Request(id, base, [](Document& d) { d.errors = "- Thread 7 hangs."; }));
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_THAT(other->markdown(), AllOf(HasSubstr("Ada's."), HasSubstr("Thread 7 hangs.")));
}

TEST_F(DocumentsTest, WhatIsObservedIsRefusedAndNothingOfItIsStored) {
  const std::string id = MustSubmit().id();
  const v1::Document base = Read(id);
  const auto facts = Edit("ada", Request(id, base, [](Document& d) {
                            d.facts = "- All is well.";
                            d.resume_prompt = "Mine.";
                          }));
  EXPECT_TRUE(absl::IsInvalidArgument(facts.status()));
  EXPECT_THAT(std::string(facts.status().message()), HasSubstr("the section 'Facts' differs"));
  v1::EditDocumentRequest broken = Request(id, base, [](Document&) {});
  broken.set_markdown(absl::StrReplaceAll(broken.markdown(), {{"## Metadata", "## Nothing"}}));
  EXPECT_THAT(std::string(Edit("ada", broken).status().message()), HasSubstr("line 3"));
  broken.set_markdown(base.markdown());
  broken.set_base("text");
  EXPECT_THAT(std::string(Edit("ada", broken).status().message()),
              HasSubstr("what the edit is based on"));
  const std::string other = MustSubmit("another").id();
  EXPECT_THAT(std::string(Edit("ada", Request(other, base, [](Document&) {})).status().message()),
              HasSubstr(", not of " + other));
  EXPECT_EQ(Read(id).edit_version(), 0);
  EXPECT_TRUE(absl::IsNotFound(Edit("ada", Request("none", base, [](Document&) {})).status()));
}

}  // namespace
}  // namespace handoff
