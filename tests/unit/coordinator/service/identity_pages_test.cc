// Lists of users and tokens in pages: what is asked for, and what fits into a message.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "coordinator/service/convert_identity.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace handoff {
namespace {

using ::testing::SizeIs;

const absl::Time kNow = absl::FromUnixNanos(1'800'000'000'123'456'789);
// As much as a name of a repository's pattern may be, and as many as there may be.
const std::vector<std::string> kPatterns(100, std::string(300, 'p'));

TEST(UsersPage, HasAsManyAsFitAndNamesTheLast) {
  core::ListUsers::Reply reply;
  for (int n = 100; n < 300; ++n) {
    core::User user;
    user.name = absl::StrCat("user-", n);
    user.repos = kPatterns;
    reply.users.push_back({user, {}});
  }
  const v1::ListUsersResponse page = ToProto(reply);
  EXPECT_LT(page.ByteSizeLong(), size_t{4} << 20);
  ASSERT_GT(page.users_size(), 10);
  ASSERT_LT(page.users_size(), 200);
  EXPECT_EQ(page.next_page_token(), page.users().rbegin()->name());
  v1::ListUsersRequest next;
  next.set_page_token(page.next_page_token());
  EXPECT_EQ(ToCore(next)->after, page.next_page_token());
}

TEST(UsersPage, SaysWhetherThereAreMore) {
  core::ListUsers::Reply reply;
  EXPECT_EQ(ToProto(reply).next_page_token(), "");
  core::User user;
  user.name = "ada";
  reply.users.push_back({user, {}});
  EXPECT_EQ(ToProto(reply).next_page_token(), "");
  reply.more = true;
  EXPECT_EQ(ToProto(reply).next_page_token(), "ada");
}

TEST(UsersPage, OfABadSizeIsRefused) {
  v1::ListUsersRequest request;
  EXPECT_EQ(ToCore(request)->most, 200u);
  request.set_page_size(1000);
  EXPECT_EQ(ToCore(request)->most, 1000u);
  for (const int size : {-1, 1001}) {
    request.set_page_size(size);
    EXPECT_TRUE(absl::IsInvalidArgument(ToCore(request).status())) << size;
  }
}

TEST(TokensPage, HasAsManyAsFitAndGoesOnAfterTheLast) {
  core::ListTokens::Reply reply;
  for (int n = 100; n < 300; ++n) {
    core::Token token;
    token.id = absl::StrCat("t.", n);
    token.created_at = kNow;
    token.repos = kPatterns;
    reply.tokens.push_back(token);
  }
  const v1::ListTokensResponse page = ToProto(reply);
  EXPECT_LT(page.ByteSizeLong(), size_t{4} << 20);
  ASSERT_GT(page.tokens_size(), 10);
  ASSERT_LT(page.tokens_size(), 200);
  v1::ListTokensRequest next;
  next.set_page_token(page.next_page_token());
  const auto list = ToCore(next);
  ASSERT_TRUE(list.ok()) << list.status();
  EXPECT_EQ(list->after.created_at, kNow);
  EXPECT_EQ(list->after.id, page.tokens().rbegin()->id());
}

TEST(TokensPage, SaysWhetherThereAreMore) {
  core::ListTokens::Reply reply;
  EXPECT_EQ(ToProto(reply).next_page_token(), "");
  reply.tokens.resize(1);
  reply.tokens[0].created_at = kNow;
  EXPECT_EQ(ToProto(reply).next_page_token(), "");
  reply.more = true;
  EXPECT_NE(ToProto(reply).next_page_token(), "");
}

TEST(TokensPage, ThatNobodyNamedIsRefused) {
  v1::ListTokensRequest request;
  for (const char* token : {"x", "5", "x.y", "1\n2.a"}) {
    request.set_page_token(token);
    EXPECT_TRUE(absl::IsInvalidArgument(ToCore(request).status())) << token;
  }
  request.clear_page_token();
  EXPECT_TRUE(ToCore(request).ok());
  request.set_page_size(1001);
  EXPECT_TRUE(absl::IsInvalidArgument(ToCore(request).status()));
}

}  // namespace
}  // namespace handoff
