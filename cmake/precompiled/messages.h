// As library.h, for what links our messages: the runtime of protobuf, and none of ours.
#pragma once

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/generated_message_bases.h>
#include <google/protobuf/generated_message_reflection.h>
#include <google/protobuf/generated_message_util.h>
#include <google/protobuf/map_entry.h>
#include <google/protobuf/map_field_inl.h>
#include <google/protobuf/message.h>
#include <google/protobuf/timestamp.pb.h>

#include "cmake/precompiled/library.h"
