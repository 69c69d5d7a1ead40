#include "worker/repo/progress.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/text.h"
#include "worker/repo/repo_json.h"

namespace handoff {

void RepoProgress::Report(absl::string_view text, int percent, uint64_t bytes) {
  if (fd_ < 0) return;
  const BootTime now = RealClock().Boot();
  const MutexLock lock(mutex_);
  const std::string full = OneLine(EscapeInvalidUtf8(absl::StrCat(prefix_, text)), 200);
  const bool same = full == last_text_ && percent == last_percent_;
  if (same && last_time_ && now - *last_time_ < absl::Seconds(1)) return;
  last_text_ = full;
  last_percent_ = percent;
  last_time_ = now;
  nlohmann::json line = {{"progress", full}};
  if (percent >= 0) line["percent"] = percent;
  if (bytes > 0) line["bytes"] = bytes;
  // A parent that is gone ends this process by SIGPIPE; nothing else can be done about it here.
  WriteAll(fd_, JsonLine(line)).IgnoreError();
}

void RepoProgress::ReportPart(absl::string_view text, uint64_t done, uint64_t total,
                              uint64_t bytes) {
  Report(text, total == 0 ? -1 : static_cast<int>(done * 100 / total), bytes);
}

void RepoProgress::set_prefix(std::string prefix) {
  const MutexLock lock(mutex_);
  prefix_ = std::move(prefix);
}

}  // namespace handoff
