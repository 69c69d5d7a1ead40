#include "common/git/git.h"

#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status.h"

namespace handoff {
namespace {

bool SaysOneOf(absl::string_view message, std::initializer_list<absl::string_view> words) {
  const std::string lower = absl::AsciiStrToLower(message);
  for (const absl::string_view word : words) {
    if (absl::StrContains(lower, word)) return true;
  }
  return false;
}

// libgit2 1.5 has few codes of its own for what a server answered, so the words decide.
absl::StatusCode CodeOfNetworkError(absl::string_view message) {
  if (SaysOneOf(message, {"404", "not found", "not exported", "not appear to be a git repository",
                          "no such file", "does not exist"})) {
    return absl::StatusCode::kNotFound;
  }
  if (SaysOneOf(message, {"401", "403", "authentica", "credential", "permission denied",
                          "certificate", "hostkey", "too many redirects or auth"})) {
    return absl::StatusCode::kUnauthenticated;
  }
  return absl::StatusCode::kUnavailable;
}

absl::StatusCode CodeOf(int result, const git_error* error) {
  const absl::string_view message =
      error != nullptr && error->message != nullptr ? error->message : "";
  if (SaysOneOf(message, {"no space left", "disk quota", "cannot allocate"})) {
    return absl::StatusCode::kResourceExhausted;
  }
  switch (result) {
    case GIT_EAUTH:
    case GIT_ECERTIFICATE:
      return absl::StatusCode::kUnauthenticated;
    case GIT_EOWNER:
      return absl::StatusCode::kPermissionDenied;
    case GIT_EEXISTS:
      return absl::StatusCode::kAlreadyExists;
    case GIT_EINVALIDSPEC:
      return absl::StatusCode::kInvalidArgument;
    case GIT_EUSER:
      return absl::StatusCode::kCancelled;
    default:
      break;
  }
  const int klass = error != nullptr ? error->klass : 0;
  if (klass == GIT_ERROR_NET || klass == GIT_ERROR_HTTP || klass == GIT_ERROR_SSH ||
      klass == GIT_ERROR_SSL) {
    return CodeOfNetworkError(message);
  }
  return result == GIT_ENOTFOUND ? absl::StatusCode::kNotFound : absl::StatusCode::kInternal;
}

// Extensions that change nothing about what this project reads: settings of one work tree, objects
// that may be absent, a promise not to delete.
const char* const kHarmlessExtensions[] = {"worktreeconfig", "partialclone", "preciousobjects"};

}  // namespace

absl::Status GitStatus(int result, absl::string_view what) {
  if (result >= 0) return absl::OkStatus();
  const git_error* error = git_error_last();
  const absl::string_view said =
      error != nullptr && error->message != nullptr ? error->message : "no reason was given";
  return absl::Status(CodeOf(result, error),
                      absl::StrCat(what, ": ", absl::StripAsciiWhitespace(said)));
}

absl::Status InitGit(const GitLibraryOptions& options) {
  RETURN_IF_ERROR(GitStatus(git_libgit2_init(), "starting libgit2"));
  const int levels[] = {GIT_CONFIG_LEVEL_PROGRAMDATA, GIT_CONFIG_LEVEL_SYSTEM, GIT_CONFIG_LEVEL_XDG,
                        GIT_CONFIG_LEVEL_GLOBAL};
  for (const int level : levels) {
    const char* path = options.user_config ? nullptr : "";
    RETURN_IF_ERROR(GitStatus(git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, level, path),
                              "setting where libgit2 looks for configuration"));
  }
  git_libgit2_opts(GIT_OPT_SET_EXTENSIONS, kHarmlessExtensions, std::size(kHarmlessExtensions));
  git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, options.validate_owner ? 1 : 0);
  git_libgit2_opts(GIT_OPT_ENABLE_STRICT_HASH_VERIFICATION, options.verify_hashes ? 1 : 0);
  // Existence of every entry's object would be looked up when an index or tree is built; packs are
  // checked as a whole instead.
  git_libgit2_opts(GIT_OPT_ENABLE_STRICT_OBJECT_CREATION, 0);
  const char* file = std::getenv("SSL_CERT_FILE");
  const char* directory = std::getenv("SSL_CERT_DIR");
  if (file != nullptr || directory != nullptr) {
    RETURN_IF_ERROR(GitStatus(git_libgit2_opts(GIT_OPT_SET_SSL_CERT_LOCATIONS, file, directory),
                              "reading the certificates of SSL_CERT_FILE or SSL_CERT_DIR"));
  }
  return absl::OkStatus();
}

std::string OidText(const git_oid& id) {
  char text[GIT_OID_HEXSZ + 1];
  git_oid_tostr(text, sizeof(text), &id);
  return text;
}

absl::StatusOr<git_oid> ParseOid(absl::string_view hex) {
  git_oid id;
  if (hex.size() != GIT_OID_HEXSZ || git_oid_fromstrn(&id, hex.data(), hex.size()) != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", hex, "' is not a commit id of 40 hex digits"));
  }
  return id;
}

bool SameOid(const git_oid& a, const git_oid& b) { return git_oid_equal(&a, &b) != 0; }

absl::StatusOr<GitTree> LookupTree(git_repository* repo, const git_oid& tree) {
  GitTree out;
  RETURN_IF_ERROR(GitStatus(git_tree_lookup(out.out(), repo, &tree),
                            absl::StrCat("reading tree ", OidText(tree))));
  return out;
}

absl::StatusOr<GitCommit> LookupCommit(git_repository* repo, const git_oid& commit) {
  GitCommit out;
  RETURN_IF_ERROR(GitStatus(git_commit_lookup(out.out(), repo, &commit),
                            absl::StrCat("reading commit ", OidText(commit))));
  return out;
}

absl::StatusOr<GitTree> TreeOfCommit(git_repository* repo, const git_oid& commit) {
  ASSIGN_OR_RETURN(const GitCommit found, LookupCommit(repo, commit));
  return LookupTree(repo, *git_commit_tree_id(found.get()));
}

}  // namespace handoff
