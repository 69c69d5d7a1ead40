#include "cli/held_back.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace handoff {
namespace {

constexpr absl::string_view kNames[] = {
    ".netrc", "_netrc", ".pypirc",  ".git-credentials", ".pgpass",    ".htpasswd",
    "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519",       "kubeconfig", ".dockercfg",
    ".envrc", ".s3cfg", ".boto",    "credentials",      "secrets",    "token",
};
constexpr absl::string_view kEndings[] = {".pem", ".key",  ".p12",      ".pfx",
                                          ".jks", ".kdbx", ".keystore", ".ppk"};
// Templates of secrets hold none.
constexpr absl::string_view kTemplates[] = {".example", ".sample", ".template", ".dist"};

absl::string_view NameOf(absl::string_view path) { return path.substr(path.rfind('/') + 1); }

std::string Reason(absl::string_view name) {
  return absl::StrCat("looks like a secret (", name, ")");
}

bool Covers(absl::string_view include, absl::string_view path) {
  include = absl::StripSuffix(include, "/");
  return !include.empty() && absl::ConsumePrefix(&path, include) &&
         (path.empty() || path[0] == '/');
}

// Whether `fits` is true of one of `include`, as a path from the root or from `directory`.
template <typename Fits>
bool AnyOf(const std::set<std::string>& include, absl::string_view directory, const Fits& fits) {
  for (const std::string& wanted : include) {
    absl::string_view name = wanted;
    while (absl::ConsumePrefix(&name, "./")) {
    }
    if (fits(name)) return true;
    if (!directory.empty() && fits(absl::StrCat(directory, "/", name))) return true;
  }
  return false;
}

}  // namespace

std::string SecretByName(absl::string_view path) {
  const std::string name = absl::AsciiStrToLower(NameOf(path));
  for (const absl::string_view ending : kTemplates) {
    if (absl::EndsWith(name, ending)) return "";
  }
  for (const absl::string_view known : kNames) {
    if (name == known) return Reason(NameOf(path));
  }
  for (const absl::string_view ending : kEndings) {
    if (absl::EndsWith(name, ending)) return Reason(NameOf(path));
  }
  const bool environment = name == ".env" || absl::StartsWith(name, ".env.");
  const bool data = absl::EndsWith(name, ".json") || absl::EndsWith(name, ".yaml") ||
                    absl::EndsWith(name, ".yml") || absl::EndsWith(name, ".toml") ||
                    absl::EndsWith(name, ".ini") || absl::EndsWith(name, ".txt") ||
                    absl::EndsWith(name, ".csv");
  const bool named = absl::StartsWith(name, "credentials") || absl::StartsWith(name, "secrets") ||
                     absl::StartsWith(name, "service-account") ||
                     absl::StartsWith(name, "service_account");
  return environment || (data && named) ? Reason(NameOf(path)) : "";
}

std::string SecretByContent(absl::string_view path, absl::string_view content) {
  const absl::string_view first = content.substr(0, content.find('\n'));
  if (absl::StartsWith(first, "-----BEGIN ") && absl::StrContains(first, "PRIVATE KEY")) {
    return "looks like a secret (a private key)";
  }
  const std::string name = absl::AsciiStrToLower(NameOf(path));
  if ((name == ".npmrc" || name == ".yarnrc" || name == ".yarnrc.yml") &&
      (absl::StrContains(content, "_auth") || absl::StrContains(content, "_password") ||
       absl::StrContains(content, "AuthToken"))) {
    return Reason(absl::StrCat(NameOf(path), " with a token"));
  }
  return "";
}

bool IsIncluded(absl::string_view path, const std::set<std::string>& include,
                absl::string_view directory) {
  return AnyOf(include, directory, [&](absl::string_view name) { return Covers(name, path); });
}

bool IncludesBelow(absl::string_view folder, const std::set<std::string>& include,
                   absl::string_view directory) {
  return AnyOf(include, directory, [&](absl::string_view name) {
    return Covers(name, folder) || absl::StartsWith(name, folder);
  });
}

}  // namespace handoff
