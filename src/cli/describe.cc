#include "cli/describe.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "api/json_access.h"
#include "api/model_run.h"
#include "api/reason.h"
#include "cli/page.h"
#include "cli/run_view.h"
#include "cli/table.h"
#include "cli/what_to_do.h"

namespace modelrun::cli {
namespace {

using nlohmann::json;

constexpr std::size_t kOutputsNamed = 50;

class RunPage {
 public:
  RunPage(const json& object, Time now) : page_(object, now), run_(api::decode_model_run(object)), now_(now) {}

  std::string text(const Result<std::vector<ShownEvent>>& events) {
    page_.head();
    spec();
    state();
    timeline();
    page_.conditions();
    pod();
    result();
    logs();
    page_.events(events);
    return page_.take();
  }

 private:
  void line(std::string_view label, const std::string& value) { page_.line(label, value); }
  [[nodiscard]] std::string command(std::string_view word) const { return page_.command(word, run_.meta.name); }

  void spec() {
    const auto& spec = run_.spec;
    line("Project", spec.project);
    line("Runs", spec.scope == api::Scope::kModel ? spec.entry_point() : "run.py and the models of its PIPELINE");
    line("Branch", run_.status.branch.empty() ? spec.branch : run_.status.branch);
    line("Commit", run_.status.commit_sha.empty() ? spec.commit_sha : run_.status.commit_sha);
    if (spec.timeout_seconds) line("Time-out", fmt::format("{} s", *spec.timeout_seconds));
    if (spec.reuse != api::Reuse::kNever) line("Reuse", spec.reuse == api::Reuse::kJoin ? "Join" : "Reuse");
    if (spec.suspend) line("Suspended", "yes");
    if (spec.cancel) line("Cancelled", "yes, by spec.cancel");
    if (!spec.parameters) return line("Parameters", "none");
    page_.json_section("Parameters", spec.parameters->parse(), command("get -o json"));
  }

  void state() {
    const auto& status = run_.status;
    line("Phase", status.phase == api::Phase::kNone ? "Pending" : std::string(to_string(status.phase)));
    line("Reason", reason_of(run_));
    line("Message", status.message.empty() && status.error ? status.error->message : status.message);
    line("What to do", what_to_do(run_));
    line("Warning", status.warning);
    if (status.run_number > 0) line("Number", fmt::format("{} of {}", status.run_number, run_.spec.project));
    if (status.reused_from) line("Result of", status.reused_from->name);
    if (status.exit_code) line("Exit code", std::to_string(*status.exit_code));
    if (status.attempts > 0) {
      const auto attempts = std::to_string(status.attempts);
      line("Attempts",
           status.preemptions == 0 ? attempts : fmt::format("{}, {} preempted", attempts, status.preemptions));
    }
    line("Duration", duration_of(run_, now_));
    if (const auto& event = status.end_event) {
      line("Event", fmt::format("{}{}{}", to_string(event->state), event->message.empty() ? "" : ": ", event->message));
    }
  }

  // Each step with how long after the one before it it came.
  void timeline() {
    const auto& timeline = run_.status.timeline;
    std::vector<std::pair<const char*, std::optional<Time>>> steps{
        {"accepted", timeline.accepted},       {"resumed", timeline.resumed},
        {"resolved", timeline.resolved},       {"queued", timeline.queued},
        {"job created", timeline.job_created}, {"job resumed", timeline.job_resumed},
        {"sandbox taken", timeline.adopted},   {"scheduled", timeline.scheduled},
        {"started", timeline.started},         {"finished", timeline.finished},
        {"recorded", timeline.recorded}};
    std::erase_if(steps, [](const auto& step) { return !step.second; });
    std::ranges::stable_sort(steps, {}, [](const auto& step) { return *step.second; });
    std::vector<Row> rows;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const Duration after = i == 0 ? Duration::zero() : Duration(*steps[i].second - *steps[i - 1].second);
      rows.push_back({std::string("  ") + steps[i].first, format_rfc3339(*steps[i].second),
                      fmt::format("+{:.3f}s", std::chrono::duration<double>(after).count())});
    }
    page_.section("Timeline", render_table(rows));
  }

  void pod() {
    const auto& status = run_.status;
    line("Job", status.job_name);
    line("Pod", status.pod_name);
    line("Node", status.node_name);
    line("Image", status.provenance.image);
    line("Image ID", status.provenance.image_id);
    line("Rings", status.provenance.rings);
  }

  void result() {
    const auto& status = run_.status;
    if (status.outputs) {
      const auto outputs = status.outputs->parse();
      std::string names;
      std::size_t count = 0;
      if (outputs.is_object()) {
        for (const auto& [key, value] : outputs.items()) {
          if (++count > kOutputsNamed) break;
          names += (names.empty() ? "" : ", ") + key;
        }
      }
      if (count > kOutputsNamed) names += fmt::format(" and {} more", outputs.size() - kOutputsNamed);
      line("Outputs", fmt::format("{}; {}", names.empty() ? "none" : names, command("output")));
    } else if (status.result_ref) {
      line("Outputs", "in the full result; " + command("output"));
    }
    if (status.artifacts.empty()) return;
    std::vector<Row> rows;
    rows.reserve(status.artifacts.size());
    for (const auto& artifact : status.artifacts) {
      rows.push_back({"  " + artifact.name, fmt::format("{} bytes", artifact.size),
                      artifact.stored ? artifact.media_type : "not kept"});
    }
    page_.section("Artifacts", render_table(rows));
  }

  void logs() {
    if (run_.status.phase == api::Phase::kRunning) return line("Logs", command("logs -f"));
    if (run_.status.started_at || run_.status.exit_code) line("Logs", command("logs"));
  }

  Page page_;
  api::ModelRun run_;
  Time now_;
};

}  // namespace

ShownEvent decode_event(const json& object) {
  const auto& series = api::member(object, "series");
  ShownEvent event{api::time_at(api::member(object, "metadata"), "creationTimestamp").value_or(Time{}),
                   api::text_at(api::member(object, "regarding"), "kind"), api::text_at(object, "type"),
                   api::text_at(object, "reason"), api::text_at(object, "note")};
  // The recorders of different Kubernetes versions set different fields.
  for (const auto& time : {api::time_at(object, "eventTime"), api::time_at(object, "deprecatedLastTimestamp"),
                           api::time_at(series, "lastObservedTime")}) {
    if (time) event.last = std::max(event.last, *time);
  }
  event.count = std::max(
      {std::int64_t{1}, api::int_at(object, "deprecatedCount").value_or(1), api::int_at(series, "count").value_or(1)});
  return event;
}

std::string describe(const json& run, const Result<std::vector<ShownEvent>>& events, Time now) {
  return RunPage(run, now).text(events);
}

}  // namespace modelrun::cli
