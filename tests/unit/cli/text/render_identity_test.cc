#include "cli/text/render_identity.h"

#include <google/protobuf/text_format.h>

#include "absl/time/time.h"
#include "common/check.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "handoff/v1/identity.pb.h"

namespace handoff {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

View Piped() { return {absl::FromUnixSeconds(1'796'000'000), absl::UTCTimeZone(), 0, false}; }

template <typename Message>
Message Parse(const char* text) {
  Message message;
  CHECK(google::protobuf::TextFormat::ParseFromString(text, &message));
  return message;
}

TEST(RenderIdentity, UsersWithTheDevicesThatAreGood) {
  const auto users = Parse<v1::ListUsersResponse>(R"pb(
    users {
      name: "alice"
      role: ADMIN
      created_at { seconds: 1795000000 }
      credentials {
        device: "desk"
        not_after { seconds: 1796864000 }
      }
      credentials {
        device: "desk"
        not_after { seconds: 1796086400 }
      }
      credentials {
        device: "old"
        not_after { seconds: 1795999999 }
      }
      credentials {
        device: "lost"
        not_after { seconds: 1796864000 }
        revoked_at { seconds: 1795000001 }
      }
    }
    users {
      name: "bob"
      role: MEMBER
      disabled: true
      repos: "github.com/team/*"
      repos: "g.local/*"
      created_at { seconds: 1795913600 }
      created_by: "alice"
    })pb");
  EXPECT_EQ(
      RenderUsers(users, Piped()),
      "USER   ROLE    STATE     REPOSITORIES                   AGE  BY     DEVICES (GOOD FOR)\n"
      "alice  admin   active                                  11 d         desk (10 d)\n"
      "bob    member  disabled  github.com/team/*, g.local/*  24 h  alice\n");
}

TEST(RenderIdentity, TokensByWhatTheyAreStillGoodFor) {
  const auto tokens = Parse<v1::ListTokensResponse>(R"pb(
    tokens {
      id: "t1"
      purpose: WORKER
      owner: "alice"
      shared: true
      expires_at { seconds: 1796000900 }
    }
    tokens {
      id: "t2"
      purpose: LOGIN
      user: "bob"
      expires_at { seconds: 1796000900 }
      used_at { seconds: 1795999000 }
    }
    tokens {
      id: "t3"
      purpose: CI
      user: "ci/nightly"
      repos: "app"
      expires_at { seconds: 1796003600 }
      used_at { seconds: 1795999000 }
      created_by: "alice"
    }
    tokens {
      id: "t4"
      purpose: CI
      user: "ci/old"
      expires_at { seconds: 1795990000 }
    }
    tokens {
      id: "t5"
      purpose: LOGIN
      user: "bob"
      expires_at { seconds: 1796000900 }
      revoked_at { seconds: 1795999000 }
    })pb");
  const std::string text = RenderTokens(tokens, Piped());
  for (const char* line :
       {"t1     open     worker of alice, shared  in 15 min", "t2     used     login of bob",
        "t3     good     ci/nightly", "t4     expired  ci/old", "t5     revoked  login of bob"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(RenderIdentity, AuditEntriesWithoutControlSequences) {
  const auto entry = Parse<v1::AuditEntry>(R"pb(
    seq: 7
    at { seconds: 1796000000 }
    actor: "alice"
    address: "192.0.2.7:4711"
    action: "AddUser"
    object: "bob\033[31m"
    refused: true
    detail: "only\nadmins")pb");
  EXPECT_EQ(
      RenderAudit({entry}, Piped()),
      "SEQ  TIME                 WHO    FROM            WHAT     OUTCOME  OF   DETAIL\n"
      "  7  2026-11-30 00:53:20  alice  192.0.2.7:4711  AddUser  refused  bob  only admins\n");
  EXPECT_THAT(RenderAudit({entry}, Piped()), Not(HasSubstr("\x1b")));
}

TEST(RenderIdentity, RolesAreWordsAndWhatIsNewerIsUnknown) {
  EXPECT_EQ(RoleWord(v1::User::OPERATOR), "operator");
  EXPECT_EQ(RoleWord(0), "unknown");
  EXPECT_EQ(RoleWord(77), "unknown");
}

}  // namespace
}  // namespace handoff
