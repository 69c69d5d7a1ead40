#include "worker/identity.h"

#include <nlohmann/json.hpp>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/status.h"
#include "common/uuid.h"

namespace handoff::worker {
namespace {

uint64_t NewNonce() {
  uint64_t nonce = 0;
  if (!absl::SimpleHexAtoi(RandomHex(8), &nonce)) nonce = 1;
  return nonce;
}

absl::StatusOr<Identity> Read(const std::string& path) {
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
  return identity;
}

}  // namespace

absl::StatusOr<Identity> BeginStart(const std::string& path) {
  Identity identity;
  if (PathExists(path)) {
    ASSIGN_OR_RETURN(identity, Read(path));
  } else {
    identity.uuid = NewUuid();
  }
  ++identity.start;
  identity.nonce = NewNonce();
  RETURN_IF_ERROR(SaveIdentity(path, identity));
  return identity;
}

absl::Status SaveIdentity(const std::string& path, const Identity& identity) {
  const nlohmann::json json = {
      {"uuid", identity.uuid}, {"start", identity.start}, {"pool_id", identity.pool_id}};
  return WriteFileDurably(path, json.dump() + "\n");
}

}  // namespace handoff::worker
