// What several decisions take back in the same way.
#pragma once

#include <cstddef>
#include <string>

#include "coordinator/core/draft.h"

namespace handoff::core {

// Every credential of the line, or of the subject. Returns how many were good until now.
size_t RevokeLine(Draft& draft, const std::string& line);
size_t RevokeSubject(Draft& draft, const std::string& subject);

struct Made {
  size_t credentials = 0, tokens = 0;
};
// What CI got from them, and tokens that nobody used yet: that they had made, and of one who is
// disabled, that are for them. A worker stays a host of the pool.
Made RevokeMade(Draft& draft, const User& user);

}  // namespace handoff::core
