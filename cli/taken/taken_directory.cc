#include "cli/taken/taken_directory.h"

#include <fcntl.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/file.h"
#include "common/status.h"

namespace handoff {
namespace {

constexpr char kRecord[] = "takeover.json";
constexpr absl::string_view kExcluded = ".cursor/agent-handoffs/";
constexpr uint64_t kMostRecord = 64 << 10;

}  // namespace

std::string TakenPath(const std::string& id) { return absl::StrCat(kExcluded, id); }

absl::StatusOr<TakenDirectory> TakenDirectory::Make(const std::string& root,
                                                    const std::string& id) {
  ASSIGN_OR_RETURN(Beneath files, Beneath::Open(root));
  const std::string below = TakenPath(id);
  RETURN_IF_ERROR(files.MakeDirectories(below));
  return TakenDirectory(std::move(files), below);
}

absl::Status TakenDirectory::Write(const std::string& name, absl::string_view content) const {
  return files_.WriteAtomically(absl::StrCat(below_, "/", name), content);
}

absl::Status TakenDirectory::CopyFrom(const std::string& file, const std::string& name) const {
  ASSIGN_OR_RETURN(const UniqueFd fd, OpenFile(file, O_RDONLY));
  ASSIGN_OR_RETURN(const uint64_t bytes, FileSize(file));
  return files_.CopyFrom(fd.get(), bytes, absl::StrCat(below_, "/", name));
}

absl::Status TakenDirectory::WriteRecord(const TakenRecord& record) const {
  nlohmann::ordered_json json = {
      {"id", record.id}, {"actor", record.actor}, {"basedOn", record.based_on}};
  if (!record.returned.empty()) json["returned"] = record.returned;
  return Write(kRecord, json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

std::optional<TakenRecord> ReadTakenRecord(const std::string& root, const std::string& id) {
  const auto files = Beneath::Open(root);
  if (!files.ok()) return std::nullopt;
  const auto content = files->Read(absl::StrCat(TakenPath(id), "/", kRecord), kMostRecord);
  if (!content.ok()) return std::nullopt;
  const auto json = nlohmann::json::parse(*content, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return std::nullopt;
  const auto text = [&](const char* name) -> std::string {
    const auto found = json.find(name);
    return found != json.end() && found->is_string() ? found->get<std::string>() : "";
  };
  TakenRecord record = {text("id"), text("actor"), text("basedOn"), text("returned")};
  if (record.id != id) return std::nullopt;
  return record;
}

absl::Status ExcludeFromGit(git_repository* repo) {
  const std::string info = absl::StrCat(git_repository_commondir(repo), "info");
  const std::string path = absl::StrCat(info, "/exclude");
  std::string content;
  if (auto known = ReadFile(path, 1 << 20); known.ok()) {
    content = *std::move(known);
  } else if (!absl::IsNotFound(known.status())) {
    return known.status();
  }
  const std::vector<absl::string_view> lines = absl::StrSplit(content, '\n');
  if (std::find(lines.begin(), lines.end(), kExcluded) != lines.end()) return absl::OkStatus();
  RETURN_IF_ERROR(MakeDirectories(info));
  ASSIGN_OR_RETURN(const UniqueFd fd, OpenFile(path, O_WRONLY | O_APPEND | O_CREAT, 0644));
  const bool whole = content.empty() || absl::EndsWith(content, "\n");
  return WriteAll(fd.get(), absl::StrCat(whole ? "" : "\n", kExcluded, "\n"));
}

}  // namespace handoff
