// handoff summary

#include "tests/integration/cli/command.h"

namespace handoff {
namespace {

TEST_F(Command, ARefreshThatMadeNoSummaryFails) {
  Add("20261120-h", v1::Handoff::SUCCEEDED);
  v1::Summary summary;
  summary.set_state(v1::Summary::REFUSED);
  summary.set_message("its section 'Goal' is missing");
  coordinator_.SetSummary(summary);
  const Said refused = Run({"summary", "20261120-h", "--attempt", "1", "--refresh"});
  EXPECT_EQ(refused.exit, 10) << refused.err;
  EXPECT_THAT(refused.out, HasSubstr("'Goal' is missing"));
  EXPECT_EQ(Run({"summary", "20261120-h"}).exit, 0) << "to look is no failure";
  summary.set_state(v1::Summary::FAILED);
  coordinator_.SetSummary(summary);
  EXPECT_EQ(Run({"summary", "20261120-h", "--refresh"}).exit, 10);
  summary.set_state(v1::Summary::ACCEPTED);
  coordinator_.SetSummary(summary);
  EXPECT_EQ(Run({"summary", "20261120-h", "--refresh"}).exit, 0);
}

}  // namespace
}  // namespace handoff
