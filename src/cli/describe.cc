#include "cli/describe.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "api/json_access.h"
#include "api/model_run.h"
#include "api/reason.h"
#include "cli/run_view.h"
#include "cli/table.h"
#include "cli/what_to_do.h"

namespace modelrun::cli {
namespace {

using nlohmann::json;

constexpr std::size_t kParametersShown = 4096;  // bytes of their JSON
constexpr std::size_t kOutputsNamed = 50;

std::string indented(std::string_view text, std::string_view by = "  ") {
  std::string out;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    out += fmt::format("{}{}\n", by, text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

class Page {
 public:
  Page(const json& object, Time now) : object_(object), run_(api::decode_model_run(object)), now_(now) {}

  std::string text(const Result<std::vector<ShownEvent>>& events) {
    head();
    spec();
    state();
    timeline();
    conditions();
    pod();
    result();
    logs();
    list(events);
    return std::move(text_);
  }

 private:
  void line(std::string_view label, const std::string& value) {
    if (!value.empty()) text_ += fmt::format("{:<14}{}\n", fmt::format("{}:", label), value);
  }
  void section(std::string_view label, const std::string& body) {
    if (!body.empty()) text_ += fmt::format("{}:\n{}", label, body);
  }
  void pairs(std::string_view label, const json& texts) {
    std::string_view first = label;
    for (const auto& [key, value] : api::texts_of(texts)) {
      text_ += fmt::format("{:<14}{}={}\n", first.empty() ? "" : fmt::format("{}:", first), key, value);
      first = {};
    }
  }
  [[nodiscard]] std::string ago(Time time) const {
    return fmt::format("{} ({} ago)", format_rfc3339(time), age(now_ - time));
  }
  [[nodiscard]] std::string command(std::string_view word) const {
    return fmt::format("kubectl modelrun {} {} -n {}", word, run_.meta.name, run_.meta.namespace_);
  }

  void head() {
    line("Name", run_.meta.name);
    line("Namespace", run_.meta.namespace_);
    pairs("Labels", api::member(api::member(object_, "metadata"), "labels"));
    line("Created", ago(run_.meta.creation));
    if (run_.meta.deletion) line("Deleted", ago(*run_.meta.deletion));
  }

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
    const auto text = api::json_text(spec.parameters->parse(), 2);
    if (text.size() > kParametersShown) {
      return line("Parameters", fmt::format("{} bytes: {}", spec.parameters->size(), command("get -o json")));
    }
    section("Parameters", indented(text));
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
    if (status.attempts > 0) line("Attempts", std::to_string(status.attempts));
    line("Duration", duration_of(run_, now_));
  }

  // Each step with how long after the one before it it came.
  void timeline() {
    const auto& timeline = run_.status.timeline;
    std::vector<std::pair<const char*, std::optional<Time>>> steps{
        {"accepted", timeline.accepted},   {"resumed", timeline.resumed},         {"resolved", timeline.resolved},
        {"queued", timeline.queued},       {"job created", timeline.job_created}, {"sandbox taken", timeline.adopted},
        {"scheduled", timeline.scheduled}, {"started", timeline.started},         {"finished", timeline.finished},
        {"recorded", timeline.recorded}};
    std::erase_if(steps, [](const auto& step) { return !step.second; });
    std::ranges::stable_sort(steps, {}, [](const auto& step) { return *step.second; });
    std::vector<Row> rows;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const Duration after = i == 0 ? Duration::zero() : Duration(*steps[i].second - *steps[i - 1].second);
      rows.push_back({std::string("  ") + steps[i].first, format_rfc3339(*steps[i].second),
                      fmt::format("+{:.3f}s", std::chrono::duration<double>(after).count())});
    }
    section("Timeline", render_table(rows));
  }

  void conditions() {
    if (run_.status.conditions.empty()) return;
    std::vector<Row> rows{{"  TYPE", "STATUS", "REASON", "SINCE"}};
    for (const auto& item : api::member(api::member(object_, "status"), "conditions")) {
      const auto since = api::time_at(item, "lastTransitionTime");
      rows.push_back({"  " + api::text_at(item, "type"), api::text_at(item, "status"), api::text_at(item, "reason"),
                      since ? age(now_ - *since) : ""});
    }
    section("Conditions", render_table(rows));
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
    section("Artifacts", render_table(rows));
  }

  void logs() {
    if (run_.status.phase == api::Phase::kRunning) return line("Logs", command("logs -f"));
    if (run_.status.started_at || run_.status.exit_code) line("Logs", command("logs"));
  }

  void list(const Result<std::vector<ShownEvent>>& given) {
    if (!given) return line("Events", "cannot be shown: " + given.error().message);
    auto events = *given;
    if (events.empty()) return line("Events", "none, or none any more: a cluster keeps them for an hour or so");
    std::ranges::stable_sort(events, {}, &ShownEvent::last);
    std::vector<Row> rows{{"  LAST SEEN", "TYPE", "OF", "REASON", "MESSAGE"}};
    for (const auto& event : events) {
      const auto seen =
          event.count > 1 ? fmt::format("{} (x{})", age(now_ - event.last), event.count) : age(now_ - event.last);
      rows.push_back({"  " + seen, event.type, event.kind, event.reason, event.note});
    }
    section("Events", render_table(rows));
  }

  const json& object_;
  api::ModelRun run_;
  Time now_;
  std::string text_;
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
  return Page(run, now).text(events);
}

}  // namespace modelrun::cli
