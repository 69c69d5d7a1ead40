#include "coordinator/service/listed.h"

namespace handoff {

v1::Handoff Listed(const v1::Handoff& handoff) {
  v1::Handoff listed;
  listed.set_id(handoff.id());
  listed.set_owner(handoff.owner());
  listed.set_status(handoff.status());
  listed.set_worker(handoff.worker());
  listed.set_private_(handoff.private_());
  listed.set_deleted(handoff.deleted());
  if (handoff.has_created_at()) *listed.mutable_created_at() = handoff.created_at();
  if (handoff.has_updated_at()) *listed.mutable_updated_at() = handoff.updated_at();
  if (handoff.has_last_activity_at())
    *listed.mutable_last_activity_at() = handoff.last_activity_at();
  if (handoff.has_ended_at()) *listed.mutable_ended_at() = handoff.ended_at();
  return listed;
}

}  // namespace handoff
