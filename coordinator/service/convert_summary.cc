// The part of convert.h that is about summaries.

#include <string>

#include "absl/strings/str_cat.h"
#include "common/rpc/proto_time.h"
#include "common/text.h"
#include "coordinator/service/convert.h"

namespace handoff {
namespace {

constexpr size_t kMaxMarkdownBytes = 64 << 10;
constexpr size_t kMaxSummaryMessageBytes = 1 << 10;

using When = core::SummaryPolicy::When;
static_assert(static_cast<int>(When::kAuto) == v1::HandoffSpec::AUTO);
static_assert(static_cast<int>(When::kAlways) == v1::HandoffSpec::ALWAYS);
static_assert(static_cast<int>(When::kNever) == v1::HandoffSpec::NEVER);

// Bounded where it is made; a worker that does not keep to it must not fill the store. A summary
// counts only whole.
v1::Summary Bounded(v1::Summary summary) {
  summary.DiscardUnknownFields();
  BoundTimes(summary);
  if (summary.markdown().size() > kMaxMarkdownBytes) {
    summary.set_state(v1::Summary::REFUSED);
    summary.set_message("it is longer than 64 KiB");
  }
  if (summary.state() != v1::Summary::ACCEPTED) summary.clear_markdown();
  if (!v1::Summary::State_IsValid(summary.state()) ||
      summary.state() == v1::Summary::STATE_UNSPECIFIED) {
    summary.set_state(v1::Summary::FAILED);
  }
  summary.set_message(OneLine(summary.message(), kMaxSummaryMessageBytes));
  summary.set_agent(OneLine(summary.agent(), 80));
  summary.set_model(OneLine(summary.model(), 200));
  summary.set_worker(OneLine(summary.worker(), 80));
  return summary;
}

}  // namespace

core::Summarize ToCore(const v1::SummarizeRequest& request, const std::string& id) {
  return {id, request.attempt()};
}

core::SummaryPolicy SummariesOf(const std::string& spec) {
  v1::HandoffSpec parsed;
  if (!parsed.ParseFromString(spec)) return {};
  return {static_cast<When>(parsed.summaries()), parsed.summary_model()};
}

core::SaveSummary ToCore(const v1::SaveSummaryRequest& request) {
  const v1::Summary summary = Bounded(request.summary());
  core::SaveSummary save;
  save.sender = {request.pool_id(), request.worker_uuid(), request.worker_start(),
                 request.worker_nonce()};
  save.handoff_id = request.handoff_id();
  save.number = request.number();
  save.wish = request.wish();
  save.bytes = summary.SerializeAsString();
  if (summary.state() != v1::Summary::ACCEPTED) {
    save.refusal = summary.message().empty() ? "its worker did not say why." : summary.message();
  }
  return save;
}

v1::SummaryWish ToProto(const core::SummaryWish& from) {
  v1::SummaryWish wish;
  wish.set_handoff_id(from.handoff_id);
  wish.set_number(from.number);
  wish.set_wish(from.wish);
  wish.set_agent(from.agent);
  wish.set_model(from.model);
  wish.set_partial(from.partial);
  return wish;
}

}  // namespace handoff
