#include "common/hash.h"

#include <string>

#include "gtest/gtest.h"

namespace handoff {
namespace {

TEST(Sha256, MatchesThePublishedVectors) {
  EXPECT_EQ(Sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Sha256, MayBeAskedInTheMiddleAndGoOn) {
  Sha256 hash;
  hash.Update("a");
  EXPECT_EQ(hash.Hex(), Sha256Hex("a"));
  hash.Update("bc");
  EXPECT_EQ(hash.Hex(), Sha256Hex("abc"));
  Sha256 moved = std::move(hash);
  moved.Update(std::string(1 << 20, 'x'));
  EXPECT_EQ(moved.Hex(), Sha256Hex("abc" + std::string(1 << 20, 'x')));
}

TEST(Sha256, ItsHexIsRecognised) {
  EXPECT_TRUE(IsSha256Hex(Sha256Hex("x")));
  EXPECT_FALSE(IsSha256Hex(""));
  EXPECT_FALSE(IsSha256Hex(std::string(64, 'A')));
  EXPECT_FALSE(IsSha256Hex(std::string(63, 'a')));
  EXPECT_FALSE(IsSha256Hex("../" + std::string(61, 'a')));
}

TEST(RandomHex, HasItsLengthAndDiffers) {
  EXPECT_EQ(RandomHex(16).size(), 32u);
  EXPECT_NE(RandomHex(16), RandomHex(16));
}

}  // namespace
}  // namespace handoff
