// Whom the worker believes, what it says about itself, and to whom.
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/integration/repo/git_sandbox.h"
#include "tests/integration/repo/http_git.h"
#include "tests/integration/repo/submission.h"

namespace handoff {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class CredentialsTest : public ::testing::Test {
 protected:
  CredentialsTest() : client_(HANDOFF_REPO_PROGRAM) {
    git_.Init("origin");
    git_.Write("origin/a", "1\n");
    head_ = git_.CommitAll("origin", "first");
    git_.Git("", {"clone", "-q", "--bare", "origin", "served/origin.git"});
  }
  PrepareRequest Request(const std::string& url, const std::string& id = "20260101-x") {
    PrepareRequest request = RequestOn(git_.Path("worker"), id);
    request.url = url;
    return request;
  }
  static std::string Message(const absl::Status& status) { return std::string(status.message()); }

  GitSandbox git_;
  RepoClient client_;
  std::string head_;
};

TEST_F(CredentialsTest, ATokenFileOpensItsHost) {
  HttpServer server(GitBackend(git_, git_.Path("served"), "ada:right"));
  git_.Write("token", "ada:right\n");
  PrepareRequest request = Request(server.Url("origin.git"));
  request.credentials.https_tokens["127.0.0.1"] = git_.Path("token");
  const auto result = client_.Prepare(request, -1, nullptr);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->head_commit, head_);
  EXPECT_TRUE(client_.Probe({request.url, request.credentials}, -1).ok());
}

TEST_F(CredentialsTest, ARefusedTokenIsOfferedOnce) {
  HttpServer server(GitBackend(git_, git_.Path("served"), "ada:right"));
  git_.Write("token", "ada:wrong");
  PrepareRequest request = Request(server.Url("origin.git"));
  request.credentials.https_tokens["127.0.0.1"] = git_.Path("token");
  const auto result = client_.Prepare(request, -1, nullptr);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kUnauthenticated);
  EXPECT_THAT(Message(result.status()),
              AllOf(HasSubstr("refused the token in"), Not(HasSubstr("wrong"))));
  EXPECT_LE(server.authorizations().size(), 3u);
}

TEST_F(CredentialsTest, WithoutATokenTheSentenceSaysWhatToDo) {
  HttpServer server(GitBackend(git_, git_.Path("served"), "ada:right"));
  const auto result = client_.Prepare(Request(server.Url("origin.git")), -1, nullptr);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kUnauthenticated);
  EXPECT_THAT(Message(result.status()), HasSubstr("no token for 127.0.0.1"));
}

TEST_F(CredentialsTest, ATokenNeverGoesToAnotherHost) {
  HttpServer other(GitBackend(git_, git_.Path("served"), "ada:right"));
  HttpServer named([&](const HttpRequest& request) {
    // The same machine by another name is another host.
    const std::string target =
        absl::StrCat("http://localhost:", other.port(), request.path, "?", request.query);
    return HttpResponse("302 Found", absl::StrCat("Location: ", target, "\r\n"), "");
  });
  git_.Write("token", "ada:right");
  PrepareRequest request = Request(named.Url("origin.git"));
  request.credentials.https_tokens[absl::StrCat("127.0.0.1:", named.port())] = git_.Path("token");
  const auto result = client_.Prepare(request, -1, nullptr);
  EXPECT_FALSE(result.ok());
  EXPECT_THAT(Message(result.status()), HasSubstr("not followed"));
  EXPECT_THAT(other.authorizations(), Each(IsEmpty()));
}

TEST_F(CredentialsTest, OtherHostsAreLeftAloneByTheToken) {
  HttpServer server(GitBackend(git_, git_.Path("served"), ""));
  git_.Write("token", "ada:right");
  PrepareRequest request = Request(server.Url("origin.git"));
  request.credentials.https_tokens["example.com"] = git_.Path("token");
  ASSERT_TRUE(client_.Prepare(request, -1, nullptr).ok());
  EXPECT_THAT(server.authorizations(), Each(IsEmpty()));
}

TEST_F(CredentialsTest, AnOperationThatIsKilledLeavesNoTemporaryDirectory) {
  HttpServer silent([](const HttpRequest&) { return ""; });
  const auto temp = TempDir::Make("handoff-temp-");
  ASSERT_TRUE(temp.ok());
  const char* const before = std::getenv("TMPDIR");
  const std::string old = before == nullptr ? "" : before;
  ::setenv("TMPDIR", temp->path().c_str(), 1);
  auto pipe = MakePipe();
  ASSERT_TRUE(pipe.ok());
  PrepareRequest request = Request(silent.Url("x.git"));
  request.credentials.known_hosts = git_.Path("known_hosts");
  const auto result = client_.Prepare(request, pipe->first.get(),
                                      [&](const std::string&) { pipe->second.Reset(); });
  if (before == nullptr) {
    ::unsetenv("TMPDIR");
  } else {
    ::setenv("TMPDIR", old.c_str(), 1);
  }
  EXPECT_EQ(result.status().code(), absl::StatusCode::kCancelled) << result.status();
  EXPECT_THAT(*ListDirectory(temp->path()), IsEmpty());
}

// A real sshd on loopback with keys of its own.
class SshTest : public CredentialsTest {
 protected:
  void SetUp() override {
    ASSERT_TRUE(PathExists("/usr/sbin/sshd")) << "install openssh-server (deploy/packages.txt)";
    Run({"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", git_.Path("host_key")});
    Run({"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", git_.Path("user_key")});
    Run({"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", git_.Path("other_key")});
    git_.Write("authorized", git_.Read("user_key.pub"), 0600);
    git_.Write("sshd_config", absl::StrCat("HostKey ", git_.Path("host_key"),
                                           "\nAuthorizedKeysFile ", git_.Path("authorized"),
                                           "\nStrictModes no\nUsePAM no\nPidFile none\n"
                                           "PasswordAuthentication no\n"
                                           "KbdInteractiveAuthentication no\n"));
    SpawnOptions options;
    options.argv = {"/usr/sbin/sshd", "-i", "-e", "-f", git_.Path("sshd_config")};
    options.env = git_.environment();
    MakeDirectories("/run/sshd").IgnoreError();
    sshd_.emplace(options);
    const std::vector<std::string> key = absl::StrSplit(git_.Read("host_key.pub"), ' ');
    git_.Write("known_hosts",
               absl::StrCat("[127.0.0.1]:", sshd_->port(), " ", key[0], " ", key[1], "\n"));
  }
  void Run(const std::vector<std::string>& argv) {
    SpawnOptions options;
    options.argv = argv;
    options.env = git_.environment();
    const auto result = RunProcess(options, "", absl::Minutes(1));
    ASSERT_TRUE(result.ok() && result->status.ok());
  }
  PrepareRequest SshRequest() {
    const passwd* const self = ::getpwuid(::geteuid());  // whom sshd serves, whoever logged in
    PrepareRequest request = Request(absl::StrCat(
        "ssh://", self->pw_name, "@127.0.0.1:", sshd_->port(), git_.Path("served/origin.git")));
    request.credentials.ssh_key = git_.Path("user_key");
    request.credentials.known_hosts = git_.Path("known_hosts");
    return request;
  }

  std::optional<InetdServer> sshd_;
};

TEST_F(SshTest, AKeyFileOpensAKnownHost) {
  const auto result = client_.Prepare(SshRequest(), -1, nullptr);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->head_commit, head_);
}

TEST_F(SshTest, AnUnknownHostIsRefused) {
  PrepareRequest request = SshRequest();
  git_.Write("known_hosts", "");
  auto result = client_.Prepare(request, -1, nullptr);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kUnauthenticated);
  EXPECT_THAT(Message(result.status()),
              AllOf(HasSubstr("host key of 127.0.0.1"), HasSubstr("known_hosts")));
  const std::vector<std::string> key = absl::StrSplit(git_.Read("other_key.pub"), ' ');
  git_.Write("known_hosts",
             absl::StrCat("[127.0.0.1]:", sshd_->port(), " ", key[0], " ", key[1], "\n"));
  result = client_.Prepare(request, -1, nullptr);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kUnauthenticated) << result.status();
}

TEST_F(SshTest, ARefusedKeyIsSaidOnce) {
  PrepareRequest request = SshRequest();
  request.credentials.ssh_key = git_.Path("other_key");
  const auto result = client_.Prepare(request, -1, nullptr);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kUnauthenticated);
  EXPECT_THAT(Message(result.status()), HasSubstr("other_key"));
  request.credentials.ssh_key = "";
  EXPECT_THAT(Message(client_.Prepare(request, -1, nullptr).status()),
              HasSubstr("this worker has none"));
}

}  // namespace
}  // namespace handoff
