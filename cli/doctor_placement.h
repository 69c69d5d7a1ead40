// handoff doctor --worker W --repo PATH: could a submit from there run on W. Pure.
#pragma once

#include <map>
#include <string>

#include "cli/doctor_report.h"

namespace handoff {

namespace v1 {
class Worker;
}

// What a submit from here would ask for.
struct Wanted {
  std::string repository;  // its address, or else what stands for one ("root:<commit>")
  std::string agent;
  std::map<std::string, std::string> require;
  std::string user;  // "": not known here
};

// Whose work, which repositories and labels, which of its agents. Not tried: whether the worker can
// fetch the repository; nor whether it has a slot, which says nothing of later.
void CheckPlacement(const v1::Worker& worker, const Wanted& wanted, Report& report);

}  // namespace handoff
