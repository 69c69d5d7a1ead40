#include "cli/get_work.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/status.h"
#include "common/text.h"
#include "handoff/v1/types.pb.h"

namespace handoff {
namespace {

absl::Status GetPack(const std::string& sha256, uint64_t bytes, bool first,
                     const std::string& directory, Context& context, FetchedObjects& objects) {
  // It becomes a file's name.
  if (!IsSha256Hex(sha256)) {
    return absl::DataLossError(
        "the record names a pack that is no SHA-256. Nothing was changed here");
  }
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
  return objects.Add(path, first);
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

absl::Status GetWork(const v1::Handoff& handoff, const v1::Checkpoint& checkpoint,
                     const std::string& directory, bool in_repository, Context& context,
                     FetchedObjects& objects, const std::function<absl::Status()>& complete) {
  absl::Status status = complete();
  if (!absl::IsNotFound(status)) return status;
  std::set<std::string> got;  // one that is named twice is one file
  for (const v1::Checkpoint::Pack& pack : checkpoint.packs()) {
    if (!got.insert(pack.sha256()).second) continue;
    RETURN_IF_ERROR(
        GetPack(pack.sha256(), pack.bytes(), /*first=*/false, directory, context, objects));
  }
  status = complete();
  const v1::Repository& submitted = handoff.spec().repository();
  const bool another = !submitted.pack_sha256().empty() && got.count(submitted.pack_sha256()) == 0;
  if (absl::IsNotFound(status) && another) {
    // What the others build on.
    RETURN_IF_ERROR(GetPack(submitted.pack_sha256(), submitted.pack_bytes(), /*first=*/true,
                            directory, context, objects));
    status = complete();
  }
  return absl::IsNotFound(status) ? OnlyInRepository(handoff, in_repository, status) : status;
}

}  // namespace handoff
