// What an agent is told that is to summarise an attempt. Pure.
#pragma once

#include <string>

namespace handoff {
namespace v1 {
class Handoff;
}

namespace worker {

struct SummaryInput {
  int attempt = 0;
  bool partial = false;  // it runs
  std::string task;
  std::string facts;  // SummaryFacts
  std::string log;    // SummaryLog
};

// What is known of that attempt and those before it, observed and reported apart.
std::string SummaryFacts(const v1::Handoff& handoff, int attempt);

// `secret` marks where what others wrote begins and ends: random, so that nothing in there can end
// it. Bounded by the bounds of its parts; of a long task the begin and the end are shown.
std::string SummaryPrompt(const SummaryInput& input, const std::string& secret);

}  // namespace worker
}  // namespace handoff
