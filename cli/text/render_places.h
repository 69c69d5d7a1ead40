// Where work runs and as whom, as text. Pure.
#pragma once

#include <string>

#include "cli/text/fields.h"

namespace handoff {

namespace v1 {
class Enclosure;
class Handoff;
class Worker;
}  // namespace v1

// "builder (1001)", or of an account without a name "uid 1001".
std::string AccountWords(const v1::Enclosure& enclosure);
// As whom agents run there, with which network and in what isolation.
void AddEnclosure(const v1::Enclosure& enclosure, Fields& fields);
// Which attempts have the slots of a worker, and whose they are.
void AddHeld(const v1::Worker& worker, Fields& fields);
// What lets a worker in: its certificate, and the clock that it is good by.
void AddAccess(const v1::Worker& worker, const View& view, Fields& fields);
// What is kept of a handoff beside what its owner may have; an older coordinator does not say.
std::string StoredWords(const v1::Handoff& handoff);

}  // namespace handoff
