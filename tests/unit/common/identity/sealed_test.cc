#include "common/identity/sealed.h"

#include <sys/stat.h>
#include <unistd.h>

#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/file.h"
#include "common/identity/private_file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/common/identity/pool_for_test.h"

namespace handoff {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

constexpr SealedAs kAs{kPool, "the test's secret"};

TEST(Seal, OpensAgainWithItsKeyAndHidesWhatItIs) {
  const SealingKey key = SealingKey::Make();
  for (const size_t size : {0, 1, 15, 16, 17, 1000, 65535}) {
    const std::string plain(size, 'p');
    const auto sealed = Seal(key, kAs, plain);
    ASSERT_TRUE(sealed.ok()) << sealed.status();
    EXPECT_THAT(sealed->substr(0, 200), MatchesRegex("handoff-sealed:v1:[0-9a-f]+:[-_A-Za-z0-9]+"));
    // As they are and in base64; 12 letters in a row are there by chance once in 10^16 runs.
    EXPECT_THAT(*sealed, Not(AnyOf(HasSubstr("pppppppppppp"), HasSubstr("cHBwcHBwcHBw"))));
    const auto opened = Unseal(key, kAs, *sealed);
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_EQ(opened->Reveal(), plain);
  }
  EXPECT_THAT(Seal(key, kAs, std::string(65536, 'p')).status(),
              Refuses(absl::StatusCode::kInvalidArgument, "is too large to be sealed"));
}

TEST(Seal, NeverMakesTheSameTwice) {
  const SealingKey key = SealingKey::Make();
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(Seal(key, kAs, "same")->substr(0, 67));
  EXPECT_EQ(seen.size(), 1000u);  // 35 bytes of head, then the nonce's 32 digits
}

TEST(Seal, OpensOnlyAsWhatItWasSealed) {
  const SealingKey key = SealingKey::Make();
  const std::string sealed = *Seal(key, {"p", "ab"}, "x");
  EXPECT_TRUE(Unseal(key, {"p", "ab"}, sealed).ok());
  for (const SealedAs& other : {SealedAs{"q", "ab"}, SealedAs{"p", "ac"}, SealedAs{"pa", "b"},
                                SealedAs{"ab", "p"}, SealedAs{"", ""}, SealedAs{"p", "abx"}}) {
    EXPECT_THAT(Unseal(key, other, sealed).status(),
                Refuses(absl::StatusCode::kDataLoss, "is damaged, or is something else"));
  }
}

TEST(Seal, AnotherKeyIsToldFromDamage) {
  const SealingKey key = SealingKey::Make(), other = SealingKey::Make();
  EXPECT_NE(key.id(), other.id());
  const std::string sealed = *Seal(key, kAs, "x");
  EXPECT_THAT(
      Unseal(other, kAs, sealed).status(),
      Refuses(absl::StatusCode::kFailedPrecondition,
              absl::StrCat("the test's secret of pool ", kPool,
                           " was sealed with another key than the one here (", other.id())));
  // Nor does it open when somebody writes the other key's name on it.
  EXPECT_THAT(Unseal(other, kAs, absl::StrReplaceAll(sealed, {{key.id(), other.id()}})).status(),
              Refuses(absl::StatusCode::kDataLoss, "is damaged"));
  EXPECT_THAT(sealed, HasSubstr(absl::StrCat(":", key.id(), ":")));
}

TEST(Seal, EveryWrongCharacterAndEveryCutIsNoticed) {
  const SealingKey key = SealingKey::Make();
  const std::string sealed = *Seal(key, kAs, "some secret of some length");
  for (size_t i = 0; i < sealed.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string wrong = sealed;
      wrong[i] = static_cast<char>(wrong[i] ^ (1 << bit));
      EXPECT_FALSE(Unseal(key, kAs, wrong).ok()) << i << " bit " << bit;
    }
    EXPECT_FALSE(Unseal(key, kAs, sealed.substr(0, i)).ok()) << i;
    EXPECT_FALSE(Unseal(key, kAs, sealed.substr(i + 1)).ok()) << i;
  }
  for (const std::string& wrong :
       {sealed + "A", sealed + ":", sealed + "\n", " " + sealed, std::string(1 << 20, 'A')}) {
    EXPECT_THAT(Unseal(key, kAs, wrong).status(),
                Refuses(absl::StatusCode::kDataLoss, "It was not used or changed"));
  }
}

class SealingKeyTest : public ::testing::Test {
 protected:
  SealingKeyTest() : dir_(*TempDir::Make("sealing-")), path_(dir_.path() + "/sealing.key") {}
  TempDir dir_;
  std::string path_;
};

TEST_F(SealingKeyTest, IsMadeOnceAndLoadedAfterwards) {
  EXPECT_EQ(SealingKey::Load(path_).status().code(), absl::StatusCode::kNotFound);
  const auto made = SealingKey::LoadOrCreate(path_);
  ASSERT_TRUE(made.ok()) << made.status();
  struct stat info = {};
  ASSERT_EQ(::stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
  EXPECT_EQ(info.st_size, 32);
  EXPECT_EQ(SealingKey::LoadOrCreate(path_)->id(), made->id());
  const auto loaded = SealingKey::Load(path_);
  EXPECT_EQ(Unseal(*loaded, kAs, *Seal(*made, kAs, "x"))->Reveal(), "x");
}

TEST_F(SealingKeyTest, MadeByManyAtOnceIsOne) {
  constexpr int kThreads = 8;
  std::vector<std::string> ids(kThreads);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        const auto key = SealingKey::LoadOrCreate(path_);
        ids[static_cast<size_t>(i)] = key.ok() ? key->id() : key.status().ToString();
      });
    }
  }
  for (const std::string& id : ids) EXPECT_EQ(id, SealingKey::Load(path_)->id());
}

TEST_F(SealingKeyTest, ABadFileIsRefusedAndLeftAsItIs) {
  const std::string good(32, 'k');
  const struct {
    std::string content;
    mode_t mode;
    const char* words;
  } cases[] = {
      {good, 0644, "is open to other users (mode 0644)"},
      {good, 0640, "is open to other users (mode 0640)"},
      {good, 0602, "is open to other users (mode 0602)"},
      {good.substr(1), 0600, "is no sealing key: it has 31 bytes and not 32"},
      {good + "\n", 0600, "it has 33 bytes"},
      {"", 0600, "it has 0 bytes"},
  };
  for (const auto& c : cases) {
    ASSERT_TRUE(WritePrivateFile(path_, c.content).ok());
    ASSERT_EQ(::chmod(path_.c_str(), c.mode), 0);
    for (const auto& use : {SealingKey::Load, SealingKey::LoadOrCreate}) {
      EXPECT_THAT(use(path_).status(), Refuses(absl::StatusCode::kFailedPrecondition, c.words));
    }
    EXPECT_EQ(*ReadFile(path_), c.content);
  }
  ASSERT_TRUE(WritePrivateFile(path_ + ".real", good).ok());
  for (const char* target : {"sealing.key.real", "nowhere"}) {
    ASSERT_EQ(::unlink(path_.c_str()), 0);
    ASSERT_EQ(::symlink(target, path_.c_str()), 0);
    EXPECT_THAT(SealingKey::LoadOrCreate(path_).status(),
                Refuses(absl::StatusCode::kFailedPrecondition, "is a symbolic link"));
  }
  EXPECT_FALSE(PathExists(dir_.path() + "/nowhere"));
}

}  // namespace
}  // namespace handoff
