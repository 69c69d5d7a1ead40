// What count_calls.cc counts, in a mapped file.
#pragma once

#include <atomic>
#include <cstdint>

namespace handoff::bench {

struct CallCounts {
  std::atomic<uint64_t> syncs{0};  // fsync and fdatasync
  std::atomic<uint64_t> sends{0};  // sendmsg: gRPC's only way to the network
};

}  // namespace handoff::bench
