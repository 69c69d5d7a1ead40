#include "coordinator/service/objects_service.h"

#include <memory>

#include "coordinator/service/object_streams.h"

namespace handoff {

grpc::ServerBidiReactor<v1::PutObjectRequest, v1::PutObjectResponse>* ObjectsService::Put(
    Context*) {
  const auto stream = std::make_shared<ObjectUpload>(objects_);
  stream->Begin();
  return stream.get();
}

grpc::ServerWriteReactor<v1::GetObjectResponse>* ObjectsService::Get(
    Context*, const v1::GetObjectRequest* request) {
  const auto stream = std::make_shared<ObjectDownload>(*request, objects_);
  stream->Begin();
  return stream.get();
}

}  // namespace handoff
