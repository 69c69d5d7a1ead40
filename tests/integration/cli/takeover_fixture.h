// A handoff of which an agent left work, and a person who takes it over in their repository.
#pragma once

#include <string>
#include <vector>

#include "common/handoff/document.h"
#include "common/text.h"
#include "tests/integration/cli/fetch_fixture.h"

namespace handoff {

inline constexpr char kPrompt[] = "Continue this task.\n\nNext step: it's `yours`.";

class TakeoverTest : public FetchTest {
 protected:
  TakeoverTest() {
    handoff_.set_agent("cursor");
    handoff_.set_model("gpt-9");
    Document document;
    document.id = kId;
    document.metadata = {{"Status", "interactive"}};
    document.takeover_prompt = kPrompt;
    coordinator_.SetDocument(Render(document));
    coordinator_.Set(handoff_);
  }

  // What attempt 1 left: a commit, something staged, something changed and something new.
  void LeaveWork() {
    Work();
    Write(Agents() + "/staged", "staged\n");
    Git(Agents(), {"add", "staged"});
    Write(Agents() + "/a", "one\ntwo\nnot committed\n");
    SaveWork();
  }
  // Also of a state that a test made.
  void SaveWork() {
    TakeCheckpoint({base_});
    v1::Attempt& attempt = *handoff_.mutable_attempts()->rbegin();
    attempt.set_state(v1::Attempt::SUCCEEDED);
    const std::string log = absl::StrCat("log of ", attempt.number(), "\n");
    attempt.set_log_bytes(log.size());
    coordinator_.SetLog(kId, attempt.number(), log);
    coordinator_.Set(handoff_);
  }

  // Where a work tree is made unless a test says otherwise.
  std::string Taken() const { return absl::StrCat(Mine(), "-", kId); }
  std::string Beside(const std::string& name) const {
    return absl::StrCat(Taken(), "/.cursor/agent-handoffs/", kId, "/", name);
  }
  std::string Status(const std::string& where) const {
    return Git(where, {"status", "--porcelain", "--untracked-files=all"});
  }
  Said TakeOver(const std::vector<std::string>& flags = {}) const {
    std::vector<std::string> arguments = {"takeover", kId};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    return RunIn(Mine(), arguments);
  }
  // The record as the coordinator has it now.
  v1::Handoff Record() {
    v1::Handoff handoff;
    v1::GetRequest request;
    request.set_id(kId);
    CHECK(coordinator_.Get(nullptr, &request, &handoff).ok());
    return handoff;
  }
};

}  // namespace handoff
