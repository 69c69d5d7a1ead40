#include "tests/bench/report.h"

#include <iostream>

#include "absl/strings/str_cat.h"

namespace handoff::bench {

void Report::Add(const Row& row) {
  rows_.push_back(row);
  std::cerr << row.what << ": " << row.measured << " (aim " << row.aim << "; machine "
            << row.machine << ")" << std::endl;
}

std::string Report::Markdown() const {
  std::string out = "| what | measured | aim | this machine, same run |\n|---|---|---|---|\n";
  for (const Row& row : rows_) {
    absl::StrAppend(&out, "| ", row.what, " | ", row.measured, " | ", row.aim, " | ", row.machine,
                    " |\n");
  }
  return out;
}

}  // namespace handoff::bench
