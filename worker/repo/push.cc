#include "worker/repo/push.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/git/git.h"
#include "common/git/url.h"
#include "common/git/work_tip.h"
#include "common/handoff/names.h"
#include "common/status.h"
#include "common/text.h"
#include "worker/repo/directory_lock.h"
#include "worker/repo/remote.h"

namespace handoff {
namespace {

constexpr size_t kMostSaid = 4096;
constexpr size_t kMostMessage = 1000;

// One push, and what the remote says to it.
class PushRemote final : public Remote {
 public:
  PushRemote(const PushRequest& request, const git_oid& tip, RepoProgress& progress)
      : Remote(request.url, request.credentials, progress, "pushing"),
        request_(request),
        tip_(tip),
        progress_(progress) {}

  git_remote_callbacks PushCallbacks() {
    git_remote_callbacks callbacks = Callbacks();
    callbacks.payload = static_cast<Remote*>(this);
    callbacks.sideband_progress = &OnSaid;
    callbacks.push_negotiation = &OnNegotiation;
    callbacks.push_update_reference = &OnUpdated;
    callbacks.push_transfer_progress = &OnSent;
    return callbacks;
  }

  bool up_to_date() const { return up_to_date_; }
  // Why it may not be, or why the remote did not want it; empty: neither.
  const std::string& refused() const { return refused_; }
  std::string said() const { return OneLine(EscapeInvalidUtf8(said_), kMostMessage / 2); }

 private:
  static PushRemote& Self(void* payload) {
    return static_cast<PushRemote&>(*static_cast<Remote*>(payload));
  }

  static int OnSaid(const char* text, int length, void* payload) {
    std::string& said = Self(payload).said_;
    const size_t more = static_cast<size_t>(std::max(length, 0));
    said.append(text, std::min(more, kMostSaid - std::min(kMostSaid, said.size())));
    return 0;
  }

  // The remote said what it has, and nothing was sent yet.
  static int OnNegotiation(const git_push_update** updates, size_t count, void* payload) {
    PushRemote& self = Self(payload);
    for (size_t i = 0; i < count; ++i) {
      const git_oid& there = updates[i]->src;
      if (SameOid(there, self.tip_)) {
        self.up_to_date_ = true;
        return GIT_EUSER;
      }
      const std::string id = OidText(there);
      const std::vector<std::string>& from = self.request_.from;
      if (git_oid_is_zero(&there) != 0 || std::find(from.begin(), from.end(), id) != from.end())
        continue;
      self.refused_ = absl::StrCat("The branch is at ", id.substr(0, 12),
                                   " there, which this handoff did not put there. It was left as "
                                   "it is");
      return GIT_EUSER;
    }
    return 0;
  }

  static int OnUpdated(const char* /*ref*/, const char* status, void* payload) {
    if (status != nullptr)
      Self(payload).refused_ = absl::StrCat("The remote refused it: ", EscapeInvalidUtf8(status));
    return 0;
  }

  static int OnSent(unsigned int current, unsigned int total, size_t bytes, void* payload) {
    Self(payload).progress_.ReportPart("pushing", current, total, bytes);
    return 0;
  }

  const PushRequest& request_;
  const git_oid tip_;
  RepoProgress& progress_;
  bool up_to_date_ = false;
  std::string refused_, said_;
};

absl::Status Validate(const PushRequest& request) {
  RETURN_IF_ERROR(ValidateId(request.handoff_id));
  RETURN_IF_ERROR(ValidateRepositoryUrl(request.url));
  if (absl::StartsWith(request.store, "/")) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("'", request.store, "' is not an absolute path"));
}

// What libgit2 says of a path is about itself.
absl::Status CheckLocal(const std::string& url) {
  const std::string path = LocalPathOf(url);
  if (path.empty()) return absl::OkStatus();
  GitRepository there;
  if (git_repository_open(there.out(), path.c_str()) != 0) {
    return absl::NotFoundError(absl::StrCat("there is no repository at ", path, " on this worker"));
  }
  if (git_repository_is_bare(there.get()) == 1) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(path, " is a work tree on this worker; only a bare repository is pushed to"));
}

std::string LocalRef(const PushRequest& request) {
  return PushedRef(request.handoff_id, request.attempt);
}

// The commit, and the ref of the store that names it, since only refs can be pushed.
absl::StatusOr<git_oid> MakeTip(const PushRequest& request, git_repository* store,
                                RepoProgress& progress) {
  ASSIGN_OR_RETURN(const UniqueFd lock,
                   LockDirectory(request.store, "a checkpoint of this workspace to end", progress));
  ASSIGN_OR_RETURN(const Work work, ReadWork(store, request.commit));
  const WorkMark mark{request.handoff_id, request.attempt, request.user_name, request.user_email,
                      absl::FromUnixSeconds(request.taken_at)};
  ASSIGN_OR_RETURN(const git_oid tip, TipOfWork(store, work, mark));
  RETURN_IF_ERROR(RemoveTree(absl::StrCat(request.store, "/", LocalRef(request), ".lock")));
  GitReference ref;
  RETURN_IF_ERROR(
      GitStatus(git_reference_create(ref.out(), store, LocalRef(request).c_str(), &tip, 1, nullptr),
                "keeping what is pushed"));
  return tip;
}

PushAnswer Refused(const PushRemote& connection, const git_oid& tip) {
  std::string message = connection.refused();
  if (!connection.said().empty()) absl::StrAppend(&message, " (", connection.said(), ")");
  return {PushAnswer::kRefused, OidText(tip), OneLine(absl::StrCat(message, "."), kMostMessage)};
}

}  // namespace

absl::StatusOr<PushAnswer> Push(const PushRequest& request, RepoProgress& progress) {
  RETURN_IF_ERROR(Validate(request));
  RETURN_IF_ERROR(CheckLocal(request.url));
  GitRepository store;
  RETURN_IF_ERROR(
      GitStatus(git_repository_open_bare(store.out(), request.store.c_str()), request.store));
  ASSIGN_OR_RETURN(const git_oid tip, MakeTip(request, store.get(), progress));
  GitRemote remote;
  RETURN_IF_ERROR(
      GitStatus(git_remote_create_anonymous(remote.out(), store.get(), request.url.c_str()),
                WithoutCredentials(request.url)));
  PushRemote connection(request, tip, progress);
  git_push_options options;
  git_push_options_init(&options, GIT_PUSH_OPTIONS_VERSION);
  options.callbacks = connection.PushCallbacks();
  options.proxy_opts.type = GIT_PROXY_AUTO;
  options.follow_redirects = connection.Redirects();
  // With "+": what was left uncommitted the last time is not below what comes now. What may be
  // moved is judged by what the remote says, above.
  std::string spec =
      absl::StrCat("+", LocalRef(request), ":refs/heads/handoff/", request.handoff_id);
  char* specs[] = {spec.data()};
  const git_strarray list = {specs, 1};
  progress.Report("pushing");
  const int result = git_remote_push(remote.get(), &list, &options);
  if (connection.up_to_date()) return PushAnswer{PushAnswer::kUpToDate, OidText(tip), ""};
  if (!connection.refused().empty()) return Refused(connection, tip);
  RETURN_IF_ERROR(connection.Explain(result));
  return PushAnswer{PushAnswer::kPushed, OidText(tip), connection.said()};
}

}  // namespace handoff
