// How a host comes into a pool and goes out of it, with the built programs.

#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/check.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/pool.h"

namespace handoff::e2e {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

CommandResult Worker(const std::vector<std::string>& args, const std::string& input = "") {
  SpawnOptions options;
  options.argv = {Program("handoff-worker")};
  options.argv.insert(options.argv.end(), args.begin(), args.end());
  options.env = {"PATH=/usr/bin:/bin"};
  const auto result = RunProcess(options, input, absl::Minutes(1));
  CHECK(result.ok());
  EXPECT_FALSE(result->timed_out);
  return {result->status.code, result->out, result->err};
}

std::string Line(const Pool& pool, const std::vector<std::string>& flags = {}) {
  std::vector<std::string> args = {"worker", "invite"};
  args.insert(args.end(), flags.begin(), flags.end());
  const CommandResult invited = pool.Handoff(args);
  EXPECT_EQ(invited.exit_code, 0) << invited.err;
  return std::string(absl::StripAsciiWhitespace(invited.out));
}

TEST(Joining, ALineAndTwoCommandsMakeAWorker) {
  Pool pool;
  pool.StartCoordinator();
  const CommandResult joined =
      Worker({"join", "--data-dir", pool.path("w"), "--name", "build-1", "--label", "gpu=yes"},
             Line(pool, {"--label", "site=home"}) + "\n");
  ASSERT_EQ(joined.exit_code, 0) << joined.err;
  EXPECT_THAT(
      joined.out,
      AllOf(HasSubstr(" as worker build-1 "), HasSubstr(absl::StrCat("uid ", ::geteuid())),
            HasSubstr("It takes the work of "), HasSubstr("network"), HasSubstr("isolation"),
            HasSubstr("handoff-worker --data-dir " + pool.path("w"))));
  EXPECT_EQ(joined.err, "") << "nothing but a prompt would be there, and this is no terminal";
  EXPECT_EQ(::rename(pool.path("w").c_str(), pool.path("build-1").c_str()), 0);
  pool.StartWorker("build-1", 1);
  const std::string id = pool.Submit(
      {"--agent", "command", "--require", "gpu=yes", "--require", "site=home", "--", "/bin/true"});
  EXPECT_EQ(pool.Handoff({"wait", id}).exit_code, 0);
}

TEST(Joining, WhatCannotBeIsSaidAndNothingIsDone) {
  Pool pool;
  pool.StartCoordinator();
  const std::string data = pool.path("w"), line = Line(pool);
  const CommandResult not_joined = Worker({"--data-dir", data});
  EXPECT_EQ(not_joined.exit_code, 2) << "by which its unit knows that to try again is in vain";
  EXPECT_THAT(not_joined.err,
              AllOf(HasSubstr("has not joined a pool"), HasSubstr("handoff-worker join")));
  const CommandResult argument = Worker({"join", "--data-dir", data, line});
  EXPECT_EQ(argument.exit_code, 2);
  EXPECT_THAT(argument.err, AllOf(HasSubstr("is a secret"), Not(HasSubstr(line.substr(5, 12)))));
  EXPECT_EQ(Worker({"join", "--data-dir", data}, "").exit_code, 1);
  EXPECT_EQ(Worker({"join", "--name", "w"}, line).exit_code, 2);
  EXPECT_FALSE(PathExists(data + "/identity"));
  EXPECT_EQ(Worker({"join", "--data-dir", data, "--name", "w"}, line).exit_code, 0);
  const CommandResult twice = Worker({"join", "--data-dir", data, "--name", "w"}, Line(pool));
  EXPECT_EQ(twice.exit_code, 1);
  EXPECT_THAT(twice.err, HasSubstr("Nothing was done"));
  const CommandResult used =
      Worker({"join", "--data-dir", pool.path("other"), "--name", "other"}, line);
  EXPECT_EQ(used.exit_code, 1);
  EXPECT_THAT(used.err, HasSubstr("this token is not good"));
}

TEST(Joining, WhatStandsBeforeTheWordJoinCountsToo) {
  Pool pool;
  pool.StartCoordinator();
  const std::string data = pool.path("w");
  const CommandResult joined = Worker({"--data-dir", data, "--name", "build-7", "--label",
                                       "gpu=yes", "--coordinator", "localhost:1", "join"},
                                      Line(pool));
  EXPECT_EQ(joined.exit_code, 0) << joined.err;
  EXPECT_THAT(ReadFile(data + "/identity/pool.toml").value(), HasSubstr("localhost:1"));
  EXPECT_THAT(joined.out, AllOf(HasSubstr("as worker build-7"), HasSubstr(data)));
  EXPECT_THAT(ReadFile(data + "/identity/pool.toml").value(), HasSubstr("gpu"));
  // What is said to the word itself wins.
  const std::string other = pool.path("other");
  const CommandResult twice = Worker(
      {"--data-dir", data, "--name", "build-7", "join", "--data-dir", other, "--name", "build-8"},
      Line(pool));
  EXPECT_EQ(twice.exit_code, 0) << twice.err;
  EXPECT_THAT(twice.out, AllOf(HasSubstr("as worker build-8"), HasSubstr(other)));
}

TEST(Joining, ALineThatAnotherPoolMadeLeadsThere) {
  Pool one, other;
  one.StartCoordinator();
  other.StartCoordinator();
  ASSERT_EQ(Worker({"join", "--data-dir", one.path("a"), "--name", "a"}, Line(other)).exit_code, 0);
  // What it was not made for does not take it, although it is told to go there.
  SpawnOptions options;
  options.argv = {Program("handoff-worker"), "--data-dir", one.path("a"), "--coordinator",
                  one.address()};
  options.env = {"PATH=/usr/bin:/bin"};
  auto pipe = MakePipe();
  CHECK(pipe.ok());
  options.fds = {{2, pipe->second.get()}};
  auto daemon = Subprocess::Spawn(options);
  CHECK(daemon.ok());
  pipe->second.Reset();
  std::string said;
  char c = 0;
  while (!absl::StrContains(said, "is not this pool's coordinator") &&
         ::read(pipe->first.get(), &c, 1) == 1) {
    said.push_back(c);
  }
  EXPECT_THAT(said, HasSubstr("is not this pool's coordinator"));
  daemon->Signal(SIGTERM);
  EXPECT_TRUE(daemon->Wait().ok());
  EXPECT_THAT(one.Handoff({"worker", "list"}).out, Not(HasSubstr("a ")));
}

// While the daemon runs, and without it.
TEST(Joining, TheDoctorOnTheHostSaysWhatKeepsItFromThePool) {
  Pool pool;
  pool.StartCoordinator();
  const auto ask = [&] { return Worker({"doctor", "--data-dir", pool.path("a")}); };
  const CommandResult before = ask();
  EXPECT_EQ(before.exit_code, 1);
  EXPECT_THAT(before.out, HasSubstr("problem  pool: "));
  pool.StartWorker("a", 1);
  const CommandResult well = ask();
  EXPECT_EQ(well.exit_code, 0) << well.out;
  EXPECT_THAT(well.out, AllOf(HasSubstr("ok       certificate: good until "),
                              HasSubstr("ok       coordinator " + pool.address()),
                              HasSubstr("ok       clock: "), HasSubstr("agent command: ready")));
  ASSERT_EQ(pool.Handoff({"worker", "revoke", "a"}).exit_code, 0);
  EXPECT_THAT(ask().out,
              AllOf(HasSubstr("problem  coordinator "), HasSubstr("is not good in this pool")));
  pool.Kill("coordinator", SIGTERM);
  const CommandResult away = ask();
  EXPECT_EQ(away.exit_code, 1);
  EXPECT_THAT(away.out, HasSubstr("problem  coordinator " + pool.address()));
}

// What runs goes on; the daemon says it once, and is not let in again by a restart either.
TEST(Joining, ARevokedWorkerIsCutOffAndItsAgentGoesOn) {
  Pool pool;
  pool.StartCoordinator();
  pool.StartWorker("a", 1);
  Gate begun(pool.path("begun")), gate(pool.path("gate")), after(pool.path("after"));
  pool.Submit({"--agent", "command", "--retries", "0",
               absl::StrCat("echo >", begun.path(), "\ncat ", gate.path(), "\necho >", after.path(),
                            "\n")});
  begun.Await();
  ASSERT_EQ(pool.Handoff({"worker", "revoke", "a"}).exit_code, 0);
  const auto said = [&] { return ReadFile(pool.path("a.log")).value_or(""); };
  pool.Eventually([&] { return absl::StrContains(said(), "does not let this worker in"); });
  gate.Open();
  after.Await();
  pool.Kill("a", SIGTERM);
  const std::vector<std::string> times = absl::StrSplit(said(), "does not let this worker in");
  EXPECT_EQ(times.size(), 2u) << said();
}

TEST(Joining, ADamagedCertificateOnDiskChangesNothing) {
  Pool pool;
  pool.StartCoordinator();
  pool.StartWorker("a", 1);
  for (const char* file : {"certificate.pem", "renewal.pem", "key.pem", "authority.pem"}) {
    ASSERT_TRUE(WriteFileAtomically(pool.path("a/identity/") + file, "garbage").ok());
  }
  const std::string id = pool.Submit({"--agent", "command", "--", "/bin/true"});
  EXPECT_EQ(pool.Handoff({"wait", id}).exit_code, 0);
}

// What stands in for ssh in PATH as long as this is there: a link to where the coordinator really
// is. Keeps the process ids.
class StandInForSsh {
 public:
  explicit StandInForSsh(const Pool& pool)
      : notes_(pool.path("ssh-notes")), before_(getenv("PATH")) {
    CHECK(MakeDirectories(pool.path("bin")).ok());
    const std::string script = absl::StrCat(
        "#!/bin/sh\necho $$ >>", notes_, "\nwhile [ \"$1\" != -L ]; do shift; done\nln -s ",
        pool.path("far"), " \"${2%%:*}\"\nexec sleep infinity\n");
    CHECK(WriteFileAtomically(pool.path("bin/ssh"), script, 0700).ok());
    ::setenv("PATH", absl::StrCat(pool.path("bin"), ":", before_).c_str(), 1);
  }
  ~StandInForSsh() { ::setenv("PATH", before_.c_str(), 1); }
  std::vector<pid_t> Pids() const {
    std::vector<pid_t> pids;
    for (const auto& line :
         absl::StrSplit(ReadFile(notes_).value_or(""), '\n', absl::SkipEmpty())) {
      pids.emplace_back();
      CHECK(absl::SimpleAtoi(line, &pids.back()));
    }
    return pids;
  }

 private:
  const std::string notes_, before_;
};

// Nothing of the tunnel is an agent's: neither its socket nor the pipe that it ends with.
TEST(Joining, AWorkerBehindSshOpensItsTunnelAgain) {
  Pool pool;
  const StandInForSsh ssh(pool);
  pool.listen = "unix:" + pool.path("far");
  pool.StartCoordinator();
  pool.Join("a", {}, {"--coordinator", "ssh://me@front:7000"});
  ASSERT_EQ(ssh.Pids().size(), 1u);
  EXPECT_FALSE(IsRunning(ssh.Pids()[0]));
  EXPECT_THAT(*ReadFile(pool.path("a/identity/pool.toml")), HasSubstr("ssh://me@front:7000"));
  // The environment of these tests names another address.
  pool.StartWorker("a", 1, {"--coordinator", "ssh://me@front:7000"});
  const auto run = [&](const std::string& script) {
    const std::string id = pool.Submit({"--agent", "command", script});
    EXPECT_EQ(pool.Handoff({"wait", id}).exit_code, 0);
    return pool.Handoff({"logs", id, "--raw"}).out;
  };
  EXPECT_EQ(run("ls /proc/self/fd"), "0\n1\n2\n3\n") << "the last is the directory's";
  ASSERT_EQ(::kill(ssh.Pids().back(), SIGKILL), 0);
  run("true");
  EXPECT_EQ(ssh.Pids().size(), 3u);
  pool.Kill("a", SIGTERM);
  EXPECT_FALSE(IsRunning(ssh.Pids().back()));
}

// A service manager, as far as a daemon sees one.
class Notified {
 public:
  explicit Notified(const std::string& path) : socket_(::socket(AF_UNIX, SOCK_DGRAM, 0)) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    CHECK(path.size() < sizeof(address.sun_path));
    std::memcpy(address.sun_path, path.data(), path.size());
    CHECK(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
    ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
  }
  ~Notified() { ::unsetenv("NOTIFY_SOCKET"); }
  std::string Next() const {
    char text[256];
    const ssize_t n = ::recv(socket_.get(), text, sizeof(text), 0);
    return std::string(text, static_cast<size_t>(n < 0 ? 0 : n));
  }

 private:
  const UniqueFd socket_;
};

TEST(ServiceManager, HearsWhenADaemonIsReadyAndWhenItStops) {
  Pool pool;
  const Notified notified(pool.path("notify"));
  pool.StartCoordinator();
  EXPECT_EQ(notified.Next(), "READY=1");
  pool.StartWorker("a", 1);
  EXPECT_EQ(notified.Next(), "READY=1");
  pool.Kill("a", SIGTERM);
  EXPECT_EQ(notified.Next(), "STOPPING=1");
  pool.Kill("coordinator", SIGTERM);
  EXPECT_EQ(notified.Next(), "STOPPING=1");
}

// Agents are looked after while nobody answers, so that a start is not held up by it.
TEST(ServiceManager, HearsOfAWorkerWhoseCoordinatorIsAway) {
  Pool pool;
  pool.StartCoordinator();
  pool.Join("a");
  pool.Kill("coordinator", SIGTERM);
  const Notified notified(pool.path("notify"));
  SpawnOptions options;
  options.argv = {Program("handoff-worker"), "--data-dir", pool.path("a")};
  options.env = {"PATH=/usr/bin:/bin", "NOTIFY_SOCKET=" + pool.path("notify")};
  auto daemon = Subprocess::Spawn(options);
  CHECK(daemon.ok());
  EXPECT_EQ(notified.Next(), "READY=1");
  daemon->Signal(SIGTERM);
  EXPECT_TRUE(daemon->Wait().ok());
}

}  // namespace
}  // namespace handoff::e2e
