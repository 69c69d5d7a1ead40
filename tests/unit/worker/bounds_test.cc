#include "worker/bounds.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "handoff/v1/types.pb.h"

namespace handoff::worker {
namespace {

constexpr size_t kCoordinatorKeeps = 512 << 10;

void AddTools(int count, size_t bytes, v1::Facts& facts) {
  for (int i = 0; i < count; ++i) {
    v1::Facts::ToolRun* tool = facts.add_tools();
    tool->set_name(absl::StrCat("tool-", i));
    tool->set_command(std::string(bytes, 'c'));
  }
  facts.set_tools_total(static_cast<uint64_t>(count));
}

void AddFiles(int count, size_t bytes, v1::Facts& facts) {
  for (int i = 0; i < count; ++i) {
    facts.add_files()->set_path(absl::StrCat(i, "/", std::string(bytes, 'p')));
  }
  facts.set_files_changed(static_cast<uint64_t>(count));
}

TEST(BoundsTest, AStatusCarriesTotalsAndNoLists) {
  v1::Facts facts;
  AddTools(200, 1024, facts);
  (*facts.mutable_unknown_events())["thing"] = 3;
  facts.set_last_message("still at it");
  v1::Facts sent;
  ASSERT_TRUE(sent.ParseFromString(FactsForStatus(facts)));
  EXPECT_EQ(sent.tools_size(), 0);
  EXPECT_TRUE(sent.unknown_events().empty());
  EXPECT_EQ(sent.tools_total(), 200u);
  EXPECT_EQ(sent.last_message(), "still at it");
}

TEST(BoundsTest, NotesAreBoundedLines) {
  v1::Facts facts;
  std::vector<std::string> notes(100, std::string(1000, 'n'));
  notes[0] = "two\nlines, and \xff";
  SetNotes(notes, facts);
  ASSERT_EQ(facts.notes_size(), 64);
  EXPECT_EQ(facts.notes(0), "two lines, and \\xff");
  EXPECT_LE(facts.notes(1).size(), 300u);
  SetNotes({}, facts);
  EXPECT_EQ(facts.notes_size(), 64) << "a workspace that was there already";
}

TEST(BoundsTest, AnEndThatFitsIsLeftAlone) {
  v1::AttemptEnd end;
  AddTools(200, 1024, *end.mutable_facts());
  AddFiles(500, 100, *end.mutable_facts());
  BoundEnd(end);
  EXPECT_EQ(end.facts().tools_size(), 200);
  EXPECT_EQ(end.facts().files_size(), 500);
}

TEST(BoundsTest, FilesGoFirstAndTotalsStay) {
  v1::AttemptEnd end;
  AddTools(100, 1024, *end.mutable_facts());
  AddFiles(500, 4096, *end.mutable_facts());
  BoundEnd(end);
  EXPECT_LE(end.ByteSizeLong(), kCoordinatorKeeps);
  EXPECT_GT(end.facts().files_size(), 0);
  EXPECT_LT(end.facts().files_size(), 500);
  EXPECT_EQ(end.facts().files(0).path().substr(0, 3), "0/p");
  EXPECT_EQ(end.facts().files_changed(), 500u);
  EXPECT_EQ(end.facts().tools_size(), 100);
}

TEST(BoundsTest, OfTheToolsTheLastOnesStay) {
  v1::AttemptEnd end;
  AddTools(200, 8192, *end.mutable_facts());
  AddFiles(10, 100, *end.mutable_facts());
  BoundEnd(end);
  EXPECT_LE(end.ByteSizeLong(), kCoordinatorKeeps);
  EXPECT_EQ(end.facts().files_size(), 0);
  ASSERT_GT(end.facts().tools_size(), 0);
  EXPECT_EQ(end.facts().tools().rbegin()->name(), "tool-199");
  EXPECT_EQ(end.facts().tools_total(), 200u);
}

TEST(BoundsTest, ACommandOfExtraordinaryLengthIsCut) {
  v1::AttemptEnd end;
  end.set_command(std::string(8 << 20, 'x'));
  end.set_safe_command(std::string(8 << 20, 'x'));
  BoundEnd(end);
  EXPECT_LE(end.ByteSizeLong(), kCoordinatorKeeps);
  EXPECT_FALSE(end.command().empty());
}

}  // namespace
}  // namespace handoff::worker
