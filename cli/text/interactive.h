// How a person opens an agent's own interactive session. Pure.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace handoff {

// The program that a handoff's agent is; "" for `command` and for those that we do not know.
// `cursor` has an older name, too, which comes second.
std::vector<std::string> ProgramsOf(absl::string_view agent);

// As one argument: never an option, whatever a person made of it.
std::string PromptArgument(const std::string& prompt);

// Opens it with a prompt.
std::vector<std::string> OpenWithPrompt(absl::string_view agent, const std::string& program,
                                        const std::string& model, const std::string& prompt);
// The same for a shell, with the prompt taken from a file.
std::string OpenWithPromptFile(absl::string_view agent, const std::string& program,
                               const std::string& model, const std::string& file);
// Goes on in a session.
std::vector<std::string> OpenSession(absl::string_view agent, const std::string& program,
                                     const std::string& session);

// `ssh TARGET -t 'cd FOLDER && COMMAND'` as argv. No command: a shell.
std::vector<std::string> OpenOnHost(const std::string& target, const std::string& folder,
                                    const std::vector<std::string>& command);

}  // namespace handoff
