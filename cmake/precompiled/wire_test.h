// As test.h, for tests of what speaks to others: messages, gRPC and JSON.
#pragma once

#include <grpcpp/grpcpp.h>

#include "cmake/precompiled/messages.h"
#include "cmake/precompiled/test.h"
#include "nlohmann/json.hpp"
