#include "coordinator/service/objects_service.h"

#include <memory>

#include "coordinator/service/object_streams.h"

namespace handoff {

grpc::ServerBidiReactor<v1::PutObjectRequest, v1::PutObjectResponse>* ObjectsService::Put(
    Context* context) {
  using Stream = grpc::ServerBidiReactor<v1::PutObjectRequest, v1::PutObjectResponse>;
  const auto guest = door_.Enter(*context, core::Method::kPutObject);
  if (!guest.ok()) return RefuseStream<Stream>(guest.status());
  const auto stream = std::make_shared<ObjectUpload>(objects_);
  stream->EndWith(guest->caller.serial, calls_);
  stream->Begin();
  return stream.get();
}

grpc::ServerWriteReactor<v1::GetObjectResponse>* ObjectsService::Get(
    Context* context, const v1::GetObjectRequest* request) {
  const auto guest = door_.Enter(*context, core::Method::kGetObject);
  if (!guest.ok())
    return RefuseStream<grpc::ServerWriteReactor<v1::GetObjectResponse>>(guest.status());
  const auto stream = std::make_shared<ObjectDownload>(*request, objects_);
  stream->EndWith(guest->caller.serial, calls_);
  stream->Begin();
  return stream.get();
}

}  // namespace handoff
