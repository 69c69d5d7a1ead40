// The whole table of who may call what, cell by cell, and what of a handoff is shown to whom.
#include "coordinator/core/access.h"

#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff::core {
namespace {

constexpr Role kRoles[] = {Role::kAdmin, Role::kOperator, Role::kMember, Role::kViewer, Role::kCi};
constexpr CredentialPurpose kPurposes[] = {CredentialPurpose::kWorker, CredentialPurpose::kRenewal,
                                           CredentialPurpose::kUser, CredentialPurpose::kCi,
                                           CredentialPurpose::kBootstrap};

// One line a call. By role: "all", "own" or "-"; by what the credential was made for: "x" or "-".
constexpr char kTable[] = R"(
                   admin oper member viewer ci   | worker renewal user ci bootstrap
Submit             own   own  own    -      own  | -      -       x    x  -
Get                all   all  all    all    own  | x      -       x    x  -
List               all   all  all    all    own  | -      -       x    x  -
Watch              all   all  all    all    own  | -      -       x    x  -
ReadLog            all   all  all    all    own  | x      -       x    x  -
Cancel             all   all  own    -      own  | -      -       x    x  -
Resume             all   all  own    -      -    | -      -       x    -  -
Send               all   all  own    -      own  | -      -       x    x  -
TakeOver           all   all  own    -      -    | -      -       x    -  -
Return             all   all  own    -      -    | -      -       x    -  -
Summarize          all   all  own    -      -    | -      -       x    -  -
Why                all   all  all    all    own  | -      -       x    x  -
GetDocument        all   all  all    all    own  | -      -       x    x  -
EditDocument       all   all  own    -      -    | -      -       x    -  -
Import             own   own  own    -      -    | -      -       x    -  -
Delete             all   all  own    -      -    | -      -       x    -  -
ListWorkers        all   all  all    all    -    | -      -       x    -  -
DrainWorker        all   all  own    -      -    | -      -       x    -  -
AskTurns           all   all  own    -      -    | -      -       x    -  -
RemoveWorker       all   own  own    -      -    | -      -       x    -  -
GetPool            all   all  all    all    all  | x      -       x    x  -
Sync               -     -    -      -      -    | x      -       -    -  -
Report             -     -    -      -      -    | x      -       -    -  -
SaveCheckpoint     -     -    -      -      -    | x      -       -    -  -
SaveSummary        -     -    -      -      -    | x      -       -    -  -
SavePush           -     -    -      -      -    | x      -       -    -  -
AppendLog          -     -    -      -      -    | x      -       -    -  -
PutObject          own   own  own    -      own  | x      -       x    x  -
GetObject          all   all  all    all    own  | x      -       x    x  -
AddUser            all   -    -      -      -    | -      -       x    -  -
ChangeUser         all   -    -      -      -    | -      -       x    -  -
ListUsers          all   own  own    own    -    | -      -       x    -  -
CreateTokens       all   own  own    own    -    | -      -       x    -  -
ListTokens         all   own  own    own    -    | -      -       x    -  -
Revoke             all   own  own    own    -    | -      -       x    -  -
RevokeUser         all   -    -      -      -    | -      -       x    -  -
RevokeWorker       all   own  own    -      -    | -      -       x    -  -
RevokeToken        all   own  own    own    -    | -      -       x    -  -
RevokeCredential   all   own  own    own    -    | -      -       x    -  -
ListAudit          all   -    -      -      -    | -      -       x    -  -
Redeem             -     -    -      -      -    | -      -       -    -  x
Renew              own   own  own    own    -    | x      x       x    -  -
LoginHere          -     -    -      -      -    | -      -       -    -  -
)";

std::string TextOf(Access access) {
  return access == Access::kAll ? "all" : access == Access::kOwn ? "own" : "-";
}

TEST(Access, EveryCellOfTheTableIsWhatItIs) {
  std::map<std::string, std::vector<std::string>> rows;
  for (const absl::string_view line : absl::StrSplit(kTable, '\n', absl::SkipEmpty())) {
    std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    const std::string method = words[0];
    words.erase(words.begin());
    if (method != "admin") rows[method] = std::move(words);
  }
  EXPECT_EQ(rows.size(), AllMethods().size());
  size_t cells = 0;
  for (const Method method : AllMethods()) {
    const std::string name(NameOf(method));
    ASSERT_EQ(rows.count(name), 1u) << name << " is not in the table";
    const std::vector<std::string>& row = rows[name];
    ASSERT_EQ(row.size(), 11u) << name;
    for (size_t i = 0; i < 5; ++i, ++cells)
      EXPECT_EQ(TextOf(AccessOf(kRoles[i], method)), row[i]) << name << " by " << i;
    for (size_t i = 0; i < 5; ++i, ++cells)
      EXPECT_EQ(MayCall(kPurposes[i], method) ? "x" : "-", row[6 + i]) << name << " with " << i;
  }
  EXPECT_EQ(cells, 43u * 10);
}

// A call that is added to the protocol has no row, and is refused, until somebody says who may.
TEST(Access, EveryCallOfTheProtocolHasARow) {
  std::set<std::string> missing;
  int calls = 0;
  for (const char* file : {"control", "pool", "objects", "identity"}) {
    std::ifstream in(absl::StrCat(HANDOFF_SOURCE_DIR, "/protos/handoff/v1/", file, ".proto"));
    std::stringstream text;
    text << in.rdbuf();
    std::string service;
    for (absl::string_view line : absl::StrSplit(text.str(), '\n')) {
      line = absl::StripLeadingAsciiWhitespace(line);
      if (absl::ConsumePrefix(&line, "service "))
        service = std::string(line.substr(0, line.find(' ')));
      if (!absl::ConsumePrefix(&line, "rpc ")) continue;
      ++calls;
      const std::string path =
          absl::StrCat("/handoff.v1.", service, "/", line.substr(0, line.find('(')));
      if (!FindMethod(path)) missing.insert(path);
    }
  }
  EXPECT_THAT(missing, ::testing::IsEmpty());
  EXPECT_GE(calls, 38);
}

TEST(Access, APathIsFoundWholeOrNotAtAll) {
  EXPECT_EQ(FindMethod("/handoff.v1.Control/Get"), Method::kGet);
  EXPECT_EQ(FindMethod("/handoff.v1.Objects/Get"), Method::kGetObject);
  for (const char* path : {"", "/", "Get", "/handoff.v1.Control/", "/handoff.v1.Control/get",
                           "/handoff.v1.Control/Get/", "/handoff.v1.Control/GetX",
                           "/handoff.v2.Control/Get", "handoff.v1.Control/Get"}) {
    EXPECT_FALSE(FindMethod(path)) << path;
  }
}

TEST(Access, CoversIsAllOrOwn) {
  EXPECT_TRUE(Covers(Access::kAll, false));
  EXPECT_TRUE(Covers(Access::kOwn, true));
  EXPECT_FALSE(Covers(Access::kOwn, false));
  EXPECT_FALSE(Covers(Access::kNone, true));
}

TEST(Access, OnlyWhoRunsThePoolGoesBeforeOthers) {
  EXPECT_EQ(MostPriority(Role::kAdmin), 100);
  EXPECT_EQ(MostPriority(Role::kOperator), 100);
  EXPECT_EQ(MostPriority(Role::kMember), 0);
  EXPECT_EQ(MostPriority(Role::kViewer), 0);
  EXPECT_EQ(MostPriority(Role::kCi), 0);
}

TEST(Access, WhatIsSeenOfAHandoff) {
  for (const Role role : kRoles) {
    EXPECT_EQ(SightOf(role, /*own=*/true, /*is_private=*/true), Sight::kWhole);
    EXPECT_EQ(SightOf(role, /*own=*/true, /*is_private=*/false), Sight::kWhole);
  }
  const auto others = [](Role role, bool is_private) { return SightOf(role, false, is_private); };
  EXPECT_EQ(others(Role::kAdmin, false), Sight::kWhole);
  EXPECT_EQ(others(Role::kAdmin, true), Sight::kWhole);
  EXPECT_EQ(others(Role::kOperator, false), Sight::kWhole);
  EXPECT_EQ(others(Role::kOperator, true), Sight::kWhole);
  EXPECT_EQ(others(Role::kMember, false), Sight::kWhole);
  EXPECT_EQ(others(Role::kMember, true), Sight::kListed);
  EXPECT_EQ(others(Role::kViewer, false), Sight::kWhole);
  EXPECT_EQ(others(Role::kViewer, true), Sight::kNothing);
  EXPECT_EQ(others(Role::kCi, false), Sight::kNothing);
  EXPECT_EQ(others(Role::kCi, true), Sight::kNothing);
}

}  // namespace
}  // namespace handoff::core
