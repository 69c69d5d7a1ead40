// Attached files on their way into workspaces.

#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "common/hash.h"
#include "gmock/gmock.h"
#include "tests/integration/repo/git_sandbox.h"
#include "tests/integration/worker/running_worker.h"

namespace handoff::worker {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

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
  AwaitOver(gone);
  EXPECT_TRUE(ListDirectory(data() + "/objects-cache")->empty()) << "nor does a part stay";
}

// A hash is a path here, too, and a size how much of the disk is used: whoever sent them.
TEST_F(InputsTest, WhatTheirBoundsForbidIsNotFetched) {
  pool_.PutObject("../escaped", "x");
  const std::string bytes(1000, 'x');
  pool_.PutObject(Sha256Hex(bytes), bytes);
  Start();
  v1::Handoff named = With("named", "a", "x");
  named.mutable_spec()->mutable_attachments(0)->set_sha256("../escaped");
  EXPECT_THAT(pool_.AwaitEnd(pool_.Want(named)).failure_message(), HasSubstr("no SHA-256"));
  EXPECT_THAT(*ListDirectory(data()), Not(Contains(HasSubstr("escaped"))));
  v1::Handoff large = With("large", "a", bytes);
  large.mutable_spec()->mutable_attachments(0)->set_bytes(uint64_t{1} << 40);
  EXPECT_THAT(pool_.AwaitEnd(pool_.Want(large)).failure_message(), HasSubstr("more than 64 MiB"));
  v1::Handoff longer = With("longer", "a", bytes);
  longer.mutable_spec()->mutable_attachments(0)->set_bytes(999);
  const AttemptKey key = pool_.Want(longer);
  const v1::AttemptEnd end = pool_.AwaitEnd(key);
  EXPECT_EQ(end.failure(), v1::Failure::ENVIRONMENT_FAILED);
  EXPECT_THAT(end.failure_message(), HasSubstr("more than its 999 bytes"));
  AwaitOver(key);
  EXPECT_TRUE(ListDirectory(data() + "/objects-cache")->empty());
}

TEST_F(InputsTest, OneThatAPowerLossEmptiedIsFetchedAgain) {
  const std::string bytes = "whole\n";
  pool_.PutObject(Sha256Hex(bytes), bytes);
  const std::string cache = data() + "/objects-cache";
  ASSERT_TRUE(MakeDirectories(cache).ok());
  ASSERT_TRUE(WriteFileAtomically(absl::StrCat(cache, "/", Sha256Hex(bytes), ".x"), "").ok());
  Start();
  const AttemptKey key = pool_.Want(With("x", "a", bytes));
  EXPECT_EQ(pool_.AwaitEnd(key).failure(), v1::Failure::NONE);
  AwaitOver(key);
  EXPECT_EQ(pool_.log(key), bytes);
}

TEST_F(InputsTest, ALinkOfTheRepositoryInTheirWayIsTheRepositorysFault) {
  GitSandbox git;
  git.Init("origin");
  ASSERT_EQ(::symlink("/tmp", (git.Path("origin") + "/.cursor").c_str()), 0);
  git.CommitAll("origin", "first");
  const std::string bytes = "x";
  pool_.PutObject(Sha256Hex(bytes), bytes);
  v1::Handoff handoff = With("x", "a", bytes);
  v1::Repository& repository = *handoff.mutable_spec()->mutable_repository();
  repository.set_url(git.Path("origin"));
  repository.set_key(repository.url());
  repository.set_user_name("Ada");
  repository.set_user_email("ada@example.com");
  Start();
  const v1::AttemptEnd end = pool_.AwaitEnd(pool_.Want(handoff));
  EXPECT_EQ(end.failure(), v1::Failure::CHECKOUT_FAILED);
  EXPECT_FALSE(end.host_fault()) << "it is so on every host";
  EXPECT_THAT(end.failure_message(), HasSubstr(".cursor"));
}

}  // namespace
}  // namespace handoff::worker
