#include "cli/takeover_files.h"

#include <fcntl.h>

#include "absl/strings/str_cat.h"
#include "cli/document_folder.h"
#include "cli/follow.h"
#include "cli/taken/taken_directory.h"
#include "cli/taken_document.h"
#include "cli/text/interactive.h"
#include "common/file.h"
#include "common/handoff/document.h"
#include "common/status.h"
#include "handoff/v1/control.pb.h"

namespace handoff {
namespace {

// Whether there is anything in it.
absl::StatusOr<bool> BringLog(const FollowOptions& options, const std::string& path, Client& client,
                              StreamCall& call, Context& context) {
  ASSIGN_OR_RETURN(const UniqueFd fd, OpenFile(path, O_WRONLY | O_CREAT | O_TRUNC));
  absl::Status written;
  uint64_t bytes = 0;
  RETURN_IF_ERROR(
      FollowLog(client, call, context.terminal, options, [&](const v1::LogChunk& chunk) {
        written = WriteAll(fd.get(), chunk.data());
        bytes += chunk.data().size();
        return written.ok();
      }));
  RETURN_IF_ERROR(written);
  return bytes > 0;
}

absl::Status BringLogs(const v1::Handoff& handoff, const std::string& temp, Client& client,
                       Context& context, HandoffFiles& files) {
  StreamCall call;
  for (const v1::Attempt& attempt : handoff.attempts()) {
    for (const bool checks : {false, true}) {
      // Most attempts have no checks, and one that never started has no log.
      if (checks ? handoff.checks().empty() : attempt.log_bytes() == 0) continue;
      HandoffFiles::Log log;
      log.name = absl::StrCat("attempt-", attempt.number(), checks ? ".checks.log" : ".log");
      log.path = absl::StrCat(temp, "/", log.name);
      const FollowOptions options = {handoff.id(), attempt.number(), 0, false, checks};
      ASSIGN_OR_RETURN(const bool any, BringLog(options, log.path, client, call, context));
      if (any) files.logs.push_back(std::move(log));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<HandoffFiles> BringFiles(const v1::Handoff& handoff, const std::string& temp,
                                        Context& context) {
  ASSIGN_OR_RETURN(Client* const client, context.Connect());
  ASSIGN_OR_RETURN(const v1::Document document, client->GetDocument(handoff.id()));
  HandoffFiles files;
  files.document = document.markdown();
  files.version = document.edit_version();
  const auto parsed = Parse(files.document);
  if (!parsed.ok()) {
    return absl::InternalError(absl::StrCat("the handoff.md of ", handoff.id(),
                                            " cannot be read: ", parsed.status().message()));
  }
  files.prompt = parsed->takeover_prompt;
  RETURN_IF_ERROR(BringLogs(handoff, temp, *client, context, files));
  return files;
}

absl::StatusOr<std::string> PutFiles(const HandoffFiles& files, const std::string& root,
                                     const std::string& id) {
  ASSIGN_OR_RETURN(const TakenDirectory directory, TakenDirectory::Make(root, id));
  RETURN_IF_ERROR(directory.Write(kPromptFile, absl::StrCat(PromptArgument(files.prompt), "\n")));
  ASSIGN_OR_RETURN(const DocumentFolder folder, DocumentFolder::Open(root, id));
  ASSIGN_OR_RETURN(std::string note,
                   PutDocument({files.document, files.version}, folder.document(), id));
  for (const HandoffFiles::Log& log : files.logs) {
    RETURN_IF_ERROR(directory.CopyFrom(log.path, log.name));
  }
  return note;
}

}  // namespace handoff
