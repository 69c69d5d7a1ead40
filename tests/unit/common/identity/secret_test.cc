#include "common/identity/secret.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <optional>
#include <ostream>
#include <set>
#include <string>
#include <type_traits>

#include "common/file.h"
#include "common/hash.h"
#include "common/identity/base64.h"
#include "common/identity/parts.h"
#include "common/unique_fd.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

template <typename T, typename = void>
struct CanBePrinted : std::false_type {};
template <typename T>
struct CanBePrinted<
    T, std::void_t<decltype(std::declval<std::ostream&>() << std::declval<const T&>())>>
    : std::true_type {};

TEST(Secret, IsNeitherCopiedNorPrintedByAccident) {
  static_assert(CanBePrinted<std::string>::value);
  static_assert(!CanBePrinted<Secret>::value);
  static_assert(!std::is_copy_constructible_v<Secret> && !std::is_copy_assignable_v<Secret>);
  static_assert(!std::is_convertible_v<Secret, absl::string_view>);
  const Secret secret("hunter2");
  EXPECT_THAT(::testing::PrintToString(secret), Not(HasSubstr("hunter2")));
  EXPECT_EQ(secret.Copy().size(), 7u);
  EXPECT_EQ(secret.Reveal(), "hunter2");
}

TEST(Secret, MovesWithoutLeavingAnythingBehind) {
  Secret from("short");  // a string would keep this one inside of itself
  Secret to = std::move(from);
  EXPECT_TRUE(from.empty());  // NOLINT: it is what is tested
  EXPECT_EQ(from.Reveal(), "");
  EXPECT_EQ(to.Reveal(), "short");
  to = Secret("other");
  EXPECT_EQ(to.Reveal(), "other");
}

// Reads this process's memory as a core dump would: whether or not it was freed. Into what is there
// already: what is taken after something was freed may be just that.
void ReadMemory(const UniqueFd& memory, uintptr_t address, std::string& into) {
  const ssize_t n = ::pread(memory.get(), into.data(), into.size(), static_cast<off_t>(address));
  EXPECT_EQ(n, static_cast<ssize_t>(into.size()));
}

TEST(Secret, IsWipedWhenItIsLetGo) {
  const std::string middle(64, '!');
  const std::string content = std::string(96, '#') + middle + std::string(96, '#');
  std::optional<Secret> ended(content), replaced_slot(content);
  Secret shortened(content), other("x");
  const auto at = [](const Secret& secret) {
    return reinterpret_cast<uintptr_t>(secret.Reveal().data());
  };
  const uintptr_t where[] = {at(*ended), at(*replaced_slot), at(shortened)};
  const auto memory = OpenFile("/proc/self/mem", O_RDONLY);
  if (!memory.ok()) GTEST_SKIP() << "/proc/self/mem is closed";
  std::string found[3];
  for (size_t i = 0; i < 3; ++i) {
    found[i].assign(content.size(), '\0');
    ReadMemory(*memory, where[i], found[i]);
    ASSERT_EQ(found[i], content);
  }
  ended.reset();
  *replaced_slot = std::move(other);
  shortened.Shorten(96);
  for (size_t i = 0; i < 3; ++i) ReadMemory(*memory, where[i], found[i]);
  for (const std::string& left : found) EXPECT_THAT(left, Not(HasSubstr(middle.substr(0, 16))));
}

TEST(Secret, RandomOnesDiffer) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const Secret secret = Secret::Random(32);
    seen.emplace(secret.Reveal());
  }
  EXPECT_EQ(seen.size(), 100u);
  const Secret large = Secret::Random(1000);  // more than the kernel gives at once for certain
  EXPECT_EQ(large.size(), 1000u);
  EXPECT_NE(large.Reveal().substr(900), std::string(100, '\0'));
}

TEST(Secret, OnlyItsHashIsStoredAndFitsNoOther) {
  const Secret secret("abc");
  const std::string hash = HashSecret(secret);
  EXPECT_EQ(hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_TRUE(SecretMatches(secret, hash));
  EXPECT_FALSE(SecretMatches(Secret("abd"), hash));
  EXPECT_FALSE(SecretMatches(Secret(""), hash));
  for (size_t i = 0; i < hash.size(); ++i) {
    std::string other = hash;
    other[i] = other[i] == '0' ? '1' : '0';
    EXPECT_FALSE(SecretMatches(secret, other)) << i;
    EXPECT_FALSE(SecretMatches(secret, hash.substr(0, i))) << i;
  }
  EXPECT_FALSE(SecretMatches(secret, hash + "0"));
}

TEST(Base64Url, TakesOnlyWhatItMakes) {
  std::string bytes;
  for (int i = 0; i < 70; ++i) {
    const Secret text = ToBase64Url(bytes);
    const auto back = FromBase64Url(text.Reveal());
    ASSERT_TRUE(back.has_value()) << i;
    EXPECT_EQ(back->Reveal(), bytes);
    bytes.push_back(static_cast<char>(251 - 7 * i));
  }
  const Secret text = ToBase64Url("\xfb\xff");
  EXPECT_EQ(text.Reveal(), "-_8");
  // Padding, white space, the other alphabet, unused bits that are set, a lone digit.
  for (const char* other :
       {"-_8=", "-_8 ", " -_8", "-_8\n", "+/8", "-_9", "-_-_-", "-_8*", "-_\xb8", "\xad_8"}) {
    EXPECT_FALSE(FromBase64Url(other).has_value()) << other;
  }
}

TEST(Parts, ComeBackAsTheyWereAndOnlyAsMany) {
  const Secret packed = PackParts({"one", "", std::string(300, 'x')});
  const auto parts = UnpackParts(packed.Reveal(), 3);
  ASSERT_TRUE(parts.has_value());
  EXPECT_THAT(*parts, ElementsAre("one", "", std::string(300, 'x')));
  EXPECT_FALSE(UnpackParts(packed.Reveal(), 2).has_value());
  EXPECT_FALSE(UnpackParts(packed.Reveal(), 4).has_value());
  for (size_t cut = 0; cut < packed.size(); ++cut) {
    EXPECT_FALSE(UnpackParts(packed.Reveal().substr(0, cut), 3).has_value()) << cut;
  }
  // What ends one part cannot pass for the beginning of the next.
  const Secret left = PackParts({"ab", "c"}), right = PackParts({"a", "bc"});
  EXPECT_NE(left.Reveal(), right.Reveal());
}

}  // namespace
}  // namespace handoff
