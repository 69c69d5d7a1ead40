// handoff import

#include <CLI/CLI.hpp>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/leaving.h"
#include "cli/send_object.h"
#include "cli/settings.h"
#include "cli/snapshot/snapshot_pack.h"
#include "cli/submit_source.h"
#include "cli/submit_spec.h"
#include "cli/text/json.h"
#include "cli/verb.h"
#include "common/file.h"
#include "common/handoff/document.h"
#include "common/handoff/document_edits.h"
#include "common/handoff/names.h"
#include "common/hash.h"
#include "common/status.h"
#include "common/text.h"
#include "handoff/v1/control.pb.h"

namespace handoff {
namespace {

struct ImportFlags {
  std::string dir;
  std::string id;
};

constexpr absl::string_view kNotDone = "nothing was imported";
constexpr int kMaxLogs = 64;
constexpr uint64_t kMaxLogBytes = uint64_t{256} << 20;  // of one

absl::Status NotDone(const absl::Status& status) {
  // Also where it begins a sentence.
  if (status.ok() || absl::StrContains(status.message(), "othing ")) return status;
  return absl::Status(status.code(), absl::StrCat(status.message(), "; ", kNotDone));
}

// A word of the file, unless it is the template's or says that there is none.
std::string Word(const Document& document, absl::string_view field) {
  const std::string word(document.Field(field));
  return word == "default" || word == "none" || absl::StartsWith(word, "<") ? "" : word;
}

absl::StatusOr<v1::ImportRequest> Request(const ImportFlags& flags, const std::string& markdown,
                                          Context& context) {
  ASSIGN_OR_RETURN(const Document document, Parse(markdown));
  SubmitFlags submit;
  submit.id = !flags.id.empty() ? flags.id : ValidateId(document.id).ok() ? document.id : "";
  submit.agent = Word(document, "Agent");
  if (submit.agent.empty()) submit.agent = "cursor";  // the skill knows no other
  submit.model = Word(document, "Model");
  ASSIGN_OR_RETURN(const ProjectDefaults defaults, ReadProjectDefaults(ProjectRootFor(submit)));
  const std::string set = defaults.ToString();
  if (!set.empty()) context.terminal.Say(absl::StrCat(".handoff.toml sets ", set));
  v1::ImportRequest request;
  request.set_markdown(markdown);
  ASSIGN_OR_RETURN(*request.mutable_spec(),
                   BuildSpec(submit, defaults, Word(document, "Task"), {}, context.environment));
  return request;
}

// The logs that lie beside the document, as the skill names them: of the attempts that it tells of
// and of any other.
absl::StatusOr<std::vector<PackFile>> FindLogs(const std::string& dir, v1::ImportRequest& request) {
  std::vector<PackFile> files;
  for (int attempt = 1; attempt <= kMaxLogs; ++attempt) {
    const std::string path = absl::StrCat(dir, "/attempt-", attempt, ".log");
    if (!PathExists(path)) continue;
    ASSIGN_OR_RETURN(const uint64_t bytes, FileSize(path));
    if (bytes > kMaxLogBytes) {
      return absl::InvalidArgumentError(absl::StrCat(
          OneLine(path, 300), " has ", HumanBytes(bytes), ", and at most ",
          HumanBytes(kMaxLogBytes), " are imported of a log: move it elsewhere to leave it out"));
    }
    ASSIGN_OR_RETURN(const std::string content, ReadFile(path, kMaxLogBytes));
    v1::ImportRequest::Log& log = *request.add_logs();
    log.set_attempt(attempt);
    log.set_sha256(Sha256Hex(content));
    log.set_bytes(content.size());
    files.push_back({path, log.sha256(), content.size()});
  }
  return files;
}

absl::StatusOr<v1::Handoff> Send(const std::string& dir, v1::ImportRequest& request,
                                 Context& context) {
  ASSIGN_OR_RETURN(Client* const client, context.Connect());
  ASSIGN_OR_RETURN(const TempDir temp, TempDir::Make("handoff-import-"));
  Leaving leaving(context, temp.path(), std::string(kNotDone));
  ASSIGN_OR_RETURN(const std::string pack,
                   AddRepository(SubmitFlags(), ".", temp, context, request.mutable_spec()));
  if (!CheckPush(request.spec()).ok()) {
    request.mutable_spec()->set_push(false);
    context.terminal.Say("this repository has no remote, so its work is not pushed");
  }
  const v1::Repository& repository = request.spec().repository();
  if (!pack.empty()) {
    RETURN_IF_ERROR(Annotate(SendObject({pack, repository.pack_sha256(), repository.pack_bytes()},
                                        *client, context.terminal),
                             "nothing was imported: sending the repository's state failed"));
  }
  ASSIGN_OR_RETURN(const std::vector<PackFile> logs, FindLogs(dir, request));
  for (const PackFile& log : logs) {
    RETURN_IF_ERROR(Annotate(SendObject(log, *client, context.terminal),
                             "nothing was imported: sending a log failed"));
  }
  leaving.Leaves("the coordinator had not answered: 'handoff list' shows whether it was imported");
  v1::Handoff handoff;
  RETURN_IF_ERROR(RetryWhileAway(context.terminal, [&] {
    auto answer = client->Import(request);
    if (answer.ok()) handoff = *std::move(answer);
    return answer.status();
  }));
  return handoff;
}

void Tell(const v1::Handoff& handoff, int logs, Context& context) {
  const std::string& id = handoff.id();
  context.terminal.Say(
      absl::StrCat(id, ": imported, and yours: nothing runs of it until you return it. ",
                   handoff.edits_size(), " of its sections are held as they stood in the file"));
  context.terminal.Say(absl::StrCat("  its ", handoff.attempts_size(),
                                    handoff.attempts_size() == 1 ? " attempt" : " attempts",
                                    " ran by hand, ", logs, logs == 1 ? " log" : " logs",
                                    " came along; the next attempt begins a conversation of its "
                                    "own"));
  context.terminal.Say(absl::StrCat("  handoff return ", id, " --unchanged   # an agent goes on"));
  context.terminal.Say(absl::StrCat("  handoff cancel ", id, "               # give it up"));
}

VerbResult Import(const ImportFlags& flags, Context& context) {
  const auto markdown = ReadFile(absl::StrCat(flags.dir, "/handoff.md"), 64 << 20);
  if (!markdown.ok()) {
    return NotDone(absl::InvalidArgumentError(
        absl::StrCat("there is no handoff.md to import: ", markdown.status().message())));
  }
  if (markdown->size() > kMaxDocumentBytes) {
    return NotDone(absl::InvalidArgumentError(absl::StrCat(
        "handoff.md has ", HumanBytes(markdown->size()), "; at most 1 MiB can be imported")));
  }
  auto request = Request(flags, *markdown, context);
  if (!request.ok()) return NotDone(request.status());
  const auto handoff = Send(flags.dir, *request, context);
  if (!handoff.ok()) return NotDone(handoff.status());
  context.terminal.Out(context.json ? ToJsonLine(*handoff) : absl::StrCat(handoff->id(), "\n"));
  if (!context.json) Tell(*handoff, request->logs_size(), context);
  return Exit::kDone;
}

}  // namespace

VerbRun DefineImport(CLI::App& app) {
  const auto flags = std::make_shared<ImportFlags>();
  app.add_option("DIR", flags->dir, "Where the handoff.md lies that was kept by hand")->required();
  app.add_option("--id", flags->id, "Instead of the one that the file has");
  return [flags](Context& context) { return Import(*flags, context); };
}

}  // namespace handoff
