// Packs and archives, in and out.
#pragma once

#include "coordinator/object_store.h"
#include "coordinator/service/door.h"
#include "coordinator/service/open_calls.h"
#include "handoff/v1/objects.grpc.pb.h"

namespace handoff {

class ObjectsService final : public v1::Objects::CallbackService {
 public:
  ObjectsService(ObjectStore& objects, const Door& door, OpenCalls& calls)
      : objects_(objects), door_(door), calls_(calls) {}

 private:
  using Context = grpc::CallbackServerContext;
  grpc::ServerBidiReactor<v1::PutObjectRequest, v1::PutObjectResponse>* Put(Context*) override;
  grpc::ServerWriteReactor<v1::GetObjectResponse>* Get(Context*,
                                                       const v1::GetObjectRequest*) override;

  ObjectStore& objects_;
  const Door& door_;
  OpenCalls& calls_;
};

}  // namespace handoff
