// Runs a test once with a cgroup, where this host allows it, and once without.
#pragma once

#include <gtest/gtest.h>

#include <string>

namespace handoff {

class IsolationTest : public ::testing::TestWithParam<bool> {};

inline std::string IsolationName(const ::testing::TestParamInfo<bool>& info) {
  return info.param ? "CgroupIfPossible" : "Subreaper";
}

}  // namespace handoff

#define INSTANTIATE_ISOLATION(suite) \
  INSTANTIATE_TEST_SUITE_P(, suite, ::testing::Bool(), ::handoff::IsolationName)
