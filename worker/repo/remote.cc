#include "worker/repo/remote.h"

#include <git2.h>
#include <pwd.h>
#include <unistd.h>
#if __has_include(<git2/sys/errors.h>)
#include <git2/sys/errors.h>  // libgit2 1.9 keeps git_error_set_str there
#endif

#include <cerrno>
#include <cstdlib>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/git/url.h"
#include "common/status.h"

namespace handoff {
namespace {

std::string LocalUser() {
  const passwd* entry = ::getpwuid(::geteuid());
  return entry != nullptr ? entry->pw_name : "git";
}

bool IsLoopback(absl::string_view host) {
  const absl::string_view name = host.substr(0, host.rfind(':'));
  return name == "127.0.0.1" || name == "localhost" || name == "[::1]";
}

}  // namespace

absl::StatusOr<std::optional<TempDir>> UseKnownHosts(const RepoCredentials& credentials) {
  if (credentials.known_hosts.empty()) return std::nullopt;
  ASSIGN_OR_RETURN(TempDir home, TempDir::Make("home-"));
  RETURN_IF_ERROR(MakeDirectories(absl::StrCat(home.path(), "/.ssh")));
  const std::string link = absl::StrCat(home.path(), "/.ssh/known_hosts");
  if (::symlink(credentials.known_hosts.c_str(), link.c_str()) != 0) {
    return ErrnoToStatus(errno, absl::StrCat("linking ", credentials.known_hosts));
  }
  ::setenv("HOME", home.path().c_str(), 1);
  return home;
}

Remote::Remote(const std::string& url, const RepoCredentials& credentials, RepoProgress& progress,
               std::string transfer)
    : url_(url),
      host_(HostOf(url)),
      credentials_(credentials),
      progress_(progress),
      transfer_(std::move(transfer)) {}

git_remote_callbacks Remote::Callbacks() {
  git_remote_callbacks callbacks;
  git_remote_init_callbacks(&callbacks, GIT_REMOTE_CALLBACKS_VERSION);
  callbacks.credentials = &OnCredentials;
  callbacks.certificate_check = &OnCertificate;
  callbacks.transfer_progress = &OnTransfer;
  callbacks.sideband_progress = &OnSideband;
  callbacks.pack_progress = &OnPack;
  callbacks.payload = this;
  return callbacks;
}

std::string Remote::TokenFile() const {
  auto found = credentials_.https_tokens.find(host_);
  if (found == credentials_.https_tokens.end()) {
    found = credentials_.https_tokens.find(host_.substr(0, host_.rfind(':')));
  }
  return found == credentials_.https_tokens.end() ? "" : found->second;
}

git_remote_redirect_t Remote::Redirects() const {
  return TokenFile().empty() ? GIT_REMOTE_REDIRECT_INITIAL : GIT_REMOTE_REDIRECT_NONE;
}

absl::Status Remote::Explain(int result) const {
  if (result >= 0) return absl::OkStatus();
  const std::string shown = WithoutCredentials(url_);
  absl::Status status = GitStatus(result, shown);
  std::string message(status.message());
  if (!refusal_.empty()) {
    return absl::UnauthenticatedError(absl::StrCat(shown, ": ", refusal_));
  }
  if (absl::StrContains(message, "cannot redirect")) {
    message +=
        " (not followed, since this worker has a token for the first; use the address that "
        "it redirects to)";
  }
  // What the system said about a connection (refused, unknown host) has no class of its own.
  const bool system = status.code() == absl::StatusCode::kInternal && !host_.empty();
  return absl::Status(system ? absl::StatusCode::kUnavailable : status.code(),
                      absl::StrReplaceAll(message, {{url_, shown}}));
}

int Remote::Refuse(std::string why) {
  refusal_ = std::move(why);
  git_error_set_str(GIT_ERROR_CALLBACK, refusal_.c_str());
  return GIT_EAUTH;
}

int Remote::OnCredentials(git_credential** out, const char* /*url*/, const char* user,
                          unsigned int allowed, void* payload) {
  Remote* self = static_cast<Remote*>(payload);
  const std::string name = user != nullptr && *user != '\0' ? user : LocalUser();
  if ((allowed & GIT_CREDENTIAL_USERNAME) != 0) {
    return git_credential_username_new(out, name.c_str());
  }
  if ((allowed & GIT_CREDENTIAL_SSH_KEY) != 0) return self->GiveKey(out, name);
  if ((allowed & GIT_CREDENTIAL_USERPASS_PLAINTEXT) != 0 &&
      (absl::StartsWithIgnoreCase(self->url_, "https://") ||
       absl::StartsWithIgnoreCase(self->url_, "http://"))) {
    return self->GiveToken(out);
  }
  return self->Refuse(absl::StrCat(self->host_,
                                   " asks for a kind of login that is not supported; "
                                   "use an ssh key or an https token"));
}

int Remote::GiveToken(git_credential** out) {
  const std::string file = TokenFile();
  if (file.empty()) {
    return Refuse(absl::StrCat("authentication is required and this worker has no token for ",
                               host_, "; set one in its configuration, or use an ssh address"));
  }
  if (token_attempts_++ > 0) {
    return Refuse(absl::StrCat(host_, " refused the token in ", file, "; replace it"));
  }
  if (absl::StartsWithIgnoreCase(url_, "http://") && !IsLoopback(host_)) {
    return Refuse(absl::StrCat("the token for ", host_, " is not sent over plain http; use https"));
  }
  const auto content = ReadFile(file, 64 << 10);
  if (!content.ok()) {
    return Refuse(absl::StrCat("the token for ", host_,
                               " cannot be read: ", std::string(content.status().message())));
  }
  const std::string token(absl::StripAsciiWhitespace(*content));
  const auto colon = token.find(':');
  const std::string user = colon == std::string::npos ? "x-access-token" : token.substr(0, colon);
  const std::string secret = colon == std::string::npos ? token : token.substr(colon + 1);
  return git_credential_userpass_plaintext_new(out, user.c_str(), secret.c_str());
}

int Remote::GiveKey(git_credential** out, const std::string& user) {
  const bool agent = credentials_.ssh_agent && std::getenv("SSH_AUTH_SOCK") != nullptr;
  const bool key = !credentials_.ssh_key.empty();
  const int attempt = key_attempts_++ + (agent ? 0 : 1);
  if (attempt == 0) return git_credential_ssh_key_from_agent(out, user.c_str());
  if (attempt == 1 && key) {
    const std::string public_key = absl::StrCat(credentials_.ssh_key, ".pub");
    return git_credential_ssh_key_new(out, user.c_str(),
                                      PathExists(public_key) ? public_key.c_str() : nullptr,
                                      credentials_.ssh_key.c_str(), nullptr);
  }
  if (!agent && !key) {
    return Refuse(absl::StrCat(host_,
                               " asks for an ssh key and this worker has none; start it with "
                               "an ssh-agent or set a key file in its configuration"));
  }
  return Refuse(absl::StrCat(host_, " refused user ", user, " with ",
                             agent ? "the keys of the ssh-agent" : "", agent && key ? " and " : "",
                             key ? absl::StrCat("the key ", credentials_.ssh_key) : "",
                             "; let that account read the repository"));
}

int Remote::OnCertificate(git_cert* certificate, int valid, const char* host, void* payload) {
  if (valid != 0) return 0;
  Remote* self = static_cast<Remote*>(payload);
  if (certificate != nullptr && certificate->cert_type == GIT_CERT_HOSTKEY_LIBSSH2) {
    self->Refuse(
        absl::StrCat("the host key of ", host, " is unknown or has changed; add the right one to ",
                     self->credentials_.known_hosts.empty() ? "~/.ssh/known_hosts of the worker"
                                                            : self->credentials_.known_hosts));
  } else {
    self->Refuse(absl::StrCat("the certificate of ", host, " is not trusted on this worker"));
  }
  return GIT_ECERTIFICATE;
}

int Remote::OnTransfer(const git_indexer_progress* stats, void* payload) {
  Remote* self = static_cast<Remote*>(payload);
  if (stats->received_objects < stats->total_objects) {
    // Of objects, since no server tells how many bytes will come: a few large files at the start
    // leave it at 0 %, and only the bytes show that they arrive.
    self->progress_.ReportPart(self->transfer_, stats->received_objects, stats->total_objects,
                               stats->received_bytes);
  } else {
    self->progress_.ReportPart(absl::StrCat(self->transfer_, ", indexing"), stats->indexed_deltas,
                               stats->total_deltas);
  }
  return 0;
}

int Remote::OnSideband(const char* /*text*/, int /*length*/, void* payload) {
  Remote* self = static_cast<Remote*>(payload);
  self->progress_.Report(absl::StrCat(self->transfer_, ", the server is counting"));
  return 0;
}

int Remote::OnPack(int /*stage*/, uint32_t /*current*/, uint32_t /*total*/, void* payload) {
  Remote* self = static_cast<Remote*>(payload);
  self->progress_.Report(absl::StrCat(self->transfer_, ", packing"));
  return 0;
}

}  // namespace handoff
