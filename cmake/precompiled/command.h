// As messages.h, for the command: every verb reads its flags with CLI11.
#pragma once

#include <CLI/CLI.hpp>

#include "cmake/precompiled/messages.h"
