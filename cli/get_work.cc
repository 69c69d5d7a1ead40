#include "cli/get_work.h"

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/status.h"
#include "common/text.h"
#include "handoff/v1/types.pb.h"

namespace handoff {
namespace {

absl::Status GetPack(const std::string& sha256, uint64_t bytes, const std::string& directory,
                     Context& context, FetchedObjects& objects) {
  ASSIGN_OR_RETURN(Client* const client, context.Connect());
  const std::string path = absl::StrCat(directory, "/", sha256, ".pack");
  if (context.terminal.err_is_terminal()) {
    context.terminal.Progress(absl::StrCat("getting ", HumanBytes(bytes)));
  }
  const absl::Status got = client->GetObject(sha256, path);
  context.terminal.EndProgress();
  if (absl::IsNotFound(got)) {
    return absl::DataLossError(absl::StrCat("the coordinator no longer has ", sha256,
                                            ", which the work needs. Nothing was changed here"));
  }
  RETURN_IF_ERROR(got);
  return objects.Add(path);
}

absl::Status OnlyInRepository(const v1::Handoff& handoff, bool in_repository,
                              const absl::Status& missing) {
  const std::string url = OneLine(handoff.repo(), 300);
  if (in_repository) {
    return absl::FailedPreconditionError(absl::StrCat(
        "this repository lacks what the work of ", handoff.id(), " builds on (", missing.message(),
        "). Nothing was changed: run 'git fetch' here, in a clone of ", url, ", and try again"));
  }
  return absl::FailedPreconditionError(
      absl::StrCat("the work of ", handoff.id(),
                   " builds on commits that only its repository has. "
                   "Nothing was done: run this in a clone of ",
                   url));
}

}  // namespace

Interrupt::Listener RemoveOnInterrupt(Context& context, const std::string& directory) {
  return Interrupt::Listener(context.interrupt, [directory] {
    RemoveTree(directory).IgnoreError();
    ::_exit(static_cast<int>(Exit::kInterrupted));
  });
}

absl::Status GetWork(const v1::Handoff& handoff, const v1::Checkpoint& checkpoint,
                     const std::string& directory, bool in_repository, Context& context,
                     FetchedObjects& objects, const std::function<absl::Status()>& complete) {
  absl::Status status = complete();
  if (!absl::IsNotFound(status)) return status;
  for (const v1::Checkpoint::Pack& pack : checkpoint.packs()) {
    RETURN_IF_ERROR(GetPack(pack.sha256(), pack.bytes(), directory, context, objects));
  }
  status = complete();
  const v1::Repository& submitted = handoff.spec().repository();
  if (absl::IsNotFound(status) && !submitted.pack_sha256().empty()) {
    RETURN_IF_ERROR(
        GetPack(submitted.pack_sha256(), submitted.pack_bytes(), directory, context, objects));
    status = complete();
  }
  return absl::IsNotFound(status) ? OnlyInRepository(handoff, in_repository, status) : status;
}

}  // namespace handoff
