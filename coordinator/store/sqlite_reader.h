// The Reader on connections of its own, which never write and never checkpoint. A call waits a
// while for one of them (connections.h); each sees one snapshot. Thread-safe. Opened after the
// store, which makes the file.
//
// Costs at a million handoffs: a page of a list, a full id or a prefix a few index look-ups; a
// filter that matches little, and a part from within an id, a walk over the index or the owner's
// rows (about 0.1 s a million ids, 1 s a million rows). A walk that goes on beyond a fixed number
// of steps ends with RESOURCE_EXHAUSTED.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "coordinator/store/connections.h"
#include "coordinator/store/reader.h"

namespace handoff {

class SqliteReader final : public Reader {
 public:
  static constexpr int kMaxPage = 1000;  // a larger limit means this one

  static absl::StatusOr<std::unique_ptr<SqliteReader>> Open(const std::string& path,
                                                            int connections = 4);

  absl::StatusOr<ListPage> List(const ListFilter& filter) override;
  absl::StatusOr<core::Handoff> Get(const std::string& id) override;
  absl::StatusOr<std::string> Resolve(const std::string& part, IdRule rule,
                                      const Eyes& eyes) override;
  absl::StatusOr<std::vector<core::Event>> Events(uint64_t after, const std::string& handoff_id,
                                                  int limit, const Eyes& eyes) override;
  absl::StatusOr<uint64_t> LastRevision() override;
  absl::StatusOr<std::string> PoolId() override;
  absl::StatusOr<bool> NeedsObject(const std::string& sha256) override;
  absl::StatusOr<bool> WasPurged(const std::string& id, const Eyes& eyes) override;
  absl::StatusOr<std::vector<std::string>> EndedBefore(absl::Time time, int limit) override;

 private:
  class Snapshot;
  SqliteReader(std::vector<std::unique_ptr<Database>> all, size_t kept);

  Connections connections_;
};

}  // namespace handoff
