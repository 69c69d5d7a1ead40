#include "worker/handoff_dir.h"

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/handoff/document_edits.h"
#include "common/regular_file.h"
#include "common/status.h"

namespace handoff::worker {
namespace {

constexpr uint64_t kMostRead = 8 << 20;  // of ours, whatever its task

}  // namespace

// Again at every call: the agent may have removed or replaced the directory meanwhile.
absl::Status HandoffDir::Open() {
  if (!root_) {
    ASSIGN_OR_RETURN(Beneath root, Beneath::Open(workspace_));
    root_.emplace(std::move(root));
  }
  RETURN_IF_ERROR(root_->MakeDirectories(below_));
  // .git/info/exclude ranks below every .gitignore, and one that takes *.md back would let the
  // agent's `git add -A` commit these files. The deepest .gitignore is the last word.
  const std::string ignore = below_ + "/.gitignore";
  return root_->OpenForRead(ignore).ok() ? absl::OkStatus() : root_->WriteAtomically(ignore, "*\n");
}

absl::Status HandoffDir::WriteDocument(absl::string_view markdown) {
  LookForChanges();
  absl::Status written = Open();
  const bool has_workspace = root_.has_value();
  if (written.ok()) written = root_->WriteAtomically(below_ + "/handoff.md", markdown);
  written_ = written.ok() ? std::string(markdown) : "";
  if (written.ok()) {
    trouble_.clear();
    return written;
  }
  if (has_workspace) {
    trouble_ = absl::StrCat("handoff.md could not be written in the workspace (", written.message(),
                            "); it is kept at ", fallback_, "/handoff.md");
  }
  return WriteFileAtomically(fallback_ + "/handoff.md", markdown);
}

const std::set<std::string>& HandoffDir::LookForChanges() {
  if (written_.empty()) return changed_;
  const auto text = Read("handoff.md", kMostRead);
  if (text.ok() && *text == written_) return changed_;
  const auto ours = Parse(written_);
  const auto theirs = text.ok() ? Parse(*text) : absl::StatusOr<Document>(text.status());
  if (ours.ok() && theirs.ok()) {
    for (std::string& section : DifferingSections(*ours, *theirs))
      changed_.insert(std::move(section));
  } else {
    changed_.insert("the whole file");  // removed, or no handoff.md any more
  }
  return changed_;
}

absl::Status HandoffDir::CopyFile(const std::string& source, const std::string& name, bool keep) {
  RETURN_IF_ERROR(Open());
  const std::string path = absl::StrCat(below_, "/", name);
  const size_t slash = name.rfind('/');
  if (slash != std::string::npos) {
    RETURN_IF_ERROR(root_->MakeDirectories(absl::StrCat(below_, "/", name.substr(0, slash))));
  }
  if (keep && root_->OpenForRead(path).ok()) return absl::OkStatus();
  ASSIGN_OR_RETURN(UniqueFd file, OpenRegular(source));
  ASSIGN_OR_RETURN(const uint64_t bytes, FileSize(source));
  return root_->CopyFrom(file.get(), bytes, path);
}

bool HandoffDir::Holds(const std::string& name, const std::string& sha256, uint64_t bytes) {
  if (!Open().ok()) return false;
  const auto file = root_->OpenForRead(absl::StrCat(below_, "/", name));
  if (!file.ok()) return false;
  // One more: a file that goes on after these bytes is another one.
  const auto sum = HashOf(file->get(), bytes + 1);
  return sum.ok() && *sum == sha256;
}

absl::StatusOr<std::string> HandoffDir::Read(const std::string& name, uint64_t max_bytes) {
  RETURN_IF_ERROR(Open());
  return root_->Read(absl::StrCat(below_, "/", name), max_bytes);
}

absl::Status HandoffDir::Remove(const std::string& name) {
  RETURN_IF_ERROR(Open());
  return root_->Remove(absl::StrCat(below_, "/", name));
}

}  // namespace handoff::worker
