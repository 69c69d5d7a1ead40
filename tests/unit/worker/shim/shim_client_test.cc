#include "worker/shim/shim_client.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <optional>
#include <string>
#include <variant>

#include "common/file.h"
#include "worker/shim/shim_wire.h"

namespace handoff {
namespace {

// A shim ends while a request is under way, as one does whose agent is quicker than its lease is
// renewed. What it said is not lost: the record beside it may have no place any more.
TEST(ShimClient, HearsTheEndOfAShimThatDidNotReadTheLastRequest) {
  const TempDir dir = TempDir::Make("shim-client-").value();
  const UniqueFd listening = ListenOnShimSocket(dir.path()).value();
  const auto client = ShimClient::Adopt(dir.path());
  ASSERT_TRUE(client.ok()) << client.status();
  UniqueFd shim(::accept(listening.get(), nullptr, nullptr));
  ASSERT_TRUE(shim.valid());
  ASSERT_TRUE((*client)->AskState().ok());
  ShimExit exit;
  exit.exit_code = 6;
  const std::string packet = Encode(ShimEvent{0, "exited", exit});
  ASSERT_EQ(::send(shim.get(), packet.data(), packet.size(), 0),
            static_cast<ssize_t>(packet.size()));
  shim.Reset();
  std::optional<ShimExit> told;
  for (const ShimClient::Event& event : (*client)->Receive()) {
    if (const auto* gone = std::get_if<ShimClient::Gone>(&event)) told = gone->exit;
  }
  ASSERT_TRUE(told.has_value());
  EXPECT_EQ(told->exit_code, 6);
}

}  // namespace
}  // namespace handoff
