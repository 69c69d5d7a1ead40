// Many connections to a port of this host by a process of their own, so that they take none of the
// caller's descriptors. Ends the program when that cannot be had.
#pragma once

#include <memory>
#include <string>

#include "common/subprocess.h"
#include "common/unique_fd.h"

namespace handoff {

class Flood {
 public:
  // Returns when all are there, each with `words` (see flooder.cc) sent. They stay until this goes,
  // unless the other side closes them.
  Flood(int port, const std::string& from, int count, const std::string& words);
  ~Flood();
  Flood(const Flood&) = delete;
  Flood& operator=(const Flood&) = delete;

  // As many as this host lets one process have.
  int connected() const { return connected_; }

 private:
  int connected_ = 0;
  UniqueFd hold_;
  std::unique_ptr<Subprocess> process_;
};

}  // namespace handoff
