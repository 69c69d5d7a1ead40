#include "cli/held_back.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

using ::testing::IsEmpty;
using ::testing::Not;

TEST(HeldBack, NamesOfSecretsAreKnown) {
  const std::vector<std::string> secrets = {".env",
                                            "deploy/.env.production",
                                            "server.pem",
                                            "a/b/tls.key",
                                            "id_rsa",
                                            ".ssh/id_ed25519",
                                            ".netrc",
                                            ".aws/credentials",
                                            "credentials.json",
                                            "Secrets.YAML",
                                            "service-account-prod.json",
                                            "x.p12",
                                            "release.keystore",
                                            ".git-credentials"};
  for (const std::string& path : secrets) EXPECT_THAT(SecretByName(path), Not(IsEmpty())) << path;
}

TEST(HeldBack, OrdinaryFilesAndTemplatesAreNot) {
  const std::vector<std::string> ordinary = {".env.example", "env.ts",         "id_rsa.pub",
                                             "key.c",        "keys/readme.md", "credentials.go",
                                             "secrets.py",   "monkey",         "config.pem.sample",
                                             "tokenizer.cc", ".environment"};
  for (const std::string& path : ordinary) EXPECT_THAT(SecretByName(path), IsEmpty()) << path;
}

TEST(HeldBack, PrivateKeysAndRegistryTokensAreKnownByTheirContent) {
  EXPECT_THAT(SecretByContent("notes", "-----BEGIN RSA PRIVATE KEY-----\nabc"), Not(IsEmpty()));
  EXPECT_THAT(SecretByContent("a", "-----BEGIN OPENSSH PRIVATE KEY-----"), Not(IsEmpty()));
  EXPECT_THAT(SecretByContent("a", "-----BEGIN CERTIFICATE-----\n"), IsEmpty());
  EXPECT_THAT(SecretByContent("doc.md", "see -----BEGIN RSA PRIVATE KEY-----"), IsEmpty());
  EXPECT_THAT(SecretByContent("web/.npmrc", "//registry/:_authToken=abc"), Not(IsEmpty()));
  EXPECT_THAT(SecretByContent("web/.npmrc", "registry=https://registry/"), IsEmpty());
}

TEST(HeldBack, IncludeNamesFilesAndFolders) {
  EXPECT_TRUE(IsIncluded("a/.env", {"a/.env"}, ""));
  EXPECT_TRUE(IsIncluded("a/.env", {"a/"}, ""));
  EXPECT_TRUE(IsIncluded("a/b/.env", {"a"}, ""));
  EXPECT_TRUE(IsIncluded("a/.env", {"./.env"}, "a"));
  EXPECT_FALSE(IsIncluded("ab/.env", {"a"}, ""));
  EXPECT_FALSE(IsIncluded("b/.env", {".env"}, "a"));
  EXPECT_FALSE(IsIncluded("a", {""}, ""));
}

TEST(HeldBack, OnlyFoldersOnTheWayToAnIncludeMatter) {
  EXPECT_TRUE(IncludesBelow("out/", {"out"}, ""));
  EXPECT_TRUE(IncludesBelow("out/", {"out/report/x"}, ""));
  EXPECT_TRUE(IncludesBelow("out/report/", {"out/"}, ""));
  EXPECT_TRUE(IncludesBelow("a/out/", {"./out/x"}, "a"));
  EXPECT_FALSE(IncludesBelow("out/", {"output", "a/out/x"}, ""));
  EXPECT_FALSE(IncludesBelow("out/", {}, ""));
}

}  // namespace
}  // namespace handoff
