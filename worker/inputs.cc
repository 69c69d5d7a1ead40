#include "worker/inputs.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/handoff/describe_attached.h"
#include "common/status.h"
#include "handoff/v1/types.pb.h"
#include "worker/object_download.h"

namespace handoff::worker {
namespace {

absl::Status BringOne(const Surroundings& around, Attempt& attempt, const v1::Attachment& file,
                      AttemptControl& control, AttemptBoard& board) {
  const std::string name = absl::StrCat("inputs/", file.name());
  if (attempt.files.Holds(name, file.sha256(), file.bytes())) return absl::OkStatus();
  ObjectDownload download(around, file.sha256(), file.bytes(), control, board);
  RETURN_IF_ERROR(download.Run());
  const std::string path = ObjectPath(around, file.sha256(), attempt.key.handoff_id);
  const absl::Status copied = attempt.files.CopyFile(path, name, /*keep=*/false);
  RemoveTree(path).IgnoreError();
  return copied;
}

}  // namespace

absl::Status BringInputs(const Surroundings& around, Attempt& attempt, AttemptControl& control,
                         AttemptBoard& board) {
  // Their names and hashes become paths, whoever let them in.
  RETURN_IF_ERROR(ValidateAttachments(attempt.wanted()));
  for (const v1::Attachment& file : attempt.wanted().attachments()) {
    RETURN_IF_ERROR(Annotate(BringOne(around, attempt, file, control, board), file.name()));
  }
  return absl::OkStatus();
}

}  // namespace handoff::worker
