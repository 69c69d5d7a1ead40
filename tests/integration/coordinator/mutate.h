// Requests that no program of ours would send, made of ones that it would. The same for the same
// state of `random`.
#pragma once

#include <google/protobuf/message.h>

#include <random>
#include <string>

namespace handoff {

// One or more fields, at any depth, get a value that is at or beyond what they may have: numbers at
// their ends, enums of nobody, texts with what does not belong into them, much too long or not
// UTF-8, lists of thousands, times without sense.
void MutateFields(google::protobuf::Message& message, std::mt19937& random);
// One or more places of its bytes are changed, cut, doubled or nested: most of these cannot be read
// any more.
std::string MutateBytes(std::string bytes, std::mt19937& random);

}  // namespace handoff
