// Sections of handoff.md that people write: versions, conflicts, bounds, and that nothing else of
// the handoff changes.
#include <string>
#include <vector>

#include "coordinator/core/limits.h"
#include "gmock/gmock.h"
#include "tests/unit/coordinator/core/pool.h"

namespace handoff::core {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// "1:Resume Prompt=mine", …
std::vector<std::string> Written(const Handoff& handoff) {
  std::vector<std::string> written;
  for (const SectionEdit& edit : handoff.edits)
    written.push_back(std::to_string(edit.version) + ":" + edit.section + "=" + edit.text);
  return written;
}

class EditSectionsTest : public ::testing::Test {
 protected:
  EditSectionsTest() : a(pool, "a") {
    a.Call();
    pool.Submit("h");
  }
  absl::StatusOr<EditSections::Reply> Edit(int base, std::vector<EditSections::Section> sections,
                                           const std::string& actor = "ada") {
    EditSections command;
    command.id = "h";
    command.base_version = base;
    command.sections = std::move(sections);
    command.actor = actor;
    return pool.Do(command);
  }
  const Handoff& Get() const { return pool.Get("h"); }

  Pool pool;
  FakeWorker a;
};

TEST_F(EditSectionsTest, EachIsAVersionOfItsOwnAndTheHandoffGoesOnAsItWas) {
  const Handoff before = Get();
  const auto reply = Edit(0, {{"Resume Prompt", "Mine."}, {"Latest Summary", "- Hard."}});
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_THAT(Written(Get()), ElementsAre("1:Resume Prompt=Mine.", "2:Latest Summary=- Hard."));
  EXPECT_EQ(reply->handoff.edits, Get().edits);
  EXPECT_EQ(Get().edits[0].author, "ada");
  EXPECT_EQ(Get().edits[0].at, pool.now);
  EXPECT_TRUE(pool.durable);
  EXPECT_THAT(pool.EventKinds(), Contains("edited"));
  Handoff after = Get();
  after.edits.clear();
  after.updated_at = before.updated_at;
  EXPECT_EQ(after, before);
}

TEST_F(EditSectionsTest, InEveryStatus) {
  ASSERT_TRUE(Edit(0, {{"Resume Prompt", "queued"}}).ok());
  a.Call();
  a.Call();
  ASSERT_TRUE(Edit(1, {{"Resume Prompt", "running"}}).ok());
  ASSERT_TRUE(a.Finish("h", 1, Success()).ok());
  const auto ended = Edit(2, {{"Resume Prompt", "ended"}});
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ(ended->handoff.status, HandoffStatus::kSucceeded);
  EXPECT_EQ(ended->handoff.edits.size(), 3u) << "every version is kept";
}

TEST_F(EditSectionsTest, TheSameAgainChangesNothing) {
  ASSERT_TRUE(Edit(0, {{"Resume Prompt", "Mine."}}).ok());
  const auto again = Edit(0, {{"Resume Prompt", "Mine."}}, "grace");
  ASSERT_TRUE(again.ok()) << "both say the same: that is no conflict";
  EXPECT_FALSE(pool.durable);
  EXPECT_EQ(again->handoff.edits.size(), 1u);
  ASSERT_TRUE(Edit(1, {{"Latest Summary", ""}}).ok());
  EXPECT_FALSE(pool.durable) << "nobody holds that one";
}

TEST_F(EditSectionsTest, AnEmptyTextGivesTheSectionBack) {
  ASSERT_TRUE(Edit(0, {{"Resume Prompt", "Mine."}}).ok());
  ASSERT_TRUE(Edit(1, {{"Resume Prompt", ""}}).ok());
  EXPECT_THAT(Written(Get()), ElementsAre("1:Resume Prompt=Mine.", "2:Resume Prompt="));
}

TEST_F(EditSectionsTest, WhoeverWasSlowerIsToldAndNothingOfTheirsIsStored) {
  ASSERT_TRUE(Edit(0, {{"Resume Prompt", "Ada's."}}).ok());
  const auto slower =
      Edit(0, {{"Latest Summary", "Grace's."}, {"Resume Prompt", "Grace's."}}, "grace");
  EXPECT_TRUE(absl::IsAborted(slower.status()));
  EXPECT_THAT(std::string(slower.status().message()),
              AllOf(HasSubstr("ada changed the section 'Resume Prompt' of h meanwhile (edit 1)"),
                    HasSubstr("Nothing was stored")));
  EXPECT_THAT(Written(Get()), ElementsAre("1:Resume Prompt=Ada's."));
  // Giving it back is a change, too.
  ASSERT_TRUE(Edit(1, {{"Resume Prompt", ""}}).ok());
  EXPECT_TRUE(absl::IsAborted(Edit(1, {{"Resume Prompt", "Grace's."}}, "grace").status()));
  EXPECT_TRUE(Edit(2, {{"Resume Prompt", "Grace's."}}, "grace").ok());
}

TEST_F(EditSectionsTest, TwoWhoWriteDifferentSectionsDoNotDisturbEachOther) {
  ASSERT_TRUE(Edit(0, {{"Resume Prompt", "Ada's."}}).ok());
  ASSERT_TRUE(Edit(0, {{"Latest Summary", "Grace's."}}, "grace").ok());
  EXPECT_THAT(Written(Get()), ElementsAre("1:Resume Prompt=Ada's.", "2:Latest Summary=Grace's."));
}

TEST_F(EditSectionsTest, ABaseThatWasNeverThereIsOfBeforeARestore) {
  ASSERT_TRUE(Edit(0, {{"Resume Prompt", "Mine."}}).ok());
  const auto refused = Edit(2, {{"Resume Prompt", "Other."}});
  EXPECT_TRUE(absl::IsAborted(refused.status()));
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("was restored"));
}

TEST_F(EditSectionsTest, TheirNumberAndTheirTextsAreBounded) {
  for (size_t i = 0; i < kMaxEdits; ++i) {
    ASSERT_TRUE(Edit(static_cast<int>(i), {{"Resume Prompt", std::to_string(i)}}).ok()) << i;
  }
  const auto one_more = Edit(static_cast<int>(kMaxEdits), {{"Resume Prompt", "x"}});
  EXPECT_TRUE(absl::IsResourceExhausted(one_more.status()));
  EXPECT_THAT(std::string(one_more.status().message()),
              AllOf(HasSubstr("1000 times"), HasSubstr("Nothing was stored")));
  EXPECT_EQ(Get().edits.size(), kMaxEdits);
  pool.Submit("wide");
  EditSections wide;
  wide.id = "wide";
  wide.sections = {{"Latest Summary", std::string(kMaxEditBytes - 1, 'x')}};
  ASSERT_TRUE(pool.Do(wide).ok());
  wide.base_version = 1;
  wide.sections = {{"Resume Prompt", "xx"}};
  EXPECT_TRUE(absl::IsResourceExhausted(pool.Do(wide).status()));
}

TEST_F(EditSectionsTest, TheyOutliveTheNextAttempts) {
  a.Call();
  a.Call();
  ASSERT_TRUE(Edit(0, {{"Resume Prompt", "Mine."}}).ok());
  ASSERT_TRUE(a.Finish("h", 1, Failure(FailureClass::kAgentError)).ok());
  ASSERT_TRUE(Edit(1, {{"Latest Summary", "- Hard."}}).ok());
  ASSERT_TRUE(pool.Do(Again("h")).ok());
  EXPECT_EQ(Get().attempts.size(), 2u);
  EXPECT_THAT(Written(Get()), ElementsAre("1:Resume Prompt=Mine.", "2:Latest Summary=- Hard."));
}

TEST_F(EditSectionsTest, OfNoHandoffNothing) {
  EditSections command;
  command.id = "none";
  EXPECT_TRUE(absl::IsNotFound(pool.Do(command).status()));
}

}  // namespace
}  // namespace handoff::core
