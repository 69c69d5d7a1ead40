// What `handoff doctor` says of a person's own side and of each worker.

#include <sys/stat.h>

#include "common/rpc/proto_time.h"
#include "common/version.h"
#include "tests/integration/cli/command.h"

namespace handoff {
namespace {

using ::testing::AllOf;

constexpr absl::Duration kDay = absl::Hours(24);

class Doctor : public Command {
 protected:
  Doctor() {
    Pool(absl::Now());
    worker_.set_name("build-1");
    worker_.set_reachable(true);
    worker_.set_slots(2);
    worker_.set_version(kVersion);
    *worker_.mutable_certificate_not_after() = ToProto(absl::Now() + kDay);
    *worker_.mutable_clock_ahead() = ToProto(absl::Seconds(2));
    v1::AgentOffer& agent = *worker_.add_agents();
    agent.set_name("cursor");
    agent.set_state(v1::AgentOffer::READY);
  }
  void Pool(absl::Time now, const std::string& version = kVersion) {
    v1::PoolInfo pool;
    pool.set_version(version);
    *pool.mutable_now() = ToProto(now);
    coordinator_.SetPool(pool);
  }
  Said Ask() {
    coordinator_.SetWorker(worker_);
    return Run({"doctor"});
  }
  Said AskAt(const std::string& address) const { return Run({"doctor", "--coordinator", address}); }
  v1::Worker worker_;
};

TEST_F(Doctor, WhereAllIsWellEachLineSaysSo) {
  const Said said = Ask();
  EXPECT_EQ(said.exit, 0) << said.out;
  EXPECT_THAT(said.out, AllOf(HasSubstr("ok       certificate: you are alice in pool test-pool"),
                              HasSubstr("ok       coordinator: answers at "),
                              HasSubstr("ok       clock: this host's agrees"),
                              HasSubstr("ok       build-1: 2 of 2 slots free")));
  EXPECT_THAT(said.out, AllOf(Not(HasSubstr("note  ")), Not(HasSubstr("problem"))));
}

TEST_F(Doctor, AClockThatIsOffIsSaidWithItsDirection) {
  Pool(absl::Now() + absl::Minutes(2));
  const Said behind = Ask();
  EXPECT_EQ(behind.exit, 0);
  EXPECT_THAT(behind.out, AllOf(HasSubstr("note     clock: this host's is"),
                                HasSubstr("behind the coordinator's")));
  Pool(absl::Now() - absl::Hours(2));
  const Said ahead = Ask();
  EXPECT_EQ(ahead.exit, 10);
  EXPECT_THAT(ahead.out, AllOf(HasSubstr("problem  clock: this host's is"),
                               HasSubstr("ahead of the coordinator's")));
}

TEST_F(Doctor, AnotherVersionIsSaid) {
  Pool(absl::Now(), "0.0.1");
  worker_.set_version("0.0.2");
  const std::string out = Ask().out;
  EXPECT_THAT(out, HasSubstr("note     version: this command is"));
  EXPECT_THAT(out, HasSubstr("note     build-1: runs version 0.0.2, the coordinator 0.0.1"));
}

TEST_F(Doctor, FilesThatOthersCouldReadOrWriteAreSaidWithTheRemedy) {
  const std::string key = authority_.UserDirectory("alice") + "/key.pem";
  CHECK(::chmod(key.c_str(), 0644) == 0);
  const Said read = Ask();
  EXPECT_NE(read.exit, 0);
  EXPECT_THAT(read.out, AllOf(HasSubstr("problem  pool: "), HasSubstr("key.pem")));
  CHECK(::chmod(key.c_str(), 0600) == 0);
  const std::string authority = authority_.UserDirectory("alice") + "/authority.pem";
  CHECK(::chmod(authority.c_str(), 0666) == 0);
  EXPECT_THAT(Ask().out, HasSubstr("chmod go-w"));
  CHECK(::chmod(authority.c_str(), 0644) == 0);
}

TEST_F(Doctor, RefusedAndAnotherPoolAndNoTlsAreToldApart) {
  const Said refused = AskAt("127.0.0.1:1");
  EXPECT_EQ(refused.exit, 4);
  EXPECT_THAT(refused.out, HasSubstr("nothing listens there"));
  const FakeAuthority other("other-pool");
  const FakeCoordinator elsewhere(other, {});
  const Said another = AskAt(elsewhere.address());
  EXPECT_EQ(another.exit, 5);
  EXPECT_THAT(another.out, AllOf(HasSubstr("not this pool's coordinator"),
                                 HasSubstr("another coordinator has this address")));
  const FakeCoordinator plain;
  EXPECT_THAT(AskAt(plain.address()).out, HasSubstr("speaks no TLS"));
}

TEST_F(Doctor, AWorkersCertificateAndItsRenewalAreSaid) {
  worker_.set_renewal_problem("the coordinator did not answer");
  const Said failing = Ask();
  EXPECT_EQ(failing.exit, 0);
  EXPECT_THAT(failing.out, AllOf(HasSubstr("note     build-1: could not renew its certificate"),
                                 HasSubstr("the coordinator did not answer")));
  *worker_.mutable_certificate_not_after() = ToProto(absl::Now() - kDay);
  worker_.set_reachable(false);
  const Said expired = Ask();
  EXPECT_EQ(expired.exit, 10);
  EXPECT_THAT(expired.out, AllOf(HasSubstr("problem  build-1: its certificate expired"),
                                 HasSubstr("problem  build-1: was last heard of")));
}

TEST_F(Doctor, AWorkersClockIsSaid) {
  *worker_.mutable_clock_ahead() = ToProto(absl::Minutes(-1));
  const Said near = Ask();
  EXPECT_EQ(near.exit, 0);
  EXPECT_THAT(near.out, AllOf(HasSubstr("note     build-1: its clock is"),
                              HasSubstr("behind the coordinator's")));
  *worker_.mutable_clock_ahead() = ToProto(absl::Minutes(10));
  const Said far = Ask();
  EXPECT_EQ(far.exit, 10);
  EXPECT_THAT(far.out, AllOf(HasSubstr("problem  build-1: its clock is"),
                             HasSubstr("ahead of the coordinator's")));
}

}  // namespace
}  // namespace handoff
