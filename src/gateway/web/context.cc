#include "gateway/web/context.h"

#include <utility>

#include "net/bearer.h"

namespace modelrun::gateway {
namespace {

// Returns the traceparent of the visit's span, or without tracing that of its client. Empty if there is neither.
std::string traceparent_of(const Visit& visit) {
  if (visit.span) return visit.span->traceparent();
  return handed_on(visit.request.header("traceparent").value_or(""));
}

}  // namespace

Result<Admitted> WebContext::admit(const Tool& tool, nlohmann::json arguments, const Identity& caller) {
  auto meant = read_arguments(tool, std::move(arguments));
  RETURN_IF_ERROR(meant);
  const bool waits = may_wait(tool, *meant);
  Admitted admitted{.arguments = std::move(*meant), .places = {}, .waits = waits};
  const auto take = [&](Places& from, const char* reason) -> Result<void> {
    auto place = from.take(caller);
    if (!place) refused(reason);
    RETURN_IF_ERROR(place);
    admitted.places.push_back(std::move(*place));
    return {};
  };
  if (waits) RETURN_IF_ERROR(take(waiting, "waiting"));
  if (tool.reads_node) RETURN_IF_ERROR(take(log_reads, "log_reads"));
  if (tool.reads_many) RETURN_IF_ERROR(take(explanations, "explanations"));
  return admitted;
}

Call WebContext::call_of(const Visit& visit) const {
  return {.caller = visit.caller,
          .runs = runs,
          .sweeps = sweeps,
          .times = times,
          .clock = &clock,
          .recheck = [this, kept = visit.shared_from_this()](std::stop_token stop) -> Result<void> {
            const auto token = net::parse_bearer(kept->request.header("Authorization").value_or(""));
            if (everybody != nullptr || !token) return {};
            auto again = authenticator.authenticate(*token, std::move(stop));
            RETURN_IF_ERROR(again);
            return {};
          },
          .idempotency_key = {},
          .traceparent = traceparent_of(visit),
          .cancel_on_stop = {},
          .on_tick = {},
          .on_sweep_tick = {},
          .on_outcome =
              [this](std::string_view mode, std::string_view outcome) {
                metrics
                    .counter("modelrun_gateway_runs_total", "Calls of run by mode and what came of them",
                             {{"mode", std::string(mode)}, {"outcome", std::string(outcome)}})
                    .Increment();
              },
          .charge = [this, caller = visit.caller] { return charge(caller); },
          .stop = visit.exchange.stop_token(),
          .later =
              [kept = visit.shared_from_this()](std::function<void()> work) { kept->exchange.later(std::move(work)); }};
}

}  // namespace modelrun::gateway
