// Submitted packs on their way into workspaces.

#include <fcntl.h>
#include <sys/file.h>

#include "absl/strings/match.h"
#include "common/hash.h"
#include "gmock/gmock.h"
#include "tests/integration/repo/git_sandbox.h"
#include "tests/integration/worker/running_worker.h"
#include "worker/data_dir.h"

namespace handoff::worker {
namespace {

using ::testing::IsEmpty;

class PackTest : public RunningWorker {
 protected:
  PackTest() {
    git_.Init("origin");
    git_.Write("origin/a", "1\n");
    commit_ = git_.CommitAll("origin", "first");
    git_.Git("origin", {"repack", "-adq"});
    const std::string packs = git_.Path("origin/.git/objects/pack");
    const std::vector<std::string> names = *ListDirectory(packs);
    for (const std::string& name : names) {
      if (absl::EndsWith(name, ".pack")) pack_ = *ReadFile(packs + "/" + name);
    }
    pool_.PutObject(Sha256Hex(pack_), pack_);
  }

  // Has nothing but the pack; `key` names its mirror.
  v1::Handoff Submitted(const std::string& id, const std::string& key) const {
    v1::Handoff handoff = Script(id, "cat a");
    v1::Repository& repository = *handoff.mutable_spec()->mutable_repository();
    repository.set_commit(commit_);
    repository.set_pack_sha256(Sha256Hex(pack_));
    repository.set_pack_bytes(pack_.size());
    repository.set_pack_complete(true);
    repository.set_key(key);
    repository.set_user_name("Ada");
    repository.set_user_email("ada@example.com");
    return handoff;
  }

  GitSandbox git_;
  std::string commit_;
  std::string pack_;
};

TEST_F(PackTest, ASecondHandoffOutlivesTheEndOfTheFirstOneWithTheSamePack) {
  const DataDir directories(data());
  const std::string mirror = directories.mirror("slow");
  ASSERT_TRUE(MakeDirectories(mirror).ok());
  auto lock = OpenFile(mirror, O_RDONLY | O_DIRECTORY);
  ASSERT_TRUE(lock.ok() && ::flock(lock->get(), LOCK_EX) == 0);
  Start();
  const AttemptKey slow = pool_.Want(Submitted("slow", "slow"));
  // It has its pack and has not read it.
  pool_.AwaitStatus(slow, [](const AttemptStatus& status) {
    return absl::StrContains(status.phase, "waiting for another checkout");
  });
  const AttemptKey fast = pool_.Want(Submitted("fast", "fast"));
  EXPECT_EQ(pool_.AwaitEnd(fast).failure(), v1::Failure::NONE);
  lock->Reset();
  const v1::AttemptEnd end = pool_.AwaitEnd(slow);
  EXPECT_EQ(end.failure(), v1::Failure::NONE) << end.failure_message();
  EXPECT_EQ(pool_.log(slow), "1\n");
  EXPECT_THAT(*ListDirectory(directories.object("")), IsEmpty());
}

}  // namespace
}  // namespace handoff::worker
