// The verbs about users, tokens, build hosts and the audit log: what is asked of the coordinator,
// and that a secret stands on stdout alone.

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "common/identity/ticket.h"
#include "tests/integration/cli/command.h"

namespace handoff {
namespace {

class IdentityCommand : public Command {
 protected:
  static std::vector<std::string> Lines(const std::string& text) {
    return absl::StrSplit(text, '\n', absl::SkipEmpty());
  }
  static absl::Status Decodes(const std::string& line, TicketKind kind) {
    return DecodeTicket(line, kind, absl::Now()).status();
  }
  static v1::User UserWithDevices(const std::string& name) {
    v1::User user;
    user.set_name(name);
    user.set_role(v1::User::MEMBER);
    for (const char* device : {"laptop", "desk"}) {
      v1::Credential& credential = *user.add_credentials();
      credential.set_device(device);
      credential.set_serial(absl::StrCat("ab", device[0] == 'l' ? "01" : "02"));
      credential.mutable_not_after()->set_seconds(4'000'000'000);
    }
    return user;
  }
};

TEST_F(IdentityCommand, UserAddPrintsTheLineAloneAndSaysWhereItGoes) {
  const Said said =
      Run({"user", "add", "bob", "--role", "viewer", "--repo", "github.com/team/*", "--ttl", "1h"});
  EXPECT_EQ(said.exit, 0) << said.err;
  ASSERT_EQ(Lines(said.out).size(), 1u);
  EXPECT_TRUE(Decodes(Lines(said.out)[0], TicketKind::kUser).ok());
  EXPECT_THAT(
      said.err,
      HasSubstr("bob has the role viewer now. On their machine: handoff login, then paste"));
  EXPECT_THAT(said.err, Not(HasSubstr("hfu1_")));
  ASSERT_EQ(identity_.added().size(), 1u);
  EXPECT_EQ(identity_.added()[0].role(), v1::User::VIEWER);
  EXPECT_EQ(identity_.added()[0].repos(0), "github.com/team/*");
  ASSERT_EQ(identity_.creates().size(), 1u);
  EXPECT_EQ(identity_.creates()[0].purpose(), v1::Token::LOGIN);
  EXPECT_EQ(identity_.creates()[0].user(), "bob");
  EXPECT_EQ(identity_.creates()[0].ttl().seconds(), 3600);
}

TEST_F(IdentityCommand, AUserThatIsThereGetsALineInAnotherWay) {
  identity_.SetUser(UserWithDevices("bob"));
  const Said said = Run({"user", "add", "bob"});
  EXPECT_EQ(said.exit, 6) << said.err;
  EXPECT_THAT(said.err, HasSubstr("handoff login --link --user bob"));
  EXPECT_THAT(identity_.creates(), IsEmpty());
}

TEST_F(IdentityCommand, LinkIsForTheirOwnOtherMachine) {
  const Said said = Run({"login", "--link"});
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_TRUE(Decodes(Lines(said.out)[0], TicketKind::kUser).ok());
  EXPECT_EQ(identity_.creates()[0].user(), "alice");
  EXPECT_EQ(Run({"login", "--link", "--user", "bob"}).exit, 0);
  EXPECT_EQ(identity_.creates()[1].user(), "bob");
}

TEST_F(IdentityCommand, RolesAndStatesAreChanged) {
  EXPECT_EQ(Run({"user", "role", "bob", "operator"}).exit, 0);
  EXPECT_EQ(Run({"user", "role", "bob", "member", "--any-repo"}).exit, 0);
  EXPECT_EQ(Run({"user", "disable", "bob"}).exit, 0);
  const Said enabled = Run({"user", "enable", "bob"});
  EXPECT_EQ(enabled.exit, 0);
  EXPECT_THAT(enabled.err, HasSubstr("but for what was revoked"));
  EXPECT_EQ(Run({"user", "role", "bob", "ci"}).exit, 2);
  EXPECT_EQ(Run({"user", "role", "bob", "king"}).exit, 2);
  const auto changes = identity_.changes();
  ASSERT_EQ(changes.size(), 4u);
  EXPECT_EQ(changes[0].role(), v1::User::OPERATOR);
  EXPECT_FALSE(changes[0].set_repos());
  EXPECT_TRUE(changes[1].set_repos());
  EXPECT_EQ(changes[1].repos_size(), 0);
  EXPECT_TRUE(changes[2].disabled());
  EXPECT_FALSE(changes[2].has_role());
  EXPECT_FALSE(changes[3].disabled());
  EXPECT_TRUE(changes[3].has_disabled());
}

// Or somebody changes a role and wonders in the evening why the pipelines stopped.
TEST_F(IdentityCommand, AChangeSaysWhatItRevoked) {
  EXPECT_THAT(Run({"user", "role", "bob", "viewer"}).err, Not(HasSubstr("evoked")));
  identity_.SetRevoked(2, 1);
  const std::string went = "2 lines that nobody had used yet and 1 token of pipelines";
  EXPECT_THAT(Run({"user", "role", "bob", "viewer"}).err, HasSubstr(went));
  EXPECT_THAT(Run({"user", "disable", "bob"}).err, HasSubstr(went));
  EXPECT_THAT(Run({"user", "role", "bob", "viewer", "--json"}).out,
              HasSubstr("\"revokedCredentials\":1"));
  EXPECT_THAT(Run({"user", "role", "--help"}).out, HasSubstr("tokens of pipelines, which stop"));
  EXPECT_THAT(Run({"user", "disable", "--help"}).out, HasSubstr("those pipelines stop"));
}

TEST_F(IdentityCommand, AUserIsRevokedWholeOrByOneDevice) {
  identity_.SetUser(UserWithDevices("bob"));
  const Said device = Run({"user", "revoke", "bob", "--device", "desk", "--reason", "lost"});
  EXPECT_EQ(device.exit, 0);
  EXPECT_THAT(device.err, Not(HasSubstr("handed over")));
  const Said whole = Run({"user", "revoke", "bob"});
  EXPECT_EQ(whole.exit, 0);
  EXPECT_THAT(whole.err, HasSubstr("handoff list --owner bob"));
  const auto revokes = identity_.revokes();
  ASSERT_EQ(revokes.size(), 2u);
  EXPECT_EQ(revokes[0].device().user(), "bob");
  EXPECT_EQ(revokes[0].device().name(), "desk");
  EXPECT_EQ(revokes[0].reason(), "lost");
  EXPECT_EQ(revokes[1].user(), "bob");
  const Said unset = Run({"user", "revoke", "bob", "--device", ""});
  EXPECT_EQ(unset.exit, 2) << unset.err;
  EXPECT_EQ(identity_.revokes().size(), 2u) << "not the whole user";
  identity_.Refuse({grpc::StatusCode::NOT_FOUND, "theirs are: laptop, desk"});
  const Said none = Run({"user", "revoke", "bob", "--device", "phone"});
  EXPECT_EQ(none.exit, 3) << none.err;
  EXPECT_THAT(none.err, HasSubstr("theirs are: laptop, desk"));
}

TEST_F(IdentityCommand, ListsAreFollowedPageByPage) {
  for (const char* name : {"ada", "bob", "cyd"}) identity_.SetUser(UserWithDevices(name));
  identity_.LoginLine("ada");
  identity_.LoginLine("bob");
  const size_t tokens = Lines(Run({"token", "list", "--json"}).out).size();
  EXPECT_GE(tokens, 2u);
  identity_.SetPage(1);
  EXPECT_EQ(Lines(Run({"user", "list", "--json"}).out).size(), 3u);
  EXPECT_EQ(Lines(Run({"token", "list", "--json"}).out).size(), tokens);
}

TEST_F(IdentityCommand, InviteMakesAsManyLinesAsThereAreHosts) {
  const Said said = Run({"worker", "invite", "--count", "3", "--label", "gpu=yes", "--shared",
                         "--repo", "github.com/team/*"});
  EXPECT_EQ(said.exit, 0) << said.err;
  ASSERT_EQ(Lines(said.out).size(), 3u);
  for (const std::string& line : Lines(said.out)) {
    EXPECT_TRUE(Decodes(line, TicketKind::kWorker).ok());
  }
  EXPECT_THAT(said.err, HasSubstr("handoff-worker join --data-dir"));
  const v1::CreateTokensRequest request = identity_.creates()[0];
  EXPECT_EQ(request.purpose(), v1::Token::WORKER);
  EXPECT_EQ(request.count(), 3);
  EXPECT_TRUE(request.shared());
  EXPECT_EQ(request.labels().at("gpu"), "yes");
  EXPECT_EQ(request.repos(0), "github.com/team/*");
}

TEST_F(IdentityCommand, ATokenIsShownOnceAndNeverInAList) {
  const Said made = Run({"token", "create", "--role", "ci", "--repo", "github.com/team/app",
                         "--ttl", "1d", "--name", "nightly"});
  EXPECT_EQ(made.exit, 0) << made.err;
  const std::string token(absl::StripSuffix(made.out, "\n"));
  EXPECT_TRUE(Decodes(token, TicketKind::kCi).ok());
  EXPECT_EQ(identity_.creates()[0].user(), "nightly");
  EXPECT_EQ(identity_.creates()[0].ttl().seconds(), 86400);
  const std::string secret = token.substr(5, 40);
  for (const std::vector<std::string>& shown : std::vector<std::vector<std::string>>{
           {"token", "list"}, {"tokens", "--json"}, {"audit", "--json"}, {"doctor"}}) {
    const Said said = Run(shown);
    EXPECT_THAT(said.out, Not(HasSubstr(secret)));
    EXPECT_THAT(said.err, Not(HasSubstr(secret)));
  }
  EXPECT_EQ(Run({"token", "revoke", "t1"}).exit, 0);
  EXPECT_EQ(identity_.revokes()[0].token(), "t1");
}

TEST_F(IdentityCommand, WhatIsRefusedHereIsNotSent) {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"user"},
                                             {"user", "frobnicate"},
                                             {"user", "add"},
                                             {"user", "add", "bob", "--ttl", "soon"},
                                             {"token", "create"},
                                             {"token", "create", "--repo", "r", "--role", "admin"},
                                             {"token", "create", "--repo", "r", "--ttl", "-1"},
                                             {"worker", "invite", "--count", "0"},
                                             {"worker", "invite", "--label", "a"},
                                             {"login", "--user", "bob"},
                                             {"audit", "--limit", "-1"}}) {
    const Said said = Run(arguments);
    EXPECT_EQ(said.exit, 2) << said.err;
    EXPECT_THAT(said.out, IsEmpty());
  }
  EXPECT_THAT(identity_.added(), IsEmpty());
  EXPECT_THAT(identity_.creates(), IsEmpty());
}

TEST_F(IdentityCommand, AuditShowsTheLastOnesAndWhetherItIsWhole) {
  for (uint64_t i = 1; i <= 5; ++i) {
    v1::AuditEntry entry;
    entry.set_seq(i);
    entry.set_actor("alice");
    entry.set_action("AddUser");
    entry.set_object(absl::StrCat("user-", i));
    entry.set_hash(absl::StrCat("hash-", i));
    identity_.AddAudit(entry);
  }
  const Said last = Run({"audit", "--limit", "2"});
  EXPECT_EQ(last.exit, 0) << last.err;
  EXPECT_THAT(last.out, Not(HasSubstr("user-3")));
  EXPECT_THAT(last.out, HasSubstr("user-4"));
  EXPECT_THAT(last.out, HasSubstr("user-5"));
  EXPECT_EQ(Lines(Run({"audit", "--limit", "0", "--json"}).out).size(), 5u);
  const Said whole = Run({"audit", "--verify"});
  EXPECT_EQ(whole.exit, 0) << whole.err;
  EXPECT_EQ(whole.out, "hash-5\n");
  identity_.SetBroken("entry 3 was edited");
  const Said broken = Run({"audit", "--verify"});
  EXPECT_EQ(broken.exit, 10);
  EXPECT_THAT(broken.err, HasSubstr("entry 3 was edited"));
}

TEST_F(IdentityCommand, AWorkerIsRevoked) {
  const Said said = Run({"worker", "revoke", "build-7", "--reason", "stolen"});
  EXPECT_EQ(said.exit, 0) << said.err;
  ASSERT_EQ(identity_.revokes().size(), 1u);
  EXPECT_EQ(identity_.revokes()[0].worker(), "build-7");
  EXPECT_EQ(identity_.revokes()[0].reason(), "stolen");
  // Which the coordinator does not list any more, or never lists so.
  EXPECT_EQ(Run({"worker", "revoke", "0a1b-2c3d"}).exit, 0);
  EXPECT_EQ(identity_.revokes()[1].worker(), "0a1b-2c3d");
}

TEST_F(IdentityCommand, WhatTheCoordinatorDeniesIsDenied) {
  identity_.Refuse({grpc::StatusCode::PERMISSION_DENIED, "only an admin may do that"});
  const Said said = Run({"user", "add", "bob"});
  EXPECT_EQ(said.exit, 5);
  EXPECT_THAT(said.err, HasSubstr("only an admin may do that"));
}

}  // namespace
}  // namespace handoff
