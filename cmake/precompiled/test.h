// As library.h, for tests.
#pragma once

#include "cmake/precompiled/library.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
