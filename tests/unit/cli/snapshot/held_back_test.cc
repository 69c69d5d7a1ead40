#include "cli/snapshot/held_back.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

using ::testing::HasSubstr;
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
                                            ".git-credentials",
                                            ".kube/config",
                                            "home/.docker/config.json",
                                            ".vault-token",
                                            "prod.env",
                                            "env.local",
                                            ".env-prod",
                                            "infra/prod.tfvars",
                                            "terraform.tfstate",
                                            "terraform.tfstate.backup",
                                            "secret.yaml",
                                            "secret-prod.properties",
                                            "my-service-account.json",
                                            ".git-credentials.bak",
                                            "id_rsa.old",
                                            "id_ed25519~"};
  for (const std::string& path : secrets) EXPECT_THAT(SecretByName(path), Not(IsEmpty())) << path;
}

TEST(HeldBack, OrdinaryFilesAndTemplatesAreNot) {
  const std::vector<std::string> ordinary = {".env.example",       "env.ts",
                                             "id_rsa.pub",         "key.c",
                                             "keys/readme.md",     "credentials.go",
                                             "secrets.py",         "monkey",
                                             "config.pem.sample",  "tokenizer.cc",
                                             ".environment",       "secret_test.go",
                                             "secretary.csv",      "sample.env",
                                             ".env.example.bak",   "config.json",
                                             "docker/config.json", "my-service-account.yaml",
                                             "variables.tf",       "env.local.ts",
                                             ".kube/config.md"};
  for (const std::string& path : ordinary) EXPECT_THAT(SecretByName(path), IsEmpty()) << path;
}

TEST(HeldBack, PrivateKeysAreKnownAnywhereInTheBeginning) {
  const std::string key = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC";
  const std::string begin = "-----BEGIN PRIVATE KEY-----";
  for (const std::string& content : std::vector<std::string>{
           "{\n \"type\": \"service_account\",\n \"private_key\": \"" + begin + "\\n" + key +
               "\\n\"",
           "# a comment\n" + begin + "\r\n" + key + "\r\n",
           "key: |\n  " + begin + "\n  " + key + "\n",
           "const char* kKey =\n  \"" + begin + "\\n\"\n  \"" + key + "\";",
           "x\n-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n",
           "x\n-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n" + key + "\n",
           std::string(60'000, ' ') + begin + "\n" + key,
       }) {
    EXPECT_THAT(SecretByContent("a", content), Not(IsEmpty())) << content.substr(0, 200);
  }
  for (const std::string& content : std::vector<std::string>{
           "if (text == \"" + begin + "\") return true;",
           "see " + begin + " and what follows",
           "a\n-----BEGIN PUBLIC KEY-----\n" + key,
           "a\n-----BEGIN CERTIFICATE-----\n" + key,
           "a\n" + begin,
           std::string(70'000, ' ') + begin + "\n" + key,
       }) {
    EXPECT_THAT(SecretByContent("a", content), IsEmpty()) << content.substr(0, 200);
  }
}

TEST(HeldBack, TokensOfAKnownFormAreKnown) {
  const std::string letters = "abcdefghijklmnopqrstuvwxyz0123456789ABCD";
  EXPECT_THAT(SecretByContent("notes.txt", "key = AKIAABCDEFGHIJ234567\n"), HasSubstr("AWS"));
  EXPECT_THAT(SecretByContent("a.py", "T = 'ghp_" + letters.substr(0, 36) + "'"),
              HasSubstr("GitHub"));
  EXPECT_THAT(SecretByContent("a", "glpat-" + letters.substr(0, 20)), HasSubstr("GitLab"));
  for (const char* const begin : {"hfw1_", "hfu1_", "hfc1_"}) {
    const std::string line = absl::StrCat(begin, std::string(700, 'A'));
    EXPECT_THAT(SecretByContent("env", "PATH=/bin\nHANDOFF_TOKEN=" + line), HasSubstr("Handoff"));
    EXPECT_THAT(SecretByContent("doc.md", line.substr(0, 60)), IsEmpty());
  }
  EXPECT_THAT(SecretByContent("doc.md", "such as AKIAIOSFODNN7EXAMPLE"), IsEmpty());
  EXPECT_THAT(SecretByContent("doc.md", "it begins with ghp_ or AKIA"), IsEmpty());
  EXPECT_THAT(SecretByContent("a", "XAKIAABCDEFGHIJ234567"), IsEmpty());
}

TEST(HeldBack, PrivateKeysAndRegistryTokensAreKnownByTheirContent) {
  EXPECT_THAT(SecretByContent("notes", "-----BEGIN RSA PRIVATE KEY-----\nabc"), Not(IsEmpty()));
  EXPECT_THAT(SecretByContent("a", "-----BEGIN OPENSSH PRIVATE KEY-----"), Not(IsEmpty()));
  EXPECT_THAT(SecretByContent("a", "-----BEGIN CERTIFICATE-----\n"), IsEmpty());
  EXPECT_THAT(SecretByContent("doc.md", "see -----BEGIN RSA PRIVATE KEY-----"), IsEmpty());
  EXPECT_THAT(SecretByContent("web/.npmrc", "//registry/:_authToken=abc"), Not(IsEmpty()));
  EXPECT_THAT(SecretByContent("web/.npmrc", "registry=https://registry/"), IsEmpty());
}

}  // namespace
}  // namespace handoff
