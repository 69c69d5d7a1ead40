// Space on the worker's disk: what may go, and whether there is enough.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "worker/data_dir.h"

namespace handoff::worker {

// `wanted`, or 2 GiB or 5 % of the file system, whichever is less.
uint64_t DiskReserve(const std::string& path, std::optional<uint64_t> wanted);

struct DiskState {
  uint64_t free_bytes = 0;
  std::string not_accepting;  // why nothing new is taken; empty: there is room
};
DiskState LookAtDisk(const std::string& path, uint64_t reserve);

// What is here of a handoff, out of sight. False when something stays.
bool MoveToTrash(const DataDir& data, const std::string& id);
// What waits there to be removed: names, one of which takes as long as a workspace takes.
std::vector<std::string> ListTrash(const DataDir& data);
void RemoveFromTrash(const DataDir& data, const std::string& name);

// Moves to the trash workspaces and attempt directories of handoffs of which nothing ran here for
// `keep`, but none in which somebody worked by hand since: nobody else has that. `if_idle(id,
// action)` runs the action unless an attempt of that handoff is here. Mirrors stay. Returns how
// many handoffs were removed.
using IfIdle = std::function<bool(const std::string& id, const std::function<void()>& action)>;
int Sweep(const DataDir& data, absl::Time now, absl::Duration keep, const IfIdle& if_idle);

}  // namespace handoff::worker
