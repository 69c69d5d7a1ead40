#include "cli/snapshot/held_back.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace handoff {
namespace {

constexpr size_t kSearched = 64 << 10;

constexpr absl::string_view kNames[] = {
    ".netrc", "_netrc", ".pypirc",  ".git-credentials", ".pgpass",      ".htpasswd",
    "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519",       "kubeconfig",   ".dockercfg",
    ".envrc", ".s3cfg", ".boto",    "credentials",      "secrets",      "token",
    ".env",   "secret", ".my.cnf",  "env.local",        ".vault-token",
};
constexpr absl::string_view kEndings[] = {
    ".pem", ".key",      ".p12", ".pfx",    ".jks",         ".kdbx",
    ".ppk", ".keystore", ".env", ".tfvars", ".tfvars.json", ".tfstate",
};
// Names that say nothing but in their folder.
constexpr absl::string_view kInFolders[] = {".kube/config", ".docker/config.json"};
// Templates of secrets hold none.
constexpr absl::string_view kTemplates[] = {".example", ".sample", ".template", ".dist"};
constexpr absl::string_view kTemplateNames[] = {"example.env", "sample.env", "template.env"};
constexpr absl::string_view kBackups[] = {".bak", ".backup", ".old", ".orig", ".save", "~"};
constexpr absl::string_view kData[] = {".json", ".yaml", ".yml", ".toml", ".ini",
                                       ".txt",  ".csv",  ".xml", ".conf", ".properties"};

// A token of which the form is known: what it begins with, and how many letters, digits, '-' or '_'
// follow at least.
struct TokenForm {
  absl::string_view begin;
  size_t rest;
  absl::string_view issuer;
};
constexpr TokenForm kTokens[] = {
    {"AKIA", 16, "AWS"},
    {"ASIA", 16, "AWS"},
    {"ghp_", 36, "GitHub"},
    {"gho_", 36, "GitHub"},
    {"ghu_", 36, "GitHub"},
    {"ghs_", 36, "GitHub"},
    {"ghr_", 36, "GitHub"},
    {"github_pat_", 60, "GitHub"},
    {"glpat-", 20, "GitLab"},
    {"xoxb-", 24, "Slack"},
    {"xoxp-", 24, "Slack"},
    {"npm_", 36, "npm"},
    {"sk_live_", 24, "Stripe"},
    {"sk-ant-", 40, "Anthropic"},
    {"hfw1_", 200, "a Handoff pool"},
    {"hfu1_", 200, "a Handoff pool"},
    {"hfc1_", 200, "a Handoff pool"},
};

absl::string_view NameOf(absl::string_view path) { return path.substr(path.rfind('/') + 1); }

std::string Reason(absl::string_view name) {
  return absl::StrCat("looks like a secret (", name, ")");
}

template <typename List>
bool EndsWithOneOf(absl::string_view text, const List& endings) {
  return std::any_of(std::begin(endings), std::end(endings),
                     [&](absl::string_view ending) { return absl::EndsWith(text, ending); });
}

template <typename List>
bool IsOneOf(absl::string_view text, const List& list) {
  return std::find(std::begin(list), std::end(list), text) != std::end(list);
}

bool IsWord(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-';
}

// "secret", "my-secrets" and the like, as a word: a secretary is none.
bool BeginsWithWord(absl::string_view name, absl::string_view word) {
  if (!absl::ConsumePrefix(&name, word)) return false;
  absl::ConsumePrefix(&name, "s");
  return name.empty() || !absl::ascii_isalpha(static_cast<unsigned char>(name[0]));
}

// A Google key is called after its project; in YAML a service account is a resource of Kubernetes.
bool IsServiceAccount(absl::string_view name) {
  const bool begins =
      absl::StartsWith(name, "service-account") || absl::StartsWith(name, "service_account");
  return begins || (absl::EndsWith(name, ".json") && (absl::StrContains(name, "service-account") ||
                                                      absl::StrContains(name, "service_account")));
}

// Without what an editor or a careful person put behind it.
absl::string_view WithoutBackup(absl::string_view path) {
  for (const absl::string_view ending : kBackups) {
    if (absl::ConsumeSuffix(&path, ending)) break;
  }
  return path;
}

// What stands behind the header of a key: its first bytes, or the headers of an encrypted one.
bool BeginsWithKey(absl::string_view text) {
  constexpr size_t kSomeOfIt = 16;
  // Line ends, also as they are written in a string, and the quotes of one that has several lines.
  text.remove_prefix(std::min(text.find_first_not_of("\\nr\r\n \t\"'"), text.size()));
  if (absl::StartsWith(text, "Proc-Type:") || absl::StartsWith(text, "Version:")) return true;
  const absl::string_view some = text.substr(0, kSomeOfIt);
  return some.size() == kSomeOfIt && std::all_of(some.begin(), some.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '+' || c == '/';
         });
}

// A source that only knows the header of a key holds none.
bool HasPrivateKey(absl::string_view text) {
  constexpr absl::string_view kBegin = "-----BEGIN ";
  constexpr absl::string_view kEnd = "-----";
  constexpr size_t kMostKind = 64;
  for (size_t at = text.find(kBegin); at != text.npos; at = text.find(kBegin, at + 1)) {
    const absl::string_view rest = text.substr(at + kBegin.size());
    const size_t end = rest.substr(0, kMostKind).find(kEnd);
    if (end == rest.npos || !absl::StrContains(rest.substr(0, end), "PRIVATE KEY")) continue;
    if (at == 0 || BeginsWithKey(rest.substr(end + kEnd.size()))) return true;
  }
  return false;
}

std::string IssuerOfToken(absl::string_view text) {
  for (const TokenForm& form : kTokens) {
    for (size_t at = text.find(form.begin); at != text.npos; at = text.find(form.begin, at + 1)) {
      if (at > 0 && IsWord(text[at - 1])) continue;
      const absl::string_view rest = text.substr(at + form.begin.size());
      const size_t size =
          static_cast<size_t>(std::find_if_not(rest.begin(), rest.end(), IsWord) - rest.begin());
      // Documentation has tokens of the right form that say what they are.
      if (size >= form.rest && !absl::StrContains(rest.substr(0, size), "EXAMPLE")) {
        return std::string(form.issuer);
      }
    }
  }
  return "";
}

}  // namespace

std::string SecretByName(absl::string_view path) {
  const std::string lower = absl::AsciiStrToLower(path);
  const absl::string_view whole = WithoutBackup(lower);
  const absl::string_view name = NameOf(whole);
  if (EndsWithOneOf(name, kTemplates) || IsOneOf(name, kTemplateNames)) return "";
  const bool folder =
      std::any_of(std::begin(kInFolders), std::end(kInFolders), [&](absl::string_view known) {
        return whole == known || absl::EndsWith(whole, absl::StrCat("/", known));
      });
  if (folder || IsOneOf(name, kNames) || EndsWithOneOf(name, kEndings)) return Reason(NameOf(path));
  const bool environment = absl::StartsWith(name, ".env.") || absl::StartsWith(name, ".env-") ||
                           absl::StartsWith(name, ".env_");
  const bool named = BeginsWithWord(name, "credential") || BeginsWithWord(name, "secret") ||
                     IsServiceAccount(name);
  return environment || (named && EndsWithOneOf(name, kData)) ? Reason(NameOf(path)) : "";
}

std::string SecretByContent(absl::string_view path, absl::string_view content) {
  const absl::string_view begin = content.substr(0, kSearched);
  if (HasPrivateKey(begin)) return "looks like a secret (a private key)";
  const std::string issuer = IssuerOfToken(begin);
  if (!issuer.empty()) return absl::StrCat("looks like a secret (a token of ", issuer, ")");
  const std::string name = absl::AsciiStrToLower(NameOf(path));
  if ((name == ".npmrc" || name == ".yarnrc" || name == ".yarnrc.yml") &&
      (absl::StrContains(content, "_auth") || absl::StrContains(content, "_password") ||
       absl::StrContains(content, "AuthToken"))) {
    return Reason(absl::StrCat(NameOf(path), " with a token"));
  }
  return "";
}

}  // namespace handoff
