// The table of docs/benchmarks.md: one row a measurement, beside its aim and the machine's own
// limit.
#pragma once

#include <string>
#include <vector>

namespace handoff::bench {

struct Row {
  std::string what;
  std::string measured;
  std::string aim;
  std::string machine;  // the limit measured in this run, or what a peer reaches
};

class Report {
 public:
  // Also prints the row at once, since a whole run takes minutes.
  void Add(const Row& row);
  std::string Markdown() const;

 private:
  std::vector<Row> rows_;
};

}  // namespace handoff::bench
