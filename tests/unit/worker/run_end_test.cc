#include "worker/run_end.h"

#include "gtest/gtest.h"
#include "handoff/v1/types.pb.h"

namespace handoff::worker {
namespace {

v1::AttemptEnd Begun() {
  v1::AttemptEnd end;
  end.mutable_facts()->set_base_commit("aaaa");
  end.mutable_facts()->set_branch("handoff/x");
  return end;
}

TEST(FillWork, WhatCannotBeReadIsNotCalledUnchanged) {
  v1::AttemptEnd end = Begun();
  EXPECT_FALSE(FillWork(absl::UnavailableError("no progress"), end).ok());
  EXPECT_TRUE(end.work_unknown());
  EXPECT_TRUE(end.changed());
  EXPECT_EQ(end.facts().base_commit(), "aaaa");
  end = Begun();
  EXPECT_FALSE(FillWork(std::string("\xff\xff"), end).ok());
  EXPECT_TRUE(end.work_unknown());
}

TEST(FillWork, NothingThatDiffersIsNoChange) {
  v1::AttemptEnd end = Begun();
  end.set_work_unknown(true);  // an earlier try, before the daemon was restarted
  end.set_changed(true);
  v1::Facts seen;
  seen.set_head_commit("aaaa");
  ASSERT_TRUE(FillWork(seen.SerializeAsString(), end).ok());
  EXPECT_FALSE(end.work_unknown());
  EXPECT_FALSE(end.changed());
  EXPECT_EQ(end.facts().branch(), "handoff/x");
}

TEST(FillWork, ASubmoduleThatCannotBeReadMayHaveChanged) {
  v1::AttemptEnd end = Begun();
  v1::Facts seen;
  seen.set_head_commit("aaaa");
  seen.add_unread("submodule lib: no HEAD");
  ASSERT_TRUE(FillWork(seen.SerializeAsString(), end).ok());
  EXPECT_TRUE(end.work_unknown());
  EXPECT_TRUE(end.changed());
}

}  // namespace
}  // namespace handoff::worker
