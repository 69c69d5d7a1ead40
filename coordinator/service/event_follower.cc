#include "coordinator/service/event_follower.h"

#include <utility>

#include "coordinator/service/convert.h"

namespace handoff {
namespace {

constexpr int kPage = 256;

}  // namespace

EventFollower::EventFollower(uint64_t after, std::string id, Eyes eyes, Reader& reader,
                             Followers& followers)
    : after_(after),
      id_(std::move(id)),
      eyes_(std::move(eyes)),
      reader_(reader),
      followers_(followers) {}

EventFollower::~EventFollower() {
  if (token_ != 0) followers_.Remove(token_);
}

void EventFollower::Subscribe() { token_ = followers_.Add(id_, weak_from_this()); }

EventFollower::Next EventFollower::Pull(v1::Event& event, absl::Status& status) {
  if (page_.empty()) {
    auto events = reader_.Events(after_, id_, kPage, eyes_);
    if (!events.ok()) {
      status = events.status();
      return Next::kEnd;
    }
    page_.assign(events->begin(), events->end());
  }
  if (!page_.empty()) {
    after_ = page_.front().revision;
    event = ToProto(page_.front());
    page_.pop_front();
    return Next::kMessage;
  }
  if (!followers_.closed()) return Next::kWait;
  status =
      absl::UnavailableError("the coordinator is stopping; watch again from the last revision");
  return Next::kEnd;
}

}  // namespace handoff
