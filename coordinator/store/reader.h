// Lists and shows: read-only, on connections of their own, never on the engine. Sees committed rows
// only. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "coordinator/core/model.h"

namespace handoff {

// Whose eyes look: what they may not see is not there.
struct Eyes {
  std::string subject;         // owner of what is their own
  bool others = true;          // what is not
  bool others_listed = true;   // and of that, that there is what its owner keeps private
  bool others_private = true;  // and what that is
};

struct ListFilter {
  // Private ones of others are in lists for whom they are listed, unless it is asked for what is
  // not shown of them: `repo`, `labels`.
  Eyes eyes;
  std::string owner;
  std::vector<core::HandoffStatus> statuses;
  std::string repo;    // substring of url or key
  std::string worker;  // name, of any attempt
  std::map<std::string, std::string> labels;
  absl::Time ended_since = absl::InfinitePast();  // ended ones only when they ended after this
  bool deleted = false;                           // those that were deleted, too
  int limit = 50;
  std::string cursor;  // opaque, from the previous page
};
struct ListPage {
  std::vector<core::Handoff>
      handoffs;  // what needs a person, then live, then newest; without spec and end bytes
  std::string next_cursor;
};

// What a part of an id may leave open.
enum class IdRule {
  kPreferLive,  // to look at: one live handoff is meant rather than those that have ended
  kOnlyOne,     // to act on: it names one of all, or nothing is done
};

class Reader {
 public:
  virtual ~Reader() = default;
  virtual absl::StatusOr<ListPage> List(const ListFilter& filter) = 0;
  virtual absl::StatusOr<core::Handoff> Get(const std::string& id) = 0;
  // A full id, or any part that names one handoff only; a deleted one has to be named in full.
  // NOT_FOUND; FAILED_PRECONDITION with the
  // candidates when several match.
  virtual absl::StatusOr<std::string> Resolve(const std::string& part, IdRule rule,
                                              const Eyes& eyes) = 0;
  // At most `limit` events with a higher revision, oldest first.
  virtual absl::StatusOr<std::vector<core::Event>> Events(uint64_t after,
                                                          const std::string& handoff_id, int limit,
                                                          const Eyes& eyes) = 0;
  virtual absl::StatusOr<uint64_t> LastRevision() = 0;
  virtual absl::StatusOr<std::string> PoolId() = 0;
  // Whether any handoff needs this object.
  virtual absl::StatusOr<bool> NeedsObject(const std::string& sha256) = 0;
  // False also for whom it is not told: of what is left nobody knows any more whose it was, so that
  // only whoever purged it, and who sees everything, is.
  virtual absl::StatusOr<bool> WasPurged(const std::string& id, const Eyes& eyes) = 0;
  // Ids of at most `limit` handoffs that ended before `time`, those that ended first come first.
  virtual absl::StatusOr<std::vector<std::string>> EndedBefore(absl::Time time, int limit) = 0;
};

}  // namespace handoff
