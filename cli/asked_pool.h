// What completion wants to know, asked of the pool that is meant. An error is no answer; nothing is
// written, no certificate renewed, and nobody is asked for a password.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/client.h"
#include "cli/completion_words.h"

namespace handoff {

class AskedPool final : public PoolWords {
 public:
  AskedPool(std::string coordinator, std::vector<std::string> environment)
      : coordinator_(std::move(coordinator)), environment_(std::move(environment)) {}

  std::vector<Candidate> HandoffIds(Ids ids, absl::string_view part) override;
  std::vector<Candidate> Workers() override;
  std::vector<Candidate> Labels() override;
  std::vector<Candidate> Agents() override;
  std::vector<Candidate> Users() override;
  std::vector<Candidate> Tokens() override;

 private:
  Client* Connected();  // null when that is not to be had

  const std::string coordinator_;
  const std::vector<std::string> environment_;
  std::string user_;
  std::unique_ptr<Client> client_;
  bool tried_ = false;
};

}  // namespace handoff
