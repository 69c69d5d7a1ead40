// Into a pool and out of it, by the built command over mutual TLS.

#include <signal.h>
#include <sys/stat.h>

#include "absl/strings/str_cat.h"
#include "cli/credential_directory.h"
#include "common/identity/private_file.h"
#include "tests/integration/cli/command.h"
#include "tests/integration/cli/pty.h"

namespace handoff {
namespace {

constexpr absl::Duration kDay = absl::Hours(24);

class LoginCommand : public Command {
 protected:
  SpawnOptions Bare(const std::vector<std::string>& arguments,
                    const std::vector<std::string>& more = {}) const {
    SpawnOptions options = OptionsOfStranger(arguments);
    options.env.insert(options.env.end(), more.begin(), more.end());
    return options;
  }
  Said RunBare(const std::vector<std::string>& arguments, const std::string& input = "",
               const std::vector<std::string>& more = {}) const {
    const auto result = RunProcess(Bare(arguments, more), input, absl::Minutes(1));
    CHECK(result.ok());
    EXPECT_FALSE(result->timed_out);
    return {result->status.code, result->out, result->err};
  }
  std::string PoolDirectory() const {
    return absl::StrCat(dir_.path(), "/.config/handoff/pools/", authority_.pool_id());
  }
  static mode_t ModeOf(const std::string& path) {
    struct stat info = {};
    CHECK(::stat(path.c_str(), &info) == 0);
    return info.st_mode & 0777;
  }
  // A login whose certificate is of that time.
  void LogIn(const std::string& user, absl::Time from, absl::Time until) const {
    const std::string made = authority_.UserDirectory(user, from, until);
    const auto key = ReadPrivateFile(made + "/key.pem", 1 << 16);
    CHECK(key.ok());
    CHECK(MakeDirectories(dir_.path() + "/.config/handoff/pools").ok());
    const absl::Status written =
        WriteCredential(PoolDirectory(), {*ReadFile(made + "/authority.pem"),
                                          *ReadFile(made + "/certificate.pem"),
                                          key->Copy(),
                                          {coordinator_.address()},
                                          user});
    CHECK(written.ok());
  }
};

TEST_F(LoginCommand, ALineOnStandardInputMakesAPoolTheirs) {
  const std::string line = identity_.LoginLine("grace");
  const Said said = RunBare({"login", "--device", "laptop"}, absl::StrCat("\n  ", line, "\n"));
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_THAT(said.out, IsEmpty());
  EXPECT_THAT(said.err, HasSubstr("You are grace in pool test-pool from this machine (laptop)"));
  EXPECT_THAT(said.err, HasSubstr("Next: handoff doctor"));
  EXPECT_THAT(said.err, Not(HasSubstr(line.substr(0, 20))));
  ASSERT_EQ(identity_.redeems().size(), 1u);
  EXPECT_EQ(identity_.redeems()[0].device(), "laptop");
  EXPECT_EQ(identity_.redeems()[0].worker_uuid(), "");
  EXPECT_EQ(ModeOf(PoolDirectory()), 0700u);
  for (const char* name : {"/key.pem", "/certificate.pem", "/authority.pem", "/pool.toml"}) {
    EXPECT_EQ(ModeOf(PoolDirectory() + name), 0600u) << name;
  }
  // The next command needs nothing but that.
  AddIn("20261120-h", "https://localhost/app", 1000);
  const Said listed = RunBare({"list", "--all"});
  EXPECT_EQ(listed.exit, 0) << listed.err;
  EXPECT_THAT(listed.out, HasSubstr("20261120-h"));
}

TEST_F(LoginCommand, ALineIsGoodOnce) {
  const std::string line = identity_.LoginLine("grace");
  EXPECT_EQ(RunBare({"login"}, line).exit, 0);
  const Said again = RunBare({"login"}, line);
  EXPECT_EQ(again.exit, 5) << again.err;
  EXPECT_THAT(again.err, HasSubstr("this line is not good any more"));
  EXPECT_TRUE(ReadCredential(PoolDirectory()).ok());
}

TEST_F(LoginCommand, WhereTheAnswerMayBeLostTheNextTryIsNamed) {
  identity_.Refuse({grpc::StatusCode::UNAVAILABLE, "the disk is full"});
  const Said said = RunBare({"login"}, identity_.LoginLine("grace"));
  EXPECT_EQ(said.exit, 4) << said.err;
  EXPECT_THAT(said.err, AllOf(HasSubstr("You are not logged in"), HasSubstr("counts as used")));
  EXPECT_FALSE(PathExists(PoolDirectory()));
}

TEST_F(LoginCommand, WhatIsNoLineIsRefusedBeforeAnythingIsSent) {
  const std::string line = identity_.LoginLine("grace");
  for (const std::string& input : {std::string(), std::string("\n\n"), std::string("hello"),
                                   line.substr(0, line.size() - 9), std::string(20'000, 'x')}) {
    const Said said = RunBare({"login"}, input);
    EXPECT_EQ(said.exit, 2) << said.err;
    EXPECT_THAT(said.err, Not(HasSubstr(line.substr(5, 20))));
  }
  EXPECT_THAT(identity_.redeems(), IsEmpty());
  EXPECT_FALSE(PathExists(PoolDirectory()));
}

// Everybody on the host can read it there.
TEST_F(LoginCommand, ALineOnTheCommandLineIsRefusedAndNotPrinted) {
  const std::string line = identity_.LoginLine("grace");
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"login", line}, {line}, {"submit", "use " + line}, {"--coordinator=" + line, "list"}}) {
    const Said said = RunBare(arguments);
    EXPECT_EQ(said.exit, 2) << said.err;
    EXPECT_THAT(said.err, HasSubstr("stands on the command line"));
    EXPECT_THAT(said.err, Not(HasSubstr(line.substr(5, 20))));
  }
  EXPECT_THAT(identity_.redeems(), IsEmpty());
}

TEST_F(LoginCommand, AnotherPoolsCoordinatorLearnsNothing) {
  const FakeAuthority other("other-pool");
  FakeIdentity rogue(other);
  const FakeCoordinator impostor(other, {&rogue});
  identity_.SetAddress(impostor.address());
  const Said said = RunBare({"login"}, identity_.LoginLine("grace"));
  EXPECT_EQ(said.exit, 5) << said.err;
  EXPECT_THAT(said.err, HasSubstr("not this pool's coordinator"));
  EXPECT_THAT(said.err, ::testing::StartsWith("handoff: no connection to the coordinator at "));
  EXPECT_THAT(rogue.redeems(), IsEmpty());
  EXPECT_FALSE(PathExists(PoolDirectory()));
}

TEST_F(LoginCommand, WhatSpeaksNoTlsIsSaidToSpeakNone) {
  LogIn("grace", absl::Now(), absl::Now() + 80 * kDay);
  const FakeCoordinator plain;
  const Said said = RunBare({"list", "--coordinator", plain.address()});
  EXPECT_EQ(said.exit, 4) << said.err;
  EXPECT_THAT(said.err, HasSubstr("speaks no TLS"));
  EXPECT_EQ(plain.calls(), 0);
}

class LoginAtTerminal : public LoginCommand {
 protected:
  // As a shell has it.
  static void Cook(int terminal) {
    termios settings{};
    CHECK(::tcgetattr(terminal, &settings) == 0);
    settings.c_lflag |= ECHO | ICANON;
    CHECK(::tcsetattr(terminal, TCSANOW, &settings) == 0);
  }
  static bool Echoes(int terminal) {
    termios settings{};
    CHECK(::tcgetattr(terminal, &settings) == 0);
    return (settings.c_lflag & ECHO) != 0;
  }
  absl::StatusOr<Subprocess> Start(const Pty& pty) const {
    SpawnOptions options = Bare({"login"});
    options.fds = {{0, pty.slave()}, {2, pty.slave()}};
    return Subprocess::Spawn(options);
  }
};

TEST_F(LoginAtTerminal, ThePromptShowsNothingOfIt) {
  const std::string line = identity_.LoginLine("grace");
  Pty pty(24, 200);
  Cook(pty.slave());
  auto process = Start(pty);
  pty.ReadUntil("(it is not shown): ");
  EXPECT_FALSE(Echoes(pty.slave()));
  pty.Type(line + "\n");
  EXPECT_EQ(process->Wait()->code, 0);
  EXPECT_TRUE(Echoes(pty.slave()));
  pty.LeaveToChild();
  const std::string screen = pty.ReadAll();
  EXPECT_THAT(screen, HasSubstr("You are grace"));
  EXPECT_THAT(screen, Not(HasSubstr(line.substr(5, 20))));
}

TEST_F(LoginAtTerminal, CtrlCAtThePromptLeavesTheTerminalAsItWas) {
  Pty pty(24, 200);
  Cook(pty.slave());
  auto process = Start(pty);
  pty.ReadUntil("(it is not shown): ");
  EXPECT_FALSE(Echoes(pty.slave()));
  process->Signal(SIGINT);
  EXPECT_EQ(process->Wait()->code, 130);
  EXPECT_TRUE(Echoes(pty.slave()));
  EXPECT_THAT(identity_.redeems(), IsEmpty());
}

TEST_F(LoginCommand, LogoutRemovesTheCredentialAndHasItRevoked) {
  EXPECT_EQ(RunBare({"login"}, identity_.LoginLine("grace")).exit, 0);
  const std::string serial = ReadCredential(PoolDirectory())->certificate.serial();
  const Said said = RunBare({"logout"});
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_THAT(said.err, HasSubstr("removed and revoked"));
  ASSERT_EQ(identity_.revokes().size(), 1u);
  EXPECT_EQ(identity_.revokes()[0].serial(), serial);
  EXPECT_THAT(*ListDirectory(dir_.path() + "/.config/handoff/pools"), IsEmpty());
  const Said after = RunBare({"list"});
  EXPECT_EQ(after.exit, 5);
  EXPECT_THAT(after.err, HasSubstr("you are not logged in to a pool"));
  EXPECT_THAT(after.err, HasSubstr("handoff login"));
}

TEST_F(LoginCommand, LogoutWithoutACoordinatorSaysThatACopyIsStillGood) {
  EXPECT_EQ(RunBare({"login"}, identity_.LoginLine("grace")).exit, 0);
  const Said said = RunBare({"logout", "--coordinator", "127.0.0.1:1"});
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_THAT(said.err, HasSubstr("but not revoked"));
  EXPECT_THAT(said.err, HasSubstr("handoff user revoke grace"));
  EXPECT_FALSE(PathExists(PoolDirectory()));
}

TEST_F(LoginCommand, ATokenOfAPipelineNeedsNoFileAndLeavesNone) {
  const Ticket ticket = authority_.MakeLine(TicketKind::kCi, coordinator_.address());
  const std::string token(EncodeTicket(ticket)->Reveal());
  AddIn("20261120-h", "https://localhost/app", 1000);
  const Said said = RunBare({"list", "--all"}, "", {"HANDOFF_TOKEN=" + token});
  EXPECT_EQ(said.exit, 0) << said.err;
  EXPECT_THAT(said.out, HasSubstr("20261120-h"));
  EXPECT_THAT(*ListDirectory(dir_.path()), IsEmpty());
}

TEST_F(LoginCommand, ATokenThatIsNotOneIsNamedAndNotPrinted) {
  const std::string line = identity_.LoginLine("grace");
  for (const std::string& wrong : {std::string("hello-token"), line}) {
    const Said said = RunBare({"list"}, "", {"HANDOFF_TOKEN=" + wrong});
    EXPECT_EQ(said.exit, 2) << said.err;
    EXPECT_THAT(said.err, HasSubstr("HANDOFF_TOKEN"));
    EXPECT_THAT(said.err, Not(HasSubstr("hello-token")));
    EXPECT_THAT(said.err, Not(HasSubstr(line.substr(5, 20))));
  }
}

TEST_F(LoginCommand, AnExpiredCertificateSaysWhatToDo) {
  LogIn("grace", absl::Now() - 2 * kDay, absl::Now() - kDay);
  const Said said = RunBare({"list"});
  EXPECT_EQ(said.exit, 5) << said.err;
  EXPECT_THAT(said.err, HasSubstr("expired on"));
  EXPECT_THAT(said.err, HasSubstr("handoff login --link --user grace"));
  EXPECT_EQ(coordinator_.calls(), 0);
}

TEST_F(LoginCommand, ACertificateIsRenewedFromTheHalfOfItsLifeOnOnceADay) {
  LogIn("grace", absl::Now() - 60 * kDay, absl::Now() + 30 * kDay);
  const StoredCredential before = *ReadCredential(PoolDirectory());
  EXPECT_EQ(RunBare({"list"}).exit, 0);
  const StoredCredential after = *ReadCredential(PoolDirectory());
  EXPECT_NE(after.certificate.serial(), before.certificate.serial());
  EXPECT_EQ(after.certificate.public_key(), before.certificate.public_key());
  EXPECT_EQ(RunBare({"list"}).exit, 0);
  EXPECT_EQ(identity_.renewals(), 1);
}

TEST_F(LoginCommand, ACertificateInItsFirstHalfIsLeftAlone) {
  LogIn("grace", absl::Now() - 10 * kDay, absl::Now() + 80 * kDay);
  EXPECT_EQ(RunBare({"list"}).exit, 0);
  EXPECT_EQ(identity_.renewals(), 0);
}

TEST_F(LoginCommand, ARenewalThatFailsIsTheDoctorsToTell) {
  LogIn("grace", absl::Now() - 60 * kDay, absl::Now() + 30 * kDay);
  identity_.Refuse({grpc::StatusCode::UNAVAILABLE, "the disk is full"});
  const Said listed = RunBare({"list"});
  EXPECT_EQ(listed.exit, 0);
  EXPECT_THAT(listed.err, Not(HasSubstr("the disk is full")));
  const Said doctor = RunBare({"doctor"});
  EXPECT_THAT(doctor.out, HasSubstr("you are grace in pool test-pool"));
  EXPECT_THAT(doctor.out, HasSubstr("could not be renewed"));
  EXPECT_THAT(doctor.out, HasSubstr("the disk is full"));
  EXPECT_EQ(identity_.renewals(), 1);
}

TEST_F(LoginCommand, WhatOthersMayReadOrWriteIsNotUsed) {
  LogIn("grace", absl::Now(), absl::Now() + 80 * kDay);
  CHECK(::chmod((PoolDirectory() + "/key.pem").c_str(), 0644) == 0);
  const Said read = RunBare({"list"});
  EXPECT_NE(read.exit, 0);
  EXPECT_THAT(read.err, HasSubstr("key.pem"));
  CHECK(::chmod((PoolDirectory() + "/key.pem").c_str(), 0600) == 0);
  CHECK(::chmod((PoolDirectory() + "/authority.pem").c_str(), 0666) == 0);
  const Said written = RunBare({"list"});
  EXPECT_EQ(written.exit, 6) << written.err;
  EXPECT_THAT(written.err, HasSubstr("can be written by other users"));
  EXPECT_EQ(coordinator_.calls(), 0);
}

// A stand-in for ssh that notes what it was asked and reaches the coordinator over a link.
class BehindSsh : public LoginCommand {
 protected:
  BehindSsh() {
    CHECK(MakeDirectories(bin_).ok());
    CHECK(WriteFileAtomically(bin_ + "/ssh",
                              absl::StrCat("#!/bin/sh\necho $$ \"$@\" >>", notes_,
                                           "\nwhile [ \"$1\" != -L ]; do shift; done\n"
                                           "[ \"$4\" = gone ] && exit 255\n"
                                           "ln -s ",
                                           far_, " \"${2%%:*}\"\nexec sleep infinity\n"),
                              0700)
              .ok());
  }
  SpawnOptions OptionsAt(const std::string& address) const {
    SpawnOptions options = Bare({"list", "--all"}, {"HANDOFF_COORDINATOR=" + address});
    for (std::string& entry : options.env) {
      if (entry.find("PATH=") == 0) entry = absl::StrCat("PATH=", bin_, ":/usr/bin:/bin");
    }
    return options;
  }
  TempDir place_ = *TempDir::Make("ssh-");
  const std::string bin_ = place_.path() + "/bin";
  const std::string notes_ = place_.path() + "/notes";
  const std::string far_ = place_.path() + "/far";
  FakeCoordinator far_coordinator_{authority_, {&identity_}, "unix:" + far_};
};

TEST_F(BehindSsh, TheCoordinatorIsReachedThroughItAndNothingIsLeft) {
  LogIn("grace", absl::Now(), absl::Now() + 80 * kDay);
  const auto said = RunProcess(OptionsAt("ssh://me@build-1:99"), "", absl::Minutes(1));
  ASSERT_TRUE(said.ok());
  EXPECT_EQ(said->status.code, 0) << said->err;
  EXPECT_EQ(coordinator_.calls(), 0);
  EXPECT_GT(far_coordinator_.calls(), 0);
  const std::string notes = *ReadFile(notes_);
  EXPECT_THAT(notes, HasSubstr("/s:127.0.0.1:99 -- me@build-1\n"));
  // What stood in for ssh was waited for.
  const std::string pid = notes.substr(0, notes.find(' '));
  EXPECT_FALSE(PathExists("/proc/" + pid));
}

TEST_F(BehindSsh, WhenSshEndsSoDoesTheCommand) {
  LogIn("grace", absl::Now(), absl::Now() + 80 * kDay);
  const auto said = RunProcess(OptionsAt("ssh://gone"), "", absl::Minutes(1));
  ASSERT_TRUE(said.ok());
  EXPECT_EQ(said->status.code, 4) << said->err;
  EXPECT_THAT(said->err, HasSubstr("no coordinator was reached at ssh://gone"));
}

}  // namespace
}  // namespace handoff
