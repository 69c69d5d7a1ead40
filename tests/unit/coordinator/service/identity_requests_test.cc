// What is asked of identities is bounded before the engine's thread copies it, once a token.
#include <functional>
#include <string>

#include "absl/strings/str_cat.h"
#include "coordinator/core/limits.h"
#include "coordinator/service/convert_identity.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

using ::testing::HasSubstr;

v1::CreateTokensRequest ForWorkers() {
  v1::CreateTokensRequest request;
  request.set_purpose(v1::Token::WORKER);
  request.set_count(1000);
  for (int i = 0; i < 32; ++i) (*request.mutable_labels())[absl::StrCat("k", i)] = "v";
  for (size_t i = 0; i < core::kMaxPatterns; ++i) request.add_repos(absl::StrCat("h/", i));
  request.set_repos(0, std::string(core::kMaxPatternBytes, 'r'));
  return request;
}

TEST(IdentityRequests, WhatATokenCarriesIsBounded) {
  EXPECT_EQ(Validate(ForWorkers()), absl::OkStatus());
  const struct {
    const char* says;
    std::function<void(v1::CreateTokensRequest&)> change;
  } bad[] = {
      {"33 entries in labels", [](auto& r) { (*r.mutable_labels())["one-more"] = "v"; }},
      {"label key",
       [](auto& r) {
         r.mutable_labels()->erase("k0");
         (*r.mutable_labels())["k 0"] = "v";
       }},
      {"value of label k0", [](auto& r) { (*r.mutable_labels())["k0"] = std::string(257, 'v'); }},
      {"101 patterns in repos", [](auto& r) { r.add_repos("h/more"); }},
      {"a pattern in repos", [](auto& r) { r.mutable_repos(99)->assign(301, 'r'); }},
  };
  for (const auto& each : bad) {
    v1::CreateTokensRequest request = ForWorkers();
    each.change(request);
    const absl::Status status = Validate(request);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << each.says << ": " << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(each.says));
  }
}

TEST(IdentityRequests, WhatAUserIsLimitedToIsBounded) {
  v1::AddUserRequest add;
  add.set_name("ada");
  add.set_role(v1::User::MEMBER);
  v1::ChangeUserRequest change;
  change.set_set_repos(true);
  *add.mutable_repos() = *change.mutable_repos() = ForWorkers().repos();
  EXPECT_TRUE(ToCore(add).ok());
  EXPECT_TRUE(ToCore(change).ok());
  add.add_repos("h/more");
  change.mutable_repos(0)->push_back('r');
  EXPECT_TRUE(absl::IsInvalidArgument(ToCore(add).status())) << ToCore(add).status();
  EXPECT_TRUE(absl::IsInvalidArgument(ToCore(change).status())) << ToCore(change).status();
}

TEST(IdentityRequests, WhatIsToBeRevokedIsOneOfAKind) {
  const core::Caller ada{"ada", "5e", "10.0.0.1"};
  v1::RevokeRequest request;
  EXPECT_TRUE(absl::IsInvalidArgument(Validate(request)));
  request.set_reason("lost");
  request.mutable_device()->set_user("ada");
  request.mutable_device()->set_name("laptop");
  EXPECT_EQ(Validate(request), absl::OkStatus());
  const Revocation revocation = ToCore(request, ada);
  const auto* const device = std::get_if<core::RevokeDevice>(&revocation);
  ASSERT_NE(device, nullptr);
  EXPECT_EQ(device->caller, ada);
  EXPECT_EQ(device->user, "ada");
  EXPECT_EQ(device->device, "laptop");
  EXPECT_EQ(device->reason, "lost");
  request.mutable_device()->set_name("a\nb");
  EXPECT_TRUE(absl::IsInvalidArgument(Validate(request)));
  request.set_serial("5e");
  EXPECT_TRUE(std::holds_alternative<core::RevokeCredential>(ToCore(request, ada)));
}

}  // namespace
}  // namespace handoff
