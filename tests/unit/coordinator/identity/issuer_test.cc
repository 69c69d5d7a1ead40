// The authority on disk against what the database says of it.
#include "coordinator/identity/issuer.h"

#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kPool[] = "0123456789abcdef0123456789abcdef";

class IssuerTest : public ::testing::Test {
 protected:
  std::string Path() const { return dir_.path() + "/identity"; }
  absl::StatusOr<std::unique_ptr<Issuer>> Open(const Issuer::Known& known) const {
    return Issuer::Open(Path(), kPool, known, clock_);
  }
  std::string MustOpen(const Issuer::Known& known) const {
    const auto issuer = Open(known);
    EXPECT_TRUE(issuer.ok()) << issuer.status();
    return issuer.ok() ? (*issuer)->authority().Fingerprint() : "";
  }
  void Lose() const { std::filesystem::rename(Path(), Path() + ".lost"); }

  const TempDir dir_ = *TempDir::Make("issuer-test-");
  RealClock clock_;
};

TEST_F(IssuerTest, AFirstStartMakesAnAuthorityWhichStays) {
  const std::string first = MustOpen({});
  EXPECT_EQ(MustOpen({}), first) << "killed before it was noted";
  EXPECT_EQ(MustOpen({"", true}), first) << "of a program that did not note it";
  EXPECT_EQ(MustOpen({first, true}), first);
}

TEST_F(IssuerTest, OneThatWasLostIsNotMadeAnew) {
  const std::string first = MustOpen({});
  Lose();
  for (const Issuer::Known& known :
       {Issuer::Known{first, true}, Issuer::Known{first, false}, Issuer::Known{"", true}}) {
    const absl::Status refused = Open(known).status();
    EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(refused.message()),
                AllOf(HasSubstr("holds no authority of pool"), HasSubstr(Path()),
                      HasSubstr(known.fingerprint), HasSubstr("did not start"),
                      HasSubstr("Restore sealing.key, authority.key.sealed and authority.pem")));
    EXPECT_FALSE(PathExists(Path())) << "nothing is made";
  }
}

// What is left without the sealed file may be of a first start that was killed, but for who knows
// that there was one.
TEST_F(IssuerTest, NorIsOneOfWhichOnlyTheSealingKeyIsLeft) {
  const std::string first = MustOpen({});
  for (const char* name : {"/authority.key.sealed", "/authority.pem"})
    std::filesystem::remove(Path() + name);
  EXPECT_EQ(Open({first, true}).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_FALSE(PathExists(Path() + "/authority.key.sealed"));
}

TEST_F(IssuerTest, AnotherOneOfTheSamePoolIsRefused) {
  const std::string first = MustOpen({});
  Lose();
  const std::string second = MustOpen({});
  ASSERT_NE(first, second);
  const absl::Status refused = Open({first, true}).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.message()),
              AllOf(HasSubstr("another authority"), HasSubstr(first)));
  std::filesystem::remove_all(Path());
  std::filesystem::rename(Path() + ".lost", Path());
  EXPECT_EQ(MustOpen({first, true}), first) << "restored";
}

}  // namespace
}  // namespace handoff
