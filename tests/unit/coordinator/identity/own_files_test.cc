// The admin's certificate on the coordinator's host, against what the pool knows of it.
#include "coordinator/identity/own_files.h"

#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <future>
#include <memory>
#include <sstream>
#include <string>

#include "common/file.h"
#include "common/identity/certificate.h"
#include "common/identity/names.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/memory_store.h"

namespace handoff {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kPool[] = "0123456789abcdef0123456789abcdef";
constexpr char kAdmin[] = "ann";

class LogText {
 public:
  LogText() : before_(spdlog::default_logger()) {
    auto sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(text_);
    spdlog::set_default_logger(std::make_shared<spdlog::logger>("text", std::move(sink)));
  }
  ~LogText() { spdlog::set_default_logger(before_); }
  std::string Get() const { return text_.str(); }

 private:
  const std::shared_ptr<spdlog::logger> before_;
  std::ostringstream text_;
};

// The records of a pool, as a database holds them.
struct Records {
  explicit Records(const Clock& clock) : engine({}, store, clock) {
    const absl::Status started = engine.Start();
    EXPECT_TRUE(started.ok()) << started;
  }
  ~Records() { engine.Stop(); }

  MemoryStore store;
  Engine engine;
};

class LocalAdminTest : public ::testing::Test {
 protected:
  std::string Path() const { return dir_.path() + "/local"; }
  std::string Key() const { return ReadFile(Path() + "/key.pem").value(); }
  // Refreshes, and returns the serial of what is there then.
  std::string Refresh(Engine& engine) const {
    const absl::Status done = RefreshLocalAdmin(Path(), kAdmin, *issuer_, engine, clock_.Now());
    EXPECT_TRUE(done.ok()) << done;
    const auto pem = ReadFile(Path() + "/certificate.pem");
    return pem.ok() ? Certificate::FromPem(*pem).value().serial() : "";
  }
  std::string Refresh() { return Refresh(records_.engine); }
  static bool IsGood(const Engine& engine, const std::string& serial) {
    const auto identities = engine.identities();
    const Identified* const known = identities->Find(serial);
    return known != nullptr && !known->revoked && known->role == core::Role::kAdmin;
  }
  bool IsGood(const std::string& serial) const { return IsGood(records_.engine, serial); }
  template <typename C>
  void Do(C command) {
    command.caller.is_coordinator = true;
    std::promise<absl::Status> done;
    records_.engine.Post(std::move(command),
                         [&done](const auto& reply) { done.set_value(reply.status()); });
    const absl::Status status = done.get_future().get();
    ASSERT_TRUE(status.ok()) << status;
  }
  // The pool has one who is there whatever becomes of the first.
  void AddAnotherAdmin() {
    core::AddUser add;
    add.name = "bea";
    add.role = core::Role::kAdmin;
    Do(add);
  }

  const TempDir dir_ = *TempDir::Make("own-files-");
  FakeClock clock_;
  const std::unique_ptr<Issuer> issuer_ =
      Issuer::Open(dir_.path() + "/identity", kPool, {}, clock_).value();
  Records records_{clock_};
};

TEST_F(LocalAdminTest, ItStaysUntilHalfOfItsLifeIsOver) {
  const std::string first = Refresh();
  EXPECT_TRUE(IsGood(first));
  EXPECT_EQ(Refresh(), first);
  const std::string key = Key();
  clock_.Advance(absl::Hours(24 * 46));
  const std::string second = Refresh();
  EXPECT_NE(second, first);
  EXPECT_TRUE(IsGood(second));
  EXPECT_EQ(Key(), key);
}

// The database was restored from a copy of before.
TEST_F(LocalAdminTest, WhatTheRecordsDoNotKnowIsMadeAnew) {
  const std::string first = Refresh();
  Records older(clock_);
  const std::string second = Refresh(older.engine);
  EXPECT_NE(second, first);
  EXPECT_TRUE(IsGood(older.engine, second));
  EXPECT_EQ(Refresh(older.engine), second);
}

TEST_F(LocalAdminTest, ARevokedOneIsNotReplacedAndSaidToBe) {
  const std::string first = Refresh();
  core::RevokeCredential revoke;
  revoke.serial = first;
  Do(revoke);
  const LogText log;
  EXPECT_EQ(Refresh(), first);
  EXPECT_THAT(log.Get(), AllOf(HasSubstr("was revoked"), HasSubstr("remove that directory"),
                               HasSubstr(Path())));
  clock_.Advance(absl::Hours(24 * 46));
  EXPECT_EQ(Refresh(), first) << "nor when it would have been its time";
  // Whoever does as it says has another key, too.
  const std::string key = Key();
  ASSERT_TRUE(RemoveTree(Path()).ok());
  EXPECT_TRUE(IsGood(Refresh()));
  EXPECT_NE(Key(), key);
}

TEST_F(LocalAdminTest, NothingIsMadeForWhoIsDisabled) {
  AddAnotherAdmin();
  const std::string first = Refresh();
  core::RevokeUser disable;
  disable.name = kAdmin;
  Do(disable);
  const LogText log;
  EXPECT_EQ(Refresh(), first);
  EXPECT_THAT(log.Get(), AllOf(HasSubstr("'ann' is disabled"), HasSubstr("handoff user enable")));
  ASSERT_TRUE(RemoveTree(Path()).ok());
  EXPECT_THAT(Refresh(), IsEmpty());
}

}  // namespace
}  // namespace handoff
