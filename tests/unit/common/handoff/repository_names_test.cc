// Repository URLs, refs and commits of common/handoff/names.h.

#include <string>

#include "common/handoff/names.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

TEST(RepoUrl, WhatGitUsersTypeIsTaken) {
  for (const std::string url :
       {"https://host/a/b.git", "http://127.0.0.1:8080/r", "ssh://git@host:22/r", "git://host/r",
        "HTTPS://host/r", "file:///srv/r.git", "/srv/with space/r.git", "git@host:team/r.git",
        "host:r", "ssh://host/r", "https://[::1]:80/r"}) {
    EXPECT_TRUE(ValidateRepoUrl(url).ok()) << url << ": " << ValidateRepoUrl(url);
  }
}

TEST(RepoUrl, WhatCouldRunSomethingOrLeakIsRefused) {
  for (const std::string url : {"",
                                "ext::sh -c id",
                                "fd::17",
                                "--upload-pack=id",
                                "-oProxyCommand=id",
                                "ssh://-oProxyCommand=id/r",
                                "-host:r",
                                "git@-host:r",
                                "host:-r",
                                "host:",
                                "ftp://host/r",
                                "javascript://x/y",
                                "https://host",
                                "https://host/",
                                "https:///r",
                                "file://host/r",
                                "relative/path",
                                "../r",
                                ".",
                                "https://ho st/r",
                                "https://host\n/r",
                                "ssh://a b@host/r",
                                "ssh://-u@host/r"}) {
    EXPECT_FALSE(ValidateRepoUrl(url).ok()) << url;
  }
  EXPECT_FALSE(ValidateRepoUrl(std::string("/a\0b", 4)).ok());
  EXPECT_FALSE(ValidateRepoUrl("/" + std::string(2048, 'a')).ok());
}

TEST(RepoUrl, CredentialsAreRefusedAndNotRepeated) {
  for (const std::string url :
       {"https://user:sesame@host/r", "https://sesame@host/r", "ssh://user:sesame@host/r"}) {
    const absl::Status status = ValidateRepoUrl(url);
    EXPECT_FALSE(status.ok()) << url;
    EXPECT_EQ(status.message().find("sesame"), absl::string_view::npos) << status;
  }
}

TEST(Ref, FollowsGitsRules) {
  for (const std::string ref : {"main", "feature/x-1", "v1.0", "refs/heads/main", "ünïcode"}) {
    EXPECT_TRUE(ValidateRef(ref).ok()) << ref;
  }
  for (const std::string ref :
       {"",   "-x", "a..b", "a b", "a~1",  "a^",     "a:b", "a?", "a*",    "a[",  "a\\b",
        "/a", "a/", "a//b", ".a",  "a/.b", "a.lock", "a.",  "@",  "a@{1}", "a\nb"}) {
    EXPECT_FALSE(ValidateRef(ref).ok()) << ref;
  }
}

TEST(Commit, IsWholeAndLowerCase) {
  EXPECT_TRUE(ValidateCommit(std::string(40, 'a')).ok());
  for (const std::string& commit : {std::string(), std::string(39, 'a'), std::string(41, 'a'),
                                    std::string(40, 'A'), std::string(40, 'g')}) {
    EXPECT_FALSE(ValidateCommit(commit).ok()) << commit;
  }
}

}  // namespace
}  // namespace handoff
