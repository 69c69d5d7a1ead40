// A data directory of which something is lost: the pool is not begun anew behind anybody's back.

#include <filesystem>
#include <string>

#include "common/file.h"
#include "common/identity/authority_directory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/integration/coordinator/running_coordinator.h"

namespace handoff {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class LostFilesTest : public CoordinatorTest {};

// What is left looks like a first start, but for the database.
TEST_F(LostFilesTest, ADataDirectoryWithoutItsAuthorityIsNotStarted) {
  const std::string identity = config().data_dir + "/identity";
  coordinator_.reset();
  std::filesystem::rename(identity, dir_.path() + "/lost");
  const auto started = Coordinator::Start(config(), clock_);
  ASSERT_FALSE(started.ok());
  EXPECT_EQ(started.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(started.status().message()), HasSubstr("holds no authority"));
  EXPECT_FALSE(PathExists(identity + "/authority.pem"));
  // Nor with one that somebody made in its place.
  const auto first =
      Certificate::FromPem(*ReadFile(dir_.path() + "/lost/authority.pem", size_t{1} << 16));
  ASSERT_TRUE(OpenOrCreateAuthority(identity, first->pool_id(), clock_.Now()).ok());
  const absl::Status another = Coordinator::Start(config(), clock_).status();
  EXPECT_EQ(another.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(another.message()), HasSubstr(first->Fingerprint()));
  std::filesystem::remove_all(identity);
  std::filesystem::rename(dir_.path() + "/lost", identity);
  Restart();
  EXPECT_TRUE(Submit(Spec()).ok()) << "with the certificate of before";
}

// A new database would be another pool's: nobody could come in, and nobody would know why.
TEST_F(LostFilesTest, AnAuthorityWithoutItsDatabaseIsNotStarted) {
  coordinator_.reset();
  const std::string database = config().data_dir + "/handoff.db";
  for (const char* suffix : {"", "-wal", "-shm"}) ASSERT_TRUE(RemoveTree(database + suffix).ok());
  const absl::Status refused = Coordinator::Start(config(), clock()).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("handoff.db is missing, but the pool's"));
  EXPECT_FALSE(PathExists(database));
}

TEST_F(LostFilesTest, AHalfKeyOfTheServerIsNamedAndMadeAnew) {
  coordinator_.reset();
  const std::string key = config().data_dir + "/identity/server/key.pem";
  ASSERT_TRUE(WriteFileAtomically(key, "-----BEGIN PRIV").ok());
  const absl::Status refused = Coordinator::Start(config(), clock()).status();
  EXPECT_THAT(std::string(refused.message()), AllOf(HasSubstr(key), HasSubstr("or remove it")));
  ASSERT_TRUE(RemoveTree(key).ok());
  Restart();
  EXPECT_EQ(Get(MustSubmit().id())->status(), v1::Handoff::QUEUED);
}

}  // namespace
}  // namespace handoff
