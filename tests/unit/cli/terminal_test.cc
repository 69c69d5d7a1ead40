#include "cli/terminal.h"

#include "absl/status/statusor.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

using Line = absl::StatusOr<std::string>;

TEST(Terminal, ALineThatCouldNotBeMadeFailsTheCommandAndNotTheLinesAfterIt) {
  Terminal terminal;
  EXPECT_TRUE(terminal.Out(Line("{\"first\":1}\n")));
  EXPECT_TRUE(terminal.out_error().ok());
  EXPECT_FALSE(terminal.Out(Line(absl::InternalError("no time"))));
  EXPECT_TRUE(terminal.Out(Line("{\"third\":3}\n")));
  EXPECT_FALSE(terminal.Out(Line(absl::InternalError("nor this one"))));
  EXPECT_EQ(terminal.out_error(), absl::InternalError("no time"));
}

}  // namespace
}  // namespace handoff
