#include "cli/attach.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <set>

#include "absl/strings/str_cat.h"
#include "cli/send_object.h"
#include "common/handoff/describe_attached.h"
#include "common/hash.h"
#include "common/status.h"
#include "common/text.h"
#include "handoff/v1/types.pb.h"

namespace handoff {
namespace {

constexpr size_t kBlock = 1 << 20;

absl::StatusOr<NamedFile> Open(const std::string& path, const NamedFileRules& rules) {
  struct stat info;
  if (!path.empty() && ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) {
    return RefuseNamedFile(path, "is a folder: attach the files in it, or an archive of it", rules);
  }
  return OpenNamedFile(path, rules);
}

std::string CopyPath(const TempDir& temp, absl::string_view name) {
  return absl::StrCat(temp.path(), "/attached-", name);
}

// At most one byte more than is allowed: then it is known to be too much.
absl::StatusOr<v1::Attachment> Copy(const std::string& path, const TempDir& temp,
                                    const NamedFileRules& rules) {
  ASSIGN_OR_RETURN(const NamedFile file, Open(path, rules));
  const std::string part = CopyPath(temp, "part");
  ASSIGN_OR_RETURN(const UniqueFd copy, OpenFile(part, O_WRONLY | O_CREAT | O_TRUNC));
  Sha256 sum;
  uint64_t bytes = 0;
  std::string block(kBlock, '\0');
  while (bytes <= kMostAttachmentBytes) {
    const ssize_t n = ::read(file.fd.get(), block.data(), block.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0)
      return RefuseNamedFile(path, ErrnoToStatus(errno, "cannot be read").message(), rules);
    if (n == 0) break;
    const absl::string_view data(block.data(), static_cast<size_t>(n));
    if (bytes == 0) RETURN_IF_ERROR(CheckNoSecret(path, file, data, rules));
    RETURN_IF_ERROR(WriteAll(copy.get(), data));
    sum.Update(data);
    bytes += data.size();
  }
  if (bytes == 0) RETURN_IF_ERROR(CheckNoSecret(path, file, "", rules));
  v1::Attachment attachment;
  attachment.set_sha256(sum.Hex());
  attachment.set_bytes(bytes);
  if (std::rename(part.c_str(), CopyPath(temp, attachment.sha256()).c_str()) == 0)
    return attachment;
  return ErrnoToStatus(errno, absl::StrCat("renaming ", part));
}

}  // namespace

absl::Status AddAttachments(const std::vector<std::string>& named, const NamedFileRules& rules,
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
    RETURN_IF_ERROR(Annotate(ValidateAttachments(wanted), rules.flag));
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
