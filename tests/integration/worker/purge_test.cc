// What a worker has of handoffs that were purged.

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/integration/worker/running_worker.h"

namespace handoff::worker {
namespace {

class PurgeTest : public RunningWorker {
 protected:
  bool Has(const std::string& id) const {
    return PathExists(absl::StrCat(data(), "/workspaces/", id)) ||
           PathExists(absl::StrCat(data(), "/attempts/", id));
  }
  // The answer that names what is purged was acted upon.
  void AwaitNextRequest() {
    const uint64_t revision = pool_.revision();
    pool_.AwaitRequest(
        [&](const SyncRequest& request) { return request.seen_revision >= revision; });
  }
  // A runner that has just reported may still be there: what it had goes with the request after.
  void AwaitGone(const std::string& id) {
    pool_.AwaitRequest([&](const SyncRequest&) { return !Has(id); });
  }
};

TEST_F(PurgeTest, WorkspaceAndAttemptsGoAndOthersStay) {
  Start();
  const AttemptKey key = pool_.Want(Script("gone", "echo secret > file; echo secret"));
  const AttemptKey other = pool_.Want(Script("kept", "true"));
  AwaitOver(key);
  AwaitOver(other);
  ASSERT_TRUE(Has("gone"));
  pool_.Purge("gone");
  AwaitGone("gone");
  EXPECT_TRUE(Has("kept"));
  Stop();  // waits for the thread that empties the trash
  Start();
  EXPECT_FALSE(Has("gone"));
}

TEST_F(PurgeTest, ALinkInPlaceOfItsWorkspaceIsNotFollowed) {
  Start();
  const AttemptKey key = pool_.Want(Script("gone", "true"));
  AwaitOver(key);
  const std::string outside = path("outside"), workspace = data() + "/workspaces/gone";
  ASSERT_TRUE(MakeDirectories(outside).ok());
  ASSERT_TRUE(WriteFileAtomically(outside + "/precious", "x").ok());
  ASSERT_TRUE(RemoveTree(workspace).ok());
  ASSERT_EQ(::symlink(outside.c_str(), workspace.c_str()), 0);
  pool_.Purge("gone");
  AwaitGone("gone");
  Stop();
  EXPECT_TRUE(PathExists(outside + "/precious"));
}

TEST_F(PurgeTest, NamesThatAreNoIdsRemoveNothing) {
  Start();
  AwaitOver(pool_.Want(Script("kept", "true")));
  pool_.Purge("../workspaces");
  pool_.Purge("");
  AwaitNextRequest();
  EXPECT_TRUE(Has("kept"));
}

// It was lost and purged while its worker was away.
TEST_F(PurgeTest, WhatStillRunsIsEndedFirstAndItsReportIsDropped) {
  Start();
  const std::string begun = Gate("begun");
  const AttemptKey key =
      pool_.Want(Script("gone", absl::StrCat("echo line; echo > ", begun, "; sleep 1000")));
  Await(begun);
  pool_.AwaitStage(key, Stage::kRunning);
  ASSERT_TRUE(Has("gone"));
  pool_.Purge("gone");
  pool_.AwaitRequest([&](const SyncRequest& request) {
    return request.attempts.empty() && !PathExists(attempt_dir(key)) && !Has("gone");
  });
  EXPECT_GE(pool_.reports(key), 1) << "it asked, and was told that nobody wants it";
  Stop();
  Start();
  EXPECT_TRUE(started_.ok()) << started_;
  pool_.AwaitRequest(
      [](const SyncRequest& request) { return request.start >= 2 && request.attempts.empty(); });
}

}  // namespace
}  // namespace handoff::worker
