// What a doctor found; the first problem decides the exit status.
#pragma once

#include <string>
#include <vector>

#include "cli/text/exit_status.h"
#include "cli/text/render.h"

namespace handoff {

class Report {
 public:
  void Ok(const std::string& what, const std::string& detail) {
    findings_.push_back({Finding::kOk, what, detail, ""});
  }
  void Note(const std::string& what, const std::string& detail, const std::string& advice) {
    findings_.push_back({Finding::kNote, what, detail, advice});
  }
  void Problem(const std::string& what, const std::string& detail, const std::string& advice,
               Exit exit = Exit::kInternal) {
    findings_.push_back({Finding::kProblem, what, detail, advice});
    if (exit_ == Exit::kDone) exit_ = exit;
  }
  void Add(const Finding& found, Exit exit) {
    findings_.push_back(found);
    if (found.kind == Finding::kProblem && exit_ == Exit::kDone) exit_ = exit;
  }
  const std::vector<Finding>& findings() const { return findings_; }
  Exit exit() const { return exit_; }

 private:
  std::vector<Finding> findings_;
  Exit exit_ = Exit::kDone;
};

}  // namespace handoff
