#include "common/git/url.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(RepositoryUrl, UsualAddressesAreAccepted) {
  const std::vector<std::string> urls = {"https://example.com/team/x.git",
                                         "http://127.0.0.1:8080/x",
                                         "ssh://git@example.com:2222/x",
                                         "git://example.com/x.git",
                                         "git@example.com:team/x.git",
                                         "example.com:x.git",
                                         "/srv/git/x.git",
                                         "file:///srv/git/x.git",
                                         "/srv/od::d/x",
                                         "ssh://git@[::1]:22/x.git",
                                         "HTTPS://EXAMPLE.COM/x"};
  for (const std::string& url : urls) EXPECT_TRUE(ValidateRepositoryUrl(url).ok()) << url;
}

TEST(RepositoryUrl, WhatCouldRunOrLeakSomethingIsRefused) {
  const std::vector<std::string> urls = {"",
                                         "relative/path",
                                         "-oProxyCommand=x:y",
                                         "--upload-pack=touch x",
                                         "ext::sh -c touch",
                                         "ssh://-oProxyCommand=touch/x",
                                         "-host:path",
                                         "ftp://example.com/x",
                                         "file://elsewhere/x",
                                         "https://user:secret@example.com/x",
                                         "https:///x",
                                         "https://example.com/a\nb",
                                         std::string("/a\0b", 4),
                                         std::string(5000, 'x')};
  for (const std::string& url : urls) {
    const absl::Status status = ValidateRepositoryUrl(url);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << url;
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr("secret")));
  }
}

TEST(RepositoryUrl, CredentialsAreRemoved) {
  EXPECT_EQ(WithoutCredentials("https://u:p@example.com/x"), "https://example.com/x");
  EXPECT_EQ(WithoutCredentials("https://token@example.com/x"), "https://example.com/x");
  EXPECT_EQ(WithoutCredentials("https://u:p@ss@example.com/x"), "https://example.com/x");
  EXPECT_EQ(WithoutCredentials("ssh://git:p@example.com/x"), "ssh://git@example.com/x");
  EXPECT_EQ(WithoutCredentials("git@example.com:x"), "git@example.com:x");
  EXPECT_EQ(WithoutCredentials("/a@b:c/x"), "/a@b:c/x");
}

TEST(RepositoryUrl, SubmodulesResolveAgainstTheirParent) {
  EXPECT_EQ(ResolveSubmoduleUrl("https://h/team/x.git", "../y.git"), "https://h/team/y.git");
  EXPECT_EQ(ResolveSubmoduleUrl("https://h/team/x.git/", "../../z"), "https://h/z");
  EXPECT_EQ(ResolveSubmoduleUrl("git@h:team/x.git", "../y.git"), "git@h:team/y.git");
  EXPECT_EQ(ResolveSubmoduleUrl("git@h:x.git", "../y.git"), "git@h:y.git");
  EXPECT_EQ(ResolveSubmoduleUrl("/srv/x", "./y"), "/srv/x/y");
  EXPECT_EQ(ResolveSubmoduleUrl("https://h/x", "https://other/y"), "https://other/y");
}

TEST(RepositoryUrl, HostAndPathAreTold) {
  EXPECT_EQ(HostOf("https://u@Example.com:8443/x"), "example.com:8443");
  EXPECT_EQ(HostOf("git@example.com:x"), "example.com");
  EXPECT_EQ(HostOf("/srv/x"), "");
  EXPECT_EQ(HostOf("file:///srv/x"), "");
  EXPECT_EQ(LocalPathOf("file:///srv/a%20b"), "/srv/a b");
  EXPECT_EQ(LocalPathOf("file://localhost/srv/x"), "/srv/x");
  EXPECT_EQ(LocalPathOf("https://h/x"), "");
}

}  // namespace
}  // namespace handoff
