// What a worker got when it joined: DATA/identity/{authority.pem, certificate.pem, renewal.pem,
// key.pem, pool.toml}. `handoff-worker join` makes the directory at once, by a rename; from then on
// only the two certificates are replaced.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/identity/certificate.h"
#include "common/identity/key.h"

namespace handoff::worker {

// pool.toml
struct PoolFile {
  std::string pool_id;
  std::vector<std::string> coordinators;  // addresses, to be tried in this order
  std::string name;                       // of this worker in the pool
  std::map<std::string, std::string> labels;
};

struct JoinedFiles {
  explicit JoinedFiles(const std::string& directory)
      : authority(directory + "/authority.pem"),
        certificate(directory + "/certificate.pem"),
        renewal(directory + "/renewal.pem"),
        key(directory + "/key.pem"),
        pool(directory + "/pool.toml") {}
  std::string authority, certificate, renewal, key, pool;
};

struct Joined {
  PoolFile pool;
  Certificate authority;
  PrivateKey key;
  // In time or not. Absent when the file is missing or damaged; never both.
  std::optional<Certificate> certificate;
  std::optional<Certificate> renewal;
  absl::Status damage;  // of one that is absent
};

// NOT_FOUND when nothing is there. FAILED_PRECONDITION, with what is wrong, unless all belongs
// together: with it the worker can renew its certificate, or use the one that it has.
absl::StatusOr<Joined> ReadJoined(const std::string& directory, absl::string_view worker_uuid);

// The same for a daemon that starts, with sentences for the person who started it; `worker_uuid`
// is set to the one of the data directory.
absl::StatusOr<Joined> LoadJoined(const std::string& data_dir, std::string& worker_uuid);

// Whether it was issued by this authority to this worker and key, for this purpose. In time or not.
absl::Status CheckIssued(const Certificate& certificate, const Certificate& authority,
                         const PublicKey& key, const PeerName& peer);

std::string RenderPoolFile(const PoolFile& pool);
absl::StatusOr<PoolFile> ParsePoolFile(const std::string& text);

}  // namespace handoff::worker
