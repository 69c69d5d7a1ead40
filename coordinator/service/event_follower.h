// One Watch stream: stored events from a revision on, then each new one.
#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "coordinator/service/followers.h"
#include "coordinator/service/reactor.h"
#include "coordinator/store/reader.h"
#include "handoff/v1/control.pb.h"

namespace handoff {

// Owned by itself (reactor.h); what it refers to outlives the server. Holds at most one page of
// events.
class EventFollower final : public PulledStream<v1::Event> {
 public:
  // Events with a higher revision than `after`; of one handoff, or when `id` is empty of all that
  // these eyes may see.
  EventFollower(uint64_t after, std::string id, Eyes eyes, Reader& reader, Followers& followers);
  ~EventFollower() override;

  void Subscribe();  // before Begin

 private:
  Next Pull(v1::Event& event, absl::Status& status) override;

  uint64_t after_;
  const std::string id_;
  const Eyes eyes_;
  Reader& reader_;
  Followers& followers_;
  uint64_t token_ = 0;
  std::deque<core::Event> page_;
};

}  // namespace handoff
