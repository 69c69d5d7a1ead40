#include "worker/identity.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/status.h"
#include "common/uuid.h"
#include "worker/start_counter.h"

namespace handoff::worker {
namespace {

uint64_t NewNonce() {
  uint64_t nonce = 0;
  if (!absl::SimpleHexAtoi(RandomHex(8), &nonce)) nonce = 1;
  return nonce;
}

// What either does not know proves nothing.
bool MayBeSame(const std::string& mark, const std::string& other) {
  const std::vector<std::string> a = absl::StrSplit(mark, '/'), b = absl::StrSplit(other, '/');
  for (size_t i = 0; i < a.size() && i < b.size(); ++i) {
    if (a[i] != b[i] && a[i] != "-" && b[i] != "-") return false;
  }
  return true;
}

absl::Status CheckMark(const Identity& identity, const std::string& mark, const std::string& path,
                       const std::string& data_dir) {
  if (identity.directory.empty() || MayBeSame(identity.directory, mark)) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      data_dir, " was copied or moved here: ", path,
      " was written for another directory or host. Nothing was started, because that one may "
      "still run what is recorded here. To make this one a new worker, remove identity, "
      "identity.json, journal and attempts from it, and join again. To go on as the same worker, "
      "once the other one is gone for good, remove \"directory\" from identity.json."));
}

std::string CounterIn(const std::string& data_dir) { return data_dir + "/start"; }

}  // namespace

absl::StatusOr<Identity> ReadIdentity(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path, 1 << 16));
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  const auto unreadable = [&] {
    return absl::InvalidArgumentError(
        absl::StrCat(path,
                     " is not readable as this worker's identity. Nothing was started. "
                     "Restore the file, or remove it to join as a new worker."));
  };
  if (!json.is_object()) return unreadable();
  const auto uuid = json.find("uuid"), start = json.find("start"), pool = json.find("pool_id");
  if (uuid == json.end() || !uuid->is_string() || start == json.end() ||
      !start->is_number_unsigned() || pool == json.end() || !pool->is_string()) {
    return unreadable();
  }
  Identity identity;
  identity.uuid = uuid->get<std::string>();
  identity.start = start->get<uint64_t>();
  identity.pool_id = pool->get<std::string>();
  if (const auto mark = json.find("directory"); mark != json.end()) {
    if (!mark->is_string()) return unreadable();
    identity.directory = mark->get<std::string>();
  }
  return identity;
}

absl::StatusOr<std::string> DirectoryMark(const std::string& directory,
                                          const std::string& machine_id_file) {
  struct statx info {};
  if (::statx(AT_FDCWD, directory.c_str(), 0, STATX_INO | STATX_BTIME, &info) != 0) {
    return ErrnoToStatus(errno, absl::StrCat("stat ", directory));
  }
  const auto machine = ReadFile(machine_id_file);
  const std::string id =
      machine.ok() ? std::string(absl::StripAsciiWhitespace(*machine)) : std::string();
  // The id itself is not for everybody to read, and a hash tells two hosts apart as well.
  const std::string host = id.empty() ? "-" : Sha256Hex(absl::StrCat("handoff ", id)).substr(0, 16);
  const bool has_birth = (info.stx_mask & STATX_BTIME) != 0;
  const std::string birth =
      has_birth ? absl::StrCat(info.stx_btime.tv_sec, ".", info.stx_btime.tv_nsec) : "-";
  return absl::StrCat(host, "/", info.stx_ino, "/", birth);
}

absl::StatusOr<Identity> BeginStart(const std::string& path, const std::string& data_dir) {
  ASSIGN_OR_RETURN(std::string mark, DirectoryMark(data_dir));
  const std::string counter = CounterIn(data_dir);
  Identity identity;
  const bool known = PathExists(path);
  if (known) {
    ASSIGN_OR_RETURN(identity, ReadIdentity(path));
  } else {
    identity.uuid = NewUuid();
  }
  RETURN_IF_ERROR(CheckMark(identity, mark, path, data_dir));
  ASSIGN_OR_RETURN(const uint64_t counted, ReadStartCounter(counter));
  identity.start = std::max(identity.start, counted) + 1;
  identity.nonce = NewNonce();
  RETURN_IF_ERROR(WriteStartCounter(counter, identity.start));
  // The file itself only when it changes: that needs space on a disk which may have none.
  const bool same = known && identity.directory == mark;
  identity.directory = std::move(mark);
  if (!same) RETURN_IF_ERROR(SaveIdentity(path, identity));
  return identity;
}

absl::StatusOr<Identity> IdentityToJoin(const std::string& path, const std::string& data_dir) {
  ASSIGN_OR_RETURN(std::string mark, DirectoryMark(data_dir));
  ASSIGN_OR_RETURN(const bool known, IsThere(path));
  ASSIGN_OR_RETURN(const uint64_t counted, ReadStartCounter(CounterIn(data_dir)));
  Identity identity;
  if (known) {
    ASSIGN_OR_RETURN(identity, ReadIdentity(path));
    RETURN_IF_ERROR(CheckMark(identity, mark, path, data_dir));
  }
  if (std::max(identity.start, counted) == 0) {
    identity = {};
    identity.uuid = NewUuid();
  }
  identity.directory = std::move(mark);
  RETURN_IF_ERROR(SaveIdentity(path, identity));
  return identity;
}

absl::Status SaveIdentity(const std::string& path, const Identity& identity) {
  const nlohmann::json json = {{"uuid", identity.uuid},
                               {"start", identity.start},
                               {"pool_id", identity.pool_id},
                               {"directory", identity.directory}};
  // One line a field, for the person who has to remove one.
  return WriteFileDurably(path, json.dump(2) + "\n");
}

}  // namespace handoff::worker
