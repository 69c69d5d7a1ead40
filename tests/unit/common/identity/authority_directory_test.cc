#include "common/identity/authority_directory.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/file.h"
#include "common/identity/verify.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/common/identity/pool_for_test.h"

namespace handoff {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kFiles[] = {"sealing.key", "authority.key.sealed", "authority.pem"};

class AuthorityDirectoryTest : public ::testing::Test {
 protected:
  AuthorityDirectoryTest()
      : data_(*TempDir::Make("authority-")), dir_(data_.path() + "/identity") {}
  absl::StatusOr<PoolAuthority> Open() { return OpenOrCreateAuthority(dir_, kPool, absl::Now()); }
  std::string Path(const std::string& name) const { return dir_ + "/" + name; }
  // Name → content of all files but the lock.
  std::map<std::string, std::string> Files() const {
    std::map<std::string, std::string> files;
    if (!PathExists(dir_)) return files;
    const auto names = *ListDirectory(dir_);
    for (const std::string& name : names) {
      if (name != "lock") files[name] = *ReadFile(Path(name));
    }
    return files;
  }
  void Put(const std::map<std::string, std::string>& files) {
    ASSERT_TRUE(RemoveTree(dir_).ok());
    ASSERT_TRUE(MakeDirectories(dir_).ok());
    for (const auto& [name, content] : files) {
      ASSERT_TRUE(WriteFileAtomically(Path(name), content).ok());
    }
  }
  TempDir data_;
  std::string dir_;
};

TEST_F(AuthorityDirectoryTest, IsMadeOnce) {
  const auto made = Open();
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->authority.certificate.pool_id(), kPool);
  EXPECT_EQ(made->authority.certificate.public_key(), made->authority.key.public_key());
  const auto names = *ListDirectory(dir_);
  EXPECT_THAT(names, ElementsAre("authority.key.sealed", "authority.pem", "lock", "sealing.key"));
  for (const std::string& name : names) {
    struct stat info = {};
    ASSERT_EQ(::stat(Path(name).c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u) << name;
  }
  const auto files = Files();
  EXPECT_EQ(files.at("authority.pem"), made->authority.certificate.ToPem());
  const auto again = Open();
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->authority.certificate.der(), made->authority.certificate.der());
  EXPECT_EQ(again->sealing_key.id(), made->sealing_key.id());
  EXPECT_EQ(Files(), files);
  // What the one issues, the other one knows.
  const auto worker = Issue(
      again->authority, PrivateKey::Generate()->public_key(),
      {.peer = WorkerName(), .not_before = absl::Now(), .not_after = absl::Now() + absl::Hours(1)});
  EXPECT_EQ(
      VerifyCertificate(*worker, made->authority.certificate, absl::Now(), CertificateUse::kClient),
      absl::OkStatus());
}

TEST_F(AuthorityDirectoryTest, TheKeyIsNowhereInPlain) {
  const auto made = Open();
  ASSERT_TRUE(made.ok());
  const auto der = made->authority.key.ToDer();
  const std::string number(der->Reveal().substr(36, 32));
  EXPECT_THAT(std::string(der->Reveal()), HasSubstr(number));
  for (const auto& [name, content] : Files()) {
    EXPECT_THAT(content, Not(HasSubstr(number))) << name;
    EXPECT_THAT(content, Not(HasSubstr("PRIVATE KEY"))) << name;
  }
}

TEST_F(AuthorityDirectoryTest, EveryLossOfFilesIsFinishedOrRefused) {
  const std::string first = Open()->authority.certificate.Fingerprint();
  const auto whole = Files();
  const struct {
    std::set<std::string> left;
    const char* words;  // null: goes on with the first authority
  } cases[] = {
      {{"sealing.key", "authority.key.sealed", "authority.pem"}, nullptr},
      {{"sealing.key", "authority.key.sealed"}, nullptr},
      {{"sealing.key", "authority.pem"}, "authority.key.sealed is missing, but authority.pem is"},
      {{"authority.key.sealed", "authority.pem"},
       "sealing.key is missing, but authority.key.sealed is there. No other authority was made"},
      {{"authority.key.sealed"}, "sealing.key is missing, but authority.key.sealed is there"},
      {{"authority.pem"}, "authority.key.sealed is missing, but authority.pem is there"},
  };
  for (const auto& c : cases) {
    std::map<std::string, std::string> files;
    for (const std::string& name : c.left) files[name] = whole.at(name);
    Put(files);
    const auto opened = Open();
    if (c.words == nullptr) {
      ASSERT_TRUE(opened.ok()) << opened.status();
      EXPECT_EQ(opened->authority.certificate.Fingerprint(), first);
      EXPECT_EQ(Files(), whole);
    } else {
      EXPECT_THAT(opened.status(), Refuses(absl::StatusCode::kFailedPrecondition, c.words));
      EXPECT_EQ(Files(), files) << "changed what was refused";
    }
  }
}

TEST_F(AuthorityDirectoryTest, ASealingKeyThatIsThereBeforehandIsTaken) {
  Put({{"sealing.key", std::string(32, 'k')}});
  const auto made = Open();
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(*ReadFile(Path("sealing.key")), std::string(32, 'k'));
}

TEST_F(AuthorityDirectoryTest, WhatDoesNotFitIsRefusedAndLeftAsItIs) {
  ASSERT_TRUE(Open().ok());
  const auto whole = Files();
  ASSERT_TRUE(RemoveTree(dir_).ok());
  ASSERT_TRUE(Open().ok());
  const auto other = Files();
  const struct {
    const char* name;
    std::string content;
    absl::StatusCode code;
    const char* words;
  } cases[] = {
      {"sealing.key", other.at("sealing.key"), absl::StatusCode::kFailedPrecondition,
       "was sealed with another key than the one here"},
      {"sealing.key", "short", absl::StatusCode::kFailedPrecondition, "is no sealing key"},
      {"authority.pem", other.at("authority.pem"), absl::StatusCode::kFailedPrecondition,
       "authority.pem is not the certificate of the key in authority.key.sealed"},
      {"authority.pem", "", absl::StatusCode::kFailedPrecondition,
       "if only authority.pem was damaged, remove it: it is written again"},
      {"authority.key.sealed", other.at("authority.key.sealed"),
       absl::StatusCode::kFailedPrecondition, "was sealed with another key"},
      {"authority.key.sealed", whole.at("authority.key.sealed").substr(0, 500),
       absl::StatusCode::kDataLoss, "cannot be opened: what was kept is damaged"},
      {"authority.key.sealed", "", absl::StatusCode::kDataLoss, "Restore it from a backup"},
  };
  for (const auto& c : cases) {
    auto files = whole;
    files[c.name] = c.content;
    Put(files);
    EXPECT_THAT(Open().status(), Refuses(c.code, c.words));
    EXPECT_EQ(Files(), files);
  }
}

TEST_F(AuthorityDirectoryTest, AnotherPoolsIsRefused) {
  ASSERT_TRUE(OpenOrCreateAuthority(dir_, kOtherPool, absl::Now()).ok());
  const auto files = Files();
  EXPECT_THAT(Open().status(), Refuses(absl::StatusCode::kFailedPrecondition,
                                       absl::StrCat("is of pool ", kOtherPool,
                                                    ", but the records are of pool ", kPool)));
  EXPECT_EQ(Files(), files);
  // Nor is the key believed when the certificate does not tell.
  ASSERT_TRUE(RemoveTree(Path("authority.pem")).ok());
  EXPECT_THAT(Open().status(), Refuses(absl::StatusCode::kDataLoss, "cannot be opened"));
}

TEST_F(AuthorityDirectoryTest, FilesAndFoldersThatOthersCanReachAreRefused) {
  ASSERT_TRUE(Open().ok());
  for (const char* name : {"sealing.key", "authority.key.sealed"}) {
    ASSERT_EQ(::chmod(Path(name).c_str(), 0640), 0);
    EXPECT_THAT(Open().status(), Refuses(absl::StatusCode::kFailedPrecondition,
                                         absl::StrCat(name, " is open to other users")));
    ASSERT_EQ(::chmod(Path(name).c_str(), 0600), 0);
  }
  ASSERT_EQ(::chmod(dir_.c_str(), 0770), 0);
  EXPECT_THAT(Open().status(),
              Refuses(absl::StatusCode::kFailedPrecondition,
                      "can be written by other users of this host. It was not used"));
  ASSERT_EQ(::chmod(dir_.c_str(), 0755), 0);
  ASSERT_EQ(::chmod(Path("authority.pem").c_str(), 0644), 0);  // it is public
  EXPECT_TRUE(Open().ok());
}

TEST_F(AuthorityDirectoryTest, TwoAtOnceAreNot) {
  ASSERT_TRUE(MakeDirectories(dir_).ok());
  const auto lock = LockFile(Path("lock"));
  ASSERT_TRUE(lock.ok());
  EXPECT_THAT(Open().status(),
              Refuses(absl::StatusCode::kFailedPrecondition, "is locked by another process"));
  EXPECT_TRUE(Files().empty());
}

// Runs `run` in a child that is killed as it makes its `n`-th system call: true. False when it
// ended before that; absent where processes cannot be traced.
std::optional<bool> KillAt(int n, const std::function<void()>& run) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(77);
    ::raise(SIGSTOP);
    run();
    ::_exit(0);
  }
  int status = 0;
  if (::waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status)) return std::nullopt;
  // It stops where a call begins and where it ends.
  for (int stop = 0; stop < 2 * n - 1; ++stop) {
    if (::ptrace(PTRACE_SYSCALL, pid, nullptr, nullptr) != 0 || ::waitpid(pid, &status, 0) != pid ||
        !WIFSTOPPED(status)) {
      return false;
    }
  }
  ::kill(pid, SIGKILL);
  ::waitpid(pid, &status, 0);
  return true;
}

TEST_F(AuthorityDirectoryTest, KilledAtAnyStepTheNextCallFinishes) {
  std::set<std::string> states;
  bool half_made = false;
  for (int n = 1;; ++n) {
    ASSERT_TRUE(RemoveTree(dir_).ok());
    const auto killed = KillAt(n, [&] { Open().IgnoreError(); });
    if (!killed.has_value()) GTEST_SKIP() << "processes cannot be traced here";
    if (!*killed) break;
    ASSERT_LT(n, 100'000);
    const auto left = Files();
    std::set<std::string> state;
    for (const auto& [name, content] : left) {
      half_made |= absl::StrContains(name, ".tmp-");
      if (!absl::StrContains(name, ".tmp-")) state.insert(name);
    }
    states.insert(absl::StrJoin(state, " "));
    const auto finished = Open();
    ASSERT_TRUE(finished.ok()) << "after call " << n << ": " << finished.status();
    const auto files = Files();
    ASSERT_EQ(files.size(), std::size(kFiles)) << "after call " << n;
    for (const std::string& name : state) ASSERT_EQ(files.at(name), left.at(name)) << n;
    ASSERT_EQ(Open()->authority.certificate.der(), finished->authority.certificate.der()) << n;
  }
  EXPECT_THAT(states, ElementsAre("", "authority.key.sealed authority.pem sealing.key",
                                  "authority.key.sealed sealing.key", "sealing.key"));
  EXPECT_TRUE(half_made);
}

}  // namespace
}  // namespace handoff
