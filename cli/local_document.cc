#include "cli/local_document.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/status.h"

namespace handoff {
namespace {

constexpr char kName[] = "handoff.md";
constexpr char kTheirsName[] = "handoff.md.theirs";
constexpr absl::string_view kBaseBegin = "<!-- kept by handoff, which compares with it; edit ";
constexpr absl::string_view kBaseEnd = " -->\n";
// Above the bound of a document, so that its own sentence says how long it was.
constexpr uint64_t kMostBytes = 64 << 20;

}  // namespace

std::string EncodeBase(const DocumentBase& base) {
  return absl::StrCat(kBaseBegin, base.version, kBaseEnd, base.markdown);
}

absl::StatusOr<LocalDocument> LocalDocument::Open(const std::string& root,
                                                  const std::string& folder) {
  ASSIGN_OR_RETURN(Beneath opened, Beneath::Open(root));
  if (!folder.empty()) RETURN_IF_ERROR(opened.MakeDirectories(folder));
  std::string shown = folder.empty() ? root : absl::StrCat(root == "/" ? "" : root, "/", folder);
  return LocalDocument(std::move(opened), folder, std::move(shown));
}

std::string LocalDocument::Below(absl::string_view name) const {
  return folder_.empty() ? std::string(name) : absl::StrCat(folder_, "/", name);
}

absl::StatusOr<std::optional<std::string>> LocalDocument::ReadIfThere(
    absl::string_view name) const {
  auto text = root_.Read(Below(name), kMostBytes);
  if (absl::IsNotFound(text.status())) return std::nullopt;
  RETURN_IF_ERROR(text.status());
  return *std::move(text);
}

absl::StatusOr<std::optional<std::string>> LocalDocument::Read() const {
  return ReadIfThere(kName);
}

absl::StatusOr<std::optional<DocumentBase>> LocalDocument::ReadBase() const {
  ASSIGN_OR_RETURN(const std::optional<std::string> text, ReadIfThere(kDocumentBaseFile));
  if (!text.has_value()) return std::nullopt;
  absl::string_view rest = *text;
  DocumentBase base;
  const size_t end = rest.find(kBaseEnd);
  const bool readable = absl::ConsumePrefix(&rest, kBaseBegin) && end != absl::string_view::npos &&
                        absl::SimpleAtoi(rest.substr(0, end - kBaseBegin.size()), &base.version);
  if (!readable) return std::nullopt;  // as if it were not there: nothing is overwritten then
  base.markdown = text->substr(end + kBaseEnd.size());
  return base;
}

absl::Status LocalDocument::Write(absl::string_view markdown) const {
  return root_.WriteAtomically(Below(kName), markdown);
}

absl::Status LocalDocument::WriteBase(const DocumentBase& base) const {
  return root_.WriteAtomically(Below(kDocumentBaseFile), EncodeBase(base));
}

bool LocalDocument::HasTheirs() const { return root_.OpenForRead(Below(kTheirsName)).ok(); }

absl::Status LocalDocument::WriteTheirs(absl::string_view markdown) const {
  return root_.WriteAtomically(Below(kTheirsName), markdown);
}

absl::Status LocalDocument::RemoveTheirs() const {
  const absl::Status removed = root_.Remove(Below(kTheirsName));
  return absl::IsNotFound(removed) ? absl::OkStatus() : removed;
}

}  // namespace handoff
