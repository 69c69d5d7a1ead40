#include "worker/repo/probe.h"

#include "common/git/git.h"
#include "common/git/url.h"
#include "common/status.h"
#include "worker/repo/remote.h"

namespace handoff {

absl::Status Probe(const ProbeRequest& request, RepoProgress& progress) {
  RETURN_IF_ERROR(ValidateRepositoryUrl(request.url));
  GitRemote remote;
  RETURN_IF_ERROR(GitStatus(git_remote_create_detached(remote.out(), request.url.c_str()),
                            WithoutCredentials(request.url)));
  Remote connection(request.url, request.credentials, progress, "asking");
  git_remote_connect_options options;
  git_remote_connect_options_init(&options, GIT_REMOTE_CONNECT_OPTIONS_VERSION);
  options.callbacks = connection.Callbacks();
  options.proxy_opts.type = GIT_PROXY_AUTO;
  options.follow_redirects = connection.Redirects();
  progress.Report("connecting");
  return connection.Explain(git_remote_connect_ext(remote.get(), GIT_DIRECTION_FETCH, &options));
}

}  // namespace handoff
