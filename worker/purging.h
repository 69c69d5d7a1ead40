// Handoffs of which the coordinator keeps nothing any more: what is here of them goes as soon as
// nothing of them runs. Of the sync loop's thread.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "worker/data_dir.h"
#include "worker/housekeeping.h"

namespace handoff::worker {

class Purging {
 public:
  Purging(const DataDir& data, IfIdle if_idle);

  // Named by an answer. Remembered until it is done, or the daemon ends: then they are named again.
  void Take(const std::vector<std::string>& ids);
  // Whether some wait for an attempt to be over.
  bool waits() const { return !waiting_.empty(); }
  // Moves what it can to the trash; true when there is something new in it.
  bool Go();

 private:
  const DataDir& data_;
  const IfIdle if_idle_;
  std::set<std::string> waiting_;
};

}  // namespace handoff::worker
