// What a scripted agent does, one step a line. It stands in for a real CLI: same arguments, the
// documented events, and the faults that real ones have.
//
//   say TEXT               assistant event
//   think TEXT             thinking events
//   tool shell COMMAND     really runs it with /bin/sh; tool_call events with the real exit status
//   write PATH TEXT        really writes the file ("\n" in TEXT is a line end); edit events
//   commit MESSAGE         really commits everything with git; tool_call events
//   result ok|error [TEXT] the terminal event
//   line SIZE              an assistant event with SIZE bytes of text
//   sections TEXT          an assistant event: a summary whose eight sections say TEXT
//   prompt PATH            writes the prompt that it was given there
//   raw TEXT               this line on stdout, whatever it is;   stderr TEXT   on stderr
//   spam BYTES SEED [out]  seeded lines of 1 byte to 8 MB, NUL and bad UTF-8 in them, on both
//                          streams or on stdout only; see spam.h
//   session ID             the init event names this session instead of the one asked for
//   wait PATH              until PATH exists and was read to its end; of a FIFO, until its writer
//                          closed it
//   tell PATH TEXT         appends "TEXT\n" to PATH; to a FIFO, once there is a reader
//   record PATH WORD       appends "WORD $HANDOFF_ATTEMPT\n" in one write: who ran when
//   grandchild PATH        starts a process in a session of its own that ignores SIGTERM, SIGINT
//                          and SIGHUP and holds stdout and stderr; appends its pid to PATH
//   ignore SIGNAL          ignores it from now on
//   crash SIGNAL           dies by it (SEGV, KILL, ABRT, TERM, … or a number)
//   exit CODE              ends at once
//   silence                says nothing more and never ends;   no-exit   the same, after a result
//   first PATH STEP        makes PATH and plays STEP; if PATH exists already, goes on without it
//
// Before the first event of the script come the init and user events. A script that just ends exits
// 0, without a result. An invalid one plays nothing and exits 64.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace handoff::scripted {

struct Step {
  std::string verb;
  std::vector<std::string> words;    // fixed arguments
  std::string text;                  // the rest of the line
  std::shared_ptr<const Step> then;  // of `first`
};

// One step a line; blank lines and lines that begin with '#' are none. Errors name the line.
absl::StatusOr<std::vector<Step>> ParseScript(absl::string_view text);

// The lines of a prompt that begin with "script: ", without that.
std::string ScriptInPrompt(absl::string_view prompt);

// "SEGV", "SIGSEGV" or "11"; 0 when there is no such signal.
int SignalNumber(absl::string_view name);

}  // namespace handoff::scripted
