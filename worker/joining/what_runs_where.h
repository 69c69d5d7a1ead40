// What a person is told when their host has joined a pool.
#pragma once

#include <string>

#include "worker/core/model.h"
#include "worker/joining/join.h"

namespace handoff::worker {

// Whose account the daemon, and so the agents, will run in.
struct Account {
  std::string name;  // "" where the host has none for it
  unsigned uid = 0;
};
Account AccountOfThisProcess();

// In what agents run here; for the pool to show, in the very words of a join.
Enclosure EnclosureOf(const Account& account);

// Whose work it takes, as whom, with which network and in what isolation agents will run here, and
// the next command.
std::string DescribeJoined(const JoinResult& joined, const Account& account);

}  // namespace handoff::worker
