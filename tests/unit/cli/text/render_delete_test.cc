// What a person sees of what was deleted.

#include "cli/text/render.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "handoff/v1/types.pb.h"

namespace handoff {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

View Piped() { return {absl::FromUnixSeconds(1'796'000'000), absl::UTCTimeZone(), 0, false}; }

v1::Handoff Deleted() {
  v1::Handoff handoff;
  handoff.set_id("20261120-x");
  handoff.set_status(v1::Handoff::FAILED);
  handoff.set_reason("The agent exited with status 1.");
  handoff.set_deleted(true);
  return handoff;
}

TEST(RenderDeleted, SaysWhatIsLeftAndHowToGetItBack) {
  EXPECT_EQ(RenderDeleted("20261120-x", /*purged=*/false),
            "20261120-x: deleted; 'handoff list --all --deleted' still shows it, 'handoff resume "
            "20261120-x' brings it back, 'handoff delete 20261120-x --purge' removes it");
  EXPECT_THAT(RenderDeleted("20261120-x", /*purged=*/true), HasSubstr("nothing is kept"));
  EXPECT_THAT(RenderDeleted("20261120-x", /*purged=*/true), Not(HasSubstr("resume")));
  EXPECT_EQ(DeletedToJsonLine("20261120-x", false),
            "{\"id\":\"20261120-x\",\"deleted\":true,\"purged\":false}\n");
}

TEST(RenderDeleted, AListThatShowsItMarksIt) {
  EXPECT_THAT(RenderList({Deleted()}, false, Piped()),
              HasSubstr("Deleted. The agent exited with status 1."));
  v1::Handoff kept = Deleted();
  kept.set_deleted(false);
  EXPECT_THAT(RenderList({kept}, false, Piped()), Not(HasSubstr("Deleted")));
}

TEST(RenderDeleted, ItsPageSaysIt) {
  EXPECT_THAT(RenderShow(Deleted(), Piped()),
              HasSubstr("\n  Deleted: no list shows it unless asked for.\n"));
}

}  // namespace
}  // namespace handoff
