// What a person reads of what is kept for a handoff.
#include "absl/strings/str_cat.h"
#include "cli/render.h"
#include "common/text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "handoff/v1/control.pb.h"

namespace handoff {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr int64_t kNow = 1'800'000'000;
View Piped() { return {absl::FromUnixSeconds(kNow), absl::UTCTimeZone(), 0, false}; }

TEST(Stored, IsSaidBesideWhatTheOwnerMayHave) {
  v1::Handoff handoff;
  handoff.set_id("20261101-a");
  handoff.set_owner("ada\x1b[31m");
  handoff.set_owner_stored_limit(uint64_t{107} * 1000 * 1000 * 1000);
  EXPECT_THAT(RenderShow(handoff, Piped()), Not(HasSubstr("Stored")));
  handoff.set_stored_bytes(12'300'000);
  EXPECT_THAT(RenderShow(handoff, Piped()),
              HasSubstr(absl::StrCat("\nStored     ", HumanBytes(12'300'000),
                                     " of logs and objects; all of ada's may fill ",
                                     HumanBytes(uint64_t{107} * 1000 * 1000 * 1000), "\n")));
  handoff.clear_owner_stored_limit();
  EXPECT_THAT(RenderShow(handoff, Piped()), HasSubstr(" of logs and objects\n"));
}

}  // namespace
}  // namespace handoff
