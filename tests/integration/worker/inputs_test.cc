// Attached files on their way into workspaces.


#include <string>

#include "absl/strings/str_cat.h"
#include "common/hash.h"
#include "gmock/gmock.h"
#include "tests/integration/worker/running_worker.h"

namespace handoff::worker {
namespace {

using ::testing::HasSubstr;

class InputsTest : public RunningWorker {
 protected:
  v1::Handoff With(const std::string& id, const std::string& name, const std::string& bytes) {
    v1::Handoff handoff =
        Script(id, absl::StrCat("cat .cursor/agent-handoffs/", id, "/inputs/", name));
    v1::Attachment& file = *handoff.mutable_spec()->add_attachments();
    file.set_name(name);
    file.set_sha256(Sha256Hex(bytes));
    file.set_bytes(bytes.size());
    return handoff;
  }
};

TEST_F(InputsTest, AreThereBeforeTheAgentStartsAndWhenItGoesOn) {
  const std::string bytes("a\0b\n", 4);
  pool_.PutObject(Sha256Hex(bytes), bytes);
  Start();
  const AttemptKey first = pool_.Want(With("x", "core", bytes));
  EXPECT_EQ(pool_.AwaitEnd(first).failure(), v1::Failure::NONE);
  pool_.AwaitLog(first, bytes);
  AwaitOver(first);
  // What is there is not brought again.
  pool_.DropObject(Sha256Hex(bytes));
  const AttemptKey second = pool_.Want(With("x", "core", bytes), 2);
  EXPECT_EQ(pool_.AwaitEnd(second).failure(), v1::Failure::NONE);
  AwaitOver(second);
  EXPECT_TRUE(ListDirectory(data() + "/objects-cache")->empty()) << "nothing stays behind";
}

TEST_F(InputsTest, AnAgentWithoutThemIsNotStarted) {
  Start();
  const AttemptKey gone = pool_.Want(With("gone", "test.log", "absent"));
  const v1::AttemptEnd end = pool_.AwaitEnd(gone);
  EXPECT_EQ(end.failure(), v1::Failure::ENVIRONMENT_FAILED);
  EXPECT_EQ(end.protocol(), v1::AttemptEnd::NOT_STARTED);
  EXPECT_THAT(end.failure_message(), HasSubstr("test.log"));
  // A name is a path here, whoever let it in.
  const std::string bytes = "x";
  pool_.PutObject(Sha256Hex(bytes), bytes);
  const AttemptKey outside = pool_.Want(With("outside", "../../../../../out", bytes));
  EXPECT_EQ(pool_.AwaitEnd(outside).failure(), v1::Failure::ENVIRONMENT_FAILED);
}

}  // namespace
}  // namespace handoff::worker
