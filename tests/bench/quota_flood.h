// One user who submits without end, and another one who submits now and then.
#pragma once

#include <cstdint>
#include <string>

namespace handoff {

// Against the coordinator `program` with the quotas that it has by itself, and one worker that ends
// whatever it is given at once.
void PrintQuotaFlood(const std::string& program, int64_t submits);

}  // namespace handoff
