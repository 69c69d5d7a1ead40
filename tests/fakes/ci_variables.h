// The variables that CI systems set in a job, as their documentation lists them and their runners
// really set them: all that a job of a push has, not only what we read.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/ci.h"

namespace handoff {

// What differs from job to job.
struct CiPlace {
  std::string server = "https://git.example.org";  // the repository is SERVER/acme/app
  std::string commit = "0123456789abcdef0123456789abcdef01234567";
  std::string branch = "main";
  std::string directory = "/home/runner/work/app/app";  // the checkout
  std::string temp = "/home/runner/work/_temp";         // files of the runner's own
  int run = 1;                                          // how often the job was started
};

using CiVariables = std::map<std::string, std::string>;
CiVariables VariablesOf(CiSystem system, const CiPlace& place);
// NAME=value.
std::vector<std::string> AsEnvironment(const CiVariables& variables);

}  // namespace handoff
