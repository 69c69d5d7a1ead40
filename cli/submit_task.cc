#include "cli/submit_task.h"

#include <unistd.h>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cli/editor.h"
#include "cli/named_file.h"
#include "common/file.h"
#include "common/status.h"
#include "common/subprocess.h"
#include "common/text.h"

namespace handoff {
namespace {

// Above the limit of a task, so that its own sentence says how long it was.
constexpr uint64_t kMostBytes = 64 << 20;

constexpr absl::string_view kTemplate =
    "\n"
    "# Say what the agent is to do. Lines that begin with '# ' at the end of this file are "
    "dropped.\n"
    "# An empty task hands nothing over.\n";

std::string WithoutTemplate(const std::string& text) {
  std::vector<std::string> lines = absl::StrSplit(text, '\n');
  while (!lines.empty() && (lines.back().empty() || absl::StartsWith(lines.back(), "# "))) {
    lines.pop_back();
  }
  std::string out;
  for (const std::string& line : lines) absl::StrAppend(&out, line, "\n");
  return out;
}

}  // namespace

absl::StatusOr<std::string> ReadStandardInput(absl::string_view what, absl::string_view most) {
  std::string text;
  char buffer[65536];
  while (true) {
    const ssize_t n = ::read(STDIN_FILENO, buffer, sizeof(buffer));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0)
      return ErrnoToStatus(errno, absl::StrCat("reading the ", what, " from standard input"));
    if (n == 0) return text;
    text.append(buffer, static_cast<size_t>(n));
    if (text.size() > kMostBytes) {
      return absl::InvalidArgumentError(absl::StrCat(
          "the ", what, " on standard input is larger than 64 MB; at most ", most, " is allowed"));
    }
  }
}

absl::StatusOr<std::string> ReadTextFile(const std::string& file, absl::string_view not_done) {
  auto text = ReadFile(file, kMostBytes);
  if (text.ok()) return text;
  return absl::InvalidArgumentError(
      absl::StrCat("--file: ", text.status().message(), "; ", not_done));
}

DraftWords TaskDraft() { return {"TASK.md", "task", kTemplate, "handoff submit --file "}; }

absl::StatusOr<Draft> Draft::Write(const DraftWords& words, Context& context) {
  ASSIGN_OR_RETURN(TempDir temp, TempDir::Make(absl::StrCat("handoff-", words.what, "-")));
  Draft draft(std::move(temp), words);
  RETURN_IF_ERROR(WriteFileAtomically(draft.path(), words.form));
  const absl::Status edited = RunEditor(draft.path(), context);
  ASSIGN_OR_RETURN(const std::string text, ReadFile(draft.path()));
  draft.text_ = WithoutTemplate(text);
  if (!edited.ok()) return draft.Kept(edited);
  return draft;
}

std::string Draft::path() const { return absl::StrCat(temp_.path(), "/", words_.file); }

std::string Draft::Keep() {
  if (text_.empty() || !WriteFileAtomically(path(), text_).ok()) return "";
  const std::string kept = path();
  temp_.Release();
  return absl::StrCat("Your ", words_.what, " is kept in ", kept, ": ", words_.again, kept);
}

absl::Status Draft::Kept(const absl::Status& status) {
  const std::string where = Keep();
  if (where.empty()) return status;
  return absl::Status(status.code(), absl::StrCat(status.message(), ". ", where));
}

namespace {

// In a pipeline nobody looks at what the file in the checkout is, and everybody reads the task.
absl::StatusOr<std::string> ReadFileOfCheckout(const SubmitFlags& flags) {
  const NamedFileRules rules{"--file", flags.named_secrets, /*in_checkout=*/true, /*outside=*/true};
  ASSIGN_OR_RETURN(const NamedFile file, OpenNamedFile(flags.file, rules));
  const auto text = ReadFile(absl::StrCat("/proc/self/fd/", file.fd.get()), kMostBytes);
  if (absl::IsResourceExhausted(text.status())) {
    return RefuseNamedFile(flags.file, "is larger than 64 MB; a task has at most 1 MiB", rules);
  }
  if (!text.ok()) return RefuseNamedFile(flags.file, "cannot be read", rules);
  RETURN_IF_ERROR(CheckNoSecret(flags.file, file, *text, rules));
  return text;
}

}  // namespace

bool AsksEditor(const SubmitFlags& flags, const Context& context) {
  return flags.surplus.empty() && !flags.has_task && flags.file.empty() && context.rest.empty() &&
         context.terminal.in_is_terminal() && context.terminal.err_is_terminal();
}

absl::StatusOr<std::string> ReadTask(const SubmitFlags& flags, const Context& context) {
  if (!flags.surplus.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("the task is one argument, and '",
                                                   OneLine(flags.surplus[0], 60),
                                                   "' is a second one: put the task in quotes"));
  }
  const int given =
      (flags.has_task ? 1 : 0) + (flags.file.empty() ? 0 : 1) + (context.rest.empty() ? 0 : 1);
  if (given > 1) {
    return absl::InvalidArgumentError(
        "give the task once: as an argument, with --file, or behind '--'");
  }
  if (!context.rest.empty()) return ShellJoin(context.rest);
  if (!flags.file.empty() && flags.ci) return ReadFileOfCheckout(flags);
  if (!flags.file.empty()) return ReadTextFile(flags.file, "nothing was handed over");
  if (flags.task == "-") return ReadStandardInput("task", "1 MiB");
  if (flags.has_task) return flags.task;
  return absl::InvalidArgumentError(
      "there is no task: give it as an argument, with --file FILE, or '-' to read standard input");
}

}  // namespace handoff
