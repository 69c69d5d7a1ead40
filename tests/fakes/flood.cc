#include "tests/fakes/flood.h"

#include <unistd.h>

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/check.h"

namespace handoff {

Flood::Flood(int port, const std::string& from, int count, const std::string& words) {
  auto input = MakePipe().value();
  auto output = MakePipe().value();
  SpawnOptions options;
  options.argv = {HANDOFF_RPC_FLOODER, absl::StrCat(port), from, absl::StrCat(count), words};
  options.fds = {{0, input.first.get()}, {1, output.second.get()}};
  process_ = std::make_unique<Subprocess>(Subprocess::Spawn(options).value());
  hold_ = std::move(input.second);
  output.second.Reset();
  char line[32] = "";
  CHECK(::read(output.first.get(), line, sizeof(line) - 1) > 0);
  CHECK(absl::SimpleAtoi(line, &connected_));
}

Flood::~Flood() {
  hold_.Reset();
  CHECK(process_->Wait().ok());
}

}  // namespace handoff
