#include "worker/purging.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "common/file.h"
#include "common/handoff/names.h"

namespace handoff::worker {

Purging::Purging(const DataDir& data, IfIdle if_idle) : data_(data), if_idle_(std::move(if_idle)) {}

void Purging::Take(const std::vector<std::string>& ids) {
  for (const std::string& id : ids) {
    // It becomes a path. What is listed once more and has gone is nothing to do.
    if (!ValidateId(id).ok()) continue;
    if (PathExists(data_.workspace(id)) || PathExists(data_.attempts(id))) waiting_.insert(id);
  }
}

bool Purging::Go() {
  bool moved = false;
  for (auto id = waiting_.begin(); id != waiting_.end();) {
    const bool idle = if_idle_(*id, [&] {
      if (MoveToTrash(data_, *id)) SPDLOG_INFO("{} was purged: all that was here of it goes", *id);
    });
    moved |= idle;
    id = idle ? waiting_.erase(id) : std::next(id);
  }
  return moved;
}

}  // namespace handoff::worker
