#include "worker/start_counter.h"

#include <fcntl.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/status.h"

namespace handoff::worker {
namespace {

// Blocks of their own: what tears one does not touch the other.
constexpr size_t kSlotBytes = 4096;
constexpr size_t kFileBytes = 2 * kSlotBytes;

std::string Sum(uint64_t count) { return Sha256Hex(absl::StrCat("start ", count)).substr(0, 16); }

std::string Slot(uint64_t count) {
  std::string slot = absl::StrCat(count, " ", Sum(count), "\n");
  slot.resize(kSlotBytes, ' ');
  return slot;
}

// 0 when it is not sound.
uint64_t CountIn(absl::string_view slot) {
  const std::vector<absl::string_view> words =
      absl::StrSplit(absl::StripAsciiWhitespace(slot), ' ');
  uint64_t count = 0;
  if (words.size() != 2 || !absl::SimpleAtoi(words[0], &count) || words[1] != Sum(count)) return 0;
  return count;
}

}  // namespace

absl::StatusOr<uint64_t> ReadStartCounter(const std::string& path) {
  const auto content = ReadFile(path, kFileBytes);
  if (absl::IsNotFound(content.status())) return 0;
  RETURN_IF_ERROR(content.status());
  const absl::string_view bytes = *content;
  return std::max(CountIn(bytes.substr(0, kSlotBytes)),
                  CountIn(bytes.substr(std::min(bytes.size(), kSlotBytes))));
}

absl::Status WriteStartCounter(const std::string& path, uint64_t count) {
  const auto size = FileSize(path);
  if (!size.ok() || *size != kFileBytes) {
    return WriteFileDurably(path, absl::StrCat(Slot(count), Slot(count)));
  }
  ASSIGN_OR_RETURN(const UniqueFd fd, OpenFile(path, O_WRONLY));
  RETURN_IF_ERROR(
      Annotate(PWriteAll(fd.get(), Slot(count), (count % 2) * kSlotBytes), "writing " + path));
  return SyncData(fd.get());
}

}  // namespace handoff::worker
