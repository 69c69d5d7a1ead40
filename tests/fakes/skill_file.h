// A handoff.md as a person fills the template of the skill by hand.
#pragma once

namespace handoff {

inline constexpr char kSkillFile[] = R"(# Background Agent Handoff: 20260407-fix-benchmark-timeout
## Metadata
- Status: running
- Task: Fix the benchmark timeout
- Model: default
- Session ID: 7d1f0c52-6f0e-4d0b-9f63-2f1d0a8e4b11
- Workspace: /home/me/src/thing
- Started: 2026-04-07T10:00:00Z
- Current attempt: 1
## Commands
```bash
agent --resume "7d1f" --print --trust --yolo "Fix it" > ".cursor/x/attempt-1.log" 2>&1
```
## Logs
- `attempt-1.log`
## Latest Summary
- Pending.
## What It Tried
### First
- Built it:
```bash
# a comment, not a heading
ninja
```
## Files Or Areas Touched
- Pending.
## Errors Or Blockers
- Pending.
## Recommended Next Step
- Pending.
## Resume Prompt
```text
Continue the delegated task below.
Original task:
Fix this:
```cpp
int x;
```
Next step:
<single concrete next action>
```
## Headed Takeover Prompt
```text
Continue this task in the current interactive Cursor session.
```
## Final Outcome
- Pending.
)";

}  // namespace handoff
