// What is told of a private handoff to whom it does not belong.
#pragma once

#include "handoff/v1/types.pb.h"

namespace handoff {

// That it is there: whose it is, how it stands, where it runs and since when. Nothing else of
// `handoff`, which may be anything that a list shows; a new field is hidden until it is named here.
v1::Handoff Listed(const v1::Handoff& handoff);

}  // namespace handoff
