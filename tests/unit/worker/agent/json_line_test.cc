#include "worker/agent/json_line.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

std::string ListOf(size_t count, absl::string_view element) {
  std::string list(element);
  for (size_t i = 1; i < count; ++i) absl::StrAppend(&list, ",", element);
  return absl::StrCat("[", list, "]");
}

// Trap 10: a line may be as long as the log allows; its document must not take many times as much.
TEST(JsonLine, Trap10LongListsAreCutAndWhatFollowsIsFound) {
  for (const char* element : {"0", "[]", R"({"a":0})"}) {
    const auto json = ParseJsonLine(
        absl::StrCat(R"({"output":)", ListOf(600'000, element), R"(,"status":"completed"})"));
    ASSERT_TRUE(json.has_value());
    EXPECT_LE(json->at("output").size(), 100'000u) << element;
    EXPECT_GE(json->at("output").size(), 40'000u) << element;
    EXPECT_EQ(StringMember(*json, "status"), "completed");
  }
}

TEST(JsonLine, Trap10ALongStringIsKeptAndWhatFollowsItIsFound) {
  const auto json = ParseJsonLine(
      absl::StrCat(R"({"output":")", std::string(8 << 20, 'x'), R"(","status":"completed"})"));
  ASSERT_TRUE(json.has_value());
  EXPECT_EQ(StringMember(*json, "output").size(), 8u << 20);
  EXPECT_EQ(StringMember(*json, "status"), "completed");
}

TEST(JsonLine, ALongLineIsReadLikeAShortOne) {
  const std::string shape =
      R"({"a":[1,-2,2.5,true,false,null,"s",{"b":[]},[{}]],"c":{"d":"e"},"f":")";
  const auto json = ParseJsonLine(absl::StrCat(shape, std::string(1 << 20, 'x'), R"("})"));
  const auto wanted = ParseJsonLine(absl::StrCat(shape, R"("})"));
  ASSERT_TRUE(json.has_value() && wanted.has_value());
  EXPECT_EQ(json->at("a"), wanted->at("a"));
  EXPECT_EQ(json->at("c"), wanted->at("c"));
  EXPECT_FALSE(ParseJsonLine(absl::StrCat(shape, std::string(1 << 20, 'x'))).has_value());
}

TEST(JsonLine, AShortLineIsKeptWhole) {
  const auto json = ParseJsonLine(ListOf(200'000, "0"));
  EXPECT_EQ(json->size(), 200'000u);
}

}  // namespace
}  // namespace handoff
