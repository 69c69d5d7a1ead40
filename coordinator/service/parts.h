// What the services are made of. All of it outlives the server.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "absl/time/time.h"
#include "common/clock.h"
#include "coordinator/engine.h"
#include "coordinator/log_store.h"
#include "coordinator/object_store.h"
#include "coordinator/purger.h"
#include "coordinator/service/door.h"
#include "coordinator/service/followers.h"
#include "coordinator/service/open_calls.h"
#include "coordinator/store/reader.h"

namespace handoff {

struct ServiceParts {
  Engine& engine;
  Reader& reader;
  LogStore& logs;
  ObjectStore& objects;
  Purger& purger;
  Followers& followers;
  Door& door;
  OpenCalls& calls;
  const Clock& clock;
  std::string data_dir;
  uint64_t reserve_bytes = 0;  // of free space, below which nothing new is taken
  absl::Time started_at;
  std::set<std::string> notify_keys;  // of the configuration
};

}  // namespace handoff
