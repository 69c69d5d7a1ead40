#include "worker/agent/failure_text.h"

#include <string>

#include "gtest/gtest.h"

namespace handoff {
namespace {

TEST(ErrorText, TheLineThatSaysItIsTheMessage) {
  const Verdict verdict = ClassifyErrorText("noise\n  Error: RATE LIMIT reached \nmore");
  EXPECT_EQ(verdict.failure, FailureClass::kRateLimited);
  EXPECT_EQ(verdict.message, "Error: RATE LIMIT reached");
}

TEST(ErrorText, AQuotaWinsOverItsHttpWords) {
  EXPECT_EQ(ClassifyErrorText("status 429 rate limit: you exceeded your current quota").failure,
            FailureClass::kQuota);
}

TEST(ErrorText, AKeyThatGoogleRefusesNeedsSetup) {
  for (const char* text : {"API key not valid. Please pass a valid API key.",
                           "API Key not found. Please pass a valid API key.",
                           "API key expired. Please renew the API key."}) {
    EXPECT_EQ(ClassifyErrorText(text).failure, FailureClass::kAgentNeedsSetup) << text;
  }
}

TEST(ErrorText, AnExhaustedQuotaOfGeminiIsAQuota) {
  for (const char* text :
       {"You have exhausted your daily quota on this model. RESOURCE_EXHAUSTED",
        "You have exhausted your capacity on this model. Your quota will reset after 5h3m."}) {
    EXPECT_EQ(ClassifyErrorText(text).failure, FailureClass::kQuota) << text;
  }
}

TEST(ErrorText, UnknownTextIsNotGuessedAt) {
  for (const char* text : {"", "\n", "Segmentation fault", "error 42", "unit limit"}) {
    EXPECT_EQ(ClassifyErrorText(text).failure, FailureClass::kNone) << text;
  }
}

TEST(ErrorText, AQuotasResetTimeIsRead) {
  EXPECT_EQ(ClassifyErrorText("usage limit, resets 2026-11-21T03:00:00Z.").retry_at,
            absl::FromUnixSeconds(1795230000));
  EXPECT_EQ(ClassifyErrorText("rate limit, resets 2026-11-21T03:00:00Z.").retry_at,
            absl::InfinitePast());
}

TEST(ErrorText, AStatusHasAClassOnlyWhereItSaysEnough) {
  EXPECT_EQ(ClassOfStatus(401), FailureClass::kAgentNeedsSetup);
  EXPECT_EQ(ClassOfStatus(402), FailureClass::kQuota);
  EXPECT_EQ(ClassOfStatus(429), FailureClass::kRateLimited);
  EXPECT_EQ(ClassOfStatus(529), FailureClass::kRateLimited);
  EXPECT_EQ(ClassOfStatus(500), FailureClass::kNetwork);
  for (const int64_t status : {-1, 0, 200, 400, 404, 600}) {
    EXPECT_EQ(ClassOfStatus(status), FailureClass::kNone) << status;
  }
}

TEST(ResetTime, IsAbsoluteOrAbsent) {
  const absl::Time end_of_22nd = absl::FromUnixSeconds(1795392000);
  EXPECT_EQ(ResetTime("your cycle ends on 11/22/2026."), end_of_22nd);
  EXPECT_EQ(ResetTime("resets (2026-11-22)"), end_of_22nd);
  EXPECT_EQ(ResetTime("limit reached|1795392000"), end_of_22nd);
  for (const char* text : {"", "in 3 hours", "at 3:51 PM", "1234567", "99/99/2026", "1000000000"}) {
    EXPECT_EQ(ResetTime(text), absl::InfinitePast()) << text;
  }
}

TEST(ResetTime, WhatCannotBeOneIsPassedOver) {
  for (const char* text : {"resets 99999-01-01T00:00:00Z", "resets infinite-future",
                           "since infinite-past", "0001-01-01", "resets 2100-01-01T00:00:00Z"}) {
    EXPECT_EQ(ResetTime(text), absl::InfinitePast()) << text;
  }
  EXPECT_EQ(ResetTime("infinite-future or 2026-11-21T03:00:00Z"),
            absl::FromUnixSeconds(1795230000));
}

}  // namespace
}  // namespace handoff
