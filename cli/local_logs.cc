#include "cli/local_logs.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "cli/follow.h"
#include "common/file.h"
#include "common/status.h"
#include "handoff/v1/control.pb.h"

namespace handoff {
namespace {

// The end of what is here is compared with the coordinator's, so that nothing is appended to
// another log.
constexpr uint64_t kCompared = 4096;

absl::StatusOr<std::string> TailOf(int fd, uint64_t size) {
  std::string tail(std::min(size, kCompared), '\0');
  const ssize_t n = ::pread(fd, tail.data(), tail.size(), static_cast<off_t>(size - tail.size()));
  if (n < 0) return ErrnoToStatus(errno, "reading the log");
  tail.resize(static_cast<size_t>(n));
  return tail;
}

}  // namespace

std::string LogName::File() const {
  return absl::StrCat("attempt-", attempt, checks ? ".checks" : "", ".log");
}

absl::StatusOr<uint64_t> BringLog(const LogName& name, uint64_t held, const LocalDocument& local,
                                  Client& client, StreamCall& call, Terminal& terminal) {
  ASSIGN_OR_RETURN(const UniqueFd fd, local.root().OpenForAppend(local.Below(name.File())));
  struct stat info;
  if (::fstat(fd.get(), &info) != 0) return ErrnoToStatus(errno, "stat of the log");
  const auto size = static_cast<uint64_t>(info.st_size);
  if (size >= held) return 0;
  ASSIGN_OR_RETURN(std::string tail, TailOf(fd.get(), size));
  const FollowOptions options{name.id, name.attempt, size - tail.size(), /*follow=*/false,
                              name.checks};
  uint64_t brought = 0;
  absl::Status status;
  const absl::Status read =
      FollowLog(client, call, terminal, options, [&](const v1::LogChunk& chunk) {
        absl::string_view data = chunk.data();
        const size_t known = std::min(tail.size(), data.size());
        if (data.substr(0, known) != absl::string_view(tail).substr(0, known)) {
          status = absl::FailedPreconditionError(
              absl::StrCat(name.File(), " in ", local.directory(),
                           " is another log than the coordinator's; it was left as it is"));
          return false;
        }
        tail.erase(0, known);
        data.remove_prefix(known);
        status = WriteAll(fd.get(), data);
        brought += data.size();
        return status.ok();
      });
  RETURN_IF_ERROR(status);
  RETURN_IF_ERROR(read);
  return brought;
}

}  // namespace handoff
