#include "cli/attach.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/send_object.h"
#include "cli/snapshot/held_back.h"
#include "common/handoff/describe_attached.h"
#include "common/hash.h"
#include "common/regular_file.h"
#include "common/status.h"
#include "common/text.h"
#include "handoff/v1/types.pb.h"

namespace handoff {
namespace {

constexpr size_t kBlock = 1 << 20;

absl::Status Refuse(const std::string& path, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("--attach ", OneLine(EscapeInvalidUtf8(path), 200),
                                                 " ", why, "; nothing was handed over"));
}

absl::StatusOr<UniqueFd> Open(const std::string& path) {
  struct stat info;
  if (!path.empty() && ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) {
    return Refuse(path, "is a folder: attach the files in it, or an archive of it");
  }
  auto file = OpenRegular(path);
  if (absl::IsNotFound(file.status())) return Refuse(path, "names no file");
  if (absl::IsFailedPrecondition(file.status())) return Refuse(path, "is no regular file");
  if (!file.ok()) return Refuse(path, absl::StrCat("cannot be read: ", file.status().message()));
  return file;
}

absl::Status RefuseUnlessIncluded(const std::string& path, absl::string_view why) {
  return Refuse(path, absl::StrCat(why, ", and the agent could read it; --include ",
                                   ShellQuote(OneLine(EscapeInvalidUtf8(path), 200)),
                                   " attaches it all the same"));
}

// Where the file really lies that `path` led to through links. Of what is open: it cannot be
// exchanged in between.
absl::StatusOr<std::string> PlaceOf(const UniqueFd& file, const std::string& path) {
  struct statfs system;
  if (::fstatfs(file.get(), &system) != 0) {
    return Refuse(path, ErrnoToStatus(errno, "cannot be read").message());
  }
  // It counts as a regular file, and is this process's environment, say.
  if (system.f_type == PROC_SUPER_MAGIC || system.f_type == SYSFS_MAGIC) {
    return Refuse(path,
                  "leads into /proc or /sys, where no file is; attach a copy of what the agent is "
                  "to have of it");
  }
  std::error_code error;
  std::filesystem::path place =
      std::filesystem::read_symlink(absl::StrCat("/proc/self/fd/", file.get()), error);
  if (error) return Refuse(path, "cannot be placed: /proc does not say where it lies");
  return place.string();
}

bool IsIncluded(const std::string& path, const AttachRules& rules) {
  return std::find(rules.include.begin(), rules.include.end(), path) != rules.include.end();
}

// Links of a checkout are the work of whoever wrote the commit.
absl::Status CheckPlace(const std::string& path, const std::string& place,
                        const AttachRules& rules) {
  const bool inside = absl::StartsWith(place, absl::StrCat(rules.within, "/"));
  if (rules.within.empty() || inside || IsIncluded(path, rules)) return absl::OkStatus();
  return RefuseUnlessIncluded(path, absl::StrCat("lies outside of the checkout, at ",
                                                 OneLine(EscapeInvalidUtf8(place), 200)));
}

absl::Status CheckSecret(const std::string& path, const std::string& place, absl::string_view begin,
                         const AttachRules& rules) {
  if (IsIncluded(path, rules)) return absl::OkStatus();
  for (const std::string& name : {path, place}) {
    std::string reason = SecretByName(name);
    if (reason.empty()) reason = SecretByContent(name, begin);
    if (!reason.empty()) return RefuseUnlessIncluded(path, reason);
  }
  return absl::OkStatus();
}

std::string CopyPath(const TempDir& temp, absl::string_view name) {
  return absl::StrCat(temp.path(), "/attached-", name);
}

// At most one byte more than is allowed: then it is known to be too much.
absl::StatusOr<v1::Attachment> Copy(const std::string& path, const TempDir& temp,
                                    const AttachRules& rules) {
  ASSIGN_OR_RETURN(const UniqueFd file, Open(path));
  ASSIGN_OR_RETURN(const std::string place, PlaceOf(file, path));
  RETURN_IF_ERROR(CheckPlace(path, place, rules));
  const std::string part = CopyPath(temp, "part");
  ASSIGN_OR_RETURN(const UniqueFd copy, OpenFile(part, O_WRONLY | O_CREAT | O_TRUNC));
  Sha256 sum;
  uint64_t bytes = 0;
  std::string block(kBlock, '\0');
  while (bytes <= kMostAttachmentBytes) {
    const ssize_t n = ::read(file.get(), block.data(), block.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Refuse(path, ErrnoToStatus(errno, "cannot be read").message());
    if (n == 0) break;
    const absl::string_view data(block.data(), static_cast<size_t>(n));
    if (bytes == 0) RETURN_IF_ERROR(CheckSecret(path, place, data, rules));
    RETURN_IF_ERROR(WriteAll(copy.get(), data));
    sum.Update(data);
    bytes += data.size();
  }
  if (bytes == 0) RETURN_IF_ERROR(CheckSecret(path, place, "", rules));
  v1::Attachment attachment;
  attachment.set_sha256(sum.Hex());
  attachment.set_bytes(bytes);
  if (std::rename(part.c_str(), CopyPath(temp, attachment.sha256()).c_str()) == 0)
    return attachment;
  return ErrnoToStatus(errno, absl::StrCat("renaming ", part));
}

}  // namespace

absl::Status AddAttachments(const std::vector<std::string>& named, const AttachRules& rules,
                            const TempDir& temp, Terminal& terminal, v1::HandoffSpec* spec) {
  v1::HandoffSpec wanted;
  std::set<std::string> names;
  for (const std::string& path : named) {
    ASSIGN_OR_RETURN(v1::Attachment attachment, Copy(path, temp, rules));
    if (attachment.bytes() == 0) {
      terminal.Say(absl::StrCat("note: ", OneLine(EscapeInvalidUtf8(path), 200),
                                " is empty and is not attached"));
      continue;
    }
    attachment.set_name(AttachmentName(path, names));
    names.insert(attachment.name());
    *wanted.add_attachments() = std::move(attachment);
    // After each: a hundred large ones are not copied first.
    RETURN_IF_ERROR(Annotate(ValidateAttachments(wanted), "--attach"));
  }
  const std::string words = AttachedWords(wanted, /*code=*/false);
  if (!words.empty()) terminal.Say(absl::StrCat("attached: ", words));
  spec->mutable_attachments()->Swap(wanted.mutable_attachments());
  return absl::OkStatus();
}

absl::Status SendAttachments(const v1::HandoffSpec& spec, const TempDir& temp, Client& client,
                             Terminal& terminal) {
  for (const v1::Attachment& file : spec.attachments()) {
    const std::string copy = CopyPath(temp, file.sha256());
    RETURN_IF_ERROR(
        Annotate(SendObject({copy, file.sha256(), file.bytes()}, client, terminal),
                 absl::StrCat("nothing was handed over: sending ", file.name(), " failed")));
  }
  return absl::OkStatus();
}

}  // namespace handoff
