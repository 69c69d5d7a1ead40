#include "common/handoff/describe_push.h"

#include "absl/strings/str_cat.h"
#include "common/handoff/describe.h"
#include "common/handoff/document.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "handoff/v1/types.pb.h"

namespace handoff {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

v1::Handoff With(const std::string& attempt, bool push = true) {
  v1::Handoff handoff;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
      absl::StrCat("id: \"20261120-x\" status: SUCCEEDED agent: \"cursor\" spec { push: ",
                   push ? "true" : "false", " } attempts { number: 1 ", attempt, " }"),
      &handoff));
  return handoff;
}

std::string Words(const v1::Handoff& handoff) {
  return PushWords(handoff, handoff.attempts(0),
                   [](absl::string_view said) { return absl::StrCat("<", said, ">"); });
}

TEST(PushWords, SayWhatCameOfIt) {
  const std::string at = "ref: \"refs/heads/handoff/x\" commit: \"0123456789abcdef\"";
  EXPECT_EQ(Words(With(absl::StrCat("push { state: PUSHED ", at, " }"))),
            "0123456789 to refs/heads/handoff/x");
  EXPECT_EQ(Words(With(absl::StrCat("push { state: PUSHED message: \"see x\" ", at, " }"))),
            "0123456789 to refs/heads/handoff/x: <see x>");
  EXPECT_EQ(Words(With(absl::StrCat("push { state: UP_TO_DATE ", at, " }"))),
            "refs/heads/handoff/x was at 0123456789 already");
  EXPECT_EQ(Words(With("push { state: REFUSED message: \"hook declined\" }")),
            "refused: <hook declined>");
  EXPECT_EQ(Words(With("push { state: FAILED message: \"no route\" }")), "failed: <no route>");
}

TEST(PushWords, SayThatTheResultIsUnknownOnlyWhereOneIsAwaited) {
  EXPECT_THAT(Words(With("state: SUCCEEDED end { changed: true }")), HasSubstr("unknown"));
  EXPECT_EQ(Words(With("state: SUCCEEDED end { changed: true }", /*push=*/false)), "");
  EXPECT_EQ(Words(With("state: SUCCEEDED end { }")), "") << "there was nothing to push";
  EXPECT_EQ(Words(With("state: CANCELLED end { changed: true }")), "");
  EXPECT_EQ(Words(With("state: RUNNING")), "");
}

TEST(PushWords, OfARemoteCannotMakeAHeading) {
  const std::string document =
      Render(Describe(With("push { state: REFUSED message: \"no\\n## Facts\\n`x\" }")));
  EXPECT_THAT(document, HasSubstr("Push of attempt 1: refused: "));
  EXPECT_THAT(document, Not(HasSubstr("\n## Facts\n`x")));
}

}  // namespace
}  // namespace handoff
