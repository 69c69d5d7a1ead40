# handoff_protos(NAME ROOT dir FILES a.proto …): messages and services of all files in one library.
# Each generated file depends on every .proto, because protoc's own rule does not see imports.
function(handoff_protos name)
  cmake_parse_arguments(ARG "" "ROOT" "FILES" ${ARGN})
  set(out "${PROJECT_BINARY_DIR}/gen")
  file(MAKE_DIRECTORY "${out}")
  list(TRANSFORM ARG_FILES PREPEND "${ARG_ROOT}/" OUTPUT_VARIABLE paths)
  set(messages)
  set(services)
  foreach(file IN LISTS ARG_FILES)
    string(REGEX REPLACE "\\.proto$" "" base "${out}/${file}")
    add_custom_command(
      OUTPUT "${base}.pb.cc" "${base}.pb.h" "${base}.grpc.pb.cc" "${base}.grpc.pb.h"
      COMMAND protobuf::protoc "--proto_path=${ARG_ROOT}" "--cpp_out=${out}" "--grpc_out=${out}"
              "--plugin=protoc-gen-grpc=$<TARGET_FILE:gRPC::grpc_cpp_plugin>" "${ARG_ROOT}/${file}"
      DEPENDS ${paths} VERBATIM)
    list(APPEND messages "${base}.pb.cc" "${base}.pb.h")
    list(APPEND services "${base}.grpc.pb.cc" "${base}.grpc.pb.h")
  endforeach()
  # Messages apart from services: what only reads or writes a record does not link gRPC.
  add_library(${name} STATIC ${messages})
  target_include_directories(${name} SYSTEM PUBLIC "${out}")
  target_link_libraries(${name} PUBLIC protobuf::libprotobuf PRIVATE handoff_options)
  add_library(${name}_grpc STATIC ${services})
  target_link_libraries(${name}_grpc PUBLIC ${name} gRPC::grpc++ PRIVATE handoff_options)
  set_target_properties(${name} ${name}_grpc PROPERTIES UNITY_BUILD OFF)  # each file of protoc's has the same names
endfunction()
