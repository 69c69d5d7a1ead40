// A handoff.md that was kept by hand, through a real coordinator.
#include <string>
#include <utility>

#include "common/handoff/document.h"
#include "common/hash.h"
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
  void MustPut(const std::string& object) {
    grpc::ClientContext context;
    SetDeadline(context);
    const auto stream = objects().Put(&context);
    v1::PutObjectRequest put;
    put.set_sha256(Sha256Hex(object));
    put.set_size(object.size());
    v1::PutObjectResponse response;
    ASSERT_TRUE(stream->Write(put) && stream->Read(&response));
    put.Clear();
    constexpr size_t kChunk = 256 << 10;
    for (size_t sent = 0; sent < object.size(); sent += kChunk) {
      put.set_offset(sent);
      put.set_data(object.substr(sent, kChunk));
      ASSERT_TRUE(stream->Write(put));
    }
    stream->WritesDone();
    while (stream->Read(&response)) {
    }
    ASSERT_TRUE(stream->Finish().ok());
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

TEST_F(ImportTest, AnIdThatIsTakenAndNonsenseAreRefused) {
  ASSERT_TRUE(Import().ok());
  request.mutable_spec()->set_task("Another");
  EXPECT_TRUE(absl::IsAlreadyExists(Import().status())) << Import().status();
  request.mutable_spec()->clear_id();
  request.set_markdown("# Readme\n");
  EXPECT_THAT(std::string(Import().status().message()), HasSubstr("line 1"));
  request.set_markdown(kSkillFile);
  request.add_logs()->set_attempt(1);
  EXPECT_THAT(std::string(Import().status().message()), HasSubstr("is no SHA-256"));
  request.mutable_logs(0)->set_sha256(std::string(64, 'a'));
  EXPECT_THAT(std::string(Import().status().message()),
              HasSubstr("does not have the log of attempt 1"));
  *request.add_logs() = request.logs(0);
  EXPECT_THAT(std::string(Import().status().message()), HasSubstr("each once"));
  request.clear_logs();
  request.mutable_spec()->clear_repository();
  EXPECT_TRUE(absl::IsInvalidArgument(Import().status()));
}

TEST_F(ImportTest, ItsLogsAreThoseOfItsAttempts) {
  // Larger than what is copied at a time.
  const std::string first = std::string(5 << 20, 'x') + "end\n", second = "second\n";
  for (const auto& [attempt, log] : {std::pair(1, first), std::pair(3, second)}) {
    MustPut(log);
    v1::ImportRequest::Log& sent = *request.add_logs();
    sent.set_attempt(attempt);
    sent.set_sha256(Sha256Hex(log));
    sent.set_bytes(log.size());
  }
  request.mutable_spec()->set_idempotency_key("key");
  const auto imported = Import();
  ASSERT_TRUE(imported.ok()) << imported.status();
  EXPECT_EQ(imported->attempts_size(), 3);
  // Done again it changes nothing.
  ASSERT_TRUE(Import().ok());
  Restart();
  const auto log_of = [&](int attempt) {
    v1::ReadLogRequest read;
    read.set_id(imported->id());
    read.set_attempt(attempt);
    absl::Status status;
    std::string log;
    for (const v1::LogChunk& chunk : ReadLog(read, status)) log += chunk.data();
    EXPECT_TRUE(status.ok()) << status;
    return log;
  };
  EXPECT_EQ(Sha256Hex(log_of(1)), Sha256Hex(first));
  EXPECT_EQ(log_of(2), "");
  EXPECT_EQ(log_of(3), second);
  request.mutable_logs(1)->set_sha256(request.logs(0).sha256());
  request.mutable_logs(1)->set_bytes(first.size());
  EXPECT_TRUE(absl::IsAlreadyExists(Import().status())) << "other logs are another import";
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
