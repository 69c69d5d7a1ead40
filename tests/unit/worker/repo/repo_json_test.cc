#include "worker/repo/repo_json.h"

#include <string>

#include "gtest/gtest.h"

namespace handoff {
namespace {

TEST(RepoJson, ARequestArrivesAsItWasSent) {
  PrepareRequest request;
  request.url = "https://example.com/x";
  request.workspace = "/data/with \"quotes\"\n";
  request.pack_complete = true;
  request.credentials.ssh_agent = false;
  request.credentials.https_tokens["example.com"] = "/etc/token";
  const auto line = ParseJsonLine(JsonLine(request));
  ASSERT_TRUE(line.ok());
  const auto back = FromJson<PrepareRequest>(*line);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->url, request.url);
  EXPECT_EQ(back->workspace, request.workspace);
  EXPECT_TRUE(back->pack_complete);
  EXPECT_FALSE(back->credentials.ssh_agent);
  EXPECT_EQ(back->credentials.https_tokens, request.credentials.https_tokens);
}

TEST(RepoJson, ErrorsKeepTheirCodeAndWords) {
  for (const auto code : {absl::StatusCode::kUnauthenticated, absl::StatusCode::kNotFound,
                          absl::StatusCode::kResourceExhausted, absl::StatusCode::kUnavailable,
                          absl::StatusCode::kInvalidArgument, absl::StatusCode::kCancelled}) {
    const absl::Status status(code, "words");
    EXPECT_EQ(ErrorFromJson(ErrorToJson(status)), status);
  }
  EXPECT_EQ(ErrorFromJson({{"error", "x"}, {"code", "NONSENSE"}}), absl::InternalError("x"));
}

TEST(RepoJson, NonsenseIsAnErrorNotAnException) {
  EXPECT_FALSE(ParseJsonLine("").ok());
  EXPECT_FALSE(ParseJsonLine("[1]").ok());
  EXPECT_FALSE(ParseJsonLine("{\"a\":").ok());
  EXPECT_FALSE(FromJson<PrepareRequest>(nlohmann::json::object()).ok());
  EXPECT_EQ(JsonLine({{"a", "\xff"}}), "{\"a\":\"\xEF\xBF\xBD\"}\n");
}

TEST(RepoJson, ProgressIsTextWithWhatIsKnown) {
  EXPECT_EQ(ProgressText({{"progress", "connecting"}}), "connecting");
  EXPECT_EQ(ProgressText({{"progress", "copying"}, {"percent", 0}}), "copying 0 %");
  EXPECT_EQ(ProgressText({{"progress", "cloning"}, {"percent", 0}, {"bytes", 6200000}}),
            "cloning 0 %, 6.2 MB");
}

}  // namespace
}  // namespace handoff
