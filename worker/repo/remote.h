// One connection to a remote repository: who we say we are, whom we believe, what we tell
// meanwhile. Nothing is asked twice: a server that refuses what it was given ends the operation.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "common/file.h"
#include "common/git/git.h"
#include "worker/repo/progress.h"
#include "worker/repo/repo_client.h"

namespace handoff {

// The process's HOME with the known_hosts file that `credentials` names, since libgit2 looks for it
// there only; nothing when it names none. Call before InitGit; keep the result while git is used.
absl::StatusOr<std::optional<TempDir>> UseKnownHosts(const RepoCredentials& credentials);

class Remote {
 public:
  // `transfer` names what a download is called: "cloning", "fetching". All must outlive this.
  Remote(const std::string& url, const RepoCredentials& credentials, RepoProgress& progress,
         std::string transfer);

  // For git_remote_connect_ext, git_remote_download and git_remote_ls.
  git_remote_callbacks Callbacks();
  // With a token for the host redirects stay on that host: libgit2 1.5 would send it along.
  git_remote_redirect_t Redirects() const;
  // GitStatus, with what was tried and what to do about refused credentials.
  absl::Status Explain(int result) const;

 private:
  static int OnCredentials(git_credential** out, const char* url, const char* user,
                           unsigned int allowed, void* payload);
  static int OnCertificate(git_cert* certificate, int valid, const char* host, void* payload);
  static int OnTransfer(const git_indexer_progress* stats, void* payload);
  static int OnSideband(const char* text, int length, void* payload);
  static int OnPack(int stage, uint32_t current, uint32_t total, void* payload);
  int GiveToken(git_credential** out);
  int GiveKey(git_credential** out, const std::string& user);
  int Refuse(std::string why);
  std::string TokenFile() const;

  const std::string url_;
  const std::string host_;
  const RepoCredentials& credentials_;
  RepoProgress& progress_;
  const std::string transfer_;
  int token_attempts_ = 0;
  int key_attempts_ = 0;
  std::string refusal_;
};

}  // namespace handoff
