#include "common/uuid.h"

#include "gtest/gtest.h"

namespace handoff {
namespace {

TEST(Uuid, ANewOneIsOneAndNoOther) {
  const std::string uuid = NewUuid();
  EXPECT_TRUE(IsUuid(uuid)) << uuid;
  EXPECT_EQ(uuid[14], '4');
  EXPECT_NE(uuid, NewUuid());
}

TEST(Uuid, AnythingElseIsNone) {
  for (const char* text :
       {"", "x", "01a223bf-0000-7783-893d-253cdbb7000", "01a223bf-0000-7783-893d-253cdbb700000",
        "01a223bf000007783-893d-253cdbb70000x", "01a223bf-0000-7783-893d-253cdbb7000g"}) {
    EXPECT_FALSE(IsUuid(text)) << text;
  }
  EXPECT_TRUE(IsUuid("01A223BF-0000-7783-893d-253cdbb70000"));
}

}  // namespace
}  // namespace handoff
