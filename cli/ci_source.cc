#include "cli/ci_source.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cli/snapshot/repository.h"
#include "cli/submit_source.h"
#include "common/git/git.h"
#include "common/status.h"
#include "handoff/v1/types.pb.h"

namespace handoff {
namespace {

struct CheckedOut {
  bool is_there = false;
  bool at_root = false;  // the command runs in the root of the work tree
  std::string commit;    // HEAD; empty: none
};

// What is here and cannot be read (another user's, as in containers) is not asked for.
absl::StatusOr<CheckedOut> LookHere() {
  GitLibraryOptions options;
  options.user_config = true;
  options.validate_owner = true;
  RETURN_IF_ERROR(InitGit(options));
  CheckedOut here;
  const auto found = OpenAround(".");
  if (!found.ok() || git_repository_workdir(found->get()) == nullptr) return here;
  here.is_there = true;
  const std::string root = RealPath(git_repository_workdir(found->get()));
  here.at_root = absl::StripSuffix(root, "/") == RealPath(".");
  git_oid head;
  if (git_reference_name_to_id(&head, found->get(), "HEAD") == 0) here.commit = OidText(head);
  return here;
}

}  // namespace

absl::Status UseCiJob(const CiJob& job, SubmitFlags& flags) {
  flags.reuse = !flags.allow_duplicate;
  flags.ci_labels = CiLabels(job);
  if (IsRemote(flags)) return absl::OkStatus();
  flags.ci_branch = job.ref;
  if (!flags.from.empty()) return absl::OkStatus();
  // Another checkout of the job: its variables tell nothing of that one.
  if (!flags.repo.empty()) {
    flags.from = "pushed";
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const CheckedOut here, LookHere());
  const bool same = !here.is_there || here.commit == job.commit;
  if (same && !job.made_commit.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--ci: no worker can get the commit ", job.commit.substr(0, 10),
                     ", which is on no branch: ", job.made_commit, ". Nothing was handed over"));
  }
  flags.from = "pushed";
  const bool told = !job.repo.empty() && !job.commit.empty();
  // Whether a request's commit is on a branch of this repository only origin knows.
  if (!told || (here.is_there && (!same || job.request || !here.at_root))) return absl::OkStatus();
  flags.ci_repo = job.repo;
  flags.ci_commit = job.commit;
  return absl::OkStatus();
}

std::string CiContent(const v1::HandoffSpec& spec) {
  v1::HandoffSpec content = spec;
  content.clear_idempotency_key();
  // How it travels is no content: whether origin could be asked differs from try to try.
  v1::Repository& repository = *content.mutable_repository();
  repository.clear_notes();
  repository.clear_pack_sha256();
  repository.clear_pack_bytes();
  repository.clear_pack_complete();
  // Nor is what was attached, only which files: a log is another one at every try.
  for (v1::Attachment& file : *content.mutable_attachments()) {
    file.clear_sha256();
    file.clear_bytes();
  }
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    content.SerializeToCodedStream(&coded);
  }
  return bytes;
}

}  // namespace handoff
